using System.Globalization;

namespace XdpPS;

/// <summary>What processes have open, as far as this one may look (/proc/PID/fd): other users' are for CAP_SYS_PTRACE.</summary>
internal static class ProcessDescriptors
{
    /// <param name="Process">Process id.</param>
    /// <param name="Number">The descriptor.</param>
    /// <param name="Target">What it is: "socket:[inode]", "anon_inode:bpf-prog" …</param>
    internal readonly record struct Entry(int Process, string Number, string Target);

    /// <param name="hidden">Whether there were processes that this one may not look into.</param>
    /// <param name="wanted">Which targets to return.</param>
    internal static List<Entry> Find(Func<string, bool> wanted, out bool hidden)
    {
        List<Entry> found = [];
        hidden = false;
        foreach (string directory in Directory.GetDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(directory), NumberStyles.None, CultureInfo.InvariantCulture, out int process)) continue;
            try
            {
                foreach (FileInfo file in new DirectoryInfo($"{directory}/fd").EnumerateFiles())
                {
                    if (Target(file) is { } target && wanted(target)) found.Add(new Entry(process, file.Name, target));
                }
            }
            catch (UnauthorizedAccessException)
            {
                hidden = true;
            }
            catch (IOException)
            {
                // It has ended.
            }
        }

        return found;
    }

    /// <summary>The values of a descriptor's fdinfo, by their names; empty where it is gone or hidden.</summary>
    internal static Dictionary<string, string> Info(Entry entry)
    {
        Dictionary<string, string> values = [];
        foreach (string line in Read($"/proc/{entry.Process}/fdinfo/{entry.Number}").Split('\n'))
        {
            if (line.Split(':', 2) is [string name, string value]) values[name] = value.Trim();
        }

        return values;
    }

    /// <summary>The process's own name for itself, 15 characters at most; empty where it has ended.</summary>
    internal static string Command(int process) => Read($"/proc/{process}/comm").Trim();

    /// <summary>Empty where the file cannot be read.</summary>
    internal static string Read(string path)
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

    private static string? Target(FileInfo file)
    {
        try
        {
            return file.LinkTarget;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
