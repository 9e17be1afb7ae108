using System.Buffers.Binary;

namespace XdpPS;

/// <summary>Lays out the frame that a <see cref="FrameBuilder"/> describes, finds the places of its fields, and sums up what its checksums cover.</summary>
internal sealed partial class FrameWriter
{
    /// <summary>Of the IPv4 header and of what is in it.</summary>
    internal const int MostChecksums = 2;

    private const int MostTags = 8;
    private const int ArpLength = 28;

    private readonly FrameBuilder plan;
    private readonly List<FrameField> fields = [];
    private readonly List<FrameChecksum> checksums = [];
    private byte[] frame = [];

    internal FrameWriter(FrameBuilder plan) => this.plan = plan;

    internal byte[] Frame => frame;

    /// <summary>Only those that vary.</summary>
    internal FrameField[] Fields => [.. fields];

    internal FrameChecksum[] Checksums => [.. checksums];

    private bool IsIP => plan.Protocol is not (FrameProtocol.Ethernet or FrameProtocol.Arp);

    private bool IsV6 => plan.DestinationAddress!.Kind == FieldKind.IPv6;

    private int IPHeader => IsV6 ? 40 : 20;

    private int TransportHeader => plan.Protocol switch { FrameProtocol.IcmpEcho or FrameProtocol.Udp => 8, FrameProtocol.Tcp => 20, _ => 0 };

    private IPProtocol IPProtocol => plan.Protocol switch
    {
        FrameProtocol.IcmpEcho => IsV6 ? IPProtocol.ICMPv6 : IPProtocol.ICMP,
        FrameProtocol.Udp => IPProtocol.UDP,
        FrameProtocol.Tcp => IPProtocol.TCP,
        _ => plan.IPProtocol,
    };

    internal void Write()
    {
        CheckAddresses();
        int begin = EthernetFrame.HeaderLength + (plan.Vlans.Count * EthernetFrame.VlanTagLength);
        int headers = begin + (plan.Protocol == FrameProtocol.Arp ? ArpLength : IsIP ? IPHeader + TransportHeader : 0);
        int payload = PayloadLength(headers);
        int longest = begin + ushort.MaxValue + (IsIP && IsV6 ? IPHeader : 0);
        if (headers + payload > longest)
            throw Refused($"A frame of {headers + payload} bytes would be longer than its headers can say", $"make it no longer than {longest} bytes");
        frame = new byte[Math.Max(headers + payload, Math.Min(plan.MinimumLength, longest))];
        WritePayload(frame.AsSpan(headers, payload));
        WriteEthernet(begin);
        if (plan.Protocol == FrameProtocol.Arp) WriteArp(begin);
        else if (IsIP) WriteIP(begin, payload);
        SumUp(begin, payload);
    }

    private int PayloadLength(int headers)
    {
        if (plan.Protocol == FrameProtocol.Arp && !(plan.Payload.IsEmpty && plan.PayloadLength is null && plan.Length is null))
            throw Refused("An ARP packet has no payload", "use -MinimumLength for padding behind it");
        if (plan.Length is not null && plan.PayloadLength is not null)
            throw Refused("Length and PayloadLength both say how long the payload is", "give one of them");
        int least = plan.Payload.Length;
        int length = plan.Length - headers ?? plan.PayloadLength ?? least;
        if (length >= least) return length;
        throw plan.Length is { } total
            ? Refused($"A frame of {total} bytes has no room for {headers} bytes of headers{(least > 0 ? $" and {least} of payload" : "")}", $"use a length of {headers + least} or more")
            : Refused($"A payload of {least} bytes does not fit {length}", $"use a payload length of {least} or more");
    }

    private void WritePayload(Span<byte> payload)
    {
        ReadOnlySpan<byte> given = plan.Payload.Span;
        if (given.IsEmpty) return;
        for (; payload.Length > given.Length; payload = payload[given.Length..]) given.CopyTo(payload);
        given[..payload.Length].CopyTo(payload);
    }

