namespace XdpPS;

/// <summary>The free frames of one direction of one socket, last in first out so that the warmest is used next.</summary>
/// <remarks>Used by one thread at a time: the receiver's or the sender's.</remarks>
internal sealed class FramePool
{
    private readonly Umem umem;
    private ulong[] addresses;

    internal FramePool(Umem umem, ReadOnlySpan<ulong> frames)
    {
        this.umem = umem;
        addresses = frames.ToArray();
        Count = addresses.Length;
    }

    /// <summary>Frames of this pool, free or not.</summary>
    internal int Capacity => addresses.Length;

    internal int Count { get; private set; }

    internal ReadOnlySpan<ulong> Free => addresses.AsSpan(0, Count);

    internal ulong Take() => addresses[--Count];

    /// <summary>Takes a frame back, by any address inside it.</summary>
    /// <exception cref="XskException">The address is not of this pool, or more frames come back than went out.</exception>
    internal void Give(ulong address)
    {
        if (umem.OwnerOf(address) != this || Count == addresses.Length) throw NotOurs(address);
        addresses[Count++] = umem.FrameStart(address);
    }

    /// <summary>Gives up to <paramref name="count"/> free frames away for good.</summary>
    internal ulong[] Donate(int count)
    {
        count = Math.Min(count, Count);
        ulong[] donated = addresses[(Count - count)..Count];
        Count -= count;
        addresses = addresses[..^count];
        return donated;
    }

    private static XskException NotOurs(ulong address) => XskException.FromCheck(
        XskErrorId.RingCorrupted,
        $"The kernel handed back address 0x{address:x}, which is not a frame it was given",
        "close this socket: something else writes to its rings, or the driver is at fault");
}
