using System.Runtime.InteropServices;

namespace XdpPS.Interop;

/// <summary>Waiting for the kernel to be done with what it had begun.</summary>
internal static class Membarrier
{
    private const int MEMBARRIER_CMD_GLOBAL = 1;

    private static readonly TimeSpan LongerThanAPoll = TimeSpan.FromMilliseconds(50);

    private static nint Number => RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 283 : 324;

    /// <summary>
    /// Returns when whatever the kernel's receive side was doing at the call is over. A program that had found a socket
    /// in a map before it was taken out has delivered to it by then.
    /// </summary>
    /// <remarks>
    /// MEMBARRIER_CMD_GLOBAL is a synchronize_rcu (kernel/sched/membarrier.c), and a NAPI poll is an RCU read side. It
    /// takes some 20 ms. Kernels booted with nohz_full refuse it, and then the wait is a guess.
    /// </remarks>
    internal static void AwaitReceivers()
    {
        if (Libc.syscall(Number, MEMBARRIER_CMD_GLOBAL, 0, 0) != 0) Thread.Sleep(LongerThanAPoll);
    }
}
