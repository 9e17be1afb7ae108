using System.Buffers.Binary;
using System.Net.NetworkInformation;

namespace XdpPS;

/// <summary>Ethernet (IEEE 802.3 and Ethernet II), without FCS.</summary>
public sealed class EthernetLayer : PacketLayer
{
    internal EthernetLayer(LayerBytes bytes) : base(bytes)
    {
    }

    /// <summary>Where it goes.</summary>
    public PhysicalAddress? DestinationAddress => Mac(0);

    /// <summary>Where it comes from.</summary>
    public PhysicalAddress? SourceAddress => Mac(6);

    /// <summary>What follows; null in a frame of 802.3, which has a length instead.</summary>
    public EtherType? EtherType => UInt16(12) is { } type and > EthernetFrame.LargestLength ? (EtherType)type : null;

    /// <summary>Bytes that follow, without padding, in a frame of 802.3; null in one that has an EtherType.</summary>
    public ushort? Length => UInt16(12) is { } length and <= EthernetFrame.LargestLength ? length : null;

    /// <inheritdoc/>
    public override string Name => "Ethernet";

    /// <inheritdoc/>
    public override string Info => UInt16(12) is { } type
        ? $"{MacText(6)} > {MacText(0)}, {EthernetFrame.PayloadInfo(type, PayloadBytes.Length)}"
        : $"{MacText(6)} > {MacText(0)}";

    /// <inheritdoc/>
    public override int HeaderLength => EthernetFrame.HeaderLength;

    internal override string? SourceText => MacText(6);

    internal override string? DestinationText => MacText(0);

    internal override string ProtocolText => EtherTypeText.Of(UInt16(12));

    private protected override int? Extent => HeaderLength + Length;

    private protected override PacketLayer? FindNext() =>
        LayerRegistry.FindByType(UInt16(12), PayloadBytes.Span) is { } key ? Create(key.Key, key.Number) : null;
}

public abstract partial class Packet
{
    /// <summary>The outermost Ethernet header.</summary>
    public EthernetLayer? Ethernet => Find<EthernetLayer>();
}

internal static partial class LayerRegistry
{
    private static readonly bool TransparentEthernet = Add(LayerKey.EtherType, static bytes => new EthernetLayer(bytes), (int)EtherType.TransparentEthernet);

    /// <returns>What a field that is a type or a length says about what follows; null for the raw 802.3 of NetWare, which has no LLC.</returns>
    internal static (LayerKey Key, int Number)? FindByType(ushort? type, ReadOnlySpan<byte> payload) => type switch
    {
        null => null,
        > EthernetFrame.LargestLength => (LayerKey.EtherType, type.Value),
        _ when payload.Length >= 2 && BinaryPrimitives.ReadUInt16BigEndian(payload) == 0xffff => null,
        _ => (LayerKey.Length, 0),
    };
}
