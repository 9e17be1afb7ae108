using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;

namespace XdpPS.Tests;

/// <summary>Which of tshark's fields is which of our properties, and how both are written down alike.</summary>
internal static class TsharkFields
{
    /// <summary>Protocols that tshark's list and ours call by one name.</summary>
    internal static readonly HashSet<string> SameList = ["ARP", "RARP", "DNS", "MDNS", "DHCP", "BOOTP", "ICMP", "ICMPv6", "LLDP", "STP", "ESP", "SCTP"];

    /// <returns>Our family of a tshark protocol; null for those that we do not dissect.</returns>
    internal static string? NameOf(string tshark) => tshark switch
    {
        "eth" => "Ethernet",
        "vlan" or "ieee8021ad" => "VLAN",
        "llc" => "LLC",
        "stp" => "STP",
        "lldp" => "LLDP",
        "arp" => "ARP",
        "ip" => "IPv4",
        "ipv6" => "IPv6",
        "ah" => "AH",
        "icmp" => "ICMP",
        "icmpv6" => "ICMPv6",
        "udp" => "UDP",
        "tcp" => "TCP",
        "dns" or "mdns" => "DNS",
        "dhcp" => "DHCP",
        "vxlan" => "VXLAN",
        "gre" => "GRE",
        _ => null,
    };

    internal static string Family(PacketLayer layer) => layer switch { DnsLayer => "DNS", DhcpLayer => "DHCP", ArpLayer => "ARP", _ => layer.Name };

    /// <returns>tshark's field, written as ours are; a list joined by spaces; null where it is not there.</returns>
    internal static string? Normalize(string name, TsharkLayer layer)
    {
        string[] values = [.. name.Split('|').SelectMany(layer.All).Select(value => Plain(name, value)).OfType<string>()];
        // Padding and end are no options here; and what is at several depths of tshark's tree has no order.
        if (name == "dhcp.option.type") values = [.. values.Where(value => value is not ("0" or "255"))];
        if (name.StartsWith("ipv6.hopopts", StringComparison.Ordinal)) Array.Sort(values, StringComparer.Ordinal);
        return values.Length == 0 ? null : IsList(name) ? string.Join(' ', values) : values[0];
    }

