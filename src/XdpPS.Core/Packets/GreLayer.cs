namespace XdpPS;

/// <summary>Generic Routing Encapsulation (RFC 2784, RFC 2890).</summary>
public sealed class GreLayer : PacketLayer
{
    private const int ChecksumBit = 0x80, RoutingBit = 0x40, KeyBit = 0x20, SequenceBit = 0x10;

    internal GreLayer(LayerBytes bytes) : base(bytes)
    {
    }

    /// <summary>A checksum is there (C).</summary>
    public bool? ChecksumPresent => Bit(0, ChecksumBit);

    /// <summary>A key is there (K).</summary>
    public bool? KeyPresent => Bit(0, KeyBit);

    /// <summary>A sequence number is there (S).</summary>
    public bool? SequenceNumberPresent => Bit(0, SequenceBit);

    /// <summary>Version: 0, or 1 for PPTP (RFC 2637), which is not looked into.</summary>
    public byte? Version => UInt8(1) is { } value ? (byte)(value & 7) : null;

    /// <summary>What follows: an EtherType.</summary>
    public EtherType? ProtocolType => (EtherType?)UInt16(2);

    /// <summary>Checksum of header and payload; null where there is none.</summary>
    public ushort? Checksum => ChecksumPresent == true && Version == 0 ? UInt16(4) : null;

    /// <summary>Whether the checksum is right; null where there is none, or the packet is a fragment or cut off.</summary>
    public bool? ChecksumValid =>
        Checksum is null || IsHeaderCut || Truncated || Outer is InternetLayer { IsFragment: true } ? null : InternetChecksum.IsValid(InternetChecksum.Sum(Span));

    /// <summary>The key; null where there is none.</summary>
    public uint? Key => KeyPresent == true && Version == 0 ? UInt32(HasChecksumOrRouting ? 8 : 4) : null;

    /// <summary>The sequence number; null where there is none.</summary>
    public uint? SequenceNumber => SequenceNumberPresent == true && Version == 0 ? UInt32((HasChecksumOrRouting ? 8 : 4) + (KeyPresent == true ? 4 : 0)) : null;

    /// <summary>The packet in the tunnel; null where it is not of a kind that is recognised.</summary>
    public PacketView? Inner => Next is { } inner ? new PacketView(inner) : null;

    /// <inheritdoc/>
    public override string Name => "GRE";

    /// <inheritdoc/>
    public override string Info => ProtocolType is { } type ? $"Encapsulated {EtherTypeText.Of((ushort)type)}, {PayloadBytes.Length} bytes" : "";

    /// <inheritdoc/>
    public override int HeaderLength => Version is > 0 ? 8
        : 4 + (HasChecksumOrRouting ? 4 : 0) + (KeyPresent == true ? 4 : 0) + (SequenceNumberPresent == true ? 4 : 0);

    private bool HasChecksumOrRouting => Bit(0, ChecksumBit | RoutingBit) == true;

    // Source routes (RFC 1701) are of a length of their own, and no longer in use.
    private protected override PacketLayer? FindNext() =>
        Version == 0 && Bit(0, RoutingBit) == false ? Create(LayerKey.EtherType, (int)ProtocolType!.Value) : null;
}

public abstract partial class Packet
{
    /// <summary>Generic Routing Encapsulation.</summary>
    public GreLayer? Gre => Find<GreLayer>();
}

internal static partial class LayerRegistry
{
    private static readonly bool Gre = Add(LayerKey.IPProtocol, static bytes => new GreLayer(bytes), (int)IPProtocol.GRE);
}
