using System.Numerics;
using System.Runtime.InteropServices;
using XdpPS.Interop;

namespace XdpPS;

/// <summary>
/// Keeps a thread on one CPU, until it is disposed: then the thread may run where it could before. Threads and processes
/// that the thread starts meanwhile are kept there as well, and stay.
/// </summary>
public sealed unsafe class ThreadAffinity : IDisposable
{
    /// <summary>Bits for 8,192 CPUs, the most that Linux can have (NR_CPUS on x86-64).</summary>
    private const int MaskWords = 8192 / 64;

    private readonly ulong[] before;
    private int thread;

    private ThreadAffinity(int thread, ulong[] before)
    {
        this.thread = thread;
        this.before = before;
    }

    /// <summary>The CPUs that the calling thread may run on, lowest first.</summary>
    public static IReadOnlyList<int> Allowed => Numbers(Get(0));

    /// <summary>Moves the calling thread to a CPU. Dispose what is returned, on any thread.</summary>
    /// <param name="cpu">Number of the CPU, as in /proc/cpuinfo.</param>
    /// <exception cref="XskException">There is no such CPU, or the thread may not run there.</exception>
    public static ThreadAffinity Pin(int cpu)
    {
        ulong[] before = Get(0);
        if (cpu < 0 || cpu >= MaskWords * 64 || (before[cpu / 64] >> (cpu % 64) & 1) == 0) throw NotAllowed(cpu, Numbers(before));
        int thread = Libc.gettid();
        ulong[] only = new ulong[MaskWords];
        only[cpu / 64] = 1ul << (cpu % 64);
        Set(thread, only, $"sched_setaffinity({thread}, CPU {cpu})");
        return new ThreadAffinity(thread, before);
    }

    /// <summary>Lets the thread run where it could before. Does nothing the second time, or when the thread has ended.</summary>
    public void Dispose()
    {
        int pinned = Interlocked.Exchange(ref thread, 0);
        if (pinned == 0) return;
        fixed (ulong* mask = before) _ = Libc.sched_setaffinity(pinned, MaskWords * sizeof(ulong), mask);
    }

    private static ulong[] Get(int thread)
    {
        ulong[] mask = new ulong[MaskWords];
        fixed (ulong* first = mask)
        {
            if (Libc.sched_getaffinity(thread, MaskWords * sizeof(ulong), first) == 0) return mask;
        }

        int errno = Marshal.GetLastPInvokeError();
        throw XskException.FromCall(
            XskErrorId.SystemCallFailed, errno, $"sched_getaffinity({thread})",
            $"The kernel does not say which CPUs this thread may run on: {Errno.Text(errno)}", "leave out -Cpu");
    }

    private static void Set(int thread, ulong[] mask, string call)
    {
        fixed (ulong* first = mask)
        {
            if (Libc.sched_setaffinity(thread, MaskWords * sizeof(ulong), first) == 0) return;
        }

        int errno = Marshal.GetLastPInvokeError();
        throw XskException.FromCall(
            XskErrorId.SystemCallFailed, errno, call, $"The thread could not be moved to that CPU: {Errno.Text(errno)}", "leave out -Cpu");
    }

    private static List<int> Numbers(ulong[] mask)
    {
        List<int> numbers = [];
        for (int word = 0; word < mask.Length; word++)
        {
            for (ulong left = mask[word]; left != 0; left &= left - 1) numbers.Add((word * 64) + BitOperations.TrailingZeroCount(left));
        }

        return numbers;
    }

    private static XskException NotAllowed(int cpu, List<int> allowed)
    {
        List<string> ranges = [];
        for (int i = 0; i < allowed.Count; i++)
        {
            int first = allowed[i];
            while (i + 1 < allowed.Count && allowed[i + 1] == allowed[i] + 1) i++;
            ranges.Add(allowed[i] == first ? $"{first}" : $"{first}-{allowed[i]}");
        }

        return XskException.FromCheck(
            XskErrorId.CpuNotAllowed,
            $"This thread may not run on CPU {cpu}, only on {string.Join(',', ranges)}",
            "choose one of these; 'lscpu -e' shows what there is, and taskset, cpuset or a container may allow less");
    }
}
