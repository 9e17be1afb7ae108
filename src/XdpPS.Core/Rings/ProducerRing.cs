using System.Runtime.CompilerServices;
using XdpPS.Interop;

namespace XdpPS;

/// <summary>
/// The user side of a ring that the kernel consumes: FILL and TX. Indices are free-running 32-bit counters;
/// the consumer is read with acquire, the producer is published with release.
/// </summary>
/// <remarks>One thread at a time. The kernel's side is net/xdp/xsk_queue.h.</remarks>
internal sealed unsafe class ProducerRing<T> where T : unmanaged
{
    private readonly uint* producer;
    private readonly uint* consumer;
    private readonly uint* flags;
    private readonly T* entries;
    private readonly uint mask;
    private readonly object? owner;
    private uint reserved;
    private uint submitted;
    private uint knownConsumer;

    internal ProducerRing(in RingLayout layout)
    {
        producer = layout.Producer;
        consumer = layout.Consumer;
        flags = layout.Flags;
        entries = (T*)layout.Entries;
        Size = layout.Size;
        mask = layout.Size - 1;
        owner = layout.Owner;
        reserved = submitted = Volatile.Read(ref *producer);
        knownConsumer = Volatile.Read(ref *consumer);
    }

    internal uint Size { get; }

    /// <summary>The kernel wants a system call before it goes on (XDP_RING_NEED_WAKEUP).</summary>
    /// <remarks>
    /// The full fence orders the publishing store before this load. Without it both sides could miss each other:
    /// we read an old "no wake-up needed" while the kernel reads the old producer index and goes to sleep.
    /// </remarks>
    internal bool NeedsWakeup
    {
        get
        {
            Interlocked.MemoryBarrier();
            return (Volatile.Read(ref *flags) & IfXdp.XDP_RING_NEED_WAKEUP) != 0;
        }
    }

    /// <summary>Published and not yet taken by the kernel.</summary>
    internal uint Pending => submitted - Volatile.Read(ref *consumer);

    internal ref T this[uint index]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => ref entries[index & mask];
    }

    /// <summary>Makes room for up to <paramref name="count"/> entries from <paramref name="index"/> on.</summary>
    /// <returns>How many there is room for.</returns>
    internal uint Reserve(uint count, out uint index)
    {
        index = reserved;
        uint free = Size - (reserved - knownConsumer);
        if (free < count)
        {
            knownConsumer = Volatile.Read(ref *consumer);
            uint used = reserved - knownConsumer;
            if (used > Size) throw RingSnapshot.Corrupted(reserved, knownConsumer, Size);
            free = Size - used;
        }

        uint granted = Math.Min(free, count);
        reserved += granted;
        return granted;
    }

    /// <summary>Publishes the oldest <paramref name="count"/> reserved entries.</summary>
    internal void Submit(uint count)
    {
        submitted += count;
        Volatile.Write(ref *producer, submitted);
    }

    /// <summary>Gives the newest <paramref name="count"/> reserved entries back.</summary>
    internal void Cancel(uint count) => reserved -= count;

    /// <summary>Entries from the kernel's consumer index to the producer index, then those reserved and not yet published.</summary>
    internal void CopyTo(List<T> published, List<T> held)
    {
        for (uint i = Volatile.Read(ref *consumer); i != submitted; i++) published.Add(this[i]);
        for (uint i = submitted; i != reserved; i++) held.Add(this[i]);
    }

    internal RingSnapshot Snapshot() => RingSnapshot.Read(producer, consumer, flags, Size);
}
