using System.Globalization;

namespace XdpPS;

/// <summary>What an IP packet carries, or which IPv6 extension header follows, as IANA assigned it.</summary>
public enum IPProtocol : byte
{
    /// <summary>IPv6 hop-by-hop options (RFC 8200).</summary>
    HopByHop = 0,

    /// <summary>Internet Control Message Protocol.</summary>
    ICMP = 1,

    /// <summary>Internet Group Management Protocol.</summary>
    IGMP = 2,

    /// <summary>IPv4 in IP.</summary>
    IPv4 = 4,

    /// <summary>Transmission Control Protocol.</summary>
    TCP = 6,

    /// <summary>User Datagram Protocol.</summary>
    UDP = 17,

    /// <summary>IPv6 in IP.</summary>
    IPv6 = 41,

    /// <summary>IPv6 routing header.</summary>
    Routing = 43,

    /// <summary>IPv6 fragment header.</summary>
    Fragment = 44,

    /// <summary>Resource Reservation Protocol.</summary>
    RSVP = 46,

    /// <summary>Generic Routing Encapsulation.</summary>
    GRE = 47,

    /// <summary>IPsec Encapsulating Security Payload.</summary>
    ESP = 50,

    /// <summary>IPsec Authentication Header.</summary>
    AH = 51,

    /// <summary>ICMP for IPv6.</summary>
    ICMPv6 = 58,

    /// <summary>Nothing follows (RFC 8200).</summary>
    NoNextHeader = 59,

    /// <summary>IPv6 destination options.</summary>
    DestinationOptions = 60,

    /// <summary>Enhanced Interior Gateway Routing Protocol.</summary>
    EIGRP = 88,

    /// <summary>Open Shortest Path First.</summary>
    OSPF = 89,

    /// <summary>Protocol Independent Multicast.</summary>
    PIM = 103,

    /// <summary>Virtual Router Redundancy Protocol.</summary>
    VRRP = 112,

    /// <summary>Layer Two Tunneling Protocol.</summary>
    L2TP = 115,

    /// <summary>Stream Control Transmission Protocol.</summary>
    SCTP = 132,

    /// <summary>IPv6 mobility header (RFC 6275).</summary>
    Mobility = 135,

    /// <summary>UDP with partial checksums.</summary>
    UDPLite = 136,
}

/// <summary>Names of IP protocols in lists.</summary>
internal static class IPProtocolText
{
    internal static string Of(IPProtocol protocol) =>
        Enum.IsDefined(protocol) ? protocol.ToString() : "IP " + ((byte)protocol).ToString(CultureInfo.InvariantCulture);
}
