using XdpPS.Interop;

namespace XdpPS;

/// <summary>Where the parts of a ring lie in memory.</summary>
internal readonly unsafe struct RingLayout
{
    internal required uint* Producer { get; init; }

    internal required uint* Consumer { get; init; }

    internal required uint* Flags { get; init; }

    internal required void* Entries { get; init; }

    internal required uint Size { get; init; }

    /// <summary>What keeps the memory mapped; a ring that is still referenced must not lose it to a finalizer.</summary>
    internal object? Owner { get; init; }
}

/// <summary>The four rings of an AF_XDP socket: what each is called, sized by and mapped at.</summary>
internal sealed record RingKind(string Name, int SizeOption, string SizeOptionName, long MapOffset, string MapOffsetName, int EntrySize)
{
    internal static readonly RingKind Rx =
        new("RX ring", IfXdp.XDP_RX_RING, "XDP_RX_RING", IfXdp.XDP_PGOFF_RX_RING, "XDP_PGOFF_RX_RING", 16);

    internal static readonly RingKind Tx =
        new("TX ring", IfXdp.XDP_TX_RING, "XDP_TX_RING", IfXdp.XDP_PGOFF_TX_RING, "XDP_PGOFF_TX_RING", 16);

    internal static readonly RingKind Fill =
        new("FILL ring", IfXdp.XDP_UMEM_FILL_RING, "XDP_UMEM_FILL_RING", IfXdp.XDP_UMEM_PGOFF_FILL_RING, "XDP_UMEM_PGOFF_FILL_RING", 8);

    internal static readonly RingKind Completion =
        new("COMPLETION ring", IfXdp.XDP_UMEM_COMPLETION_RING, "XDP_UMEM_COMPLETION_RING", IfXdp.XDP_UMEM_PGOFF_COMPLETION_RING, "XDP_UMEM_PGOFF_COMPLETION_RING", 8);

    internal XdpRingOffset OffsetsIn(in XdpMmapOffsets offsets) =>
        this == Rx ? offsets.Rx : this == Tx ? offsets.Tx : this == Fill ? offsets.Fill : offsets.Completion;
}

/// <summary>The two rings that all sockets on one queue have in common, mapped through one of them.</summary>
internal sealed record QueueMapping(RingMapping Fill, RingMapping Completion) : IDisposable
{
    public void Dispose()
    {
        Fill.Dispose();
        Completion.Dispose();
    }
}

/// <summary>One ring of a socket, mapped into this process.</summary>
internal sealed unsafe class RingMapping : IDisposable
{
    private readonly MemoryMapping memory;

    internal RingMapping(FileDescriptor socket, RingKind kind, uint size, in XdpMmapOffsets offsets)
    {
        XdpRingOffset parts = kind.OffsetsIn(offsets);
        // Exactly up to the last entry: the kernel refuses to map more than it allocated (xsk_mmap).
        nuint length = (nuint)parts.Descriptors + ((nuint)size * (nuint)kind.EntrySize);
        memory = MemoryMapping.Shared(socket, length, kind.MapOffset, $"{kind.Name} at {kind.MapOffsetName}");
        byte* start = memory.Address;
        Layout = new RingLayout
        {
            Producer = (uint*)(start + parts.Producer),
            Consumer = (uint*)(start + parts.Consumer),
            Flags = (uint*)(start + parts.Flags),
            Entries = start + parts.Descriptors,
            Size = size,
            Owner = memory,
        };
    }

    internal RingLayout Layout { get; }

    public void Dispose() => memory.Dispose();
}