    /// <returns>All that we read in a layer, under tshark's names.</returns>
    internal static IEnumerable<(string Name, string? Value)> Of(PacketLayer layer) => layer switch
    {
        EthernetLayer ethernet =>
        [
            ("eth.dst", Text(ethernet.DestinationAddress)), ("eth.src", Text(ethernet.SourceAddress)),
            ("eth.type", Text((ushort?)ethernet.EtherType)), ("eth.len", Text(ethernet.Length)),
        ],
        VlanLayer vlan =>
        [
            ("vlan.priority|ieee8021ad.priority", Text(vlan.PriorityCodePoint)), ("vlan.dei|ieee8021ad.dei", Text(vlan.DropEligibleIndicator)),
            ("vlan.id|ieee8021ad.id", Text(vlan.VlanId)), ("vlan.etype|ieee8021ah.etype", Text((ushort?)vlan.EtherType)), ("vlan.len", Text(vlan.Length)),
        ],
        LlcLayer llc =>
        [
            ("llc.dsap", Text(llc.DestinationServiceAccessPoint)), ("llc.ssap", Text(llc.SourceServiceAccessPoint)), ("llc.control", Text(llc.Control)),
            ("llc.oui", Text(llc.OrganizationCode)), ("llc.type|llc.pid|llc.cisco_pid|llc.apple_atalk_pid", Text(llc.ProtocolId)),
        ],
        StpLayer stp => Stp(stp),
        LldpLayer lldp => Lldp(lldp),
        ArpLayer arp =>
        [
            ("arp.hw.type", Text(arp.HardwareType)), ("arp.proto.type", Text((ushort?)arp.ProtocolType)), ("arp.hw.size", Text(arp.HardwareLength)),
            ("arp.proto.size", Text(arp.ProtocolLength)), ("arp.opcode", Text((ushort?)arp.Operation)), ("arp.src.hw_mac", Text(arp.SenderHardwareAddress)),
            ("arp.src.proto_ipv4", Text(arp.SenderProtocolAddress)), ("arp.dst.hw_mac", Text(arp.TargetHardwareAddress)), ("arp.dst.proto_ipv4", Text(arp.TargetProtocolAddress)),
        ],
        IPv4Layer ip => IPv4(ip),
        IPv6Layer ip => IPv6(ip),
        AuthenticationLayer ah =>
        [
            ("ah.next_header", Text((byte?)ah.NextHeader)), ("ah.length", Text(ah.PayloadLength)), ("ah.spi", Text(ah.SecurityParametersIndex)), ("ah.sequence", Text(ah.SequenceNumber)),
        ],
        IcmpLayer icmp =>
        [
            ("icmp.type", Text((byte?)icmp.Type)), ("icmp.code", Text(icmp.Code)), ("icmp.checksum", Text(icmp.Checksum)), ("icmp.checksum.status", Status(icmp.ChecksumValid)),
            ("icmp.ident", Text(icmp.Identifier)), ("icmp.seq", Text(icmp.SequenceNumber)), ("icmp.mtu", Text(icmp.NextHopMtu)), ("icmp.redir_gw", Text(icmp.GatewayAddress)),
        ],
        Icmpv6Layer icmp => Icmpv6(icmp),
        UdpLayer udp =>
        [
            ("udp.srcport", Text(udp.SourcePort)), ("udp.dstport", Text(udp.DestinationPort)), ("udp.length", Text(udp.Length)),
            // tshark reads no further than a length that cannot be.
            .. udp.Malformed ? Array.Empty<(string, string?)>() : [("udp.checksum", Text(udp.Checksum)), ("udp.checksum.status", Status(udp.ChecksumValid))],
        ],
        TcpLayer tcp => Tcp(tcp),
        DnsLayer dns => Dns(dns),
        DhcpLayer dhcp => Dhcp(dhcp),
        VxlanLayer vxlan => [("vxlan.flags", Text((ushort?)(vxlan.Flags << 8))), ("vxlan.vni", Text(vxlan.NetworkIdentifier))],
        GreLayer gre =>
        [
            ("gre.flags.checksum", Text(gre.ChecksumPresent)), ("gre.flags.key", Text(gre.KeyPresent)), ("gre.flags.sequence_number", Text(gre.SequenceNumberPresent)),
            ("gre.flags.version", Text(gre.Version)), ("gre.proto", Text((ushort?)gre.ProtocolType)), ("gre.checksum", Text(gre.Checksum)),
            ("gre.checksum.status", Status(gre.ChecksumValid)), ("gre.key", Text(gre.Key)), ("gre.sequence_number", Text(gre.SequenceNumber)),
        ],
        _ => throw new ArgumentException($"no fields are known of {layer.Name}"),
    };

    private static IEnumerable<(string Name, string? Value)> Stp(StpLayer stp) =>
    [
        ("stp.protocol", Text(stp.ProtocolId)), ("stp.version", Text(stp.Version)), ("stp.type", Text((byte?)stp.Type)), ("stp.flags", Text(stp.Flags)),
        ("stp.root.prio", Text(stp.RootPriority & 0xf000)), ("stp.root.ext", Text(stp.RootPriority & 0xfff)), ("stp.root.hw", Text(stp.RootAddress)),
        ("stp.root.cost", Text(stp.RootPathCost)), ("stp.bridge.prio", Text(stp.BridgePriority & 0xf000)), ("stp.bridge.ext", Text(stp.BridgePriority & 0xfff)),
        ("stp.bridge.hw", Text(stp.BridgeAddress)), ("stp.port", Text(stp.PortId)), ("stp.msg_age", Text(stp.MessageAge)), ("stp.max_age", Text(stp.MaximumAge)),
        ("stp.hello", Text(stp.HelloTime)), ("stp.forward", Text(stp.ForwardDelay)),
    ];

