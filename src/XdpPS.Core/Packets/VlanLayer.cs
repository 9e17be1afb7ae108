namespace XdpPS;

/// <summary>A VLAN tag (IEEE 802.1Q), or a service tag around one (802.1ad, QinQ).</summary>
public sealed class VlanLayer : PacketLayer
{
    internal VlanLayer(LayerBytes bytes) : base(bytes)
    {
    }

    /// <summary>Priority code point (PCP), 0 to 7.</summary>
    public byte? PriorityCodePoint => UInt8(0) is { } value ? (byte)(value >> 5) : null;

    /// <summary>Drop eligible indicator (DEI).</summary>
    public bool? DropEligibleIndicator => Bit(0, 0x10);

    /// <summary>VLAN identifier (VID), 0 to 4095; 0 is a tag that only carries a priority.</summary>
    public ushort? VlanId => UInt16(0) is { } value ? (ushort)(value & 0xfff) : null;

    /// <summary>What follows; null in a frame of 802.3, which has a length instead.</summary>
    public EtherType? EtherType => UInt16(2) is { } type and > EthernetFrame.LargestLength ? (EtherType)type : null;

    /// <summary>Bytes that follow, without padding, in a frame of 802.3; null in one that has an EtherType.</summary>
    public ushort? Length => UInt16(2) is { } length and <= EthernetFrame.LargestLength ? length : null;

    /// <inheritdoc/>
    public override string Name => "VLAN";

    /// <inheritdoc/>
    public override string Info => UInt16(2) is { } type
        ? $"VLAN {VlanId}, priority {PriorityCodePoint}, {EthernetFrame.PayloadInfo(type, PayloadBytes.Length)}"
        : $"VLAN {VlanId}";

    /// <inheritdoc/>
    public override int HeaderLength => EthernetFrame.VlanTagLength;

    internal override string ProtocolText => UInt16(2) is null ? Name : EtherTypeText.Of(UInt16(2));

    private protected override int? Extent => HeaderLength + Length;

    private protected override PacketLayer? FindNext() =>
        LayerRegistry.FindByType(UInt16(2), PayloadBytes.Span) is { } key ? Create(key.Key, key.Number) : null;
}

public abstract partial class Packet
{
    /// <summary>The VLAN identifier of the outermost tag; null for a frame without tags.</summary>
    public ushort? Vlan => Find<VlanLayer>()?.VlanId;

    /// <summary>The VLAN tags before the first other layer, outermost first; null for a frame without tags.</summary>
    public IReadOnlyList<VlanLayer>? Vlans
    {
        get
        {
            if (Find<VlanLayer>() is not { } first) return null;
            List<VlanLayer> tags = [];
            for (PacketLayer? layer = first; layer is VlanLayer tag; layer = layer.Next) tags.Add(tag);
            return tags;
        }
    }
}

internal static partial class LayerRegistry
{
    private static readonly bool Vlan = Add(
        LayerKey.EtherType, static bytes => new VlanLayer(bytes), EthernetFrame.Vlan, EthernetFrame.ServiceVlan, EthernetFrame.OldServiceVlan);
}
