using Xunit.Abstractions;

namespace XdpPS.Tests;

/// <summary>Packets that take several frames of the UMEM, as xskxceiver has them: each is one packet, whole, in order.</summary>
public sealed partial class MultiBufferTests : IDisposable
{
    private const int Mtu = 9_000;
    private const int Longest = Mtu + 14;

    private readonly TestNetwork network = new(queues: 2);
    private readonly ITestOutputHelper output;

    public MultiBufferTests(ITestOutputHelper output)
    {
        this.output = output;
        SetMtu(Mtu);
    }

    public void Dispose() => network.Dispose();

    /// <summary>AF_PACKET sends, so that what arrives owes nothing to our sender.</summary>
    [KernelTheory]
    [InlineData(XdpAttachMode.Native, 2048, 0)]
    [InlineData(XdpAttachMode.Native, 4096, 0)]
    [InlineData(XdpAttachMode.Native, 2048, 200)]
    [InlineData(XdpAttachMode.Generic, 2048, 0)]
    [InlineData(XdpAttachMode.Generic, 4096, 100)]
    public void A_received_packet_is_whole_whatever_number_of_frames_it_takes(XdpAttachMode mode, int frameSize, int headroom) => network.Run(() =>
    {
        XskSocketOptions options = Jumbo(attach: mode, frameSize: frameSize) with { Headroom = headroom };
        using XskSocket socket = XskSocket.Open(options);
        Assert.Equal((int)mode, (int)socket.AttachMode);
        Assert.DoesNotContain(socket.Warnings, warning => warning.Id == "MtuExceedsFrame");
        Assert.True(socket.MultiBuffer);
        int fragment = frameSize - 256 - headroom;
        byte[][] frames = [.. AroundMultiples(fragment).Select(length => Frames.Make(length, length))];
        foreach (byte[][] few in frames.Chunk(8))
        {
            Kernel.SendRaw(TestNetwork.Far, few);
            Assert.Equal(few, socket.Take(few.Length));
        }

        Assert.Empty(socket.Drain(50));
        Sockets.AssertConserved(socket);
        XskRingStats stats = socket.GetStatistics();
        Assert.Equal((frames.Length, frames.Sum(frame => (long)frame.Length), 0L, 0L), (stats.RxPackets, stats.RxBytes, stats.RxDropped, stats.RxRingFull));
        Assert.Equal(frames.Sum(frame => (frame.Length + fragment - 1L) / fragment), stats.Rx!.Producer);
    });

    /// <summary>tcpdump reads on an end without a program, so that what was sent owes nothing to our receiver.</summary>
    [KernelTheory("tcpdump")]
    [InlineData(2048, 64)]
    [InlineData(4096, 64)]
    [InlineData(2048, 16)]
    public void A_sent_packet_is_whole_on_the_wire(int frameSize, int ring) => network.Run(() =>
    {
        using XskSocket socket = XskSocket.Open(Jumbo(frameSize: frameSize, tx: ring, completion: ring));
        byte[][] frames = [.. AroundMultiples(frameSize).Select(length => Frames.Make(length, length))];
        using Capture capture = new(network, TestNetwork.Far, snapLength: 16_000);
        socket.Send(frames);
        Assert.Equal(frames, capture.Stop(frames));
        Sockets.AssertConserved(socket);
        XskRingStats stats = socket.GetStatistics();
        Assert.Equal((frames.Length, frames.Length, frames.Sum(frame => (long)frame.Length)), (stats.TxPackets, stats.TxCompleted, stats.TxBytes));
        Assert.Equal((0L, 0L), (stats.TxInvalidDescriptors, socket.PendingSends));
        Assert.Equal(frames.Sum(frame => (frame.Length + frameSize - 1L) / frameSize), stats.Tx!.Producer);
    });