    private static List<(string, string?)> Lldp(LldpLayer lldp)
    {
        List<(string, string?)> fields =
        [
            ("lldp.tlv.type", List(lldp.Tlvs.Select(tlv => Text(tlv.Type)).Append("0"))), ("lldp.tlv.len", List(lldp.Tlvs.Select(tlv => Text(tlv.Data.Length)).Append("0"))),
            ("lldp.chassis.subtype", Text((byte?)lldp.ChassisIdSubtype)), ("lldp.port.subtype", Text((byte?)lldp.PortIdSubtype)), ("lldp.time_to_live", Text(lldp.TimeToLive)),
            ("lldp.port.desc", lldp.PortDescription), ("lldp.tlv.system.name", lldp.SystemName), ("lldp.tlv.system.desc", lldp.SystemDescription),
            ("lldp.tlv.system_cap", Text((ushort?)lldp.SystemCapabilities)), ("lldp.tlv.enable_system_cap", Text((ushort?)lldp.EnabledCapabilities)),
            ("lldp.mgn.addr.ip4|lldp.mgn.addr.ip6", List(lldp.ManagementAddresses.Select(Text))),
        ];
        // tshark prints some identifiers as bytes.
        if (lldp.ChassisIdSubtype == LldpChassisIdSubtype.MacAddress) fields.Add(("lldp.chassis.id.mac", lldp.ChassisId));
        else if (lldp.ChassisIdSubtype != LldpChassisIdSubtype.NetworkAddress)
            fields.Add(("lldp.chassis.id", lldp.ChassisId is { } id ? Text(new PhysicalAddress(System.Text.Encoding.UTF8.GetBytes(id))) : null));
        if (lldp.PortIdSubtype is not (LldpPortIdSubtype.NetworkAddress or LldpPortIdSubtype.PortComponent)) fields.Add(("lldp.port.id.mac|lldp.port.id", lldp.PortId));
        return fields;
    }

    private static IEnumerable<(string Name, string? Value)> IPv4(IPv4Layer ip)
    {
        List<(string, string?)> fields =
        [
            ("ip.version", Text(ip.Version)), ("ip.hdr_len", Text(ip.InternetHeaderLength * 4)), ("ip.dsfield.dscp", Text(ip.DifferentiatedServicesCodePoint)),
            ("ip.dsfield.ecn", Text(ip.ExplicitCongestionNotification)), ("ip.len", Text(ip.TotalLength)), ("ip.id", Text(ip.Identification)),
            ("ip.flags.df", Text(ip.DontFragment)), ("ip.flags.mf", Text(ip.MoreFragments)), ("ip.frag_offset", Text(ip.FragmentOffset / 8)), ("ip.ttl", Text(ip.TimeToLive)),
            ("ip.proto", Text((byte?)ip.Protocol)), ("ip.checksum", Text(ip.HeaderChecksum)), ("ip.checksum.status", Status(ip.HeaderChecksumValid)),
            ("ip.src", Text(ip.SourceAddress)), ("ip.opt.type", List(ip.Options.Select(option => Text((byte)option.Type)))),
        ];
        if (!ip.Options.Any(option => option.Type is IPv4OptionType.LooseSourceRoute or IPv4OptionType.StrictSourceRoute)) fields.Add(("ip.dst", Text(ip.DestinationAddress)));
        // tshark reads no further than what shows it that the length cannot be.
        return ip.Malformed ? fields.Where(field => field.Item1 is "ip.version" or "ip.hdr_len") : fields;
    }

    private static IEnumerable<(string Name, string? Value)> IPv6(IPv6Layer ip) =>
    [
        ("ipv6.version", Text(ip.Version)), ("ipv6.tclass.dscp", Text(ip.DifferentiatedServicesCodePoint)), ("ipv6.tclass.ecn", Text(ip.ExplicitCongestionNotification)),
        ("ipv6.flow", Text(ip.FlowLabel)), ("ipv6.plen", Text(ip.PayloadLength)), ("ipv6.nxt", Text((byte?)ip.NextHeader)), ("ipv6.hlim", Text(ip.HopLimit)),
        ("ipv6.src", Text(ip.SourceAddress)), ("ipv6.dst", Text(ip.DestinationAddress)),
        ("ipv6.hopopts.nxt|ipv6.dstopts.nxt|ipv6.routing.nxt|ipv6.fraghdr.nxt", List(ip.ExtensionHeaders.Select(header => Text((byte)header.NextHeader)).Order(StringComparer.Ordinal))),
        ("ipv6.hopopts.len_oct|ipv6.dstopts.len_oct|ipv6.routing.len_oct",
            List(ip.ExtensionHeaders.Where(header => header.Type != IPProtocol.Fragment).Select(header => Text(header.Length)).Order(StringComparer.Ordinal))),
        ("ipv6.fraghdr.ident", Text(ip.Identification)), ("ipv6.fraghdr.more", Text(ip.MoreFragments)), ("ipv6.fraghdr.offset", Text(ip.FragmentOffset / 8)),
    ];

