using System.Runtime.CompilerServices;

namespace XdpPS;

/// <summary>What both kinds of ring are: entries in memory that the kernel shares, and two free-running 32-bit indices.</summary>
internal abstract unsafe class MappedRing<T> where T : unmanaged
{
    private readonly T* entries;
    private readonly uint mask;
    private readonly object? owner;

    private protected MappedRing(in RingLayout layout)
    {
        Producer = layout.Producer;
        Consumer = layout.Consumer;
        Flags = layout.Flags;
        entries = (T*)layout.Entries;
        Size = layout.Size;
        mask = layout.Size - 1;
        owner = layout.Owner;
    }

    internal uint Size { get; }

    private protected uint* Producer { get; }

    private protected uint* Consumer { get; }

    private protected uint* Flags { get; }

    internal ref T this[uint index]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => ref entries[index & mask];
    }

    /// <summary>The entries from an index to where the memory ends.</summary>
    private protected Span<T> From(uint index) => new(entries + (index & mask), (int)(Size - (index & mask)));

    internal RingSnapshot Snapshot() => RingSnapshot.Read(Producer, Consumer, Flags, Size);
}
