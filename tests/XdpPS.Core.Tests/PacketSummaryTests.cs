using System.Buffers.Binary;

namespace XdpPS.Tests;

public sealed class PacketSummaryTests
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
    public void A_frame_cut_off_anywhere_never_throws()
    {
        string[] whole =
        [
            Macs + "88a8 0005 8100 0006 0800 " + IPv4To + " 0035 0035 0008 0000",
            Macs + "86dd 60000000 0010 00 40 " + IPv6Addresses + " 3c00000000000000 2b00000000000000 3300000000000000 0601000000000000 00000000",
        ];
        foreach (byte[] frame in whole.Select(Frames.Hex))
        {
            for (int length = 0; length <= frame.Length; length++) ReadAll(frame.AsSpan(0, length));
        }
    }

    [Fact]
    public void Extension_headers_that_never_end_never_throw()
    {
        byte[] frame = Frames.Hex(Macs + "86dd 60000000 ffff 00 40 " + IPv6Addresses + string.Concat(Enumerable.Repeat(" 00ff000000000000", 40)));
        Assert.StartsWith("IP", PacketSummary.Read(frame).Protocol, StringComparison.Ordinal);
    }

    [Fact]
    public void Random_frames_never_throw()
    {
        Random random = new(20_260_101);
        ushort[] types = [0x0800, 0x86dd, 0x8100, 0x88a8, 0x0806];
        byte[] extensions = [0, 43, 44, 51, 60, 135];
        byte[] buffer = new byte[256];
        for (int i = 0; i < 100_000; i++)
        {
            random.NextBytes(buffer);
            BinaryPrimitives.WriteUInt16BigEndian(buffer.AsSpan(12), types[random.Next(types.Length)]);
            buffer[20] = extensions[random.Next(extensions.Length)];
            ReadOnlySpan<byte> frame = buffer.AsSpan(0, random.Next(buffer.Length + 1));
            ReadAll(frame);
        }
    }

    private static void ReadAll(ReadOnlySpan<byte> frame)
    {
        PacketSummary summary = PacketSummary.Read(frame);
        Assert.NotNull(summary.Source + summary.Destination + summary.Protocol);
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
