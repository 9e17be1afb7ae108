namespace XdpPS.Tests;

/// <content>What the kernel counts, and descriptors that it has to refuse.</content>
public sealed partial class KernelTestPlanTests
{
    /// <summary>Every other packet is too long for what the headroom has left of a frame.</summary>
    [KernelTheory]
    [MemberData(nameof(Plan.CopyModes), MemberType = typeof(Plan))]
    public void STAT_RX_DROPPED(PlanMode mode, bool busyPoll) => network.Run(() =>
    {
        using XskSocket near = XskSocket.Open(Plan.Options(mode, busyPoll));
        XskSocketOptions options = Plan.Options(mode, busyPoll, TestNetwork.Far, frameSize: 2048) with { Headroom = 2048 - 704 };
        using XskSocket far = XskSocket.Open(options);
        Assert.Equal(448, options.MaximumReceiveLength);
        byte[][] frames = [.. Enumerable.Range(0, 100).Select(i => Frames.Make(i % 2 == 0 ? 448 : 449, i))];
        near.Send(frames);
        Assert.Equal(frames.Where(frame => frame.Length == 448), Plan.Look(far, 50));
        Assert.Equal(50, Counted(far, stats => stats.RxDropped, 50));
        Sockets.AssertConserved(near, far);
    });

    /// <summary>Every other descriptor is longer than a frame.</summary>
    [KernelTheory]
    [MemberData(nameof(Plan.Modes), MemberType = typeof(Plan))]
    public void STAT_TX_INVALID(PlanMode mode, bool busyPoll) => network.Run(() =>
    {
        using RawSocket near = new(Plan.Options(mode, busyPoll));
        using XskSocket far = XskSocket.Open(Plan.Options(mode, busyPoll, TestNetwork.Far));
        for (uint i = 0; i < 100; i++) near.Put(i * 4096, i % 2 == 0 ? Plan.Shortest : 4097u, bytes: i % 2 == 0 ? Frames.Make(Plan.Shortest, (int)i) : null);
        near.Send();
        Assert.Equal(Enumerable.Range(0, 50).Select(i => Frames.Make(Plan.Shortest, 2 * i)), Plan.Look(far, 50));
        Assert.Equal(50ul, near.Statistics.TxInvalidDescriptors);
    });

    /// <summary>Nobody reads, and the RX ring is smaller than FILL.</summary>
    [KernelTheory]
    [MemberData(nameof(Plan.Modes), MemberType = typeof(Plan))]
    public void STAT_RX_FULL(PlanMode mode, bool busyPoll) => network.Run(() =>
    {
        using XskSocket near = XskSocket.Open(Plan.Options(mode, busyPoll));
        using XskSocket far = XskSocket.Open(Plan.Options(mode, busyPoll, TestNetwork.Far) with { RxRingSize = 32 });
        near.Send(Frames.Series(100, Plan.Shortest));
        Assert.Equal(68, Counted(far, stats => stats.RxRingFull, 68));
        Assert.Equal(Frames.Series(32, Plan.Shortest), Plan.Look(far, 32));
        Sockets.AssertConserved(near, far);
    });

    /// <summary>Nothing goes back to FILL, because nobody reads.</summary>
    [KernelTheory]
    [MemberData(nameof(Plan.Modes), MemberType = typeof(Plan))]
    public void STAT_FILL_EMPTY(PlanMode mode, bool busyPoll) => network.Run(() =>
    {
        using XskSocket near = XskSocket.Open(Plan.Options(mode, busyPoll));
        using XskSocket far = XskSocket.Open(Plan.Options(mode, busyPoll, TestNetwork.Far) with { FillRingSize = 32 });
        near.Send(Frames.Series(100, Plan.Shortest));
        Assert.True(Counted(far, stats => stats.FillRingEmpty, mode == PlanMode.ZeroCopy ? 1 : 68) >= (mode == PlanMode.ZeroCopy ? 1 : 68));
        Assert.Equal(Frames.Series(32, Plan.Shortest), Plan.Look(far, 32));
        Sockets.AssertConserved(near, far);
    });

