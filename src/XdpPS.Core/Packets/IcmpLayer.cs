using System.Net;

namespace XdpPS;

/// <summary>Types of ICMP message.</summary>
public enum IcmpType : byte
{
    /// <summary>Answer to a ping.</summary>
    EchoReply = 0,

    /// <summary>A packet could not be delivered.</summary>
    DestinationUnreachable = 3,

    /// <summary>Send slower; no longer used.</summary>
    SourceQuench = 4,

    /// <summary>There is a better way.</summary>
    Redirect = 5,

    /// <summary>A ping.</summary>
    EchoRequest = 8,

    /// <summary>A router makes itself known.</summary>
    RouterAdvertisement = 9,

    /// <summary>Asks for routers.</summary>
    RouterSolicitation = 10,

    /// <summary>No hops were left, or fragments were missing.</summary>
    TimeExceeded = 11,

    /// <summary>A header was not understood.</summary>
    ParameterProblem = 12,

    /// <summary>Asks for the time.</summary>
    Timestamp = 13,

    /// <summary>Tells the time.</summary>
    TimestampReply = 14,
}

/// <summary>Internet Control Message Protocol (RFC 792).</summary>
public sealed class IcmpLayer : PacketLayer
{
    internal IcmpLayer(LayerBytes bytes) : base(bytes)
    {
    }

    /// <summary>What it is.</summary>
    public IcmpType? Type => (IcmpType?)UInt8(0);

    /// <summary>Details of the type.</summary>
    public byte? Code => UInt8(1);

    /// <summary>Checksum of the message.</summary>
    public ushort? Checksum => UInt16(2);

    /// <summary>Whether the checksum is right; null where the message is a fragment or cut off.</summary>
    public bool? ChecksumValid => IsHeaderCut ? null : this.VerifyChecksum(IPProtocol.ICMP, Span);

    /// <summary>Identifies who asked, in queries and their replies.</summary>
    public ushort? Identifier => IsQuery ? UInt16(4) : null;

    /// <summary>Counts what was asked, in queries and their replies.</summary>
    public ushort? SequenceNumber => IsQuery ? UInt16(6) : null;

    /// <summary>The better router, in a redirect.</summary>
    public IPAddress? GatewayAddress => Type == IcmpType.Redirect ? IPv4Address(4) : null;

    /// <summary>The MTU of the next hop (RFC 1191), where fragmentation was needed and not allowed.</summary>
    public ushort? NextHopMtu => Type == IcmpType.DestinationUnreachable && Code == 4 ? UInt16(6) : null;

    /// <summary>The beginning of the packet that an error is about; null in other messages.</summary>
    public PacketView? OriginalDatagram => IsError && !IsHeaderCut && Create(LayerKey.EtherType, EthernetFrame.IPv4) is { } inner ? new PacketView(inner) : null;

    /// <inheritdoc/>
    public override string Name => "ICMP";

    /// <inheritdoc/>
    public override string Info => Type switch
    {
        IcmpType.EchoRequest or IcmpType.EchoReply =>
            $"Echo (ping) {(Type == IcmpType.EchoReply ? "reply" : "request")} id={(Identifier is { } id ? HexNotation.Number(id) : "")}, seq={SequenceNumber}",
        IcmpType.DestinationUnreachable => $"Destination unreachable ({Unreachable(Code)}){About}",
        IcmpType.Redirect => $"Redirect to {GatewayAddress}{About}",
        IcmpType.TimeExceeded => (Code == 0 ? "Time to live exceeded" : "Fragment reassembly time exceeded") + About,
        { } type => Enum.IsDefined(type) ? $"{type}{About}" : $"Type {(byte)type}, code {Code}",
        null => "",
    };

    /// <inheritdoc/>
    public override int HeaderLength => 8;

    private bool IsQuery => Type is IcmpType.EchoRequest or IcmpType.EchoReply or IcmpType.Timestamp or IcmpType.TimestampReply;

    private bool IsError => Type is IcmpType.DestinationUnreachable or IcmpType.SourceQuench or IcmpType.Redirect or IcmpType.TimeExceeded or IcmpType.ParameterProblem;

    private string About => OriginalDatagram is { } original ? $" for {original.Source} > {original.Destination} {original.Protocol}" : "";

    private static string Unreachable(byte? code) => code switch
    {
        0 => "network",
        1 => "host",
        2 => "protocol",
        3 => "port",
        4 => "fragmentation needed",
        5 => "source route failed",
        9 or 10 or 13 => "prohibited",
        _ => $"code {code}",
    };
}

public abstract partial class Packet
{
    /// <summary>Internet Control Message Protocol.</summary>
    public IcmpLayer? Icmp => Find<IcmpLayer>();
}

internal static partial class LayerRegistry
{
    private static readonly bool Icmp = Add(LayerKey.IPProtocol, static bytes => new IcmpLayer(bytes), (int)IPProtocol.ICMP);
}