    [KernelTheory]
    [InlineData(XdpAttachMode.Native, true)]
    [InlineData(XdpAttachMode.Native, false)]
    [InlineData(XdpAttachMode.Generic, true)]
    [InlineData(XdpAttachMode.Generic, false)]
    public void Short_and_long_packets_keep_their_order_in_both_directions_while_the_rings_wrap(XdpAttachMode mode, bool needWakeup) => network.Run(() =>
    {
        using XskSocket near = XskSocket.Open(Jumbo(attach: mode) with { NeedWakeup = needWakeup });
        using XskSocket far = XskSocket.Open(Jumbo(TestNetwork.Far, attach: mode) with { NeedWakeup = needWakeup });
        Random random = new(7);
        long packets = 0, bytes = 0;
        for (int round = 0; round < 60; round++)
        {
            byte[][] frames = [.. Enumerable.Range(0, 8).Select(i => Frames.Make(random.Next(2) == 0 ? random.Next(14, 1_793) : random.Next(14, Longest + 1), (round * 8) + i))];
            near.Send(frames);
            Assert.Equal(frames, far.Take(frames.Length));
            far.Send(frames);
            Assert.Equal(frames, near.Take(frames.Length));
            packets += frames.Length;
            bytes += frames.Sum(frame => (long)frame.Length);
        }

        Sockets.AssertConserved(near, far);
        foreach (XskRingStats stats in new[] { near.GetStatistics(), far.GetStatistics() })
        {
            Assert.Equal((packets, packets, packets), (stats.TxPackets, stats.TxCompleted, stats.RxPackets));
            Assert.Equal((bytes, bytes), (stats.TxBytes, stats.RxBytes));
            Assert.True(stats.Rx!.Producer > 4 * stats.Rx.Size && stats.Tx!.Producer > 4 * stats.Tx.Size);
        }
    });

    [KernelFact]
    public void A_packet_that_the_RX_ring_or_the_FILL_ring_cannot_hold_is_counted_and_no_frame_is_lost() => network.Run(() =>
    {
        using (XskSocket small = XskSocket.Open(Jumbo(rx: 4)))
        {
            Assert.Contains(small.Warnings, warning => warning.Id == "MtuExceedsFrame" && warning.Message.Contains($"{4 * 1792} bytes", StringComparison.Ordinal));
            Kernel.SendRaw(TestNetwork.Far, [Frames.Make(Longest), Frames.Make(100), Frames.Make(Longest), Frames.Make(4 * 1792)]);
            Assert.Equal([Frames.Make(100)], small.Take(1));
            Assert.Empty(small.Drain(50));
            Kernel.SendRaw(TestNetwork.Far, [Frames.Make(4 * 1792)]);
            Assert.Equal([Frames.Make(4 * 1792)], small.Take(1));
            Assert.Equal((3L, 0L), (small.GetStatistics().RxRingFull, small.GetStatistics().RxDropped));
            Sockets.AssertConserved(small);
        }

        using XskSocket starved = XskSocket.Open(Jumbo(fill: 4));
        Kernel.SendRaw(TestNetwork.Far, [Frames.Make(Longest), Frames.Make(100), Frames.Make(Longest)]);
        Assert.Equal([Frames.Make(100)], starved.Take(1));
        Assert.Empty(starved.Drain(50));
        Assert.Equal((0L, 2L), (starved.GetStatistics().RxRingFull, starved.GetStatistics().RxDropped));
        Sockets.AssertConserved(starved);
    });

    [KernelFact]
    public void Without_it_a_long_packet_is_dropped_and_counted_and_a_long_frame_refused() => network.Run(() =>
    {
        using XskSocket socket = Sockets.Open();
        Assert.False(socket.MultiBuffer);
        Assert.Contains("-MultiBuffer", Assert.Single(socket.Warnings, warning => warning.Id == "MtuExceedsFrame").Message, StringComparison.Ordinal);
        Kernel.SendRaw(TestNetwork.Far, [Frames.Make(1793), Frames.Make(1792), Frames.Make(Longest)]);
        Assert.Equal([Frames.Make(1792)], socket.Take(1));
        Assert.Equal(2, socket.GetStatistics().RxDropped);
        foreach (int length in new[] { 2049, 4096, 4097, Longest })
        {
            XskException failure = Sockets.Fails(XskErrorId.FrameTooLong, () => socket.TrySend(Frames.Make(length)));
            Assert.Contains("-MultiBuffer", failure.Message, StringComparison.Ordinal);
            Assert.Equal(length <= 4096, failure.Message.Contains("-FrameSize 4096", StringComparison.Ordinal));
        }

        Assert.True(socket.TrySend(Frames.Make(2048)));
        Assert.True(socket.Flush(TimeSpan.FromSeconds(5)));
    });

