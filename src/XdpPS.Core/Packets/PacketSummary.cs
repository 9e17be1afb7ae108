using System.Buffers.Binary;
using System.Globalization;
using System.Net;

namespace XdpPS;

/// <summary>Addresses and protocol of a frame, as a list of packets shows them. Never throws and never reads past the end.</summary>
internal readonly ref struct PacketSummary
{
    // RFC 8200: hop-by-hop, routing, fragment, authentication (RFC 4302), destination options, mobility (RFC 6275).
    private const int HopByHop = 0, Routing = 43, Fragment = 44, Authentication = 51, DestinationOptions = 60, Mobility = 135;

    private readonly ReadOnlySpan<byte> frame;
    private readonly ReadOnlySpan<byte> packet;
    private readonly int typeOffset;
    private readonly ushort type;

    private PacketSummary(ReadOnlySpan<byte> frame)
    {
        this.frame = frame;
        typeOffset = EthernetFrame.HeaderLength - 2 + (EthernetFrame.CountVlanTags(frame) * EthernetFrame.VlanTagLength);
        type = EthernetFrame.TypeAt(frame, typeOffset);
        packet = frame[Math.Min(frame.Length, typeOffset + 2)..];
    }

    internal static PacketSummary Read(ReadOnlySpan<byte> frame) => new(frame);

    internal string Source => IsIPv4 ? Address(packet[12..16]) : IsIPv6 ? Address(packet[8..24]) : Mac(frame, 6);

    internal string Destination => IsIPv4 ? Address(packet[16..20]) : IsIPv6 ? Address(packet[24..40]) : Mac(frame, 0);

    internal string Protocol => IsIPv4 ? TransportName(packet[9])
        : IsIPv6 ? TransportName(UpperProtocol(packet))
        : frame.Length < typeOffset + 2 ? ""
        : TypeName(type);

    private bool IsIPv4 => type == EthernetFrame.IPv4 && packet.Length >= 20;

    private bool IsIPv6 => type == EthernetFrame.IPv6 && packet.Length >= 40;

    /// <summary>Follows the IPv6 extension headers, at most eight of them, to the first that is none.</summary>
    private static byte UpperProtocol(ReadOnlySpan<byte> packet)
    {
        byte next = packet[6];
        int offset = 40;
        for (int i = 0; i < 8 && next is HopByHop or Routing or Fragment or Authentication or DestinationOptions or Mobility; i++)
        {
            if (packet.Length < offset + 8) break;
            int length = next switch
            {
                Fragment => 8,
                Authentication => (packet[offset + 1] + 2) * 4,
                _ => (packet[offset + 1] + 1) * 8,
            };
            next = packet[offset];
            offset += length;
        }

        return next;
    }

    private static string TransportName(byte protocol) => protocol switch
    {
        1 => "ICMP",
        2 => "IGMP",
        6 => "TCP",
        17 => "UDP",
        47 => "GRE",
        50 => "ESP",
        51 => "AH",
        58 => "ICMPv6",
        89 => "OSPF",
        112 => "VRRP",
        132 => "SCTP",
        _ => $"IP {protocol}",
    };

    private static string TypeName(ushort type) => type switch
    {
        EthernetFrame.Arp => "ARP",
        EthernetFrame.IPv4 => "IPv4",
        EthernetFrame.IPv6 => "IPv6",
        EthernetFrame.Lldp => "LLDP",
        // IEEE 802.3 clause 3.2.6: up to 1,500 the field is a length.
        <= 1500 => "LLC",
        _ => $"0x{type.ToString("x4", CultureInfo.InvariantCulture)}",
    };

    private static string Address(ReadOnlySpan<byte> bytes) => new IPAddress(bytes).ToString();

    private static string Mac(ReadOnlySpan<byte> frame, int offset) => frame.Length >= offset + 6
        ? string.Create(17, BinaryPrimitives.ReadUInt64BigEndian([0, 0, .. frame.Slice(offset, 6)]), static (text, value) =>
        {
            for (int i = 0; i < 6; i++)
            {
                if (i > 0) text[(i * 3) - 1] = ':';
                ((byte)(value >> (40 - (i * 8)))).TryFormat(text[(i * 3)..], out _, "x2", CultureInfo.InvariantCulture);
            }
        })
        : "";
}
