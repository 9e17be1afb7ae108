using XdpPS.Interop;

namespace XdpPS.Tests;

/// <summary>Those scenarios of the kernel's test of AF_XDP in which a packet takes several frames.</summary>
public sealed class KernelTestPlanJumboTests(JumboPlanNetwork network) : IClassFixture<JumboPlanNetwork>
{
    /// <summary>xskxceiver's MAX_ETH_JUMBO_SIZE.</summary>
    private const int Jumbo = 9000;

    /// <summary>xskxceiver's XSK_UMEM__LARGE_FRAME_SIZE.</summary>
    private const int Large = 3 * 1024;

    [KernelTheory]
    [MemberData(nameof(Plan.JumboModes), MemberType = typeof(Plan))]
    public void SEND_RECEIVE_9K_PACKETS(PlanMode mode, bool busyPoll) => SendReceive(Options(mode, busyPoll));

    [KernelTheory]
    [MemberData(nameof(Plan.CopyModes), MemberType = typeof(Plan))]
    public void SEND_RECEIVE_UNALIGNED_9K_PACKETS(PlanMode mode, bool busyPoll) => SendReceive(Options(mode, busyPoll, frameSize: 4000) with { Unaligned = true });

    [KernelTheory]
    [MemberData(nameof(Plan.JumboModes), MemberType = typeof(Plan))]
    public void XDP_METADATA_COPY_MULTI_BUFF(PlanMode mode, bool busyPoll) => network.Run(() =>
    {
        using XskSocket near = XskSocket.Open(Options(mode, busyPoll));
        using XskSocket far = XskSocket.Open(Options(mode, busyPoll, TestNetwork.Far));
        for (int i = 0; i < 64; i++)
        {
            long before = KernelClock.Monotonic;
            near.Send(Frames.Make(i % 2 == 0 ? Jumbo : Plan.Shortest, i));
            SpinWait.SpinUntil(() => far.HasArrivals() || far.TryBusyPoll(), TimeSpan.FromSeconds(5));
            using PacketBatch batch = far.ReceivePackets(1);
            Assert.Equal(1, batch.Count);
            foreach (ReceivedPacket packet in batch)
            {
                Assert.Equal(i % 2 == 0 ? 3 : 1, packet.FragmentCount);
                Assert.True(packet.IsKernelTimestamp);
                Assert.InRange(packet.Timestamp - KernelClock.RealtimeOffset, before - 1_000_000, KernelClock.Monotonic + 1_000_000);
            }
        }

        Sockets.AssertConserved(near, far);
    });

    [KernelTheory]
    [MemberData(nameof(Plan.JumboModes), MemberType = typeof(Plan))]
    public void ALIGNED_INV_DESC_MULTI_BUFF(PlanMode mode, bool busyPoll) => InvalidDescriptors(mode, busyPoll, unaligned: false);

    [KernelTheory]
    [MemberData(nameof(Plan.CopyModes), MemberType = typeof(Plan))]
    public void UNALIGNED_INV_DESC_MULTI_BUFF(PlanMode mode, bool busyPoll) => InvalidDescriptors(mode, busyPoll, unaligned: true);

    /// <summary>A packet of as many frames as a socket buffer takes goes, one of more does not, and what follows does.</summary>
    [KernelTheory]
    [MemberData(nameof(Plan.CopyModes), MemberType = typeof(Plan))]
    public void TOO_MANY_FRAGS(PlanMode mode, bool busyPoll) => network.Run(() =>
    {
        const uint most = IfXdp.MAX_SKB_FRAGS + 1;
        using RawSocket near = new(Options(mode, busyPoll));
        using XskSocket far = XskSocket.Open(Options(mode, busyPoll, TestNetwork.Far));
        byte[] first = Frames.Make(Plan.Shortest, 1), rest = Frames.Make(Plan.Shortest, 2), last = Frames.Make(Plan.Shortest, 3);
        byte[] whole = Frames.Make((int)most * Plan.Shortest, 4);
        near.Put(0, Plan.Shortest, bytes: first);
        for (uint i = 1; i <= most; i++)
            near.Put(i * 4096, Plan.Shortest, i < most ? IfXdp.XDP_PKT_CONTD : 0, whole[(int)((i - 1) * Plan.Shortest)..(int)(i * Plan.Shortest)]);
        near.Send();
        Assert.Equal([first, whole], Plan.Look(far, 2));
        for (uint i = 1; i <= most; i++) near.Put(i * 4096, Plan.Shortest, IfXdp.XDP_PKT_CONTD, Frames.Make(Plan.Shortest, 5));
        // Kernels without bd44a6dcd424 take what follows the frame that was one too many for a packet of its own.
        near.Put(100 * 4096, Plan.Shortest, bytes: rest);
        near.Send();
        near.Put(101 * 4096, Plan.Shortest, bytes: last);
        near.Send();
        List<byte[]> arrived = Plan.Look(far, 1);
        if (arrived[0].AsSpan().SequenceEqual(rest)) arrived = Plan.Look(far, 1);
        Assert.Equal([last], arrived);
        Assert.Empty(far.Drain(20));
        Sockets.AssertConserved(far);
    });

