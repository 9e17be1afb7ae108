using XdpPS.Interop;

namespace XdpPS.Tests;

/// <summary>
/// The rings and frames of a socket that was never bound, so that no kernel touches them: the test plays its part, and
/// can put things there that a sound kernel never would.
/// </summary>
internal sealed unsafe class PlayedKernel : IDisposable
{
    internal const int Frames = 256;

    private readonly FileDescriptor socket = Libc.socket(IfXdp.AF_XDP, Libc.SOCK_RAW | Libc.SOCK_CLOEXEC, 0);
    private readonly Umem umem = new(2048, Frames, 0);
    private readonly XskRings rings;
    private readonly RingMapping rx;
    private readonly RingMapping tx;

    internal PlayedKernel(bool readTimestamps = true)
    {
        umem.Register(socket);
        XskSocketOptions options = new() { InterfaceName = "none", RxRingSize = 64, TxRingSize = 64, FillRingSize = 64, CompletionRingSize = 64 };
        rings = new XskRings(socket, options);
        XdpMmapOffsets offsets;
        int length = sizeof(XdpMmapOffsets);
        Assert.Equal(0, Libc.getsockopt(socket, IfXdp.SOL_XDP, IfXdp.XDP_MMAP_OFFSETS, &offsets, &length));
        rx = new RingMapping(socket, RingKind.Rx, 64, offsets);
        tx = new RingMapping(socket, RingKind.Tx, 64, offsets);
        Pool = umem.Lease(Frames / 2);
        SendPool = umem.Lease(Frames / 2);
        Queue = new QueueRings(new QueueKey("none", 1, 0), umem, rings.OfQueue!, Pool);
        Receive = new ReceivePath(socket, umem, Queue, rings.Rx!, readTimestamps);
        Receive.Refill();
        Info = new XskSocketInfo
        {
            InterfaceName = "none", InterfaceIndex = 1, MacAddress = new([0, 0, 0, 0, 0, 0]), QueueId = 0, AttachMode = XdpMode.None, ProgramId = 0,
            BindMode = XskBindMode.Copy, NeedWakeup = true, FrameSize = 2048, FrameCount = Frames, Headroom = 0,
            RxRingSize = 64, TxRingSize = 64, FillRingSize = 64, CompletionRingSize = 64,
        };
        Transmit = new TransmitPath(socket, Info, umem, SendPool, rings.Tx!, Queue);
    }

    internal XskSocketInfo Info { get; }

    internal QueueRings Queue { get; }

    internal FramePool Pool { get; }

    internal FramePool SendPool { get; }

    internal ReceivePath Receive { get; }

    internal TransmitPath Transmit { get; }

    /// <summary>The kernel's flag on FILL: it wants a call.</summary>
    internal bool FillWantsWakeup { set => *rings.OfQueue!.Fill.Layout.Flags = value ? IfXdp.XDP_RING_NEED_WAKEUP : 0; }

    /// <summary>The kernel's flag on TX.</summary>
    internal bool TxWantsWakeup { set => *tx.Layout.Flags = value ? IfXdp.XDP_RING_NEED_WAKEUP : 0; }

    public void Dispose()
    {
        rx.Dispose();
        tx.Dispose();
        rings.Dispose();
        socket.Dispose();
        umem.Release();
    }

    /// <summary>A batch, as a socket makes one.</summary>
    internal ReceiveBatch Take(int maximum)
    {
        Assert.True(Receive.Gate.TryEnter());
        return new ReceiveBatch(Receive, maximum);
    }

    internal SendBatch Reserve(int count)
    {
        Assert.True(Transmit.Gate.TryEnter());
        return new SendBatch(Transmit, count);
    }

    /// <summary>Delivers a packet into the next frame on FILL.</summary>
    /// <param name="arrived">What the XDP program leaves before it; null where the driver has no room for metadata.</param>
    internal ulong Deliver(long? arrived)
    {
        RingLayout fill = rings.OfQueue!.Fill.Layout;
        ulong frame = ((ulong*)fill.Entries)[*fill.Consumer & (fill.Size - 1)];
        Volatile.Write(ref *fill.Consumer, *fill.Consumer + 1);
        ulong address = frame + (ulong)Umem.ReceiveOffset(0);
        if (arrived is { } time) *umem.TimestampSlot(address) = time;
        Produce(address, 60);
        return frame;
    }

    /// <summary>Puts any descriptor on the RX ring.</summary>
    internal void Produce(ulong address, uint length)
    {
        RingLayout ring = rx.Layout;
        ((XdpDescriptor*)ring.Entries)[*ring.Producer & (ring.Size - 1)] = new XdpDescriptor { Address = address, Length = length };
        Volatile.Write(ref *ring.Producer, *ring.Producer + 1);
    }

    /// <summary>Has a place on the TX ring that was reserved last name a frame that is nobody's.</summary>
    internal void SpoilReserved()
    {
        RingLayout ring = tx.Layout;
        ((XdpDescriptor*)ring.Entries)[*ring.Producer & (ring.Size - 1)].Address = ulong.MaxValue;
    }

    /// <summary>Sends and completes everything on the TX ring.</summary>
    internal int Complete()
    {
        RingLayout ring = tx.Layout;
        int count = 0;
        for (; *ring.Consumer != *ring.Producer; count++)
        {
            ulong address = ((XdpDescriptor*)ring.Entries)[*ring.Consumer & (ring.Size - 1)].Address;
            Volatile.Write(ref *ring.Consumer, *ring.Consumer + 1);
            CompleteAs(address);
        }

        return count;
    }

    /// <summary>Puts any address on the COMPLETION ring.</summary>
    internal void CompleteAs(ulong address)
    {
        RingLayout done = rings.OfQueue!.Completion.Layout;
        ((ulong*)done.Entries)[*done.Producer & (done.Size - 1)] = address;
        Volatile.Write(ref *done.Producer, *done.Producer + 1);
    }
}
