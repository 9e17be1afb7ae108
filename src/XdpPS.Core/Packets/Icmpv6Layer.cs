using System.Net;
using System.Net.NetworkInformation;

namespace XdpPS;

/// <summary>Types of ICMPv6 message.</summary>
public enum Icmpv6Type : byte
{
    /// <summary>A packet could not be delivered.</summary>
    DestinationUnreachable = 1,

    /// <summary>A packet was longer than the next hop takes.</summary>
    PacketTooBig = 2,

    /// <summary>No hops were left, or fragments were missing.</summary>
    TimeExceeded = 3,

    /// <summary>A header was not understood.</summary>
    ParameterProblem = 4,

    /// <summary>A ping.</summary>
    EchoRequest = 128,

    /// <summary>Answer to a ping.</summary>
    EchoReply = 129,

    /// <summary>Asks who listens to a group (MLD, RFC 2710).</summary>
    MulticastListenerQuery = 130,

    /// <summary>Says that somebody listens to a group.</summary>
    MulticastListenerReport = 131,

    /// <summary>Says that somebody no longer listens to a group.</summary>
    MulticastListenerDone = 132,

    /// <summary>Asks for routers (RFC 4861).</summary>
    RouterSolicitation = 133,

    /// <summary>A router makes itself and its prefixes known.</summary>
    RouterAdvertisement = 134,

    /// <summary>Asks for a link-layer address.</summary>
    NeighborSolicitation = 135,

    /// <summary>Tells a link-layer address.</summary>
    NeighborAdvertisement = 136,

    /// <summary>There is a better way.</summary>
    Redirect = 137,

    /// <summary>Says which groups somebody listens to (MLDv2, RFC 3810).</summary>
    MulticastListenerReportV2 = 143,
}

/// <summary>Options of neighbour discovery.</summary>
public enum NeighborDiscoveryOptionType : byte
{
    /// <summary>Link-layer address of the sender.</summary>
    SourceLinkLayerAddress = 1,

    /// <summary>Link-layer address of the target.</summary>
    TargetLinkLayerAddress = 2,

    /// <summary>A prefix of the link.</summary>
    PrefixInformation = 3,

    /// <summary>The packet that a redirect is about.</summary>
    RedirectedHeader = 4,

    /// <summary>MTU of the link.</summary>
    Mtu = 5,

    /// <summary>Ties an answer to its question (RFC 3971).</summary>
    Nonce = 14,

    /// <summary>A route (RFC 4191).</summary>
    RouteInformation = 24,

    /// <summary>DNS servers (RFC 8106).</summary>
    RecursiveDnsServer = 25,

    /// <summary>DNS search list (RFC 8106).</summary>
    DnsSearchList = 31,
}

/// <summary>An option of neighbour discovery.</summary>
/// <param name="Type">What it is.</param>
/// <param name="Data">What is in it, without type and length.</param>
public sealed record NeighborDiscoveryOption(NeighborDiscoveryOptionType Type, byte[] Data)
{
    /// <returns>Type and data.</returns>
    public override string ToString() => $"{Type} {Convert.ToHexStringLower(Data)}";
}

/// <summary>ICMP for IPv6 (RFC 4443), with neighbour discovery (RFC 4861).</summary>
public sealed class Icmpv6Layer : PacketLayer
{
    internal Icmpv6Layer(LayerBytes bytes) : base(bytes)
    {
    }

    /// <summary>What it is.</summary>
    public Icmpv6Type? Type => (Icmpv6Type?)UInt8(0);

    /// <summary>Details of the type.</summary>
    public byte? Code => UInt8(1);

    /// <summary>Checksum of the message and a pseudo-header.</summary>
    public ushort? Checksum => UInt16(2);

    /// <summary>Whether the checksum is right; null where the message is a fragment or cut off.</summary>
    public bool? ChecksumValid => Span.Length < 4 ? null : this.VerifyChecksum(IPProtocol.ICMPv6, Span);

    /// <summary>Identifies who asked, in pings.</summary>
    public ushort? Identifier => IsEcho ? UInt16(4) : null;

    /// <summary>Counts what was asked, in pings.</summary>
    public ushort? SequenceNumber => IsEcho ? UInt16(6) : null;

