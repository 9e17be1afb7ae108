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
    internal static string Describe(XdpInterface nic, int queue)
    {
        List<XdpDiag.Entry>? sockets = XdpDiag.Query();
        return Describe(nic.Index, queue, sockets, sockets is null ? ProgramHolders(nic) : []);
    }

    /// <param name="interfaceIndex">The interface.</param>
    /// <param name="queue">Its queue.</param>
    /// <param name="sockets">What the kernel lists, or null where it cannot.</param>
    /// <param name="programHolders">The processes that hold the interface's XDP program: who does that is the first to be suspected.</param>
    internal static string Describe(int interfaceIndex, int queue, List<XdpDiag.Entry>? sockets, IReadOnlyCollection<int> programHolders)
    {
        if (sockets is null)
        {
            string candidates = Candidates(programHolders);
            return "another AF_XDP socket, or by one just closed whose frames are still being sent; this kernel cannot tell which (it has no CONFIG_XDP_SOCKETS_DIAG)"
                + (candidates.Length == 0 ? "" : $"; other processes that have such sockets, and may hold it: {candidates}");
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

    private static HashSet<int> ProgramHolders(XdpInterface nic)
    {
        try
        {
            return [.. XdpProgramInfo.Describe([nic.Refreshed()]).SelectMany(program => program.Holders ?? []).Select(holder => holder.ProcessId)];
        }
        catch (XskException)
        {
            // It is gone, and the queue with it: not what is to be told now.
            return [];
        }
    }

    /// <summary>Those with the interface's program, those of this namespace, and then the others: a socket stays where its interface is, its process need not.</summary>
    private static string Candidates(IReadOnlyCollection<int> programHolders)
    {
        List<(int Order, int Process)> candidates = [];
        string? here = NamespaceOf("thread-self");
        foreach (string directory in Directory.GetDirectories("/proc"))
        {
            string name = Path.GetFileName(directory);
            if (!int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int process)) continue;
            if (process == Environment.ProcessId || !HasRings(directory)) continue;
            candidates.Add((programHolders.Contains(process) ? 0 : NamespaceOf(name) == here ? 1 : 2, process));
        }

        return string.Join(", ", candidates.Order().Select(one => one.Order == 0 ? $"{Name(one.Process)}, which holds the interface's XDP program" : Name(one.Process)));
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
