using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace XdpPS;

/// <summary>
/// What a packet's headers are to be: several values of one field mean any of them, several fields mean all. A filter
/// for them needs no libpcap (<see cref="PacketFilter.FromFields"/>) and matches what <see cref="Expression"/> does.
/// </summary>
public sealed record PacketFields
{
    /// <summary>EtherTypes, 1,536 (0x600) and above; none for any.</summary>
    public IReadOnlyList<ushort> EtherTypes { get; init; } = [];

    /// <summary>Protocol numbers of IPv4, and of IPv6 behind at most a fragment header; none for any.</summary>
    public IReadOnlyList<byte> IPProtocols { get; init; } = [];

    /// <summary>Source or destination ports of TCP, UDP and SCTP: in first fragments, and in IPv6 without extension headers. None for any.</summary>
    public IReadOnlyList<PortRange> Ports { get; init; } = [];

    /// <summary>Source or destination addresses, those in ARP and RARP packets included. None for any.</summary>
    public IReadOnlyList<IPNetwork> Addresses { get; init; } = [];

    /// <summary>VLAN ids, from 0 to 4,095, of the outermost tag, behind which the other fields are looked for; empty for any tag, null for no regard to tags.</summary>
    public IReadOnlyList<ushort>? Vlans { get; init; }

    /// <summary>No field is given.</summary>
    public bool IsEmpty => EtherTypes.Count == 0 && IPProtocols.Count == 0 && Ports.Count == 0 && Addresses.Count == 0 && Vlans is null;

    /// <summary>The same in tcpdump's language; empty where no field is given.</summary>
    public string Expression
    {
        get
        {
            List<List<string>> all = [];
            if (Vlans is not null) all.Add([Vlans.Count == 1 ? $"vlan {Text(Vlans[0])}" : "vlan"]);
            // "vlan 5 or vlan 6" would look for the second tag behind the first.
            if (Vlans is { Count: > 1 }) all.Add([.. Vlans.Distinct().Order().Select(id => $"ether[14:2] & 0xfff = {Text(id)}")]);
            if (EtherTypes.Count > 0) all.Add([.. EtherTypes.Distinct().Order().Select(NameOf)]);
            if (IPProtocols.Count > 0) all.Add([.. IPProtocols.Distinct().Order().Select(NameOf)]);
            if (Ports.Count > 0) all.Add([.. PortRange.Merge(Ports).Select(range => $"{(range.First == range.Last ? "port" : "portrange")} {range}")]);
            if (Addresses.Count > 0) all.Add([.. Addresses.Distinct().Select(NameOf)]);
            return string.Join(" and ", all.Select(any => any.Count > 1 && all.Count > 1 ? $"({Any(any)})" : Any(any)));
        }
    }

    /// <returns><see cref="Expression"/>.</returns>
    public override string ToString() => Expression;

    private static string Any(List<string> alternatives) => string.Join(" or ", alternatives);

    private static string NameOf(ushort etherType) => etherType switch
    {
        EthernetFrame.IPv4 => "ip",
        EthernetFrame.IPv6 => "ip6",
        EthernetFrame.Arp => "arp",
        EthernetFrame.Rarp => "rarp",
        _ => string.Create(CultureInfo.InvariantCulture, $"ether proto 0x{etherType:x4}"),
    };

    private static string NameOf(byte protocol) => protocol switch
    {
        FieldFilter.Tcp => "tcp",
        FieldFilter.Udp => "udp",
        FieldFilter.Sctp => "sctp",
        _ => $"proto {Text(protocol)}",
    };

    private static string NameOf(IPNetwork network) =>
        network.PrefixLength == (network.BaseAddress.AddressFamily == AddressFamily.InterNetwork ? 32 : 128) ? $"host {network.BaseAddress}" : $"net {network}";

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
