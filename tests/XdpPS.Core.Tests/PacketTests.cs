namespace XdpPS.Tests;

public sealed class PacketTests
{
    private const string Macs = "020000000002 020000000001 ";
    private const string IPv4To = "45000014 00010000 4011 0000 0a000001 0a000002";
    private const string IPv6Addresses = "20010db8000000000000000000000001 20010db8000000000000000000000002";

    [Theory]
    [InlineData(Macs + "0800 " + IPv4To, "10.0.0.1", "10.0.0.2", "UDP")]
    [InlineData(Macs + "0800 45000014 00010000 4006 0000 0a000001 0a000002", "10.0.0.1", "10.0.0.2", "TCP")]
    [InlineData(Macs + "0800 45000014 00010000 4001 0000 0a000001 0a000002", "10.0.0.1", "10.0.0.2", "ICMP")]
    [InlineData(Macs + "0800 45000014 00010000 40fd 0000 0a000001 0a000002", "10.0.0.1", "10.0.0.2", "IP 253")]
    [InlineData(Macs + "8100 0005 0800 " + IPv4To, "10.0.0.1", "10.0.0.2", "UDP")]
    [InlineData(Macs + "88a8 0005 8100 0006 0800 " + IPv4To, "10.0.0.1", "10.0.0.2", "UDP")]
    [InlineData(Macs + "86dd 60000000 0000 06 40 " + IPv6Addresses, "2001:db8::1", "2001:db8::2", "TCP")]
    [InlineData(Macs + "86dd 60000000 0010 00 40 " + IPv6Addresses + " 3c00000000000000 1100000000000000", "2001:db8::1", "2001:db8::2", "UDP")]
    [InlineData(Macs + "86dd 60000000 0008 2c 40 " + IPv6Addresses + " 3a00000000000000", "2001:db8::1", "2001:db8::2", "ICMPv6")]
    [InlineData(Macs + "86dd 60000000 000c 33 40 " + IPv6Addresses + " 0601000000000000 00000000", "2001:db8::1", "2001:db8::2", "TCP")]
    [InlineData(Macs + "0806 0001080006040001", "02:00:00:00:00:01", "02:00:00:00:00:02", "ARP")]
    [InlineData(Macs + "88cc 00", "02:00:00:00:00:01", "02:00:00:00:00:02", "LLDP")]
    [InlineData(Macs + "0026 424203", "02:00:00:00:00:01", "02:00:00:00:00:02", "LLC")]
    [InlineData(Macs + "88b5", "02:00:00:00:00:01", "02:00:00:00:00:02", "0x88b5")]
    [InlineData(Macs + "0800 45000014", "02:00:00:00:00:01", "02:00:00:00:00:02", "IPv4")]
    [InlineData(Macs + "86dd 60000000", "02:00:00:00:00:01", "02:00:00:00:00:02", "IPv6")]
    [InlineData("020000000002 0200", "", "02:00:00:00:00:02", "")]
    [InlineData("0200", "", "", "")]
    public void A_frame_is_summed_up(string hex, string source, string destination, string protocol)
    {
        byte[] frame = Frames.Hex(hex);
        XskPacket packet = new(frame);
        Assert.Equal((source, destination, protocol), (packet.Source, packet.Destination, packet.Protocol));
        Assert.Equal($"{source} > {destination} {protocol} {frame.Length} bytes", packet.ToString());
    }

    [Fact]
    public void A_packet_of_ones_own_has_its_bytes_and_no_origin()
    {
        byte[] data = Frames.Make(60);
        XskPacket packet = new(data);
        Assert.Same(data, packet.Data);
        Assert.Equal((60, false, "", 0), (packet.Length, packet.Truncated, packet.InterfaceName, packet.QueueId));
        Assert.True(new XskPacket(data) { Length = 1514 }.Truncated);
    }

