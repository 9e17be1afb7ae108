using System.Diagnostics;
using System.Net.NetworkInformation;

namespace XdpPS.Tests;

/// <summary>Packets of several frames between two cables: AF_PACKET sends at one's far end, tcpdump reads at the other's.</summary>
public sealed class PacketForwardingTests : IDisposable
{
    private const int Longest = 9_014;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly TestNetwork left = new();
    private readonly TestNetwork right = new();

    public PacketForwardingTests() => SetMtu(9_000);

    public void Dispose()
    {
        left.Dispose();
        right.Dispose();
    }

    [KernelTheory("tcpdump")]
    [InlineData(true, XdpAttachMode.Native, 2048, 2048)]
    [InlineData(true, XdpAttachMode.Generic, 2048, 2048)]
    [InlineData(true, XdpAttachMode.Native, 4096, 4096)]
    [InlineData(false, XdpAttachMode.Native, 2048, 2048)]
    [InlineData(false, XdpAttachMode.Generic, 2048, 2048)]
    [InlineData(false, XdpAttachMode.Native, 2048, 4096)]
    [InlineData(false, XdpAttachMode.Native, 4096, 2048)]
    public void Packets_of_every_length_go_over_whole_and_in_order(bool shared, XdpAttachMode attach, int fromSize, int toSize)
    {
        int[] sizes = [fromSize - 256, fromSize, toSize];
        byte[][] frames =
        [
            .. Enumerable.Range(0, 120).Select(i => Frames.Make(i % 2 == 0 ? Longest - i : 60 + (i * 61 % 3_000), i)),
            .. sizes.SelectMany(size => Enumerable.Range(1, Longest / size).SelectMany(n => new[] { (n * size) - 1, n * size, (n * size) + 1 })).Select(length => Frames.Make(length, length)),
        ];
        (XskSocket from, XskSocket to) = Open(shared, attach, fromSize, toSize);
        using (from)
        using (to)
        using (Capture capture = new(right, TestNetwork.Far, snapLength: 16_000))
        using (XskForwarder forwarder = new(from, to))
        {
            Assert.Equal(((int)attach, shared), ((int)from.AttachMode, forwarder.SharesUmem));
            Feed(forwarder, frames);
            Assert.Equal(frames, capture.Stop(frames));
            XskForwardResult result = Assert.Single(forwarder.GetResults());
            Assert.Equal((frames.Length, frames.Length, 0, 0, 0), (result.Received, result.Forwarded, result.Filtered, result.Dropped, result.ReceiveLost));
            Assert.Equal((frames.Sum(frame => (long)frame.Length), frames.Length), (result.Bytes, result.Completed));
            Assert.Equal((frames.Length, frames.Length), (from.GetStatistics().RxPackets, to.GetStatistics().TxCompleted));
            Sockets.AssertConserved(from, to);
        }
    }

    [KernelTheory("tcpdump")]
    [InlineData(true)]
    [InlineData(false)]
    public void Between_a_socket_with_it_and_one_without_what_fits_one_frame_goes_and_the_rest_is_dropped_and_counted(bool first)
    {
        int[] lengths = first ? [60, Longest, 1_792, 1_793, 2_048, 2_049, 100] : [60, 1_792, 1_500, 100];
        byte[][] frames = [.. lengths.Select(length => Frames.Make(length, length))];
        byte[][] kept = [.. frames.Where(frame => frame.Length <= 2_048)];
        using XskSocket from = XskSocket.Open(Options(left, 2048) with { MultiBuffer = first });
        using XskSocket to = XskSocket.Open(Options(right, 2048) with { MultiBuffer = !first });
        using Capture capture = new(right, TestNetwork.Far, snapLength: 16_000);
        using XskForwarder forwarder = new(from, to);
        Feed(forwarder, frames);
        Assert.Equal(kept, capture.Stop(kept));
        Assert.Equal((kept.Length, frames.Length - kept.Length), (forwarder.Forwarded, forwarder.Dropped));
        Sockets.AssertConserved(from, to);
    }

