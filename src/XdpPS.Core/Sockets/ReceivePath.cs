using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using XdpPS.Interop;

namespace XdpPS;

/// <summary>The RX ring of a socket, whose frames come from its queue's FILL ring and go back there.</summary>
internal sealed unsafe partial class ReceivePath
{
    /// <summary>Frames go back to FILL in batches of this many: each publication costs a shared cache line.</summary>
    private const int RefillBatch = 64;

    private const long ClockInterval = 1_000_000;

    private readonly FileDescriptor socket;
    private readonly Umem umem;
    private readonly ConsumerRing<XdpDescriptor> rx;
    private readonly QueueRings queue;
    private readonly bool readTimestamps;
    private readonly int refillThreshold;
    private int consumedSinceRefill;
    private bool timestampRead;
    private bool driverWritesTimestamps;
    private long wallClockOffset;
    private long clockReadAt = -ClockInterval;

    internal ReceivePath(
        FileDescriptor socket, Umem umem, QueueRings queue, ConsumerRing<XdpDescriptor> rx, bool readTimestamps)
    {
        this.socket = socket;
        this.umem = umem;
        this.queue = queue;
        this.rx = rx;
        this.readTimestamps = readTimestamps;
        refillThreshold = Math.Max(1, Math.Min(RefillBatch, Math.Min(queue.FillSize, queue.ReceiveFrames.Capacity) / 4));
    }

    internal ConsumerRing<XdpDescriptor> Ring => rx;

    internal DirectionGate Gate { get; } = new("receiving");

    /// <summary>Descriptors read: packets, except on a multi-buffer socket (<see cref="PacketCount"/>).</summary>
    internal long Packets { get; private set; }

    internal long Bytes { get; private set; }

    internal long Wakeups { get; private set; }

    /// <summary>
    /// Nothing else may run the driver's receive side: with preferred busy polling and deferred interrupts it waits for
    /// our calls, up to gro_flush_timeout (Documentation/networking/napi.rst).
    /// </summary>
    internal bool BusyPolls { get; init; }

    internal uint Peek(uint count, out uint index)
    {
        uint found = rx.Peek(count, out index);
        if (found == 0 && BusyPolls)
        {
            RunReceiveSide();
            found = rx.Peek(count, out index);
        }

        if (found == 0 && consumedSinceRefill > 0) Refill();
        if (umem.IsUnaligned) Flatten(index, found);
        return found;
    }

    internal ReadOnlySpan<byte> Data(uint index)
    {
        // Read once: whoever else writes to the ring must not change it between the checks and the use.
        XdpDescriptor descriptor = rx[index];
        return Data(descriptor, queue.ReceiveFrames);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Span<byte> Data(scoped in XdpDescriptor descriptor, FramePool frames)
    {
        if ((descriptor.Options & IfXdp.XDP_PKT_CONTD) != 0 && !IsMultiBuffer) throw Unexpected(descriptor.Options);
        return umem.Packet(descriptor.Address, descriptor.Length, frames);
    }

    /// <summary>
    /// When the packet arrived, in nanoseconds since 1970 (UTC): the XDP program's reading of CLOCK_MONOTONIC
    /// turned into wall time, or, where there is none, now.
    /// </summary>
    internal long Timestamp(uint index, out bool fromKernel)
    {
        long arrived = ArrivedAt(index);
        fromKernel = arrived != 0;
        if (!fromKernel) return KernelClock.Realtime;
        if (arrived > clockReadAt + ClockInterval)
        {
            // The wall clock may be stepped or slewed: its offset is read anew for the first packet that came more
            // than a millisecond after the last reading, and so at most once a millisecond.
            wallClockOffset = KernelClock.RealtimeOffset;
            clockReadAt = KernelClock.Monotonic;
        }

        return arrived + wallClockOffset;
    }

    /// <summary>The XDP program's reading of CLOCK_MONOTONIC when the packet arrived; 0 where there is none.</summary>
    internal long ArrivedAt(uint index)
    {
        if (!readTimestamps) return 0;
        timestampRead = true;
        return *umem.TimestampSlot(rx[index].Address);
    }

    /// <summary>Returns the frames of <paramref name="count"/> peeked descriptors and counts them.</summary>
    internal void Release(uint index, uint count)
    {
        using (queue.EnterIfShared())
        {
            Bytes += queue.ReceiveFrames.Give(rx, index, count);
            // Not before: what is not ours is not written to.
            if (readTimestamps && (timestampRead || !driverWritesTimestamps)) ClearTimestamps(index, count);
        }

        Packets += count;
        rx.Release(count);
        consumedSinceRefill += (int)count;
        if (consumedSinceRefill >= refillThreshold) Refill();
    }

    /// <summary>Gives the kernel every free frame that FILL has room for, and wakes it where it asked for that.</summary>
    internal void Refill()
    {
        bool wake;
        using (queue.EnterIfShared()) wake = queue.Refill();
        consumedSinceRefill = 0;
        if (wake) WakeKernel();
    }

    /// <summary>Gives back what has arrived and will not be read, when the socket closes and its queue lives on.</summary>
    internal void Drain()
    {
        uint count = Peek(rx.Size, out uint index);
        if (count > 0) Release(index, count);
        Refill();
    }

    /// <summary>As <see cref="FramePool.Share"/>, of the queue's frames.</summary>
    internal ulong[] Share(int others)
    {
        using (queue.EnterIfShared()) return queue.ReceiveFrames.Share(others);
    }

    /// <summary>A driver without metadata support leaves these bytes alone: cleared, an old time can't be taken for a new one.</summary>
    /// <remarks>
    /// They lie in the packet's memory, which another CPU has just written: where nobody has looked at the packet, this
    /// store costs more than all else that is done for it. So once a driver is known to write them, what was not looked
    /// at stays as it is. A driver has room for metadata in every packet or in none; one that was redirected here with
    /// metadata of its own, or with hardly any headroom, may lack it (bpf_xdp_adjust_meta), and can show an old time then.
    /// </remarks>
    private void ClearTimestamps(uint index, uint count)
    {
        for (uint i = 0; i < count; i++)
        {
            long* slot = umem.TimestampSlot(rx[index + i].Address);
            if (*slot != 0) driverWritesTimestamps = true;
            *slot = 0;
        }

        timestampRead = false;
    }

    private bool DriverWritesTimestamps(uint index) => driverWritesTimestamps |= *umem.TimestampSlot(rx[index].Address) != 0;

    private void WakeKernel()
    {
        Wakeups++;
        RunReceiveSide();
    }

    /// <summary>Runs the driver once for up to the budget of packets.</summary>
    /// <returns>Whether there are packets.</returns>
    internal bool BusyPoll()
    {
        if (!rx.IsEmpty) return true;
        RunReceiveSide();
        return !rx.IsEmpty;
    }

    private void RunReceiveSide()
    {
        // recvmsg on AF_XDP returns no data; it only runs the driver's receive side (__xsk_recvmsg). Its errors
        // are those of an interface that is down or gone, which the caller learns from the health check.
        _ = Libc.recvfrom(socket.Number, null, 0, Libc.MSG_DONTWAIT, null, null);
    }
}