    [Fact]
    public void A_packets_time_is_its_timestamp_in_local_time()
    {
        XskPacket packet = new(Frames.Make(60)) { Timestamp = 1_700_000_000_123_456_700 };
        Assert.Equal(new DateTime(2023, 11, 14, 22, 13, 20, DateTimeKind.Utc).AddTicks(1_234_567), packet.Time.ToUniversalTime());
        Assert.Equal(DateTimeKind.Local, packet.Time.Kind);
    }

    [Fact]
    public void A_packet_costs_48_bytes_and_the_array_of_its_data()
    {
        const int Count = 1_000;
        XskPacket[] packets = new XskPacket[Count];
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < Count; i++) packets[i] = new XskPacket(new byte[64]);
        Assert.Equal(48 + 24 + 64, (GC.GetAllocatedBytesForCurrentThread() - before) / Count);
        Assert.All(packets, packet => Assert.Equal(64, packet.Length));
    }

    [Fact]
    public void Layers_have_the_fields_of_their_protocol_and_what_is_not_there_is_null()
    {
        XskPacket packet = new(Frames.Hex(Macs + "8100 a005 0800 4500002c 00014000 40060000 0a000001 0a000002 9c41 0050 00000001 00000002 6012 01f4 0000 0000 020405b4"));
        Assert.Equal((ushort?)5, packet.Vlan);
        Assert.Equal((byte?)5, packet.Vlans![0].PriorityCodePoint);
        Assert.True(packet.IPv4!.DontFragment);
        Assert.Equal(TcpControlBits.Syn | TcpControlBits.Ack, packet.Tcp!.Flags);
        Assert.Equal((ushort?)1460, packet.Tcp.MaximumSegmentSize);
        Assert.Null(packet.Tcp.WindowScale);
        Assert.False(packet.Tcp.ChecksumValid);
        Assert.Equal(((ushort?)40001, (ushort?)80), (packet.SourcePort, packet.DestinationPort));
        Assert.Equal("40001 > 80 [SYN, ACK] Seq=1 Ack=2 Win=500 Len=0", packet.Info);
        Assert.Null(packet.Udp);
        Assert.Null(packet.IPv6);
        Assert.Equal(packet.Tcp, packet.Tcp);
    }

    [Fact]
    public void Layers_that_are_cut_off_or_cannot_be_are_marked()
    {
        XskPacket cut = new(Frames.Hex(Macs + "0800 45000028 00010000 40060000 0a000001 0a000002 9c41 0050 00000001"));
        Assert.True(cut.IPv4!.Truncated);
        Assert.True(cut.Tcp!.Truncated);
        Assert.False(cut.Tcp.Malformed);
        Assert.Null(cut.Tcp.Flags);
        Assert.EndsWith("[truncated]", cut.Info, StringComparison.Ordinal);
        XskPacket wrong = new(Frames.Hex(Macs + "0800 42000028 00010000 40060000 0a000001 0a000002 9c41 0050 00000001"));
        Assert.True(wrong.IPv4!.Malformed);
        Assert.Null(wrong.Tcp);
        Assert.EndsWith("[malformed]", wrong.Info, StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_tunnel_carries_is_a_packet_of_its_own()
    {
        XskPacket packet = new(Frames.Hex(
            Macs + "0800 4500004e 00010000 40110000 0a000001 0a000002 c000 12b5 003a 0000 0800000000002a00 "
            + "020000000102 020000000101 0800 4500001c 00010000 40110000 c0000201 c0000202 0007 0009 0008 0000"));
        Assert.Equal(("192.0.2.1", "192.0.2.2", "UDP"), (packet.Source, packet.Destination, packet.Protocol));
        Assert.Equal("10.0.0.1", packet.IPv4!.SourceAddress!.ToString());
        Assert.Equal(42u, packet.Vxlan!.NetworkIdentifier);
        Assert.Equal("192.0.2.1", packet.Vxlan.Inner!.IPv4!.SourceAddress!.ToString());
        Assert.Equal(["Ethernet", "IPv4", "UDP", "VXLAN", "Ethernet", "IPv4", "UDP"], packet.GetLayers().Select(layer => layer.Name));
    }
}
