using System.Buffers.Binary;
using System.Net;
using System.Text;

namespace XdpPS.Demo;

/// <summary>Frames as hosts really send them, from 192.0.2.1 to 192.0.2.2 (RFC 5737), checksums included.</summary>
internal sealed class SampleFrames(byte[] from, byte[] to)
{
    private const ushort IPv4Type = 0x0800, ArpType = 0x0806, VlanType = 0x8100, IPv6Type = 0x86dd;
    private const byte Icmp = 1, Tcp = 6, Udp = 17, IcmpV6 = 58;

    private static readonly byte[] Broadcast = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    private static readonly byte[] FromAddress = [192, 0, 2, 1];
    private static readonly byte[] ToAddress = [192, 0, 2, 2];

    internal IReadOnlyList<byte[]> All =>
    [
        Ethernet(Broadcast, ArpType, ArpRequest()),
        Ethernet(to, IPv4Type, IPv4(Icmp, EchoRequest())),
        Ethernet(to, IPv4Type, IPv4(Udp, UdpDatagram(49152, 53, DnsQuery("www.example.com")))),
        Ethernet(to, IPv4Type, IPv4(Tcp, TcpSyn(49153, 443))),
        Ethernet(to, VlanType, Tagged(100, IPv4Type, IPv4(Udp, UdpDatagram(49154, 514, "<14>demo: hello"u8)))),
        Ethernet([0x33, 0x33, 0xff, 0, 0, 2], IPv6Type, NeighbourSolicitation()),
    ];

    private byte[] Ethernet(byte[] destination, ushort type, byte[] payload) => [.. destination, .. from, .. Big(type), .. payload];

    private static byte[] Tagged(ushort vlan, ushort type, byte[] payload) => [.. Big(vlan), .. Big(type), .. payload];

    private byte[] ArpRequest() => [.. Big(1), .. Big(IPv4Type), 6, 4, .. Big(1), .. from, .. FromAddress, 0, 0, 0, 0, 0, 0, .. ToAddress];

    private static byte[] IPv4(byte protocol, byte[] payload)
    {
        byte[] header = [0x45, 0, .. Big(20 + payload.Length), 0, 1, 0x40, 0, 64, protocol, 0, 0, .. FromAddress, .. ToAddress];
        return [.. WithChecksum(header, 10, []), .. payload];
    }

    private static byte[] EchoRequest() => WithChecksum([8, 0, 0, 0, 0, 1, 0, 1, .. "abcdefghijklmnopqrstuvwabcdefghi"u8], 2, []);

    private static byte[] UdpDatagram(int source, int destination, ReadOnlySpan<byte> payload)
    {
        byte[] datagram = [.. Big(source), .. Big(destination), .. Big(8 + payload.Length), 0, 0, .. payload];
        return WithChecksum(datagram, 6, PseudoHeader(Udp, datagram.Length));
    }

    private static byte[] TcpSyn(int source, int destination)
    {
        byte[] segment = [.. Big(source), .. Big(destination), 0, 0, 0, 1, 0, 0, 0, 0, 0x60, 0x02, .. Big(64240), 0, 0, 0, 0, 2, 4, .. Big(1460)];
        return WithChecksum(segment, 16, PseudoHeader(Tcp, segment.Length));
    }

    private static byte[] DnsQuery(string name)
    {
        IEnumerable<byte> labels = name.Split('.').SelectMany(label => (byte[])[(byte)label.Length, .. Encoding.ASCII.GetBytes(label)]);
        return [.. Big(0x2024), .. Big(0x0100), 0, 1, 0, 0, 0, 0, 0, 0, .. labels, 0, 0, 1, 0, 1];
    }

    private byte[] NeighbourSolicitation()
    {
        byte[] source = IPAddress.Parse("2001:db8::1").GetAddressBytes();
        byte[] target = IPAddress.Parse("2001:db8::2").GetAddressBytes();
        byte[] group = IPAddress.Parse("ff02::1:ff00:2").GetAddressBytes();
        byte[] message = [135, 0, 0, 0, 0, 0, 0, 0, .. target, 1, 1, .. from];
        byte[] pseudo = [.. source, .. group, 0, 0, .. Big(message.Length), 0, 0, 0, IcmpV6];
        return [0x60, 0, 0, 0, .. Big(message.Length), IcmpV6, 255, .. source, .. group, .. WithChecksum(message, 2, pseudo)];
    }

    private static byte[] PseudoHeader(byte protocol, int length) => [.. FromAddress, .. ToAddress, 0, protocol, .. Big(length)];

    /// <summary>The Internet checksum (RFC 1071) over the pseudo header and the data, written into the data.</summary>
    private static byte[] WithChecksum(byte[] data, int offset, byte[] pseudoHeader)
    {
        byte[] all = [.. pseudoHeader, .. data];
        uint sum = 0;
        for (int i = 0; i < all.Length; i++) sum += i % 2 == 0 ? (uint)all[i] << 8 : all[i];
        while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
        BinaryPrimitives.WriteUInt16BigEndian(data.AsSpan(offset), (ushort)~sum);
        return data;
    }

    private static byte[] Big(int value) => [(byte)(value >> 8), (byte)value];
}