    /// <summary>The MTU of the next hop, in PacketTooBig.</summary>
    public uint? Mtu => Type == Icmpv6Type.PacketTooBig ? UInt32(4) : null;

    /// <summary>The address that is asked for, told, or redirected to, in neighbour discovery.</summary>
    public IPAddress? TargetAddress =>
        Type is Icmpv6Type.NeighborSolicitation or Icmpv6Type.NeighborAdvertisement or Icmpv6Type.Redirect ? IPv6Address(8) : null;

    /// <summary>The address that a redirect is about.</summary>
    public IPAddress? DestinationAddress => Type == Icmpv6Type.Redirect ? IPv6Address(24) : null;

    /// <summary>The group, in MLD version 1 and in queries.</summary>
    public IPAddress? MulticastAddress =>
        Type is Icmpv6Type.MulticastListenerQuery or Icmpv6Type.MulticastListenerReport or Icmpv6Type.MulticastListenerDone ? IPv6Address(8) : null;

    /// <summary>It comes from a router (R), in a neighbour advertisement.</summary>
    public bool? Router => AdvertisementFlag(0x80);

    /// <summary>It was asked for (S), in a neighbour advertisement.</summary>
    public bool? Solicited => AdvertisementFlag(0x40);

    /// <summary>It replaces what is known (O), in a neighbour advertisement.</summary>
    public bool? Override => AdvertisementFlag(0x20);

    /// <summary>The hop limit hosts shall use, in a router advertisement.</summary>
    public byte? CurrentHopLimit => IsRouterAdvertisement ? UInt8(4) : null;

    /// <summary>Addresses come by DHCPv6 (M), in a router advertisement.</summary>
    public bool? ManagedAddressConfiguration => IsRouterAdvertisement ? Bit(5, 0x80) : null;

    /// <summary>Other settings come by DHCPv6 (O), in a router advertisement.</summary>
    public bool? OtherConfiguration => IsRouterAdvertisement ? Bit(5, 0x40) : null;

    /// <summary>Seconds for which it is a default router, in a router advertisement.</summary>
    public ushort? RouterLifetime => IsRouterAdvertisement ? UInt16(6) : null;

    /// <summary>Milliseconds for which a neighbour is taken as reachable, in a router advertisement.</summary>
    public uint? ReachableTime => IsRouterAdvertisement ? UInt32(8) : null;

    /// <summary>Milliseconds between two solicitations, in a router advertisement.</summary>
    public uint? RetransTimer => IsRouterAdvertisement ? UInt32(12) : null;

    /// <summary>The options of neighbour discovery, in order, up to where they are cut off or make no sense.</summary>
    public IReadOnlyList<NeighborDiscoveryOption> Options
    {
        get
        {
            List<NeighborDiscoveryOption> options = [];
            for (int offset = HeaderLength; IsNeighborDiscovery && offset + 2 <= Span.Length;)
            {
                int length = Span[offset + 1] * 8;
                if (length == 0 || offset + length > Span.Length) break;
                options.Add(new NeighborDiscoveryOption((NeighborDiscoveryOptionType)Span[offset], Copy(offset + 2, length - 2)));
                offset += length;
            }

            return options;
        }
    }

    /// <summary>The link-layer address in the option for the sender's or the target's; null without such an option of six bytes.</summary>
    public PhysicalAddress? LinkLayerAddress => Options
        .Where(option => option.Type is NeighborDiscoveryOptionType.SourceLinkLayerAddress or NeighborDiscoveryOptionType.TargetLinkLayerAddress && option.Data.Length == 6)
        .Select(option => new PhysicalAddress(option.Data))
        .FirstOrDefault();

    /// <summary>The beginning of the packet that an error is about; null in other messages.</summary>
    public PacketView? OriginalPacket => IsError && !IsHeaderCut && Create(LayerKey.EtherType, EthernetFrame.IPv6) is { } inner ? new PacketView(inner) : null;

    /// <inheritdoc/>
    public override string Name => "ICMPv6";