    /// <summary>The kernel takes 17 frames a packet everywhere, 18 of some drivers; with more it loses them.</summary>
    [KernelTheory]
    [InlineData(64, 64, 17)]
    [InlineData(8, 64, 8)]
    [InlineData(64, 4, 4)]
    public void The_longest_frame_is_as_long_as_kernel_and_rings_allow(int tx, int completion, int frames)
    {
        SetMtu(60_000);
        network.Run(() =>
        {
            using XskSocket near = XskSocket.Open(Jumbo(tx: tx, completion: completion));
            using XskSocket far = XskSocket.Open(Jumbo(TestNetwork.Far));
            byte[] longest = Frames.Make(frames * 2048);
            near.Send(longest, longest);
            Assert.Equal([longest, longest], far.Take(2));
            XskException failure = Sockets.Fails(XskErrorId.FrameTooLong, () => near.TrySend(Frames.Make(longest.Length + 1)));
            Assert.Contains($"{frames} UMEM frames of 2048 bytes", failure.Message, StringComparison.Ordinal);
            Assert.Contains("larger -FrameSize", failure.Message, StringComparison.Ordinal);
            near.Send(Frames.Make(100));
            Assert.Equal([Frames.Make(100)], far.Take(1));
            Sockets.AssertConserved(near, far);
        });
    }

    [KernelFact]
    public void The_interface_s_mtu_still_limits_a_frame() => network.Run(() =>
    {
        using XskSocket socket = XskSocket.Open(Jumbo());
        XskException failure = Sockets.Fails(XskErrorId.FrameTooLong, () => socket.TrySend(Frames.Make(Longest + 1)));
        Assert.Contains($"its MTU of {Mtu} allows {Longest}", failure.Message, StringComparison.Ordinal);
        Assert.Contains("mtu 9001", failure.Message, StringComparison.Ordinal);
    });

    [KernelFact]
    public void The_mtu_can_be_raised_under_an_open_socket_and_long_packets_then_arrive()
    {
        SetMtu(1_500);
        network.Run(() =>
        {
            using XskSocket socket = XskSocket.Open(Jumbo());
            Assert.Equal(XdpMode.Native, socket.AttachMode);
            SetMtu(Mtu);
            Kernel.SendRaw(TestNetwork.Far, [Frames.Make(Longest)]);
            Assert.Equal([Frames.Make(Longest)], socket.Take(1));
            socket.Send(Frames.Make(Longest));
            Assert.Equal(1, socket.GetStatistics().TxCompleted);
        });
    }

    [KernelFact("tcpdump")]
    public void A_filter_that_looks_deep_into_a_packet_delivers_all_of_it() => network.Run(() =>
    {
        using XskSocket socket = XskSocket.Open(Jumbo() with { Filter = PacketFilter.Compile("ether[5000] = 0x5a") });
        byte[] matching = Frames.Make(Longest), other = Frames.Make(Longest, 1);
        (matching[5_000], other[5_000]) = (0x5a, 0x5b);
        Kernel.SendRaw(TestNetwork.Far, [other, matching, Frames.Make(5_000), matching]);
        Assert.Equal([matching, matching], socket.Take(2));
        Assert.Empty(socket.Drain(50));
    });

    [KernelTheory]
    [InlineData(XdpAttachMode.Native)]
    [InlineData(XdpAttachMode.Generic)]
    public void A_packet_s_time_is_that_of_its_arrival_and_its_fragments_are_those_of_the_ring(XdpAttachMode mode) => network.Run(() =>
    {
        using XskSocket socket = XskSocket.Open(Jumbo(attach: mode));
        for (int round = 0; round < 30; round++)
        {
            byte[] frame = Frames.Make(Longest, round);
            long before = (DateTime.UtcNow - DateTime.UnixEpoch).Ticks * 100;
            Kernel.SendRaw(TestNetwork.Far, [frame]);
            using XskPoller poller = new([socket]);
            Assert.True(poller.Wait(TimeSpan.FromSeconds(5)));
            long after = (DateTime.UtcNow - DateTime.UnixEpoch).Ticks * 100;
            using PacketBatch batch = socket.ReceivePackets(64);
            Assert.Equal(1, batch.Count);
            foreach (ReceivedPacket packet in batch)
            {
                Assert.True(packet.IsKernelTimestamp);
                Assert.InRange(packet.Timestamp, before - 1_000_000, after + 1_000_000);
                Assert.Equal((6, Longest), (packet.FragmentCount, packet.Length));
                Assert.Equal(frame[..1792], packet.Fragment(0).ToArray());
                Assert.Equal(frame[(5 * 1792)..], packet.Fragment(5).ToArray());
                byte[] part = new byte[2_000];
                Assert.Equal(2_000, packet.CopyTo(part));
                Assert.Equal(frame[..2_000], part);
            }
        }
    });