    private static IEnumerable<(string Name, string? Value)> Icmpv6(Icmpv6Layer icmp) =>
    [
        ("icmpv6.type", Text((byte?)icmp.Type)), ("icmpv6.code", Text(icmp.Code)), ("icmpv6.checksum", Text(icmp.Checksum)), ("icmpv6.checksum.status", Status(icmp.ChecksumValid)),
        ("icmpv6.echo.identifier", Text(icmp.Identifier)), ("icmpv6.echo.sequence_number", Text(icmp.SequenceNumber)), ("icmpv6.mtu", Text(icmp.Mtu)),
        ("icmpv6.nd.ns.target_address|icmpv6.nd.na.target_address|icmpv6.rd.na.target_address|icmpv6.nd.rd.target_address", Text(icmp.TargetAddress)),
        ("icmpv6.rd.na.destination_address|icmpv6.nd.rd.destination_address", Text(icmp.DestinationAddress)), ("icmpv6.mld.multicast_address", Text(icmp.MulticastAddress)),
        ("icmpv6.nd.na.flag.r", Text(icmp.Router)), ("icmpv6.nd.na.flag.s", Text(icmp.Solicited)), ("icmpv6.nd.na.flag.o", Text(icmp.Override)),
        ("icmpv6.nd.ra.cur_hop_limit", Text(icmp.CurrentHopLimit)), ("icmpv6.nd.ra.flag.m", Text(icmp.ManagedAddressConfiguration)),
        ("icmpv6.nd.ra.flag.o", Text(icmp.OtherConfiguration)), ("icmpv6.nd.ra.router_lifetime", Text(icmp.RouterLifetime)),
        ("icmpv6.nd.ra.reachable_time", Text(icmp.ReachableTime)), ("icmpv6.nd.ra.retrans_timer", Text(icmp.RetransTimer)),
        ("icmpv6.opt.linkaddr", Text(icmp.LinkLayerAddress)),
        // tshark shows the type of an option that is cut off, too.
        .. icmp.Truncated ? Array.Empty<(string, string?)>() : [("icmpv6.opt.type", List(icmp.Options.Select(option => Text((byte)option.Type))))],
    ];

    private static IEnumerable<(string Name, string? Value)> Tcp(TcpLayer tcp)
    {
        List<(string, string?)> fields =
        [
            ("tcp.srcport", Text(tcp.SourcePort)), ("tcp.dstport", Text(tcp.DestinationPort)), ("tcp.seq_raw|tcp.seq", Text(tcp.SequenceNumber)), ("tcp.ack_raw|tcp.ack", Text(tcp.AcknowledgmentNumber)),
            ("tcp.hdr_len", Text(tcp.DataOffset * 4)), ("tcp.flags", Text((ushort?)tcp.Flags)), ("tcp.window_size_value", Text(tcp.Window)), ("tcp.checksum", Text(tcp.Checksum)),
            ("tcp.checksum.status", Status(tcp.ChecksumValid)), ("tcp.urgent_pointer", Text(tcp.UrgentPointer)), ("tcp.option_kind", List(tcp.Options.Select(option => Text((byte)option.Kind)))),
            ("tcp.options.mss_val", Text(tcp.MaximumSegmentSize)), ("tcp.options.wscale.shift", Text(tcp.WindowScale)),
            ("tcp.options.timestamp.tsval", Text(tcp.TimestampValue)), ("tcp.options.timestamp.tsecr", Text(tcp.TimestampEchoReply)),
        ];
        if (tcp.DataOffset < 5) return fields.Where(field => field.Item1 is "tcp.srcport" or "tcp.dstport" or "tcp.hdr_len");
        // tshark shows the kind of an option that is cut off, too.
        return tcp.Malformed ? fields.Take(6) : fields.Where(field => !tcp.IsHeaderCut || field.Item1 != "tcp.option_kind");
    }