    [KernelTheory("tcpdump")]
    [InlineData(true)]
    [InlineData(false)]
    public void A_drop_filter_sees_the_whole_packet_and_its_length(bool shared)
    {
        byte[][] frames = [.. new[] { Longest, 3_000, 6_000, 100, 5_999, 1_793 }.Select((length, i) => Frames.Make(length, i))];
        byte[] deep = Frames.Make(Longest, 77);
        frames[0][8_000] = 0x5b;
        deep[8_000] = 0x5a;
        frames = [deep, .. frames];
        byte[][] kept = [.. frames.Where(frame => frame.Length < 6_000 || (frame.Length > 8_000 && frame[8_000] != 0x5a))];
        Assert.Equal(frames.Length - 2, kept.Length);
        (XskSocket from, XskSocket to) = Open(shared);
        using (from)
        using (to)
        using (Capture capture = new(right, TestNetwork.Far, snapLength: 16_000))
        using (XskForwarder forwarder = new(from, to, new XskForwarderOptions { DropFilter = PacketFilter.Compile("(greater 6000 and less 8000) or ether[8000] = 0x5a") }))
        {
            Feed(forwarder, frames);
            Assert.Equal(kept, capture.Stop(kept));
            XskForwardResult result = Assert.Single(forwarder.GetResults());
            Assert.Equal((frames.Length, kept.Length, 2, 0), (result.Received, result.Forwarded, result.Filtered, result.Dropped));
            Sockets.AssertConserved(from, to);
        }
    }

    [KernelTheory("tcpdump")]
    [InlineData(true)]
    [InlineData(false)]
    public void Addresses_are_rewritten_once_a_packet(bool shared)
    {
        byte[][] frames = [.. new[] { Longest, 60, 1_793, 4_000 }.Select((length, i) => Frames.Make(length, i))];
        byte[] given = Frames.Hex("0a 00 00 00 00 aa");
        (XskSocket from, XskSocket to) = Open(shared);
        using (from)
        using (to)
        using (Capture capture = new(right, TestNetwork.Far, snapLength: 16_000))
        using (XskForwarder forwarder = new(from, to, new XskForwarderOptions { SwapMac = true, RewriteSource = new PhysicalAddress(given) }))
        {
            Feed(forwarder, frames);
            Assert.Equal(frames.Select(frame => (byte[])[.. frame[6..12], .. given, .. frame[12..]]), capture.Stop(frames));
            Sockets.AssertConserved(from, to);
        }
    }

    /// <summary>A packet of so many frames as it was received in would be lost by the kernel; in full ones it has fewer.</summary>
    [KernelFact("tcpdump")]
    public void A_packet_of_more_frames_than_can_be_sent_is_copied_into_fewer_and_one_that_is_too_long_even_so_is_dropped()
    {
        SetMtu(40_000);
        byte[][] frames = [.. new[] { 17 * 2_048, (17 * 2_048) + 1, 100, (17 * 1_792) + 1, 17 * 1_792 }.Select((length, i) => Frames.Make(length, i))];
        byte[][] kept = [.. frames.Where(frame => frame.Length <= 17 * 2_048)];
        (XskSocket from, XskSocket to) = Open(shared: true);
        using (from)
        using (to)
        using (Capture capture = new(right, TestNetwork.Far, snapLength: 65_000))
        using (XskForwarder forwarder = new(from, to))
        {
            Feed(forwarder, frames, 1);
            Assert.Equal(kept, capture.Stop(kept));
            Assert.Equal((kept.Length, 1), (forwarder.Forwarded, forwarder.Dropped));
            Sockets.AssertConserved(from, to);
        }
    }

    [KernelTheory("tcpdump")]
    [InlineData(true, 8)]
    [InlineData(false, 8)]
    [InlineData(true, 16)]
    public void Where_the_rings_hold_hardly_more_than_one_packet_none_is_cut_or_lost(bool shared, int ring)
    {
        byte[][] frames = [.. Enumerable.Range(0, 60).Select(i => Frames.Make(i % 3 == 0 ? 100 : Longest - i, i))];
        (XskSocket from, XskSocket to) = Open(shared, ring: ring);
        using (from)
        using (to)
        using (Capture capture = new(right, TestNetwork.Far, snapLength: 16_000))
        using (XskForwarder forwarder = new(from, to))
        {
            Feed(forwarder, frames, 8);
            Assert.Equal(frames, capture.Stop(frames));
            Assert.Equal(0, forwarder.Dropped);
            Sockets.AssertConserved(from, to);
        }
    }

