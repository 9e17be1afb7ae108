namespace XdpPS.Filters;

/// <summary>Names for numbers in packet headers, as IEEE and IANA have them or as they are commonly called.</summary>
internal static class FieldNames
{
    internal static readonly IReadOnlyList<(string Name, int Number, string Meaning)> EtherTypes =
    [
        ("IPv4", 0x0800, "Internet Protocol version 4"),
        ("IPv6", 0x86dd, "Internet Protocol version 6"),
        ("ARP", 0x0806, "Address Resolution Protocol"),
        ("RARP", 0x8035, "Reverse ARP"),
        ("WakeOnLan", 0x0842, "Wake-on-LAN magic packet"),
        ("VLAN", 0x8100, "IEEE 802.1Q tag"),
        ("QinQ", 0x88a8, "IEEE 802.1ad service tag"),
        ("MPLS", 0x8847, "MPLS unicast"),
        ("PPPoEDiscovery", 0x8863, "PPP over Ethernet, discovery"),
        ("PPPoE", 0x8864, "PPP over Ethernet, session"),
        ("EAPOL", 0x888e, "IEEE 802.1X authentication"),
        ("PROFINET", 0x8892, "PROFINET real time"),
        ("EtherCAT", 0x88a4, "EtherCAT"),
        ("GOOSE", 0x88b8, "IEC 61850 GOOSE"),
        ("LACP", 0x8809, "slow protocols: LACP, marker, OAM"),
        ("LLDP", 0x88cc, "Link Layer Discovery Protocol"),
        ("MACsec", 0x88e5, "IEEE 802.1AE"),
        ("PTP", 0x88f7, "IEEE 1588 Precision Time Protocol"),
        ("CFM", 0x8902, "IEEE 802.1ag connectivity faults"),
        ("FCoE", 0x8906, "Fibre Channel over Ethernet"),
        ("RoCE", 0x8915, "RDMA over Converged Ethernet"),
        ("AVTP", 0x22f0, "IEEE 1722 audio and video"),
    ];

    internal static readonly IReadOnlyList<(string Name, int Number, string Meaning)> IPProtocols =
    [
        ("TCP", 6, "Transmission Control Protocol"),
        ("UDP", 17, "User Datagram Protocol"),
        ("ICMP", 1, "Internet Control Message Protocol"),
        ("ICMPv6", 58, "ICMP for IPv6"),
        ("SCTP", 132, "Stream Control Transmission Protocol"),
        ("IGMP", 2, "Internet Group Management Protocol"),
        ("IPIP", 4, "IPv4 encapsulation"),
        ("IPv6", 41, "IPv6 encapsulation"),
        ("RSVP", 46, "Resource Reservation Protocol"),
        ("GRE", 47, "Generic Routing Encapsulation"),
        ("ESP", 50, "IPsec Encapsulating Security Payload"),
        ("AH", 51, "IPsec Authentication Header"),
        ("EIGRP", 88, "Enhanced Interior Gateway Routing Protocol"),
        ("OSPF", 89, "Open Shortest Path First"),
        ("PIM", 103, "Protocol Independent Multicast"),
        ("VRRP", 112, "Virtual Router Redundancy Protocol"),
        ("L2TP", 115, "Layer Two Tunneling Protocol"),
        ("UDPLite", 136, "UDP with partial checksums"),
    ];

    internal static string ListOf(IReadOnlyList<(string Name, int Number, string Meaning)> names) => string.Join(", ", names.Select(entry => entry.Name));
}