    /// <summary>The last fragment goes, and a part of the one before it.</summary>
    [KernelTheory]
    [MemberData(nameof(Plan.JumboModes), MemberType = typeof(Plan))]
    public void XDP_ADJUST_TAIL_SHRINK_MULTI_BUFF(PlanMode mode, bool busyPoll) =>
        KernelTestPlanTests.AdjustedTail(network, mode, busyPoll, 2 * Large, -4096, multiBuffer: true);

    /// <summary>A veth says that it can't (bpf_xdp_frags_increase_tail), and then the packets come as they were.</summary>
    [KernelTheory]
    [MemberData(nameof(Plan.JumboModes), MemberType = typeof(Plan))]
    public void XDP_ADJUST_TAIL_GROW_MULTI_BUFF(PlanMode mode, bool busyPoll) =>
        KernelTestPlanTests.AdjustedTail(network, mode, busyPoll, 2 * Large, 512, multiBuffer: true);

    private static XskSocketOptions Options(PlanMode mode, bool busyPoll, string interfaceName = TestNetwork.Near, int frameSize = 4096) =>
        Plan.Options(mode, busyPoll, interfaceName, frameSize) with { MultiBuffer = true };

    private void SendReceive(XskSocketOptions options) => network.Run(() =>
    {
        using XskSocket near = XskSocket.Open(options);
        using XskSocket far = XskSocket.Open(options with { InterfaceName = TestNetwork.Far });
        foreach (byte[][] burst in Frames.Series(256, Jumbo).Chunk(16))
        {
            near.Send(burst);
            Assert.Equal(burst, Plan.Look(far, burst.Length));
        }

        Assert.Equal(256, far.GetStatistics().RxPackets);
        Sockets.AssertConserved(near, far);
    });

    /// <summary>A packet with one descriptor that cannot be is not sent at all; those around it are.</summary>
    private void InvalidDescriptors(PlanMode mode, bool busyPoll, bool unaligned) => network.Run(() =>
    {
        using RawSocket near = new(Options(mode, busyPoll) with { Unaligned = unaligned });
        using XskSocket far = XskSocket.Open(Options(mode, busyPoll, TestNetwork.Far));
        (ulong Address, uint Length, uint Options)[] wrong =
        [
            (4096, 0, 0),
            (near.Length, Large, 0),
            (4096, Jumbo + 1, 0),
            // None that the kernel knows, and not that the packet goes on.
            (4096, Large, 0xfff0),
            (8192 - (Plan.Shortest / 2), Plan.Shortest, 0),
        ];
        byte[] whole = Frames.Make(2 * 4096, 1), crossing = Frames.Make(Large + Plan.Shortest, 2);
        for (int i = 0; i < wrong.Length; i++)
        {
            byte[] single = Frames.Make(Plan.Shortest, 10 + i);
            bool valid = unaligned && i == wrong.Length - 1;
            ulong refused = near.Statistics.TxInvalidDescriptors;
            near.Put(0, Large, IfXdp.XDP_PKT_CONTD, crossing[..Large]);
            near.Put(wrong[i].Address, wrong[i].Length, wrong[i].Options, valid ? crossing[Large..] : null);
            near.Put(16 * 4096, Plan.Shortest, bytes: single);
            near.Put(17 * 4096, 4096, IfXdp.XDP_PKT_CONTD, whole[..4096]);
            near.Put(18 * 4096, 4096, bytes: whole[4096..]);
            near.Send();
            if (valid) Assert.Equal([crossing, single, whole], Plan.Look(far, 3));
            else Assert.Equal([single, whole], Plan.Look(far, 2));
            // Where one descriptor is refused, the kernel counts it as often as it looks at it.
            Assert.Equal(valid, refused == near.Statistics.TxInvalidDescriptors);
        }

        Assert.Empty(far.Drain(20));
        Sockets.AssertConserved(far);
    });
}
