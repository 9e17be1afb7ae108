using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Xunit.Abstractions;

namespace XdpPS.Tests;

/// <summary>Native XDP on an interface whose packets may take more than one page each.</summary>
public sealed class FragmentTests : IDisposable
{
    private const int Mtu = 9_000;

    private readonly TestNetwork network = new();
    private readonly ITestOutputHelper output;

    public FragmentTests(ITestOutputHelper output)
    {
        this.output = output;
        network.Batch($"link set {TestNetwork.Near} mtu {Mtu}", $"link set {TestNetwork.Far} mtu {Mtu}");
    }

    public void Dispose() => network.Dispose();

    [KernelTheory("bpftool")]
    [InlineData(XdpAttachMode.Auto)]
    [InlineData(XdpAttachMode.Native)]
    public void An_mtu_of_several_pages_is_native_and_short_packets_arrive(XdpAttachMode mode) => network.Run(() =>
    {
        Residue before = Residue.Now();
        using (XskSocket socket = XskSocket.Open(Sockets.Options(attach: mode)))
        {
            Assert.Equal((XdpMode.Native, XdpMode.Native), (socket.AttachMode, XdpInterface.Get(TestNetwork.Near).XdpMode));
            Assert.Equal(["MtuExceedsFrame"], socket.Warnings.Select(warning => warning.Id));
            using XskSocket far = Sockets.Open(TestNetwork.Far);
            far.Send(Frames.Series(20, 1_000));
            Assert.Equal(Frames.Series(20, 1_000), socket.Take(20));
            Sockets.AssertConserved(socket);
        }

        Residue.AssertNoMoreThan(before);
        Assert.False(network.HasProgram());
    });

    /// <summary>What is decided on lies in the second fragment.</summary>
    [KernelFact("tcpdump")]
    public void A_filter_looks_beyond_the_first_page_and_what_it_does_not_match_goes_to_the_kernel_whole() => network.Run(() =>
    {
        using XskSocket socket = XskSocket.Open(Sockets.Options() with { Filter = PacketFilter.Compile("len < 100 or ether[5000] = 0x5a") });
        Assert.Equal(XdpMode.Native, socket.AttachMode);
        byte[][] matching = [.. Enumerable.Range(0, 10).Select(i => Marked(5_001 + (i * 400), i, 0x5a))];
        byte[][] others = [.. Enumerable.Range(0, 10).Select(i => Marked(5_001 + (i * 401), i, 0x5b)), Frames.Make(4_000), Frames.Make(5_000)];
        byte[][] small = Frames.Series(5, 99);
        using Capture capture = new(network, TestNetwork.Near, snapLength: 16_000);
        Kernel.SendRaw(TestNetwork.Far, [.. others, .. matching, .. small]);
        Assert.Equal(small, socket.Take(5));
        Assert.Equal(others, capture.Stop(others));
        // Redirected, and longer than a frame of the UMEM: the kernel drops them and counts.
        Assert.Equal(matching.Length, socket.GetStatistics().RxDropped);
    });

    [KernelTheory]
    [InlineData(2048, 0)]
    [InlineData(4096, 0)]
    [InlineData(4096, 100)]
    public void The_longest_packet_received_is_the_longest_that_a_frame_holds(int frameSize, int headroom) => network.Run(() =>
    {
        XskSocketOptions options = Sockets.Options(frameSize: frameSize) with { Headroom = headroom };
        using XskSocket socket = XskSocket.Open(options);
        Assert.Equal(XdpMode.Native, socket.AttachMode);
        byte[][] frames = [.. Enumerable.Range(options.MaximumReceiveLength - 20, 40).Select(length => Frames.Make(length))];
        Kernel.SendRaw(TestNetwork.Far, frames);
        List<byte[]> received = [.. socket.Take(21), .. socket.Drain(50)];
        output.WriteLine($"frames of {frameSize}, headroom {headroom}: longest received {received.Max(packet => packet.Length)}");
        Assert.Equal(frames.Take(21), received);
        Assert.Equal(19, socket.GetStatistics().RxDropped);
    });

    [KernelFact("tcpdump")]
    public void A_tcp_transfer_goes_on_through_it()
    {
        using TestNetwork other = Other();
        network.Run(() =>
        {
            using XskSocket socket = XskSocket.Open(Sockets.Options() with { Filter = PacketFilter.Compile("udp port 53") });
            Assert.Equal(XdpMode.Native, socket.AttachMode);
            Transfer(other, 20_000_000);
            Assert.Empty(socket.Drain(50));
            Assert.Equal(0, socket.GetStatistics().RxDropped);
        });
    }

