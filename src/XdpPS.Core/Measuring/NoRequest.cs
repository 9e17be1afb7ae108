namespace XdpPS;

/// <summary>What a reflector drops: all that is no request of a measurement, and requests to a group, whose address no reply may come from.</summary>
internal sealed class NoRequest : IFrameFilter
{
    public bool Matches(ReadOnlySpan<byte> frame) => !FrameTag.IsRequest(frame) || (frame[0] & 1) != 0;
}
