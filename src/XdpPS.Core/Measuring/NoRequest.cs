using System.Net.NetworkInformation;

namespace XdpPS;

/// <summary>
/// What a reflector drops: all that is no request of a measurement to it. A request to another address is for another
/// reflector, wherever a switch has flooded it to; from a group's address none can come, and a reply would go to the group.
/// </summary>
/// <param name="address">Its interface's; where that has none, any.</param>
internal sealed class NoRequest(PhysicalAddress address) : IFrameFilter
{
    private const int Source = 6;

    private readonly byte[] own = address.GetAddressBytes();

    public bool Matches(ReadOnlySpan<byte> frame) =>
        !FrameTag.IsRequest(frame) || !frame.StartsWith(own) || ((frame[0] | frame[Source]) & 1) != 0;
}
