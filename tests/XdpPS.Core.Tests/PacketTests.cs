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
}
