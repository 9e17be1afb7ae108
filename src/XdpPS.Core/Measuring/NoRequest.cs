namespace XdpPS;

/// <summary>What a reflector drops: all that is no request of a measurement.</summary>
internal sealed class NoRequest : IFrameFilter
{
    public bool Matches(ReadOnlySpan<byte> frame) => !FrameTag.IsRequest(frame);
}