    private void WriteEthernet(int begin)
    {
        FieldSequence source = plan.SourceMac ?? throw Refused("There is no source MAC address", "give -SourceMac, or -InterfaceName to take that of an interface");
        // The sender of an ARP packet is what its frame comes from, and the target of a reply what it goes to.
        bool isArp = plan.Protocol == FrameProtocol.Arp;
        Put("DestinationMac", plan.DestinationMac ?? DefaultDestination(), 48, FieldKind.Mac, 0, isArp && plan.Operation == ArpOperation.Reply && plan.TargetMac is null ? [0, begin + 18] : [0]);
        Put("SourceMac", source, 48, FieldKind.Mac, 0, isArp ? [6, begin + 8] : [6]);
        if (plan.Vlans.Count > MostTags) throw Refused($"A frame cannot have {plan.Vlans.Count} VLAN tags here", $"give up to {MostTags}; write VLANs that vary as a range: '100-199'");
        int at = EthernetFrame.HeaderLength - 2;
        for (int i = 0; i < plan.Vlans.Count; i++, at += EthernetFrame.VlanTagLength)
        {
            FrameVlan tag = plan.Vlans[i];
            if (tag.PriorityCodePoint > 7) throw Refused($"{tag.PriorityCodePoint} is no VLAN priority", "use 0 to 7");
            bool isLast = i == plan.Vlans.Count - 1;
            Word(at, tag.Type ?? (isLast ? EthernetFrame.Vlan : EthernetFrame.ServiceVlan));
            frame[at + 2] = (byte)(tag.PriorityCodePoint << 5);
            Put(plan.Vlans.Count == 1 ? "Vlan" : $"Vlan {i + 1}", tag.VlanId, 12, FieldKind.Number, 0, at + 2);
        }

        Word(at, plan.Protocol switch
        {
            FrameProtocol.Ethernet => plan.EtherType,
            FrameProtocol.Arp => EthernetFrame.Arp,
            _ => IsV6 ? EthernetFrame.IPv6 : EthernetFrame.IPv4,
        });
    }

    private void WriteArp(int at)
    {
        Word(at, 1);
        Word(at + 2, EthernetFrame.IPv4);
        frame[at + 4] = 6;
        frame[at + 5] = 4;
        Word(at + 6, (ushort)plan.Operation);
        Put("SourceAddress", plan.SourceAddress!, 32, FieldKind.IPv4, 0, at + 14);
        if (plan.TargetMac is { } target) Put("TargetMac", target, 48, FieldKind.Mac, 0, at + 18);
        Put("DestinationAddress", plan.DestinationAddress!, 32, FieldKind.IPv4, 0, at + 24);
    }

    private void WriteIP(int at, int payload)
    {
        int length = TransportHeader + payload;
        if (plan.DifferentiatedServicesCodePoint > 63) throw Refused($"{plan.DifferentiatedServicesCodePoint} is no code point of differentiated services", "use 0 to 63");
        int trafficClass = plan.DifferentiatedServicesCodePoint << 2;
        // Bit 0: the checksum of the IPv4 header. Bit 1, or 0 where there is none: what TCP, UDP and ICMPv6 have of the addresses.
        int header = IsV6 ? 0 : 1, transport = IsV6 ? 1 : 2;
        int pseudo = plan.Protocol is FrameProtocol.IP || (plan.Protocol == FrameProtocol.IcmpEcho && !IsV6) ? 0 : transport;
        if (IsV6)
        {
            BinaryPrimitives.WriteUInt32BigEndian(frame.AsSpan(at), 0x60000000u | ((uint)trafficClass << 20));
            Put("FlowLabel", plan.FlowLabel, 20, FieldKind.Number, 0, at + 1);
            Word(at + 4, (ushort)length);
            frame[at + 6] = (byte)IPProtocol;
            Put("TimeToLive", plan.TimeToLive, 8, FieldKind.Number, 0, at + 7);
            Put("SourceAddress", plan.SourceAddress!, 128, FieldKind.IPv6, pseudo, at + 8);
            Put("DestinationAddress", plan.DestinationAddress!, 128, FieldKind.IPv6, pseudo, at + 24);
        }
        else
        {
            frame[at] = 0x45;
            frame[at + 1] = (byte)trafficClass;
            Word(at + 2, (ushort)(IPHeader + length));
            Put("Identification", plan.Identification, 16, FieldKind.Number, header, at + 4);
            if (plan.DontFragment) frame[at + 6] = 0x40;
            Put("TimeToLive", plan.TimeToLive, 8, FieldKind.Number, header, at + 8);
            frame[at + 9] = (byte)IPProtocol;
            Put("SourceAddress", plan.SourceAddress!, 32, FieldKind.IPv4, header | pseudo, at + 12);
            Put("DestinationAddress", plan.DestinationAddress!, 32, FieldKind.IPv4, header | pseudo, at + 16);
        }

        WriteTransport(at + IPHeader, length, transport);
    }

