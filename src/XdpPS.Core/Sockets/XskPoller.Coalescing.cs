using System.Diagnostics;
using XdpPS.Interop;

namespace XdpPS;

/// <content>Under load, sleeping by the clock in place of being woken for each batch that the driver delivers.</content>
public sealed partial class XskPoller
{
    /// <summary>Fewer packets than these in <see cref="Coalescing"/> are not worth the delay.</summary>
    private const int LeastCoalesced = 8;

    /// <summary>The kernel may sleep 50 microseconds longer than it was told to (PR_SET_TIMERSLACK), and a busy CPU comes later still: so small a part of a ring may fill in the time.</summary>
    private const int CoalescedPart = 8;

    private readonly int mostCoalesced;
    private long packetsBefore;
    private long waitedAt = Stopwatch.GetTimestamp();

    /// <summary>
    /// How long <see cref="Wait"/> sleeps, before it looks at the rings again, where at the rate of the time since it was
    /// last called 8 packets or more come meanwhile, and at most an eighth of a ring. Each sleep and wake-up costs as
    /// much as hundreds of packets do. 50 microseconds, of which the kernel makes about 100; zero for never.
    /// </summary>
    public TimeSpan Coalescing { get; init; } = TimeSpan.FromMicroseconds(50);

    private bool Coalesce(long now, TimeSpan wait)
    {
        long packets = 0;
        foreach (XskSocket socket in sockets)
        {
            if (socket.HasArrivals()) return true;
            packets += socket.DescriptorsRead;
        }

        double expected = (packets - packetsBefore) * (Coalescing / Stopwatch.GetElapsedTime(waitedAt, now));
        packetsBefore = packets;
        waitedAt = now;
        if (!(expected >= LeastCoalesced && expected <= mostCoalesced) || busyPollTicks != 0 || wait < 4 * Coalescing) return false;
        KernelClock.Sleep(Coalescing);
        foreach (XskSocket socket in sockets)
        {
            if (socket.HasArrivals()) return true;
        }

        return false;
    }
}