    /// <summary>One call sends 32 frames, and the TX ring says so.</summary>
    [KernelTheory]
    [MemberData(nameof(Plan.CopyModes), MemberType = typeof(Plan))]
    public void TX_QUEUE_CONSUMER(PlanMode mode, bool busyPoll) => network.Run(() =>
    {
        using RawSocket near = new(Plan.Options(mode, busyPoll));
        using XskSocket far = XskSocket.Open(Plan.Options(mode, busyPoll, TestNetwork.Far));
        for (uint i = 0; i < 33; i++) near.Put(i * 4096, Plan.Shortest, bytes: Frames.Make(Plan.Shortest, (int)i));
        near.Kick();
        Assert.Equal(1u, near.Pending);
        near.Kick();
        Assert.Equal(0u, near.Pending);
        Assert.Equal(Frames.Series(33, Plan.Shortest), Plan.Look(far, 33));
    });

    [KernelTheory]
    [MemberData(nameof(Plan.Modes), MemberType = typeof(Plan))]
    public void ALIGNED_INV_DESC(PlanMode mode, bool busyPoll) => InvalidDescriptors(mode, busyPoll, 4096);

    [KernelTheory]
    [MemberData(nameof(Plan.Modes), MemberType = typeof(Plan))]
    public void ALIGNED_INV_DESC_2K_FRAME_SIZE(PlanMode mode, bool busyPoll) => InvalidDescriptors(mode, busyPoll, 2048);

    [KernelTheory]
    [MemberData(nameof(Plan.CopyModes), MemberType = typeof(Plan))]
    public void UNALIGNED_INV_DESC(PlanMode mode, bool busyPoll) => InvalidDescriptors(mode, busyPoll, 4096, unaligned: true);

    /// <summary>The UMEM ends amid a page.</summary>
    [KernelTheory]
    [MemberData(nameof(Plan.CopyModes), MemberType = typeof(Plan))]
    public void UNALIGNED_INV_DESC_4001_FRAME_SIZE(PlanMode mode, bool busyPoll) => InvalidDescriptors(mode, busyPoll, 4001, unaligned: true);

    private void InvalidDescriptors(PlanMode mode, bool busyPoll, int frameSize, bool unaligned = false) => network.Run(() =>
    {
        const uint length = Plan.Shortest;
        // An odd number, so that frames of 4032 bytes do not end with a page.
        using RawSocket near = new(Plan.Options(mode, busyPoll, frameSize: frameSize) with { Unaligned = unaligned, FrameCount = 301 });
        using XskSocket far = XskSocket.Open(Plan.Options(mode, busyPoll, TestNetwork.Far));
        ulong end = near.Length;
        Assert.True(frameSize != 4001 || end % 4096 is > length and < 4096 - length);
        (ulong Address, uint Length, bool Valid)[] descriptors =
        [
            (0, length, true),
            (0, length, true),
            // Across the beginning of the UMEM.
            (unchecked(0UL - 2), length, false),
            (0, (uint)frameSize + 1, false),
            (end - length - (2 * near.Stride), length, true),
            (end, length, false),
            (end - (length / 2), length, false),
            (0x1000 - (length / 2), length, unaligned),
            (0x800 - (length / 2), length, unaligned || frameSize == 4096),
            (0, length, true),
        ];
        ulong refused = 0;
        for (int i = 0; i < descriptors.Length; i++)
        {
            (ulong address, uint bytes, bool valid) = descriptors[i];
            byte[] frame = Frames.Make((int)length, i);
            near.Put(address, bytes, bytes: valid ? frame : null);
            near.Send();
            if (valid) Assert.Equal([frame], Plan.Look(far, 1));
            else refused++;
            Assert.Equal(refused, near.Statistics.TxInvalidDescriptors);
        }

        Assert.Empty(far.Drain(20));
        Sockets.AssertConserved(far);
    });

    private static long Counted(XskSocket socket, Func<XskRingStats, long> counter, long expected)
    {
        SpinWait.SpinUntil(() => counter(socket.GetStatistics()) >= expected, TimeSpan.FromSeconds(5));
        return counter(socket.GetStatistics());
    }
}