    [KernelFact]
    public void What_reads_one_frame_a_packet_is_refused_on_a_socket_with_several_and_what_reads_several_works_on_any() => network.Run(() =>
    {
        using XskSocket jumbo = XskSocket.Open(Jumbo());
        using XskSocket plain = Sockets.Open(TestNetwork.Far);
        XskException failure = Sockets.Fails(XskErrorId.NotSupported, () => jumbo.Receive(1).Dispose());
        Assert.Contains("without -MultiBuffer", failure.Message, StringComparison.Ordinal);
        jumbo.Send(Frames.Series(3));
        List<byte[]> packets = [];
        using XskPoller poller = new([plain]);
        while (packets.Count < 3 && poller.Wait(TimeSpan.FromSeconds(5)))
        {
            using PacketBatch batch = plain.ReceivePackets(2);
            foreach (ReceivedPacket packet in batch)
            {
                Assert.Equal(1, packet.FragmentCount);
                packets.Add(packet.ToArray());
            }
        }

        Assert.Equal(Frames.Series(3), packets);
        Sockets.AssertConserved(jumbo, plain);
        Assert.Equal(3, plain.GetStatistics().RxPackets);
    });

    [KernelFact]
    public void Nobody_takes_more_packets_than_asked_for_and_the_rest_stays_on_the_ring() => network.Run(() =>
    {
        using XskSocket socket = XskSocket.Open(Jumbo());
        byte[][] frames = [.. new[] { 14, Longest, 1792, 1793, 60, 3584, 3585 }.Select(length => Frames.Make(length))];
        Kernel.SendRaw(TestNetwork.Far, frames);
        SpinWait.SpinUntil(() => socket.GetStatistics().Rx!.Used == 1 + 6 + 1 + 2 + 1 + 2 + 3, TimeSpan.FromSeconds(5));
        List<byte[]> packets = [];
        foreach (int maximum in new[] { 1, 1, 2, 2, 8 })
        {
            using PacketBatch batch = socket.ReceivePackets(maximum);
            foreach (ReceivedPacket packet in batch) packets.Add(packet.ToArray());
            Assert.Equal(Math.Min(maximum, frames.Length - (packets.Count - batch.Count)), batch.Count);
        }

        Assert.Equal(frames, packets);
        Sockets.AssertConserved(socket);
    });

    [KernelFact]
    public void Receiving_and_sending_allocates_nothing() => network.Run(() =>
    {
        using XskSocket near = XskSocket.Open(Jumbo());
        using XskSocket far = XskSocket.Open(Jumbo(TestNetwork.Far));
        byte[] frame = Frames.Make(Longest), copy = new byte[Longest];
        for (int i = 0; i < 50; i++) Assert.Equal(Longest, There());
        long before = GC.GetAllocatedBytesForCurrentThread();
        int bytes = 0;
        for (int i = 0; i < 200; i++) bytes += There();
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        Assert.Equal(200 * Longest, bytes);
        Assert.Equal(frame, copy);

        int There()
        {
            near.TrySend(frame);
            near.Pump();
            while (true)
            {
                using PacketBatch batch = far.ReceivePackets(1);
                foreach (ReceivedPacket packet in batch) return packet.CopyTo(copy);
            }
        }
    });

    private void SetMtu(int mtu) => network.Batch($"link set {TestNetwork.Near} mtu {mtu}", $"link set {TestNetwork.Far} mtu {mtu}");

    private static IEnumerable<int> AroundMultiples(int size) =>
        new[] { 14, 60, 1_500, Longest - 1, Longest }
            .Concat(Enumerable.Range(1, Longest / size).SelectMany(n => new[] { (n * size) - 1, n * size, (n * size) + 1 }))
            .Where(length => length <= Longest);

    private static XskSocketOptions Jumbo(
        string interfaceName = TestNetwork.Near,
        int frames = 256,
        int frameSize = 2048,
        int rx = 64,
        int tx = 64,
        int fill = 128,
        int completion = 64,
        XdpAttachMode attach = XdpAttachMode.Auto) => Sockets.Options(
            interfaceName, frames: frames, frameSize: frameSize, rx: rx, tx: tx, fill: fill, completion: completion, attach: attach) with
        {
            MultiBuffer = true,
        };
}
