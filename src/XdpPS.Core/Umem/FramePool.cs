namespace XdpPS;

/// <summary>The free frames of one direction, last in first out so that the warmest is used next.</summary>
/// <remarks>Used by one thread at a time: the receiver's or the sender's.</remarks>
internal sealed class FramePool
{
    private readonly ulong[] addresses;
    private readonly ulong first;
    private readonly ulong end;
    private readonly ulong frameMask;

    internal FramePool(int firstFrame, int count, int frameSize)
    {
        addresses = new ulong[count];
        first = (ulong)firstFrame * (ulong)frameSize;
        end = first + ((ulong)count * (ulong)frameSize);
        frameMask = (ulong)frameSize - 1;
        for (int i = count - 1; i >= 0; i--) addresses[Count++] = first + ((ulong)i * (ulong)frameSize);
    }

    internal int Capacity => addresses.Length;

    internal int Count { get; private set; }

    internal ReadOnlySpan<ulong> Free => addresses.AsSpan(0, Count);

    internal ulong Take() => addresses[--Count];

    /// <summary>Takes a frame back, by any address inside it.</summary>
    /// <exception cref="XskException">The address is not of this pool, or more frames come back than went out.</exception>
    internal void Give(ulong address)
    {
        ulong frame = address & ~frameMask;
        if (frame < first || frame >= end || Count == addresses.Length)
        {
            throw XskException.FromCheck(
                XskErrorId.RingCorrupted,
                $"The kernel handed back address 0x{address:x}, which is not a frame it was given",
                "close this socket: something else writes to its rings, or the driver is at fault");
        }

        addresses[Count++] = frame;
    }
}