    [KernelFact]
    public void Count_is_of_packets_and_what_comes_after_is_left_for_the_next_receiver()
    {
        byte[][] frames = [.. Enumerable.Range(0, 8).Select(i => Frames.Make(Longest, i))];
        (XskSocket from, XskSocket to) = Open(shared: true);
        using (from)
        using (to)
        {
            left.Run(() => Kernel.SendRaw(TestNetwork.Far, frames));
            using (XskForwarder forwarder = new(from, to, new XskForwarderOptions { Count = 3 }))
            {
                forwarder.Run(Patience);
                Assert.True(forwarder.IsDone && forwarder.Finish(Patience));
                Assert.Equal((3L, 3L), (forwarder.Forwarded, to.GetStatistics().TxCompleted));
                Assert.Equal(3 * 6, to.GetStatistics().Tx!.Producer);
            }

            Assert.Equal(frames[3..], from.Take(5));
            Sockets.AssertConserved(from, to);
        }
    }

    [KernelTheory]
    [InlineData(true)]
    [InlineData(false)]
    public void Nothing_is_allocated_a_packet(bool shared)
    {
        (XskSocket from, XskSocket to) = Open(shared);
        using (from)
        using (to)
        using (XskForwarder forwarder = new(from, to, new XskForwarderOptions { DropFilter = PacketFilter.FromFields(new PacketFields { Vlans = [7] }), SwapMac = true }))
        {
            byte[][] frames = [.. Enumerable.Range(0, 8).Select(i => Frames.Make(Longest, i))];
            long allocated = 0;
            for (int i = 0; i < 6; i++)
            {
                left.Run(() => Kernel.SendRaw(TestNetwork.Far, frames));
                long before = GC.GetAllocatedBytesForCurrentThread();
                forwarder.Run(TimeSpan.FromMilliseconds(20));
                allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            }

            Assert.Equal((48L, 0L), (forwarder.Forwarded, allocated));
        }
    }

    [KernelFact]
    public void A_ping_of_nine_thousand_bytes_goes_both_ways_and_comes_back()
    {
        left.Batch($"address add 192.0.2.1/24 dev {TestNetwork.Far}");
        right.Batch($"address add 192.0.2.2/24 dev {TestNetwork.Far}");
        (XskSocket a, XskSocket b) = Open(shared: true);
        using (a)
        using (b)
        using (XskForwarder forwarder = new(a, b, new XskForwarderOptions { Bidirectional = true }))
        {
            TestNetwork.Running running = left.Spawn(() =>
            {
                while (!forwarder.IsDone) forwarder.Run(TimeSpan.FromMilliseconds(100));
            });
            Command.Result ping = left.Execute("ping", "-c", "20", "-i", "0.02", "-W", "2", "-s", "8972", "-M", "do", "192.0.2.2");
            forwarder.Stop();
            running.Join();
            Assert.True(ping.Output.Contains(" 0% packet loss", StringComparison.Ordinal), ping.Output);
            Assert.All(forwarder.GetResults(), result => Assert.InRange(result.Forwarded, 20, 40));
            Assert.True(forwarder.Finish(Patience));
            Sockets.AssertConserved(a, b);
        }
    }

    [KernelFact]
    public void One_socket_sends_back_what_it_receives()
    {
        byte[][] frames = [.. Enumerable.Range(0, 100).Select(i => Frames.Make(i % 2 == 0 ? Longest : 100 + i, i))];
        using XskSocket socket = XskSocket.Open(Options(left, 2048));
        using XskSocket far = XskSocket.Open(Options(left, 2048) with { InterfaceName = TestNetwork.Far });
        using XskForwarder forwarder = new(socket, socket);
        List<byte[]> seen = [];
        foreach (byte[][] portion in frames.Chunk(5))
        {
            far.Send(portion);
            forwarder.Run(TimeSpan.FromMilliseconds(5));
            seen.AddRange(far.Take(portion.Length));
        }

        Assert.Equal(frames, seen);
        Assert.True(forwarder.Finish(Patience));
        Sockets.AssertConserved(socket, far);
    }

