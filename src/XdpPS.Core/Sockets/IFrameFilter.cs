namespace XdpPS;

/// <summary>Decides about frames in memory, one after the other. It allocates nothing.</summary>
internal interface IFrameFilter
{
    bool Matches(ReadOnlySpan<byte> frame);
}
