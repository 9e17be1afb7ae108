using XdpPS.Interop;

namespace XdpPS;

/// <summary>A ring's indices at one moment.</summary>
public sealed class RingSnapshot
{
    /// <summary>Free-running 32-bit producer index.</summary>
    public required long Producer { get; init; }

    /// <summary>Free-running 32-bit consumer index.</summary>
    public required long Consumer { get; init; }

    /// <summary>Entries that the producer has published and the consumer has not taken.</summary>
    public required long Used { get; init; }

    /// <summary>Room for the producer: <see cref="Size"/> minus <see cref="Used"/>.</summary>
    public required long Free { get; init; }

    /// <summary>Entries the ring has in all.</summary>
    public required long Size { get; init; }

    /// <summary>The kernel waits for a system call before it goes on with this ring. Only FILL and TX carry it.</summary>
    public required bool NeedWakeup { get; init; }

    /// <returns>Used of size.</returns>
    public override string ToString() => $"{Used}/{Size}";

    internal static unsafe RingSnapshot Read(uint* producer, uint* consumer, uint* flags, uint size)
    {
        // The consumer first: it can only grow towards the producer read after it, so that used never looks
        // negative; what was produced in between can make it look larger than the ring.
        uint consumed = Volatile.Read(ref *consumer);
        uint produced = Volatile.Read(ref *producer);
        uint used = Math.Min(produced - consumed, size);
        return new RingSnapshot
        {
            Producer = produced,
            Consumer = consumed,
            Used = used,
            Free = size - used,
            Size = size,
            NeedWakeup = (Volatile.Read(ref *flags) & IfXdp.XDP_RING_NEED_WAKEUP) != 0,
        };
    }

    /// <param name="producer">Its producer index.</param>
    /// <param name="consumer">Its consumer index.</param>
    /// <param name="size">Its entries.</param>
    /// <param name="before">A producer index that was read earlier, where it can have gone back.</param>
    internal static XskException Corrupted(uint producer, uint consumer, uint size, uint? before = null) => XskException.FromCheck(
        XskErrorId.RingCorrupted,
        $"A ring of {size} entries has producer {producer} and consumer {consumer}{(before is { } earlier && producer - consumer <= size ? $" after producer {earlier}" : "")}, which cannot be",
        "close this socket: something else writes to its rings, or the driver is at fault");
}
