namespace XdpPS;

/// <summary>IPsec Authentication Header (RFC 4302), in IPv4 and in IPv6.</summary>
public sealed class AuthenticationLayer : PacketLayer
{
    internal AuthenticationLayer(LayerBytes bytes) : base(bytes)
    {
    }

    /// <summary>What follows.</summary>
    public IPProtocol? NextHeader => (IPProtocol?)UInt8(0);

    /// <summary>Length of the header in 32-bit words, less two.</summary>
    public byte? PayloadLength => UInt8(1);

    /// <summary>Security parameters index (SPI).</summary>
    public uint? SecurityParametersIndex => UInt32(4);

    /// <summary>Counts the packets of an association.</summary>
    public uint? SequenceNumber => UInt32(8);

    /// <inheritdoc/>
    public override string Name => "AH";

    /// <inheritdoc/>
    public override string Info => SecurityParametersIndex is { } index ? $"SPI={HexNotation.Number(index)} Seq={SequenceNumber}" : "";

    /// <inheritdoc/>
    public override int HeaderLength => Math.Max(12, ((PayloadLength ?? 1) + 2) * 4);

    /// <inheritdoc/>
    public override bool Malformed => PayloadLength is < 1;

    internal override string ProtocolText => IsHeaderCut || Malformed ? Name : IPProtocolText.Of(NextHeader!.Value);

    private protected override PacketLayer? FindNext() => Create(LayerKey.IPProtocol, (int)NextHeader!.Value);
}

public abstract partial class Packet
{
    /// <summary>IPsec Authentication Header.</summary>
    public AuthenticationLayer? Ah => Find<AuthenticationLayer>();
}

internal static partial class LayerRegistry
{
    private static readonly bool Ah = Add(LayerKey.IPProtocol, static bytes => new AuthenticationLayer(bytes), (int)IPProtocol.AH);
}
