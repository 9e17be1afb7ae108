using XdpPS.Interop;

namespace XdpPS;

/// <summary>
/// The user side of a ring that the kernel consumes: FILL and TX. Indices are free-running 32-bit counters;
/// the consumer is read with acquire, the producer is published with release.
/// </summary>
/// <remarks>One thread at a time. The kernel's side is net/xdp/xsk_queue.h.</remarks>
internal sealed unsafe class ProducerRing<T> : MappedRing<T> where T : unmanaged
{
    private uint reserved;
    private uint submitted;
    private uint knownConsumer;

    internal ProducerRing(in RingLayout layout) : base(layout)
    {
        reserved = submitted = Volatile.Read(ref *Producer);
        // No room is known, so that the first reservation looks and checks.
        knownConsumer = submitted - Size;
    }

    /// <summary>The kernel wants a system call before it goes on (XDP_RING_NEED_WAKEUP).</summary>
    /// <remarks>
    /// The full fence orders the publishing store before this load. Without it both sides could miss each other:
    /// we read an old "no wake-up needed" while the kernel reads the old producer index and goes to sleep.
    /// </remarks>
    internal bool NeedsWakeup
    {
        get
        {
            // An old "wake-up needed" does no harm: where the kernel copies it is always needed, and the fence saved.
            if (IsFlagged) return true;
            Interlocked.MemoryBarrier();
            return IsFlagged;
        }
    }

    private bool IsFlagged => (Volatile.Read(ref *Flags) & IfXdp.XDP_RING_NEED_WAKEUP) != 0;

    /// <summary>Published and not yet taken by the kernel.</summary>
    internal uint Pending => submitted - Volatile.Read(ref *Consumer);

    /// <summary>Makes room for up to <paramref name="count"/> entries from <paramref name="index"/> on.</summary>
    /// <returns>How many there is room for.</returns>
    /// <exception cref="XskException">The consumer index is ahead of the producer's, or behind it by more than the ring has.</exception>
    internal uint Reserve(uint count, out uint index)
    {
        index = reserved;
        uint free = Size - (reserved - knownConsumer);
        if (free < count)
        {
            uint consumed = Volatile.Read(ref *Consumer);
            // Back it may go: of a packet of several frames that the driver had no room for, the kernel takes the whole
            // again (xskq_cons_cancel_n), although it may have published a part.
            if (submitted - consumed > Size || reserved - consumed > Size) throw RingSnapshot.Corrupted(submitted, consumed, Size);
            knownConsumer = consumed;
            free = Size - (reserved - consumed);
        }

        uint granted = Math.Min(free, count);
        reserved += granted;
        return granted;
    }

    /// <summary>Writes reserved entries from <paramref name="index"/> on.</summary>
    internal void Write(uint index, ReadOnlySpan<T> entries)
    {
        Span<T> first = From(index);
        if (entries.Length <= first.Length)
        {
            entries.CopyTo(first);
            return;
        }

        entries[..first.Length].CopyTo(first);
        entries[first.Length..].CopyTo(From(index + (uint)first.Length));
    }

    /// <summary>Publishes the oldest <paramref name="count"/> reserved entries.</summary>
    internal void Submit(uint count)
    {
        submitted += count;
        Volatile.Write(ref *Producer, submitted);
    }

    /// <summary>Gives the newest <paramref name="count"/> reserved entries back.</summary>
    internal void Cancel(uint count) => reserved -= count;

    /// <summary>Entries from the kernel's consumer index to the producer index, then those reserved and not yet published.</summary>
    internal void CopyTo(List<T> published, List<T> held)
    {
        // An index that makes no sense must not make this go on for 2^32 entries.
        uint count = Math.Min(submitted - Volatile.Read(ref *Consumer), Size);
        for (uint i = submitted - count; i != submitted; i++) published.Add(this[i]);
        for (uint i = submitted; i != reserved; i++) held.Add(this[i]);
    }
}
