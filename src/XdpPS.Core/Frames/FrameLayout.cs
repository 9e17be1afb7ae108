namespace XdpPS;

/// <summary>The outermost headers of a packet, as far as they are dissected: what is inside a tunnel is its payload.</summary>
internal sealed class FrameLayout
{
    internal FrameLayout(XskPacket packet)
    {
        foreach (PacketLayer layer in packet.GetLayers())
        {
            if (layer is EthernetLayer or VlanLayer)
            {
                if (layer.Outer is not (null or EthernetLayer { Outer: null } or VlanLayer)) break;
                if (layer is VlanLayer { IsHeaderCut: false }) Tags++;
                Last = layer;
                continue;
            }

            if (layer is ArpLayer arp) Arp = arp;
            else if (layer is InternetLayer internet && Internet is null && !internet.Malformed) Internet = internet;
            else if (layer is AuthenticationLayer && Internet is not null) Authenticated = true;
            else if (Internet is not null && layer is TransportLayer or IcmpLayer or Icmpv6Layer) Transport = layer;
            if (!ReferenceEquals(layer, Internet) && layer is not AuthenticationLayer) break;
        }
    }

    internal int Tags { get; }

    /// <summary>Ethernet, or the innermost VLAN tag.</summary>
    internal PacketLayer? Last { get; }

    internal ArpLayer? Arp { get; }

    internal InternetLayer? Internet { get; }

    internal bool Authenticated { get; }

    /// <summary>UDP, TCP, ICMP or ICMPv6, of a fragment the first alone.</summary>
    internal PacketLayer? Transport { get; }

    internal bool IsEcho => Transport is IcmpLayer { Type: IcmpType.EchoRequest or IcmpType.EchoReply } or Icmpv6Layer { Type: Icmpv6Type.EchoRequest or Icmpv6Type.EchoReply };

    internal IPProtocol TransportProtocol => Transport switch
    {
        UdpLayer => IPProtocol.UDP,
        TcpLayer => IPProtocol.TCP,
        IcmpLayer => IPProtocol.ICMP,
        _ => IPProtocol.ICMPv6,
    };

    /// <summary>Where the checksum lies in the message.</summary>
    internal int ChecksumAt => Transport switch { UdpLayer => 6, TcpLayer => 16, _ => 2 };

    /// <summary>The sum of what a message's checksum covers besides the message.</summary>
    internal ulong PseudoHeader(int length) => Transport is IcmpLayer ? 0 : Internet!.PseudoHeader(TransportProtocol, length);
}
