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
    private readonly Umem umem;
    private readonly XskRings rings;
    private readonly RingMapping rx;
    private readonly RingMapping tx;

    internal PlayedKernel(bool readTimestamps = true, bool multiBuffer = false, int frameSize = 2048, bool unaligned = false)
    {
        umem = new Umem(frameSize, Frames, 0, unaligned);
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
        Receive = new ReceivePath(socket, umem, Queue, rings.Rx!, readTimestamps) { IsMultiBuffer = multiBuffer };
        Receive.Refill();
        Info = new XskSocketInfo
        {
            InterfaceName = "none", InterfaceIndex = 1, MacAddress = new([0, 0, 0, 0, 0, 0]), QueueId = 0, AttachMode = XdpMode.None, ProgramId = 0,
            BindMode = XskBindMode.Copy, NeedWakeup = true, FrameSize = frameSize, FrameCount = Frames, Headroom = 0,
            RxRingSize = 64, TxRingSize = 64, FillRingSize = 64, CompletionRingSize = 64,
        };
        Transmit = new TransmitPath(socket, Info, umem, SendPool, rings.Tx!, Queue, multiBuffer ? 17 : 1);
    }

    internal XskSocketInfo Info { get; }

    internal Umem Umem => umem;

    internal QueueRings Queue { get; }

    /// <summary>The kernel's index of the RX ring.</summary>
    internal uint Received { get => *rx.Layout.Producer; set => Volatile.Write(ref *rx.Layout.Producer, value); }

    /// <summary>The kernel's index of the COMPLETION ring.</summary>
    internal uint Completions { get => *rings.OfQueue!.Completion.Layout.Producer; set => Volatile.Write(ref *rings.OfQueue!.Completion.Layout.Producer, value); }

    /// <summary>The kernel's index of the FILL ring.</summary>
    internal uint FillTaken { get => *rings.OfQueue!.Fill.Layout.Consumer; set => Volatile.Write(ref *rings.OfQueue!.Fill.Layout.Consumer, value); }

    /// <summary>The kernel's index of the TX ring.</summary>
    internal uint Sent { get => *tx.Layout.Consumer; set => Volatile.Write(ref *tx.Layout.Consumer, value); }

    /// <summary>What is on the TX ring and not yet taken.</summary>
    internal XdpDescriptor[] Queued
    {
        get
        {
            RingLayout ring = tx.Layout;
            return [.. Enumerable.Range(0, (int)(*ring.Producer - *ring.Consumer)).Select(i => Entry(ring, *ring.Consumer + (uint)i))];
        }
    }

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
        ulong frame = TakeFill();
        ulong address = frame + (ulong)Umem.ReceiveOffset(0);
        if (arrived is { } time) *umem.TimestampSlot(address) = time;
        Produce(address, 60);
        return frame;
    }

    /// <summary>There is a frame on FILL, as far as the indices make sense.</summary>
    internal bool CanDeliver
    {
        get
        {
            RingLayout fill = rings.OfQueue!.Fill.Layout;
            return *fill.Producer - *fill.Consumer is > 0 and <= 64;
        }
    }

    /// <summary>Takes the next frame from FILL, and leaves it at that.</summary>
    internal ulong TakeFill()
    {
        RingLayout fill = rings.OfQueue!.Fill.Layout;
        Assert.NotEqual(*fill.Producer, *fill.Consumer);
        ulong frame = ((ulong*)fill.Entries)[*fill.Consumer & (fill.Size - 1)];
        Volatile.Write(ref *fill.Consumer, *fill.Consumer + 1);
        return frame;
    }

    private static XdpDescriptor Entry(RingLayout ring, uint index) => ((XdpDescriptor*)ring.Entries)[index & (ring.Size - 1)];

    /// <summary>Puts any descriptor on the RX ring.</summary>
    internal void Produce(ulong address, uint length, uint options = 0)
    {
        RingLayout ring = rx.Layout;
        ((XdpDescriptor*)ring.Entries)[*ring.Producer & (ring.Size - 1)] = new XdpDescriptor { Address = address, Length = length, Options = options };
        Volatile.Write(ref *ring.Producer, *ring.Producer + 1);
    }

    /// <summary>Writes anything at all somewhere into the memory of one of the four rings, except for the wake-up flags.</summary>
    internal void Scribble(Random random)
    {
        RingLayout[] all = [rx.Layout, tx.Layout, rings.OfQueue!.Fill.Layout, rings.OfQueue.Completion.Layout];
        RingLayout ring = all[random.Next(4)];
        bool wide = ring.Entries == rx.Layout.Entries || ring.Entries == tx.Layout.Entries;
        int words = (int)ring.Size * (wide ? 4 : 2);
        uint value = random.Next(3) switch
        {
            0 => (uint)random.NextInt64(1L << 32),
            1 => (uint)random.Next(-4, 200),
            _ => (uint)random.Next(Frames) * 2048,
        };
        switch (random.Next(6))
        {
            case 0:
                *ring.Producer = value;
                break;
            case 1:
                *ring.Consumer = value;
                break;
            default:
                ((uint*)ring.Entries)[random.Next(words)] = value;
                break;
        }
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
