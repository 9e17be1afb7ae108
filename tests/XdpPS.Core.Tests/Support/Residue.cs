using System.Globalization;

namespace XdpPS.Tests;

/// <summary>What this process holds of the kernel: descriptors, ring mappings, UMEMs, threads.</summary>
internal sealed record Residue(int Descriptors, int RingMappings, long UmemKilobytes, int Threads)
{
    internal static Residue Now()
    {
        int rings = 0;
        long kilobytes = 0, size = 0;
        bool anonymous = false;
        foreach (string line in File.ReadLines("/proc/self/smaps"))
        {
            string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words.Length >= 5 && !words[0].EndsWith(':'))
            {
                if (words.Length > 5 && words[5].StartsWith("socket:", StringComparison.Ordinal)) rings++;
                anonymous = words.Length == 5 && words[1] == "rw-p";
            }
            else if (words[0] == "Size:")
            {
                size = long.Parse(words[1], CultureInfo.InvariantCulture);
            }
            else if (words[0] == "VmFlags:" && anonymous && words.Contains("dc"))
            {
                // "dc", do not copy on fork, is what MADV_DONTFORK leaves: of anonymous memory only a UMEM has it.
                kilobytes += size;
            }
        }

        return new Residue(Targets().Count, rings, kilobytes, CountThreads());
    }

    /// <summary>Megabytes of address space.</summary>
    internal static long AddressSpace() =>
        long.Parse(File.ReadAllText("/proc/self/statm").Split(' ')[0], CultureInfo.InvariantCulture) * Environment.SystemPageSize >> 20;

    /// <summary>Nothing more than before is held; the kernel and the runtime get a moment to close theirs.</summary>
    internal static void AssertNoMoreThan(Residue before)
    {
        Residue now = Now();
        for (int i = 0; i < 40 && !now.Within(before); i++)
        {
            Thread.Sleep(50);
            now = Now();
        }

        Assert.True(now.RingMappings <= before.RingMappings, $"{now.RingMappings} ring mappings, {before.RingMappings} before");
        Assert.True(now.UmemKilobytes <= before.UmemKilobytes, $"{now.UmemKilobytes} KiB of UMEM, {before.UmemKilobytes} before");
        Assert.True(now.Threads <= before.Threads, $"{now.Threads} threads of ours, {before.Threads} before");
        Assert.True(now.Descriptors <= before.Descriptors, $"{now.Descriptors} descriptors, {before.Descriptors} before: {string.Join(", ", Targets())}");
    }

    private bool Within(Residue before) =>
        Descriptors <= before.Descriptors && RingMappings <= before.RingMappings && UmemKilobytes <= before.UmemKilobytes && Threads <= before.Threads;

    /// <summary>The threads that the library starts, by their names; all others are the runtime's or the tests'.</summary>
    private static int CountThreads() => Directory.GetDirectories("/proc/self/task").Count(task =>
    {
        try
        {
            string name = File.ReadAllText($"{task}/comm");
            return name.StartsWith("XdpPS ", StringComparison.Ordinal) || name.StartsWith("netns ", StringComparison.Ordinal);
        }
        catch (IOException)
        {
            return false; // It has ended meanwhile.
        }
    });

    /// <summary>The sockets, BPF objects, eventfds and network namespaces among this process's descriptors; pipes and files are the runtime's.</summary>
    internal static List<string> Targets() =>
    [
        .. Directory.GetFiles("/proc/self/fd")
            .Select(path => new FileInfo(path).LinkTarget ?? "")
            .Where(target => target.StartsWith("socket:", StringComparison.Ordinal) || target.Contains("bpf", StringComparison.Ordinal)
                || target.Contains("eventfd", StringComparison.Ordinal) || target.StartsWith("net:[", StringComparison.Ordinal)
                // What 'ip netns' has given a name.
                || target.Contains("/netns/", StringComparison.Ordinal)),
    ];
}
