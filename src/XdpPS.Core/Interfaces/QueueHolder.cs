using System.Globalization;
using XdpPS.Interop;

namespace XdpPS;

/// <summary>Who holds a busy queue: the process, where the kernel lists AF_XDP sockets, else those that might.</summary>
/// <remarks>
/// A mapping of a socket at the FILL ring's offset is an AF_XDP socket's (xsk_mmap); which queue it is bound to, only
/// the kernel's sock_diag for AF_XDP can tell, and many kernels are built without it.
/// </remarks>
internal static class QueueHolder
{
    private const string FillRingOffset = "100000000";

    /// <returns>What goes after "is held by" in an error message.</returns>
    internal static string Describe(int interfaceIndex, int queue) => Describe(interfaceIndex, queue, XdpDiag.Query());

    /// <param name="interfaceIndex">The interface.</param>
    /// <param name="queue">Its queue.</param>
    /// <param name="sockets">What the kernel lists, or null where it cannot.</param>
    internal static string Describe(int interfaceIndex, int queue, List<XdpDiag.Entry>? sockets)
    {
        if (sockets is null)
        {
            string candidates = Candidates();
            return "another AF_XDP socket, or by one just closed whose frames are still being sent; this kernel cannot tell which (it has no CONFIG_XDP_SOCKETS_DIAG)"
                + (candidates.Length == 0 ? "" : $"; other processes here that have such sockets, and may hold it: {candidates}");
        }

        HashSet<string> targets = [.. sockets
            .Where(socket => socket.InterfaceIndex == interfaceIndex && socket.QueueId == queue)
            .Select(socket => $"socket:[{socket.Inode}]")];
        if (targets.Count == 0) return "an AF_XDP socket just closed whose frames are still being sent";
        int[] processes = [.. ProcessDescriptors.Find(targets.Contains, out _).Select(entry => entry.Process).Distinct().Order()];
        return processes.Length == 0
            ? $"an AF_XDP socket ({string.Join(", ", targets)}) of a process that this one may not look into"
            : $"an AF_XDP socket of {string.Join(", ", processes.Select(Name))}";
    }

    private static string Name(int process) => process == Environment.ProcessId
        ? $"this process ({process})"
        : $"{ProcessDescriptors.Command(process)} ({process})";

    private static string Candidates()
    {
        List<string> holders = [];
        string? here = NamespaceOf("thread-self");
        foreach (string directory in Directory.GetDirectories("/proc"))
        {
            string name = Path.GetFileName(directory);
            if (!int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int process)) continue;
            if (process == Environment.ProcessId || NamespaceOf(name) != here || !HasRings(directory)) continue;
            holders.Add(Name(process));
        }

        return string.Join(", ", holders);
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

    private static bool HasRings(string directory) => ProcessDescriptors.Read($"{directory}/maps").Split('\n').Any(line =>
        line.Contains("socket:[", StringComparison.Ordinal) && line.Split(' ') is [_, _, FillRingOffset, ..]);
}