    /// <inheritdoc/>
    public override string Info => Type switch
    {
        Icmpv6Type.EchoRequest or Icmpv6Type.EchoReply =>
            $"Echo (ping) {(Type == Icmpv6Type.EchoReply ? "reply" : "request")} id={(Identifier is { } id ? HexNotation.Number(id) : "")}, seq={SequenceNumber}",
        Icmpv6Type.NeighborSolicitation => $"Neighbor solicitation for {TargetAddress}{From}",
        Icmpv6Type.NeighborAdvertisement => $"Neighbor advertisement {TargetAddress}{Flags}{At}",
        Icmpv6Type.RouterSolicitation => "Router solicitation" + From,
        Icmpv6Type.RouterAdvertisement => "Router advertisement" + From,
        Icmpv6Type.Redirect => $"Redirect {DestinationAddress} to {TargetAddress}",
        Icmpv6Type.DestinationUnreachable => $"Destination unreachable ({Unreachable(Code)}){About}",
        Icmpv6Type.PacketTooBig => $"Packet too big, MTU {Mtu}{About}",
        Icmpv6Type.TimeExceeded => (Code == 0 ? "Hop limit exceeded" : "Fragment reassembly time exceeded") + About,
        Icmpv6Type.MulticastListenerQuery => $"Multicast listener query {MulticastAddress}",
        Icmpv6Type.MulticastListenerReport => $"Multicast listener report {MulticastAddress}",
        Icmpv6Type.MulticastListenerDone => $"Multicast listener done {MulticastAddress}",
        Icmpv6Type.MulticastListenerReportV2 => "Multicast listener report v2",
        { } type => Enum.IsDefined(type) ? $"{type}{About}" : $"Type {(byte)type}, code {Code}",
        null => "",
    };

    /// <summary>Type, code, checksum and the fields of fixed length that the type has.</summary>
    public override int HeaderLength => Type switch
    {
        Icmpv6Type.RouterAdvertisement => 16,
        Icmpv6Type.NeighborSolicitation or Icmpv6Type.NeighborAdvertisement
            or Icmpv6Type.MulticastListenerQuery or Icmpv6Type.MulticastListenerReport or Icmpv6Type.MulticastListenerDone => 24,
        Icmpv6Type.Redirect => 40,
        Icmpv6Type.DestinationUnreachable or Icmpv6Type.PacketTooBig or Icmpv6Type.TimeExceeded or Icmpv6Type.ParameterProblem
            or Icmpv6Type.EchoRequest or Icmpv6Type.EchoReply or Icmpv6Type.RouterSolicitation => 8,
        _ => 4,
    };

    private bool IsEcho => Type is Icmpv6Type.EchoRequest or Icmpv6Type.EchoReply;

    private bool IsError => Type is Icmpv6Type.DestinationUnreachable or Icmpv6Type.PacketTooBig or Icmpv6Type.TimeExceeded or Icmpv6Type.ParameterProblem;

    private bool IsRouterAdvertisement => Type == Icmpv6Type.RouterAdvertisement;

    private bool IsNeighborDiscovery => Type is >= Icmpv6Type.RouterSolicitation and <= Icmpv6Type.Redirect;

    private string From => LinkLayerAddress is { } address ? " from " + HexNotation.Colons(address.GetAddressBytes()) : "";

    private string At => LinkLayerAddress is { } address ? " is at " + HexNotation.Colons(address.GetAddressBytes()) : "";

    private string Flags
    {
        get
        {
            string[] set = [.. new[] { Router == true ? "rtr" : "", Solicited == true ? "sol" : "", Override == true ? "ovr" : "" }.Where(name => name.Length > 0)];
            return set.Length == 0 ? "" : $" ({string.Join(", ", set)})";
        }
    }

    private string About => OriginalPacket is { } original ? $" for {original.Source} > {original.Destination} {original.Protocol}" : "";

    private bool? AdvertisementFlag(int mask) => Type == Icmpv6Type.NeighborAdvertisement ? Bit(4, mask) : null;

    private static string Unreachable(byte? code) => code switch
    {
        0 => "no route",
        1 => "prohibited",
        2 => "beyond scope",
        3 => "address",
        4 => "port",
        _ => $"code {code}",
    };
}

public abstract partial class Packet
{
    /// <summary>ICMP for IPv6, with neighbour discovery.</summary>
    public Icmpv6Layer? Icmpv6 => Find<Icmpv6Layer>();
}

internal static partial class LayerRegistry
{
    private static readonly bool Icmpv6 = Add(LayerKey.IPProtocol, static bytes => new Icmpv6Layer(bytes), (int)IPProtocol.ICMPv6);
}