    /// <summary>While a program is on one end, the kernel keeps the other from merging what it sends (veth_fix_features): no warning is needed.</summary>
    [KernelFact("tcpdump", "ethtool")]
    public void No_packet_longer_than_the_mtu_comes()
    {
        using TestNetwork other = Other();
        network.Run(() =>
        {
            Assert.Contains("tcp-segmentation-offload: on", Offloads(), StringComparison.Ordinal);
            using XskSocket socket = XskSocket.Open(Sockets.Options() with { Filter = PacketFilter.Compile($"tcp and len > {Mtu + 14}") });
            Assert.Contains("tcp-segmentation-offload: off", Offloads(), StringComparison.Ordinal);
            Transfer(other, 5_000_000);
            Assert.Equal(0, socket.GetStatistics().RxDropped);
        });

        string Offloads() => other.Execute("ethtool", "-k", TestNetwork.Far).Output;
    }

    /// <summary>In generic mode the other end goes on merging, until it is told not to.</summary>
    [KernelFact("ethtool")]
    public void In_generic_mode_packets_longer_than_the_mtu_are_dropped_until_the_warnings_remedy_was_run()
    {
        using TestNetwork other = Other();
        network.Run(() =>
        {
            XskSocketOptions options = Sockets.Options(attach: XdpAttachMode.Generic) with { Filter = PacketFilter.Compile($"len > {Mtu + 14}") };
            string remedy;
            using (XskSocket socket = XskSocket.Open(options))
            {
                string message = Assert.Single(socket.Warnings, warning => warning.Id == XskWarning.GenericDropsAggregates).Message;
                remedy = message.Split('\'')[1];
                SendSegments(other);
                SpinWait.SpinUntil(() => socket.GetStatistics().RxDropped > 0, TimeSpan.FromSeconds(5));
                Assert.Equal(1, socket.GetStatistics().RxDropped);
            }

            // Its own GRO is no matter, and not in the remedy.
            Assert.Equal(0, network.Execute("ethtool", "-K", TestNetwork.Near, "gro", "on").ExitCode);
            Command.Run("sh", "-c", remedy);
            using (XskSocket socket = XskSocket.Open(options))
            {
                Assert.DoesNotContain(socket.Warnings, warning => warning.Id == XskWarning.GenericDropsAggregates);
                SendSegments(other);
                Transfer(other, 1_000_000);
                Assert.Equal(0, socket.GetStatistics().RxDropped);
            }
        });
    }

    /// <summary>One system call for ten datagrams: they are one packet until somebody segments them (udp(7), UDP_SEGMENT).</summary>
    private static void SendSegments(TestNetwork other)
    {
        const int SOL_UDP = 17;
        const int UDP_SEGMENT = 103;
        const int Length = 2_000;
        other.Run(() =>
        {
            using Socket sender = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            sender.SetRawSocketOption(SOL_UDP, UDP_SEGMENT, BitConverter.GetBytes(Length));
            sender.SendTo(new byte[10 * Length], new IPEndPoint(IPAddress.Parse("192.0.2.1"), 5001));
        });
    }

    /// <summary>Far in a namespace of its own, with addresses on both ends.</summary>
    private TestNetwork Other()
    {
        TestNetwork other = new();
        other.Ip("link", "delete", TestNetwork.Near);
        network.Ip("link", "set", TestNetwork.Far, "netns", other.Name);
        network.Batch($"addr add 192.0.2.1/24 dev {TestNetwork.Near}");
        other.Batch($"link set {TestNetwork.Far} mtu {Mtu} up", $"addr add 192.0.2.2/24 dev {TestNetwork.Far}");
        return other;
    }

    private static void Transfer(TestNetwork other, int length)
    {
        byte[] sent = Frames.Make(length);
        using TcpListener listener = new(IPAddress.Parse("192.0.2.1"), 5000);
        listener.Start();
        TestNetwork.Running sending = other.Spawn(() =>
        {
            using TcpClient client = new("192.0.2.1", 5000);
            client.GetStream().Write(sent);
        });
        using TcpClient accepted = listener.AcceptTcpClient();
        using MemoryStream received = new();
        accepted.GetStream().CopyTo(received);
        sending.Join();
        Assert.True(sent.AsSpan().SequenceEqual(received.ToArray()));
    }

    /// <summary>A frame with a number and a byte at offset 5,000.</summary>
    private static byte[] Marked(int length, int number, byte mark)
    {
        byte[] frame = Frames.Make(length, number);
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(14), number);
        frame[5_000] = mark;
        return frame;
    }
}
