using System.Net;

namespace XdpPS;

/// <summary>Internet Protocol of either version, as the layers inside need it.</summary>
public abstract class InternetLayer : PacketLayer
{
    private protected InternetLayer(LayerBytes bytes) : base(bytes)
    {
    }

    /// <summary>It is one of several fragments of a datagram.</summary>
    public abstract bool IsFragment { get; }

    internal override string? SourceText => From?.ToString();

    internal override string? DestinationText => To?.ToString();

    private protected abstract IPAddress? From { get; }

    private protected abstract IPAddress? To { get; }

    /// <returns>The sum over the pseudo-header that transports have in their checksums (RFC 793, RFC 8200).</returns>
    internal abstract ulong PseudoHeader(IPProtocol protocol, int length);
}
