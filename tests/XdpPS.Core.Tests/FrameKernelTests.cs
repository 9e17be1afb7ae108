using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Text;

namespace XdpPS.Tests;

/// <summary>The kernel on the other end of the cable takes what was built for what it is.</summary>
public sealed class FrameKernelTests : IDisposable
{
    private const string Own4 = "10.77.0.1", Peer4 = "10.77.0.2", Own6 = "2001:db8:77::1", Peer6 = "2001:db8:77::2";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly TestNetwork network = new();
    private readonly PhysicalAddress ownMac, peerMac;

    public FrameKernelTests()
    {
        ownMac = Mac(TestNetwork.Near);
        peerMac = Mac(TestNetwork.Far);
        network.Run(() => File.WriteAllText($"/proc/sys/net/ipv6/conf/{TestNetwork.Far}/disable_ipv6", "0"));
        network.Batch(
            $"address add {Peer4}/24 dev {TestNetwork.Far}",
            $"address add {Peer6}/64 dev {TestNetwork.Far} nodad",
            $"neighbour add {Own6} lladdr {Text(ownMac)} dev {TestNetwork.Far}",
            $"neighbour add {Own4} lladdr {Text(ownMac)} dev {TestNetwork.Far}");

        PhysicalAddress Mac(string name) => PhysicalAddress.Parse(network.Execute("cat", $"/sys/class/net/{name}/address").Output.Trim());
    }

    public void Dispose() => network.Dispose();

