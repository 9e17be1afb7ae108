namespace XdpPS;

/// <summary>User Datagram Protocol (RFC 768).</summary>
public sealed class UdpLayer : TransportLayer
{
    internal UdpLayer(LayerBytes bytes) : base(bytes)
    {
    }

    /// <summary>Bytes of header and payload.</summary>
    public ushort? Length => UInt16(4);

    /// <summary>The checksum; over IPv4, 0 means that there is none.</summary>
    public ushort? Checksum => UInt16(6);

    /// <summary>Whether the checksum is right; null where there is none, or the datagram is a fragment or cut off.</summary>
    public bool? ChecksumValid => Checksum is null or 0 || Malformed ? null : this.VerifyChecksum(IPProtocol.UDP, Span[..Math.Min(Span.Length, Extent ?? Span.Length)]);

    /// <inheritdoc/>
    public override string Name => "UDP";

    /// <inheritdoc/>
    public override string Info => $"{SourcePort} > {DestinationPort} Len={PayloadBytes.Length}";

    /// <inheritdoc/>
    public override int HeaderLength => 8;

    /// <inheritdoc/>
    public override bool Malformed => Length is { } length and < 8 && !(length == 0 && Outer is IPv6Layer);

    private protected override int? Extent => Length is >= 8 and { } length && Outer is not InternetLayer { IsFragment: true } ? length : null;

    private protected override PacketLayer? FindNext() => CreateByPort(LayerKey.UdpPort);
}

public abstract partial class Packet
{
    /// <summary>User Datagram Protocol.</summary>
    public UdpLayer? Udp => Find<UdpLayer>();
}

internal static partial class LayerRegistry
{
    private static readonly bool Udp = Add(LayerKey.IPProtocol, static bytes => new UdpLayer(bytes), (int)IPProtocol.UDP);
}
