using System.Net;
using System.Net.NetworkInformation;

namespace XdpPS;

/// <summary>What an ARP packet asks or says.</summary>
public enum ArpOperation : ushort
{
    /// <summary>Not a valid operation.</summary>
    None = 0,

    /// <summary>Asks for a hardware address.</summary>
    Request = 1,

    /// <summary>Tells a hardware address.</summary>
    Reply = 2,

    /// <summary>Asks for a protocol address (RARP).</summary>
    ReverseRequest = 3,

    /// <summary>Tells a protocol address (RARP).</summary>
    ReverseReply = 4,
}

/// <summary>Address resolution (RFC 826), and its reverse (RFC 903).</summary>
public sealed class ArpLayer : PacketLayer
{
    internal ArpLayer(LayerBytes bytes) : base(bytes)
    {
    }

    /// <summary>Hardware type (HTYPE): 1 is Ethernet.</summary>
    public ushort? HardwareType => UInt16(0);

    /// <summary>Protocol type (PTYPE): an EtherType.</summary>
    public EtherType? ProtocolType => (EtherType?)UInt16(2);

    /// <summary>Bytes of a hardware address (HLEN).</summary>
    public byte? HardwareLength => UInt8(4);

    /// <summary>Bytes of a protocol address (PLEN).</summary>
    public byte? ProtocolLength => UInt8(5);

    /// <summary>What it asks or says.</summary>
    public ArpOperation? Operation => (ArpOperation?)UInt16(6);

    /// <summary>Hardware address of the sender (SHA).</summary>
    public PhysicalAddress? SenderHardwareAddress => HardwareLength is { } length and > 0 && Reaches(8 + length) ? new PhysicalAddress(Copy(8, length)) : null;

    /// <summary>Protocol address of the sender (SPA); null where it is not an IPv4 address.</summary>
    public IPAddress? SenderProtocolAddress => IsIPv4 ? IPv4Address(8 + HardwareLength!.Value) : null;

    /// <summary>Hardware address of the target (THA).</summary>
    public PhysicalAddress? TargetHardwareAddress =>
        HardwareLength is { } length and > 0 && ProtocolLength is { } other && Reaches(8 + (2 * length) + other) ? new PhysicalAddress(Copy(8 + length + other, length)) : null;

    /// <summary>Protocol address of the target (TPA); null where it is not an IPv4 address.</summary>
    public IPAddress? TargetProtocolAddress => IsIPv4 ? IPv4Address(12 + (2 * HardwareLength!.Value)) : null;

    /// <summary>The sender announces its own address, asked for or not.</summary>
    public bool? Gratuitous => SenderProtocolAddress is { } sender && TargetProtocolAddress is { } target ? sender.Equals(target) : null;

    /// <inheritdoc/>
    public override string Name => Operation is ArpOperation.ReverseRequest or ArpOperation.ReverseReply ? "RARP" : "ARP";

    /// <inheritdoc/>
    public override string Info => Operation switch
    {
        ArpOperation.Request when Gratuitous == true => $"Announcement for {TargetProtocolAddress}",
        ArpOperation.Request when SenderProtocolAddress is { } sender && sender.Equals(IPAddress.Any) => $"Who has {TargetProtocolAddress}? (probe)",
        ArpOperation.Request => $"Who has {TargetProtocolAddress}? Tell {SenderProtocolAddress}",
        ArpOperation.Reply => $"{SenderProtocolAddress} is at {HexNotation.Colons(Copy(8, HardwareLength ?? 0))}",
        ArpOperation.ReverseRequest => "Who am I?",
        ArpOperation.ReverseReply => $"{HexNotation.Colons(TargetHardwareAddress?.GetAddressBytes())} is {TargetProtocolAddress}",
        { } operation => $"Operation {(ushort)operation}",
        null => "",
    };

    /// <inheritdoc/>
    public override int HeaderLength => HardwareLength is { } hardware && ProtocolLength is { } protocol ? 8 + (2 * (hardware + protocol)) : 28;

    // What follows is padding.
    private protected override int? Extent => HeaderLength;

    private bool IsIPv4 => ProtocolType == EtherType.IPv4 && ProtocolLength == 4;

    private bool Reaches(int length) => Span.Length >= length;
}

public abstract partial class Packet
{
    /// <summary>Address resolution.</summary>
    public ArpLayer? Arp => Find<ArpLayer>();
}

internal static partial class LayerRegistry
{
    private static readonly bool Arp = Add(LayerKey.EtherType, static bytes => new ArpLayer(bytes), EthernetFrame.Arp, EthernetFrame.Rarp);
}
