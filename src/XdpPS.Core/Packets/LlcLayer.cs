using System.Buffers.Binary;

namespace XdpPS;

/// <summary>Logical link control (IEEE 802.2), with SNAP where that is what it carries.</summary>
public sealed class LlcLayer : PacketLayer
{
    private const byte Snap = 0xaa;
    private const byte SpanningTree = 0x42;

    /// <summary>That of EtherTypes, and the one of bridge tunnels (RFC 1042; IEEE 802.1H).</summary>
    private const uint EtherTypes = 0, BridgeTunnel = 0xf8;

    /// <summary>Of Cisco, for the spanning tree of a single VLAN (PVST+).</summary>
    private const uint Cisco = 0x0c;
    private const ushort VlanSpanningTree = 0x010b;

    internal LlcLayer(LayerBytes bytes) : base(bytes)
    {
    }

    /// <summary>Destination service access point (DSAP).</summary>
    public byte? DestinationServiceAccessPoint => UInt8(0);

    /// <summary>Source service access point (SSAP).</summary>
    public byte? SourceServiceAccessPoint => UInt8(1);

    /// <summary>The control field: one byte in unnumbered frames, else two, the first of which is the lower one.</summary>
    public ushort? Control => IsUnnumbered ? UInt8(2) : UInt16(2) is { } value ? BinaryPrimitives.ReverseEndianness(value) : null;

    /// <summary>Organization code (OUI) of SNAP; null without SNAP.</summary>
    public uint? OrganizationCode => IsSnap && UInt32(3) is { } value ? value >> 8 : null;

    /// <summary>Protocol identifier (PID) of SNAP, an EtherType where the organization code is 0; null without SNAP.</summary>
    public ushort? ProtocolId => IsSnap ? UInt16(6) : null;

    /// <inheritdoc/>
    public override string Name => "LLC";

    /// <inheritdoc/>
    public override string Info => IsSnap
        ? $"SNAP, organization {OrganizationCode:x6}, protocol {ProtocolId:x4}"
        : $"DSAP {DestinationServiceAccessPoint:x2}, SSAP {SourceServiceAccessPoint:x2}, control {Control:x2}";

    /// <inheritdoc/>
    public override int HeaderLength => IsSnap ? 8 : IsUnnumbered ? 3 : 4;

    private bool IsUnnumbered => Span.Length < 3 || (Span[2] & 3) == 3;

    private bool IsSnap => Span.Length >= 3 && Span[0] == Snap && Span[1] == Snap && Span[2] == 3;

    private protected override PacketLayer? FindNext() => IsSnap
        ? OrganizationCode switch
        {
            EtherTypes or BridgeTunnel => Create(LayerKey.EtherType, ProtocolId ?? 0),
            Cisco when ProtocolId == VlanSpanningTree => Create(LayerKey.ServiceAccessPoint, SpanningTree),
            _ => null,
        }
        : Control == 3 ? Create(LayerKey.ServiceAccessPoint, DestinationServiceAccessPoint ?? 0) : null;
}

public abstract partial class Packet
{
    /// <summary>Logical link control, in frames of 802.3.</summary>
    public LlcLayer? Llc => Find<LlcLayer>();
}

internal static partial class LayerRegistry
{
    private static readonly bool Llc = Add(LayerKey.Length, static bytes => new LlcLayer(bytes), 0);
}
