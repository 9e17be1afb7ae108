namespace XdpPS;

/// <summary>What an Ethernet frame carries, as IEEE assigned it.</summary>
public enum EtherType : ushort
{
    /// <summary>No type: the field is zero.</summary>
    None = 0,

    /// <summary>Internet Protocol version 4.</summary>
    IPv4 = EthernetFrame.IPv4,

    /// <summary>Address Resolution Protocol.</summary>
    ARP = EthernetFrame.Arp,

    /// <summary>Ethernet frames bridged through a tunnel (RFC 1701).</summary>
    TransparentEthernet = 0x6558,

    /// <summary>Reverse ARP.</summary>
    RARP = EthernetFrame.Rarp,

    /// <summary>IEEE 802.1Q tag.</summary>
    VLAN = EthernetFrame.Vlan,

    /// <summary>Internet Protocol version 6.</summary>
    IPv6 = EthernetFrame.IPv6,

    /// <summary>Slow protocols: LACP, marker, OAM.</summary>
    LACP = 0x8809,

    /// <summary>MPLS unicast.</summary>
    MPLS = 0x8847,

    /// <summary>PPP over Ethernet, discovery.</summary>
    PPPoEDiscovery = 0x8863,

    /// <summary>PPP over Ethernet, session.</summary>
    PPPoE = 0x8864,

    /// <summary>IEEE 802.1X authentication.</summary>
    EAPOL = 0x888e,

    /// <summary>IEEE 802.1ad service tag (QinQ).</summary>
    QinQ = EthernetFrame.ServiceVlan,

    /// <summary>Link Layer Discovery Protocol.</summary>
    LLDP = EthernetFrame.Lldp,

    /// <summary>IEEE 802.1AE.</summary>
    MACsec = 0x88e5,

    /// <summary>IEEE 1588 Precision Time Protocol.</summary>
    PTP = 0x88f7,

    /// <summary>An outer tag, from before 802.1ad.</summary>
    OldQinQ = EthernetFrame.OldServiceVlan,
}

/// <summary>Names of EtherTypes in lists.</summary>
internal static class EtherTypeText
{
    /// <returns>The name, LLC where the number is a length (IEEE 802.3 clause 3.2.6), else the number in hexadecimal.</returns>
    internal static string Of(ushort? type) => type switch
    {
        null => "",
        <= EthernetFrame.LargestLength => "LLC",
        _ when Enum.IsDefined((EtherType)type) => ((EtherType)type).ToString(),
        _ => HexNotation.Number(type.Value),
    };
}
