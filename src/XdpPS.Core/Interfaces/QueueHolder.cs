using System.Globalization;

namespace XdpPS;

/// <summary>Who may hold a busy queue: the processes of this network namespace that have AF_XDP rings mapped.</summary>
/// <remarks>
/// A mapping of a socket at the FILL ring's offset is an AF_XDP socket's (xsk_mmap); which queue it is bound to, only
/// the kernel's sock_diag for AF_XDP could tell.
/// </remarks>
internal static class QueueHolder
{
    private const string FillRingOffset = "100000000";

    /// <returns>A clause for an error message; empty where no such process can be seen.</returns>
    internal static string Describe()
    {
        List<string> holders = [];
        string? here = NamespaceOf("thread-self");
        foreach (string directory in Directory.GetDirectories("/proc"))
        {
            string name = Path.GetFileName(directory);
            if (!int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int process)) continue;
            if (process == Environment.ProcessId || NamespaceOf(name) != here || !HasRings(directory)) continue;
            holders.Add($"{Read($"{directory}/comm").Trim()} ({process})");
        }

        return holders.Count == 0 ? "" : $"; other processes here that have such sockets, and may hold it: {string.Join(", ", holders)}";
    }

    private static string? NamespaceOf(string process)
    {
        try
        {
            return new FileInfo($"/proc/{process}/ns/net").LinkTarget;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static bool HasRings(string directory) => Read($"{directory}/maps").Split('\n').Any(line =>
        line.Contains("socket:[", StringComparison.Ordinal) && line.Split(' ') is [_, _, FillRingOffset, ..]);

    private static string Read(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
