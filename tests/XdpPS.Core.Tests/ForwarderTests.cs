using System.Diagnostics;
using System.Net.NetworkInformation;

namespace XdpPS.Tests;

/// <summary>Between two cables, each in a namespace of its own: what is sent at one's far end is seen at the other's by tcpdump.</summary>
public sealed partial class ForwarderTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Slice = TimeSpan.FromMilliseconds(100);

    private readonly TestNetwork left = new();
    private readonly TestNetwork right = new();

    public void Dispose()
    {
        // Frames that are stuck hold the namespace's interfaces.
        Command.Try("ip", null, "-n", right.Name, "link", "delete", "slow0");
        left.Dispose();
        right.Dispose();
    }

    [KernelTheory("tcpdump")]
    [InlineData(true, XdpAttachMode.Native)]
    [InlineData(true, XdpAttachMode.Generic)]
    [InlineData(false, XdpAttachMode.Native)]
    [InlineData(false, XdpAttachMode.Generic)]
    public void Frames_of_every_length_go_over_unchanged_and_more_of_them_than_there_are_in_the_umem(bool shared, XdpAttachMode attach)
    {
        byte[][] frames = [.. Enumerable.Range(0, 1000).Select(i => Frames.Make(60 + (i * 7 % 1455), i))];
        (XskSocket from, XskSocket to) = Open(shared, attach);
        using (from)
        using (to)
        using (Capture capture = new(right, TestNetwork.Far))
        using (XskForwarder forwarder = new(from, to))
        {
            Assert.Equal(shared, forwarder.SharesUmem);
            Feed(forwarder, left, frames);
            Assert.Equal(frames, capture.Stop(frames));
            XskForwardResult result = Assert.Single(forwarder.GetResults());
            Assert.Equal((frames.Length, frames.Length, 0, 0), (result.Received, result.Forwarded, result.Filtered, result.Dropped));
            Assert.Equal((frames.Sum(frame => (long)frame.Length), frames.Length, shared), (result.Bytes, result.Completed, result.SharedUmem));
            Sockets.AssertConserved(from, to);
        }
    }

    [KernelTheory("tcpdump")]
    [InlineData(true, 0)]
    [InlineData(true, 3)]
    [InlineData(false, 3)]
    public void Frames_of_an_odd_size_go_over_unchanged_too(bool shared, int headroom)
    {
        byte[][] frames = [.. Enumerable.Range(0, 600).Select(i => Frames.Make(60 + (i * 7 % 1455), i))];
        XskSocketOptions Odd(TestNetwork network) => Options(network, TestNetwork.Near, 64, frameSize: 3001) with { Unaligned = true, Headroom = headroom };
        using XskSocket from = XskSocket.Open(Odd(left));
        using XskSocket to = XskSocket.Open(shared ? Options(right, TestNetwork.Near, 64, share: from) : Odd(right));
        using Capture capture = new(right, TestNetwork.Far);
        using XskForwarder forwarder = new(from, to);
        Assert.Equal((shared, true, true), (forwarder.SharesUmem, from.Unaligned, to.Unaligned));
        Feed(forwarder, left, frames);
        Assert.Equal(frames, capture.Stop(frames));
        Assert.Equal((frames.Length, frames.Length), (forwarder.Forwarded, to.GetStatistics().TxCompleted));
        Sockets.AssertConserved(from, to);
    }

    [KernelFact]
    public void A_tcp_transfer_and_a_ping_go_both_ways_byte_for_byte()
    {
        Address(left, "192.0.2.1/24");
        Address(right, "192.0.2.2/24");
        (XskSocket a, XskSocket b) = Open(shared: true);
        using (a)
        using (b)
        using (XskForwarder forwarder = new(a, b, new XskForwarderOptions { Bidirectional = true }))
        {
            TestNetwork.Running running = left.Spawn(() => RunUntilDone(forwarder));
            Command.Result ping = left.Execute("ping", "-c", "5", "-i", "0.05", "-W", "2", "192.0.2.2");
            byte[] data = Frames.Make(3_000_000), received = Transfer(data);
            forwarder.Stop();
            running.Join();
            Assert.True(ping.Output.Contains(" 0% packet loss", StringComparison.Ordinal), ping.Output);
            Assert.Equal(data, received);
            IReadOnlyList<XskForwardResult> results = forwarder.GetResults();
            Assert.Equal((TestNetwork.Near, 2), (results[1].ToInterfaceName, results.Count));
            Assert.All(results, result => Assert.InRange(result.Forwarded, 100, long.MaxValue));
            Assert.True(results[0].Bytes > data.Length);
            Assert.True(forwarder.Finish(Patience));
            Sockets.AssertConserved(a, b);
        }
    }

    [KernelTheory]
    [InlineData(1)]
    [InlineData(63)]
    [InlineData(64)]
    [InlineData(100)]
    public void Count_is_kept_exactly_and_what_comes_after_it_is_left_for_the_next_receiver(int count)
    {
        (XskSocket from, XskSocket to) = Open(shared: true, ring: 256);
        using (from)
        using (to)
        {
            left.Run(() => SendFar(Frames.Series(150)));
            using (XskForwarder forwarder = new(from, to, new XskForwarderOptions { Count = count }))
            {
                forwarder.Run(Patience);
                Assert.True(forwarder.IsDone);
                Assert.True(forwarder.Finish(Patience));
                Assert.Equal(count, forwarder.Forwarded);
            }

            Assert.Equal(Frames.Series(150).Skip(count), from.Take(150 - count));
            Sockets.AssertConserved(from, to);
        }
    }

    [KernelTheory("tcpdump")]
    [InlineData("arp or (udp and port 53)", true)]
    [InlineData("not ip", true)]
    [InlineData("tcp[tcpflags] & tcp-syn != 0 or icmp", false)]
    [InlineData("greater 200 or vlan", true)]
    public void The_drop_filter_drops_what_tcpdump_matches_and_nothing_else(string expression, bool shared)
    {
        byte[][] frames = [.. RecordedFrames.All().Where(frame => frame.IsWhole && frame.Data.Length is >= 14 and <= 1500).Select(frame => frame.Data).Take(600)];
        byte[][] kept = Tcpdump(frames, $"not ({expression})");
        Assert.InRange(kept.Length, 1, frames.Length - 1);
        (XskSocket from, XskSocket to) = Open(shared);
        using (from)
        using (to)
        using (XskSocket far = XskSocket.Open(Options(right, TestNetwork.Far, 512)))
        using (XskForwarder forwarder = new(from, to, new XskForwarderOptions { DropFilter = PacketFilter.Compile(expression) }))
        {
            Feed(forwarder, left, frames, far, out List<byte[]> seen);
            Assert.Equal(kept, seen);
            XskForwardResult result = Assert.Single(forwarder.GetResults());
            Assert.Equal((frames.Length, kept.Length, frames.Length - kept.Length, 0), (result.Received, result.Forwarded, result.Filtered, result.Dropped));
            Sockets.AssertConserved(from, to);
        }
    }

    [KernelTheory("tcpdump")]
    [InlineData(true)]
    [InlineData(false)]
    public void Addresses_are_rewritten_and_swapped_and_nothing_else_changes(bool shared)
    {
        byte[][] frames = Frames.Series(20);
        byte[] given = Frames.Hex("0a 00 00 00 00 aa"), other = Frames.Hex("0a 00 00 00 00 bb");
        (XskForwarderOptions Options, Func<byte[], byte[]> Expected)[] cases =
        [
            (new() { RewriteDestination = new PhysicalAddress(given) }, f => [.. given, .. f[6..]]),
            (new() { RewriteSource = new PhysicalAddress(given) }, f => [.. f[..6], .. given, .. f[12..]]),
            (new() { RewriteDestination = new PhysicalAddress(given), RewriteSource = new PhysicalAddress(other) }, f => [.. given, .. other, .. f[12..]]),
            (new() { SwapMac = true }, f => [.. f[6..12], .. f[..6], .. f[12..]]),
            (new() { SwapMac = true, RewriteSource = new PhysicalAddress(other) }, f => [.. f[6..12], .. other, .. f[12..]]),
        ];
        (XskSocket from, XskSocket to) = Open(shared);
        using (from)
        using (to)
        {
            foreach ((XskForwarderOptions options, Func<byte[], byte[]> expected) in cases)
            {
                using Capture capture = new(right, TestNetwork.Far);
                using XskForwarder forwarder = new(from, to, options);
                Feed(forwarder, left, frames);
                Assert.Equal(frames.Select(expected), capture.Stop(frames));
            }

            Sockets.AssertConserved(from, to);
        }

        Assert.Throws<ArgumentException>(() => new XskForwarder(from, to, new XskForwarderOptions { RewriteSource = new PhysicalAddress([1, 2, 3]) }));
    }

    [KernelFact]
    public void One_socket_sends_back_what_it_receives()
    {
        byte[][] frames = Frames.Series(500);
        using XskSocket socket = XskSocket.Open(Options(left, TestNetwork.Near, 64));
        using XskSocket far = XskSocket.Open(Options(left, TestNetwork.Far, 512));
        using XskForwarder forwarder = new(socket, socket, new XskForwarderOptions { Bidirectional = true });
        int sent = 0;
        List<byte[]> seen = [];
        for (long start = Stopwatch.GetTimestamp(); seen.Count < frames.Length && Stopwatch.GetElapsedTime(start) < Patience;)
        {
            if (sent < frames.Length) far.Send(frames[sent..(sent += 20)]);
            forwarder.Run(TimeSpan.FromMilliseconds(1));
            seen.AddRange(far.Drain(1));
        }

        Assert.Equal(frames, seen);
        Assert.Single(forwarder.GetResults());
        Assert.True(forwarder.Finish(Patience));
        Sockets.AssertConserved(socket, far);
    }

    [KernelFact]
    public void Under_load_the_kernel_is_woken_once_for_all_that_a_call_takes_and_nothing_is_allocated()
    {
        (XskSocket from, XskSocket to) = Open(shared: true, ring: 1024);
        using (from)
        using (to)
        using (XskForwarder forwarder = new(from, to, new XskForwarderOptions { DropFilter = PacketFilter.FromFields(new PacketFields { Vlans = [7] }) }))
        {
            forwarder.Run(TimeSpan.FromMilliseconds(5));
            left.Run(() => SendFar(Frames.Series(64)));
            forwarder.Run(TimeSpan.FromMilliseconds(20));
            Assert.Equal(64, forwarder.Forwarded);
            left.Run(() => SendFar(Frames.Series(640)));
            long wakeups = to.GetStatistics().TxWakeups, before = GC.GetAllocatedBytesForCurrentThread();
            forwarder.Run(TimeSpan.FromMilliseconds(20));
            Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
            Assert.Equal(64 + 640, forwarder.Forwarded);
            Assert.Equal(640 / 32, to.GetStatistics().TxWakeups - wakeups);
        }
    }

    private static XskSocketOptions Options(
        TestNetwork network, string name, int ring, XdpAttachMode attach = XdpAttachMode.Auto, XskSocket? share = null, int frameSize = 2048, bool attachProgram = true, PacketFilter? filter = null) => new()
        {
            InterfaceName = name,
            NetworkNamespace = network.Name,
            FrameCount = ring * 8,
            FrameSize = frameSize,
            RxRingSize = ring,
            TxRingSize = ring,
            FillRingSize = ring,
            CompletionRingSize = ring,
            AttachMode = attach,
            ShareUmemWith = share,
            AttachProgram = attachProgram,
            Filter = filter,
        };

    private (XskSocket From, XskSocket To) Open(bool shared, XdpAttachMode attach = XdpAttachMode.Auto, int ring = 64)
    {
        XskSocket from = XskSocket.Open(Options(left, TestNetwork.Near, ring, attach));
        try
        {
            return (from, XskSocket.Open(Options(right, TestNetwork.Near, ring, attach, shared ? from : null)));
        }
        catch
        {
            from.Dispose();
            throw;
        }
    }

    private void SendFar(IReadOnlyList<byte[]> frames)
    {
        using XskSocket far = XskSocket.Open(Options(left, TestNetwork.Far, 64, attachProgram: false));
        far.Send(frames);
    }

    /// <summary>Sends in portions that the small rings can take, forwards each, and waits for the last to be sent.</summary>
    private static void Feed(XskForwarder forwarder, TestNetwork network, byte[][] frames) => Feed(forwarder, network, frames, null, out _);

    private static void Feed(
        XskForwarder forwarder, TestNetwork network, byte[][] frames, XskSocket? receiver, out List<byte[]> seen, int frameSize = 2048)
    {
        List<byte[]> received = [];
        network.Run(() =>
        {
            using XskSocket far = XskSocket.Open(Options(network, TestNetwork.Far, 64, frameSize: frameSize, attachProgram: false));
            long taken = 0;
            foreach (byte[][] portion in frames.Chunk(20))
            {
                far.Send(portion);
                taken += portion.Length;
                long start = Stopwatch.GetTimestamp();
                do
                {
                    forwarder.Run(TimeSpan.FromMilliseconds(1));
                }
                while (forwarder.Forwarded + forwarder.Filtered + forwarder.Dropped < taken && Stopwatch.GetElapsedTime(start) < Patience);
                Assert.True(forwarder.Finish(Patience));
                if (receiver is not null) received.AddRange(receiver.Drain(1));
            }
        });
        if (receiver is not null) received.AddRange(receiver.Drain());
        seen = received;
    }

    private static void RunUntilDone(XskForwarder forwarder)
    {
        while (!forwarder.IsDone) forwarder.Run(Slice);
    }

    private void KeepSending(XskForwarder until)
    {
        using XskSocket far = XskSocket.Open(Options(left, TestNetwork.Far, 64, attachProgram: false));
        byte[][] frames = Frames.Series(64);
        while (!until.IsDone) far.Send(frames);
    }

    private static void Address(TestNetwork network, string address)
    {
        network.Batch($"address add {address} dev {TestNetwork.Far}");
        // veth leaves checksums and segmentation to a receiver that is not there.
        network.Execute("ethtool", "-K", TestNetwork.Far, "tx", "off");
    }

    /// <summary>Sends bytes over TCP from left to right.</summary>
    private byte[] Transfer(byte[] data)
    {
        using MemoryStream received = new();
        using ManualResetEventSlim listening = new();
        TestNetwork.Running server = right.Spawn(() =>
        {
            using System.Net.Sockets.TcpListener listener = new(System.Net.IPAddress.Parse("192.0.2.2"), 5000);
            listener.Start();
            listening.Set();
            using System.Net.Sockets.TcpClient client = listener.AcceptTcpClient();
            client.GetStream().CopyTo(received);
        });
        Assert.True(listening.Wait(Patience));
        left.Run(() =>
        {
            using System.Net.Sockets.TcpClient client = new();
            client.Connect("192.0.2.2", 5000);
            client.GetStream().Write(data);
        });
        server.Join();
        return received.ToArray();
    }

    /// <summary>Behind a bridge, a port that lets almost nothing through and drops nothing.</summary>
    private static void Congest(TestNetwork network)
    {
        network.Batch(
            "link add xbridge type bridge mcast_snooping 0", "link add slow0 type veth peer name slow1",
            $"link set {TestNetwork.Far} master xbridge", "link set slow0 master xbridge",
            "link set xbridge up", "link set slow0 up", "link set slow1 up");
        Assert.Equal(0, network.Execute("tc", "qdisc", "add", "dev", "slow0", "root", "tbf", "rate", "8kbit", "burst", "1600", "latency", "1000s").ExitCode);
        Assert.True(SpinWait.SpinUntil(() => network.Execute("bridge", "link", "show", "dev", "slow0").Output.Contains("state forwarding", StringComparison.Ordinal), Patience));
    }

    private static byte[][] Tcpdump(byte[][] frames, string expression)
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(path, Pcap.Write(frames));
            using Process tcpdump = Command.Start("tcpdump", "-r", path, "-w", "-", expression);
            using MemoryStream output = new();
            tcpdump.StandardOutput.BaseStream.CopyTo(output);
            tcpdump.WaitForExit();
            Assert.Equal(0, tcpdump.ExitCode);
            return [.. Pcap.Read(output.ToArray())];
        }
        finally
        {
            File.Delete(path);
        }
    }
}