    private void WriteTransport(int at, int length, int checksum)
    {
        switch (plan.Protocol)
        {
            case FrameProtocol.IcmpEcho:
                frame[at] = (IsV6, plan.Reply) switch
                {
                    (true, false) => (byte)Icmpv6Type.EchoRequest,
                    (true, true) => (byte)Icmpv6Type.EchoReply,
                    (false, false) => (byte)IcmpType.EchoRequest,
                    (false, true) => (byte)IcmpType.EchoReply,
                };
                Put("Identifier", plan.Identifier, 16, FieldKind.Number, checksum, at + 4);
                Put("SequenceNumber", plan.SequenceNumber, 16, FieldKind.Number, checksum, at + 6);
                break;
            case FrameProtocol.Udp:
                PutPorts(at, checksum);
                Word(at + 4, (ushort)length);
                break;
            case FrameProtocol.Tcp:
                PutPorts(at, checksum);
                Put("SequenceNumber", plan.SequenceNumber, 32, FieldKind.Number, checksum, at + 4);
                Put("AcknowledgmentNumber", plan.AcknowledgmentNumber, 32, FieldKind.Number, checksum, at + 8);
                Word(at + 12, (ushort)((5 << 12) | ((ushort)plan.Flags & 0x1ff)));
                Word(at + 14, plan.Window);
                break;
            default:
                break;
        }
    }

    private void PutPorts(int at, int checksum)
    {
        Put("SourcePort", plan.SourcePort ?? throw Refused("There is no source port", "give -SourcePort"), 16, FieldKind.Number, checksum, at);
        Put("DestinationPort", plan.DestinationPort ?? throw Refused("There is no destination port", "give -DestinationPort"), 16, FieldKind.Number, checksum, at + 2);
    }

    /// <summary>Sums up what the checksums cover; the fields that vary are not in the frame yet, and so count as zero.</summary>
    private void SumUp(int at, int payload)
    {
        if (!IsIP)
        {
            if (plan.BadChecksum || plan.BadHeaderChecksum) throw Refused($"{(plan.Protocol == FrameProtocol.Arp ? "ARP" : "An Ethernet frame")} has no checksum that could be wrong", "leave -BadChecksum and -BadHeaderChecksum out");
            return;
        }

        if (!IsV6) checksums.Add(new FrameChecksum(at + 10, InternetChecksum.Sum(frame.AsSpan(at, IPHeader)), IPProtocol.IPv4, plan.BadHeaderChecksum));
        else if (plan.BadHeaderChecksum) throw Refused("The header of IPv6 has no checksum that could be wrong", "leave -BadHeaderChecksum out");
        if (plan.Protocol == FrameProtocol.IP)
        {
            if (plan.BadChecksum) throw Refused("A packet of a bare IP protocol has no checksum that is known", "use -BadHeaderChecksum for that of the IPv4 header");
            return;
        }

        int length = TransportHeader + payload;
        int message = at + IPHeader;
        ulong sum = InternetChecksum.Sum(frame.AsSpan(message, length));
        if (IPProtocol != IPProtocol.ICMP)
        {
            ReadOnlySpan<byte> addresses = IsV6 ? frame.AsSpan(at + 8, 32) : frame.AsSpan(at + 12, 8);
            sum = InternetChecksum.Sum(addresses, sum) + (byte)IPProtocol + (uint)length;
        }

        int offset = plan.Protocol switch { FrameProtocol.Tcp => 16, FrameProtocol.Udp => 6, _ => 2 };
        checksums.Add(new FrameChecksum(message + offset, sum, IPProtocol, plan.BadChecksum));
    }
}
