namespace XdpPS;

/// <summary>Virtual eXtensible LAN (RFC 7348).</summary>
public sealed class VxlanLayer : PacketLayer
{
    internal VxlanLayer(LayerBytes bytes) : base(bytes)
    {
    }

    /// <summary>The flags, as they are; 0x08 says that the network identifier is valid.</summary>
    public byte? Flags => UInt8(0);

    /// <summary>VXLAN network identifier (VNI), 24 bits.</summary>
    public uint? NetworkIdentifier => UInt32(4) >> 8;

    /// <summary>The frame in the tunnel; null where there is none.</summary>
    public PacketView? Inner => Next is { } inner ? new PacketView(inner) : null;

    /// <inheritdoc/>
    public override string Name => "VXLAN";

    /// <inheritdoc/>
    public override string Info => $"VNI {NetworkIdentifier}, {PayloadBytes.Length} bytes";

    /// <inheritdoc/>
    public override int HeaderLength => 8;

    private protected override PacketLayer? FindNext() => Create(LayerKey.EtherType, (int)EtherType.TransparentEthernet);
}

public abstract partial class Packet
{
    /// <summary>Virtual eXtensible LAN.</summary>
    public VxlanLayer? Vxlan => Find<VxlanLayer>();
}

internal static partial class LayerRegistry
{
    private static readonly bool Vxlan = Add(LayerKey.UdpPort, static bytes => new VxlanLayer(bytes), 4789);
}
