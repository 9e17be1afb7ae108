namespace XdpPS;

/// <summary>Checksums that cover a pseudo-header of the IP layer outside.</summary>
internal static class TransportChecksum
{
    /// <returns>Whether the checksum in a message is right; null where not all of it is here.</returns>
    internal static bool? VerifyChecksum(this PacketLayer layer, IPProtocol protocol, ReadOnlySpan<byte> message)
    {
        PacketLayer? outer = layer.Outer;
        while (outer is AuthenticationLayer) outer = outer.Outer;
        if (layer.Truncated || outer is not InternetLayer internet || internet.IsFragment) return null;
        // ICMP alone has no pseudo-header.
        ulong pseudoHeader = protocol == IPProtocol.ICMP ? 0 : internet.PseudoHeader(protocol, message.Length);
        return InternetChecksum.IsValid(InternetChecksum.Sum(message, pseudoHeader));
    }
}