    /// <summary>A queue that takes nothing for a while stops the kernel amid a packet.</summary>
    [KernelTheory("tc", "bridge")]
    [InlineData(true)]
    [InlineData(false)]
    public void Where_nothing_can_be_sent_whole_packets_are_dropped_and_counted_and_it_goes_on_when_it_can(bool shared)
    {
        right.Batch(
            "link add xbridge type bridge mcast_snooping 0", "link add slow0 mtu 9000 type veth peer name slow1",
            $"link set {TestNetwork.Far} master xbridge", "link set slow0 master xbridge",
            "link set xbridge up", "link set slow0 up", "link set slow1 mtu 9000 up");
        Assert.Equal(0, right.Execute("tc", "qdisc", "add", "dev", "slow0", "root", "tbf", "rate", "8kbit", "burst", "10000", "latency", "1000s").ExitCode);
        Assert.True(SpinWait.SpinUntil(() => right.Execute("bridge", "link", "show", "dev", "slow0").Output.Contains("state forwarding", StringComparison.Ordinal), Patience));
        (XskSocket from, XskSocket to) = Open(shared);
        using (from)
        using (to)
        using (XskForwarder forwarder = new(from, to, new XskForwarderOptions { Patience = TimeSpan.FromMilliseconds(20) }))
        {
            TestNetwork.Running running = left.Spawn(() =>
            {
                while (!forwarder.IsDone) forwarder.Run(TimeSpan.FromMilliseconds(100));
            });
            byte[][] frames = [.. Enumerable.Range(0, 100).Select(i => Frames.Make(Longest, i))];
            left.Run(() =>
            {
                for (int i = 0; i < frames.Length; i += 5)
                {
                    Kernel.SendRaw(TestNetwork.Far, frames[i..(i + 5)]);
                    Thread.Sleep(2);
                }
            });
            Assert.True(SpinWait.SpinUntil(() => forwarder.Dropped > 0, Patience));
            right.Execute("tc", "qdisc", "del", "dev", "slow0", "root");
            Assert.True(SpinWait.SpinUntil(() => to.PendingSends < 2, Patience));
            forwarder.Stop();
            running.Join();
            Assert.True(forwarder.Finish(Patience));
            XskForwardResult result = Assert.Single(forwarder.GetResults());
            Assert.Equal((frames.Length - result.ReceiveLost, result.Received), (result.Received, result.Forwarded + result.Dropped));
            Assert.InRange(result.Forwarded, 1, frames.Length - 1);
            Assert.Equal((result.Forwarded, result.Forwarded), (result.Completed, to.GetStatistics().TxCompleted));
            Sockets.AssertConserved(from, to);
        }
    }

    private static XskSocketOptions Options(TestNetwork network, int frameSize, XdpAttachMode attach = XdpAttachMode.Auto, XskSocket? share = null, int ring = 64) => new()
    {
        InterfaceName = TestNetwork.Near,
        NetworkNamespace = network.Name,
        FrameCount = 512,
        FrameSize = frameSize,
        RxRingSize = 128,
        TxRingSize = ring,
        FillRingSize = 128,
        CompletionRingSize = ring,
        AttachMode = attach,
        ShareUmemWith = share,
        MultiBuffer = true,
    };

    private (XskSocket From, XskSocket To) Open(
        bool shared, XdpAttachMode attach = XdpAttachMode.Auto, int fromSize = 2048, int toSize = 2048, int ring = 64)
    {
        XskSocket from = XskSocket.Open(Options(left, fromSize, attach));
        try
        {
            return (from, XskSocket.Open(Options(right, toSize, attach, shared ? from : null, ring)));
        }
        catch
        {
            from.Dispose();
            throw;
        }
    }

    private void SetMtu(int mtu)
    {
        foreach (TestNetwork network in new[] { left, right }) network.Batch($"link set {TestNetwork.Near} mtu {mtu}", $"link set {TestNetwork.Far} mtu {mtu}");
    }

    /// <summary>Sends in portions that the small rings can take, forwards each, and waits for the last to be sent.</summary>
    private void Feed(XskForwarder forwarder, byte[][] frames, int portion = 12) => left.Run(() =>
    {
        long taken = 0;
        foreach (byte[][] few in frames.Chunk(portion))
        {
            Kernel.SendRaw(TestNetwork.Far, few);
            taken += few.Length;
            long start = Stopwatch.GetTimestamp();
            do
            {
                forwarder.Run(TimeSpan.FromMilliseconds(1));
            }
            while (forwarder.Forwarded + forwarder.Filtered + forwarder.Dropped < taken && Stopwatch.GetElapsedTime(start) < Patience);
            Assert.True(forwarder.Finish(Patience));
        }
    });
}