    [KernelTheory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_echo_request_is_answered(bool v6)
    {
        byte[] payload = Encoding.ASCII.GetBytes("what comes back");
        FrameBuilder builder = Builder(FrameProtocol.IcmpEcho, v6, payload);
        XskPacket reply = Exchange(builder.Build(), packet => v6 ? packet.Icmpv6?.Type == Icmpv6Type.EchoReply : packet.Icmp?.Type == IcmpType.EchoReply);
        Assert.Equal((v6 ? Peer6 : Peer4, v6 ? Own6 : Own4), (reply.Source, reply.Destination));
        Assert.Equal(((ushort?)0xbeef, (ushort?)42), v6 ? (reply.Icmpv6!.Identifier, reply.Icmpv6.SequenceNumber) : (reply.Icmp!.Identifier, reply.Icmp.SequenceNumber));
        Assert.Equal(payload, v6 ? reply.Icmpv6!.Payload : reply.Icmp!.Payload);
    }

    [KernelFact]
    public void An_arp_request_is_answered()
    {
        network.Ip("neighbour", "delete", Own4, "dev", TestNetwork.Far);
        FrameBuilder builder = new() { Protocol = FrameProtocol.Arp, SourceMac = FieldSequence.FromMacs(ownMac), SourceAddress = FrameBuilderTests.Address(Own4), DestinationAddress = FrameBuilderTests.Address(Peer4) };
        XskPacket reply = Exchange(builder.Build(), packet => packet.Arp?.Operation == ArpOperation.Reply);
        Assert.Equal((peerMac, IPAddress.Parse(Peer4), ownMac, IPAddress.Parse(Own4)),
            (reply.Arp!.SenderHardwareAddress, reply.Arp.SenderProtocolAddress, reply.Arp.TargetHardwareAddress, reply.Arp.TargetProtocolAddress));
        // And it has learnt who asked.
        Assert.Contains(Text(ownMac), network.Ip("neighbour", "show", Own4), StringComparison.Ordinal);
    }

    [KernelTheory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void A_udp_frame_reaches_a_socket_also_one_that_was_edited(bool v6, bool edited) => network.Run(() =>
    {
        byte[] payload = Encoding.ASCII.GetBytes("to a normal socket");
        using Socket receiver = new(v6 ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = 5_000 };
        receiver.Bind(new IPEndPoint(IPAddress.Parse(v6 ? Peer6 : Peer4), 0));
        ushort port = (ushort)((IPEndPoint)receiver.LocalEndPoint!).Port;
        XskPacket packet = Builder(FrameProtocol.Udp, v6, edited ? [1] : payload, edited ? (ushort)9 : port).Build();
        if (edited) packet = new FrameEdit { DestinationPort = port, Payload = payload, TimeToLive = 3 }.Apply(packet);
        using XskSocket near = Sockets.Open();
        near.Send(packet.Data);
        byte[] buffer = new byte[100];
        EndPoint from = new IPEndPoint(v6 ? IPAddress.IPv6Any : IPAddress.Any, 0);
        int length = receiver.ReceiveFrom(buffer, ref from);
        Assert.Equal(payload, buffer[..length]);
        Assert.Equal(new IPEndPoint(IPAddress.Parse(v6 ? Own6 : Own4), 4000), from);
    });

    [KernelTheory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_syn_gets_a_syn_ack(bool v6) => network.Run(() =>
    {
        using TcpListener listener = new(IPAddress.Parse(v6 ? Peer6 : Peer4), 0);
        listener.Start();
        XskPacket answer = ExchangeHere(Builder(FrameProtocol.Tcp, v6, [], (ushort)((IPEndPoint)listener.LocalEndpoint).Port).Build(), packet => packet.Tcp is not null);
        Assert.Equal(TcpControlBits.Syn | TcpControlBits.Ack, answer.Tcp!.Flags);
        Assert.Equal((43u, (ushort)4000), (answer.Tcp.AcknowledgmentNumber, answer.Tcp.DestinationPort));
    });

    [KernelTheory("nstat")]
    [InlineData(FrameProtocol.Udp, false, false, "UdpInCsumErrors")]
    [InlineData(FrameProtocol.Udp, true, false, "Udp6InCsumErrors")]
    [InlineData(FrameProtocol.Tcp, false, false, "TcpInCsumErrors")]
    [InlineData(FrameProtocol.IcmpEcho, false, false, "IcmpInCsumErrors")]
    [InlineData(FrameProtocol.IcmpEcho, true, false, "Icmp6InCsumErrors")]
    [InlineData(FrameProtocol.IcmpEcho, false, true, "IpExtInCsumErrors")]
    public void A_wrong_checksum_is_dropped_and_counted(FrameProtocol protocol, bool v6, bool header, string counter)
    {
        using UdpClient receiver = Bind();
        Assert.Equal(0, Count());
        XskPacket packet = Builder(protocol, v6, [1, 2, 3], (ushort)((IPEndPoint)receiver.Client.LocalEndPoint!).Port, bad: !header, badHeader: header).Build();
        network.Run(() =>
        {
            using XskSocket near = Sockets.Open();
            for (int i = 0; i < 3; i++) near.Send(packet.Data);
            // The receiver's kernel counts a datagram's checksum when it is read.
            SpinWait.SpinUntil(() => receiver.Client.Poll(1000, SelectMode.SelectRead) | Count() == 3, Patience);
        });
        Assert.Equal(3, Count());
        Assert.Equal(0, receiver.Available);

        UdpClient Bind()
        {
            UdpClient? client = null;
            network.Run(() => client = new UdpClient(new IPEndPoint(IPAddress.Parse(v6 ? Peer6 : Peer4), 0)));
            return client!;
        }

        int Count()
        {
            string line = network.Execute("nstat", "-asz", counter).Output.Split('\n').Single(row => row.StartsWith(counter + " ", StringComparison.Ordinal));
            return int.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], System.Globalization.CultureInfo.InvariantCulture);
        }
    }

    private FrameBuilder Builder(FrameProtocol protocol, bool v6, byte[] payload, ushort port = 0, bool bad = false, bool badHeader = false) => new()
    {
        Protocol = protocol,
        SourceMac = FieldSequence.FromMacs(ownMac),
        DestinationMac = FieldSequence.FromMacs(peerMac),
        SourceAddress = FrameBuilderTests.Address(v6 ? Own6 : Own4),
        DestinationAddress = FrameBuilderTests.Address(v6 ? Peer6 : Peer4),
        SourcePort = FieldSequence.FromNumbers(4000),
        DestinationPort = FieldSequence.FromNumbers(port),
        Identifier = FieldSequence.FromNumbers(0xbeef),
        SequenceNumber = FieldSequence.FromNumbers(42),
        Payload = payload,
        BadChecksum = bad,
        BadHeaderChecksum = badHeader,
    };

    private XskPacket Exchange(XskPacket packet, Func<XskPacket, bool> isAnswer)
    {
        XskPacket? answer = null;
        network.Run(() => answer = ExchangeHere(packet, isAnswer));
        return answer!;
    }

    /// <summary>The kernel's own neighbour discovery may come between.</summary>
    private static XskPacket ExchangeHere(XskPacket packet, Func<XskPacket, bool> isAnswer)
    {
        using XskSocket near = Sockets.Open();
        near.Send(packet.Data);
        XskPacketReader reader = new();
        XskPacket? answer = null;
        SpinWait.SpinUntil(() => reader.ReadOne(near) is { } read && isAnswer(read) && (answer = read) is not null, Patience);
        Assert.NotNull(answer);
        return answer;
    }

    private static string Text(PhysicalAddress address) => string.Join(':', address.GetAddressBytes().Select(b => b.ToString("x2", System.Globalization.CultureInfo.InvariantCulture)));
}
