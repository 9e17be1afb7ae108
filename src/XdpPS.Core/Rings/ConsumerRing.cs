namespace XdpPS;

/// <summary>
/// The user side of a ring that the kernel produces: RX and COMPLETION. Indices are free-running 32-bit
/// counters; the producer is read with acquire, the consumer is published with release.
/// </summary>
/// <remarks>One thread at a time. The kernel's side is net/xdp/xsk_queue.h.</remarks>
internal sealed unsafe class ConsumerRing<T> : MappedRing<T> where T : unmanaged
{
    private uint peeked;
    private uint released;
    private uint knownProducer;

    internal ConsumerRing(in RingLayout layout) : base(layout)
    {
        peeked = released = Volatile.Read(ref *Consumer);
        knownProducer = peeked;
    }

    /// <summary>The producer has published nothing that was not peeked.</summary>
    internal bool IsEmpty => Volatile.Read(ref *Producer) == peeked;

    /// <summary>Looks at up to <paramref name="count"/> entries from <paramref name="index"/> on; each is shown once.</summary>
    /// <returns>How many there are.</returns>
    /// <exception cref="XskException">The producer index is ahead by more than the ring has, or went back.</exception>
    internal uint Peek(uint count, out uint index)
    {
        index = peeked;
        uint available = knownProducer - peeked;
        if (available < count)
        {
            uint produced = Volatile.Read(ref *Producer);
            uint used = produced - released;
            // What makes no sense is not remembered: the next look would take it for granted.
            if (used > Size || used < knownProducer - released) throw RingSnapshot.Corrupted(produced, released, Size, knownProducer);
            knownProducer = produced;
            available = knownProducer - peeked;
        }

        uint granted = Math.Min(available, count);
        peeked += granted;
        return granted;
    }

    /// <summary>The next entry to be peeked, where it is known to be there.</summary>
    internal bool TryLookAhead(out uint index)
    {
        index = peeked;
        return knownProducer != peeked;
    }

    /// <summary>Gives the newest <paramref name="count"/> peeked entries back, to be shown again.</summary>
    internal void Cancel(uint count) => peeked -= count;

    /// <summary>Hands the oldest <paramref name="count"/> peeked entries back to the kernel.</summary>
    internal void Release(uint count)
    {
        released += count;
        Volatile.Write(ref *Consumer, released);
    }

    /// <summary>Entries that were peeked and not yet released, then those from there to the kernel's producer index.</summary>
    internal void CopyTo(List<T> published, List<T> held)
    {
        for (uint i = released; i != peeked; i++) held.Add(this[i]);
        // An index that makes no sense must not make this go on for 2^32 entries.
        uint count = Math.Min(Volatile.Read(ref *Producer) - peeked, Size);
        for (uint i = 0; i < count; i++) published.Add(this[peeked + i]);
    }
}