    private static IEnumerable<(string Name, string? Value)> Dns(DnsLayer dns) =>
    [
        ("dns.id", Text(dns.Id)), ("dns.flags.response", Text(dns.Response)), ("dns.flags.opcode", Text((byte?)dns.Opcode)), ("dns.flags.truncated", Text(dns.Truncation)),
        ("dns.flags.recdesired", Text(dns.RecursionDesired)), ("dns.flags.checkdisable", Text(dns.CheckingDisabled)),
        ("dns.count.queries|dns.count.zones", Text(dns.QuestionCount)), ("dns.count.answers|dns.count.prerequisites", Text(dns.AnswerCount)),
        ("dns.count.auth_rr|dns.count.updates", Text(dns.AuthorityCount)), ("dns.count.add_rr", Text(dns.AdditionalCount)),
        .. dns.Response == true
            ? new (string, string?)[] { ("dns.flags.authoritative", Text(dns.AuthoritativeAnswer)), ("dns.flags.recavail", Text(dns.RecursionAvailable)), ("dns.flags.rcode", Text((byte?)dns.ResponseCode)) }
            : [],
        // In a query tshark shows the bit where it is set.
        .. dns.Response == true || dns.AuthenticData == true ? new (string, string?)[] { ("dns.flags.authenticated", Text(dns.AuthenticData)) } : [],
        .. dns.Malformed
            ? Array.Empty<(string, string?)>()
            :
            [
                ("dns.qry.name", List(dns.Questions.Select(question => question.Name.Length == 0 ? "<Root>" : question.Name))),
                ("dns.qry.type", List(dns.Questions.Select(question => Text((ushort)question.Type)))),
                ("dns.qry.class", List(dns.Questions.Select(question => Text((ushort)(dns.Name == "MDNS" ? question.Class & 0x7fff : question.Class))))),
            ],
    ];

    private static IEnumerable<(string Name, string? Value)> Dhcp(DhcpLayer dhcp) =>
    [
        ("dhcp.type", Text(dhcp.Operation)), ("dhcp.hw.type", Text(dhcp.HardwareType)), ("dhcp.hw.len", Text(dhcp.HardwareLength)), ("dhcp.hops", Text(dhcp.Hops)),
        ("dhcp.id", Text(dhcp.TransactionId)), ("dhcp.secs", Text(dhcp.Seconds)), ("dhcp.flags.bc", Text(dhcp.Broadcast)), ("dhcp.ip.client", Text(dhcp.ClientAddress)),
        ("dhcp.ip.your", Text(dhcp.YourAddress)), ("dhcp.ip.server", Text(dhcp.ServerAddress)), ("dhcp.ip.relay", Text(dhcp.GatewayAddress)),
        ("dhcp.hw.mac_addr", Text(dhcp.ClientHardwareAddress)), ("dhcp.option.dhcp", Text((byte?)dhcp.MessageType)), ("dhcp.option.hostname", dhcp.HostName),
        ("dhcp.option.requested_ip_address", Text(dhcp.RequestedAddress)), ("dhcp.option.dhcp_server_id", Text(dhcp.ServerIdentifier)),
        ("dhcp.option.ip_address_lease_time", Text(dhcp.LeaseTime)),
        ("dhcp.option.type", List(dhcp.Options.Select(option => Text(option.Code)))),
    ];

    private static string? Status(bool? valid) => valid switch { true => "good", false => "bad", null => null };

    private static string? List(IEnumerable<string?> values) => string.Join(' ', values) is { Length: > 0 } text ? text : null;

    private static string? Text(object? value) => value switch
    {
        null => null,
        bool bit => bit ? "1" : "0",
        PhysicalAddress address => string.Join(':', address.GetAddressBytes().Select(part => part.ToString("x2", CultureInfo.InvariantCulture))),
        TimeSpan time => time.TotalSeconds.ToString(CultureInfo.InvariantCulture),
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString(),
    };

    private static bool IsList(string name) => name is "lldp.tlv.type" or "lldp.tlv.len" or "ip.opt.type" or "icmpv6.opt.type" or "tcp.option_kind" or "dns.qry.name" or "dns.qry.type"
        or "dns.qry.class" or "dhcp.option.type" || name.StartsWith("ipv6.hopopts", StringComparison.Ordinal) || name.StartsWith("lldp.mgn", StringComparison.Ordinal);

    private static string? Plain(string name, string value)
    {
        // Of a checksum tshark also says 2 where it is not to be told whether it is right, and 3 where there is none.
        if (name.EndsWith(".status", StringComparison.Ordinal)) return value switch { "1" => "good", "0" => "bad", _ => null };
        if (value.StartsWith("0x", StringComparison.Ordinal) && ulong.TryParse(value.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out ulong number))
            return (name == "tcp.flags" ? number & 0x1ff : number).ToString(CultureInfo.InvariantCulture);
        return value.Contains(':', StringComparison.Ordinal) && IPAddress.TryParse(value, out IPAddress? address) && value.Count(c => c == ':') != 5 ? address.ToString() : value;
    }
}
