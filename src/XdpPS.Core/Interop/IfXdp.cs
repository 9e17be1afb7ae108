using System.Runtime.InteropServices;

namespace XdpPS.Interop;

/// <summary>Constants of include/uapi/linux/if_xdp.h.</summary>
internal static class IfXdp
{
    internal const int AF_XDP = 44;
    internal const int SOL_XDP = 283;

    internal const int XDP_MMAP_OFFSETS = 1;
    internal const int XDP_RX_RING = 2;
    internal const int XDP_TX_RING = 3;
    internal const int XDP_UMEM_REG = 4;
    internal const int XDP_UMEM_FILL_RING = 5;
    internal const int XDP_UMEM_COMPLETION_RING = 6;
    internal const int XDP_STATISTICS = 7;
    internal const int XDP_OPTIONS = 8;
    internal const int XDP_MAX_TX_SKB_BUDGET = 9;

    internal const ushort XDP_SHARED_UMEM = 1 << 0;
    internal const ushort XDP_COPY = 1 << 1;
    internal const ushort XDP_ZEROCOPY = 1 << 2;
    internal const ushort XDP_USE_NEED_WAKEUP = 1 << 3;
    internal const ushort XDP_USE_SG = 1 << 4;

    internal const uint XDP_UMEM_UNALIGNED_CHUNK_FLAG = 1 << 0;

    /// <summary>Where a descriptor of an unaligned UMEM has the offset from its frame's first byte.</summary>
    internal const int XSK_UNALIGNED_BUF_OFFSET_SHIFT = 48;

    /// <summary>The packet goes on in the next descriptor.</summary>
    internal const uint XDP_PKT_CONTD = 1 << 0;

    internal const uint XDP_RING_NEED_WAKEUP = 1;
    internal const uint XDP_OPTIONS_ZEROCOPY = 1;

    internal const long XDP_PGOFF_RX_RING = 0;
    internal const long XDP_PGOFF_TX_RING = 0x80000000;
    internal const long XDP_UMEM_PGOFF_FILL_RING = 0x100000000;
    internal const long XDP_UMEM_PGOFF_COMPLETION_RING = 0x180000000;

    /// <summary>What the kernel keeps free before every received frame, beside the user's headroom (XDP_PACKET_HEADROOM, bpf.h).</summary>
    internal const int XDP_PACKET_HEADROOM = 256;

    /// <summary>XDP_UMEM_MIN_CHUNK_SIZE, net/xdp/xdp_umem.c.</summary>
    internal const int XDP_UMEM_MIN_CHUNK_SIZE = 2048;

    /// <summary>The least that CONFIG_MAX_SKB_FRAGS can be: the pages that a socket buffer has beside its linear part.</summary>
    internal const int MAX_SKB_FRAGS = 17;
}

/// <summary>struct sockaddr_xdp.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct SockaddrXdp
{
    internal ushort Family;
    internal ushort Flags;
    internal uint InterfaceIndex;
    internal uint QueueId;
    internal uint SharedUmemDescriptor;
}

/// <summary>
/// struct xdp_umem_reg in its 32-byte form. The kernels between 5.4 and 6.7 know 28 bytes and 4 of padding,
/// which some read as tx_metadata_len: it is declared, and zero.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal struct XdpUmemReg
{
    internal ulong Address;
    internal ulong Length;
    internal uint ChunkSize;
    internal uint Headroom;
    internal uint Flags;
    internal uint TxMetadataLength;
}

/// <summary>struct xdp_desc: one packet in the RX or TX ring, or a part of one.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct XdpDescriptor
{
    internal ulong Address;
    internal uint Length;
    internal uint Options;
}

/// <summary>struct xdp_ring_offset: where in a mapped ring its parts lie.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct XdpRingOffset
{
    internal ulong Producer;
    internal ulong Consumer;
    internal ulong Descriptors;
    internal ulong Flags;
}

/// <summary>struct xdp_mmap_offsets.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct XdpMmapOffsets
{
    internal XdpRingOffset Rx;
    internal XdpRingOffset Tx;
    internal XdpRingOffset Fill;
    internal XdpRingOffset Completion;

    /// <summary>
    /// Reads what getsockopt returned. Kernels up to 5.3 return 96 bytes: no flags member, and the flags word
    /// follows the consumer index (xdp_mmap_offsets_v1 and xsk_mmap_offsets_v1 in libxdp).
    /// </summary>
    /// <exception cref="ArgumentException">The length is of neither form.</exception>
    internal static unsafe XdpMmapOffsets Parse(ReadOnlySpan<byte> value)
    {
        if (value.Length == 128)
        {
            fixed (byte* whole = value) return *(XdpMmapOffsets*)whole;
        }

        if (value.Length != 96) throw new ArgumentException($"XDP_MMAP_OFFSETS returned {value.Length} bytes, not 128 or 96", nameof(value));
        return new XdpMmapOffsets
        {
            Rx = First(value),
            Tx = First(value[24..]),
            Fill = First(value[48..]),
            Completion = First(value[72..]),
        };
    }

    private static XdpRingOffset First(ReadOnlySpan<byte> value)
    {
        ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(value[..24]);
        return new XdpRingOffset
        {
            Producer = words[0],
            Consumer = words[1],
            Descriptors = words[2],
            Flags = words[1] + sizeof(uint),
        };
    }
}

/// <summary>struct xdp_statistics.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct XdpStatistics
{
    internal ulong RxDropped;
    internal ulong RxInvalidDescriptors;
    internal ulong TxInvalidDescriptors;
    internal ulong RxRingFull;
    internal ulong RxFillRingEmptyDescriptors;
    internal ulong TxRingEmptyDescriptors;

    /// <summary>
    /// Reads what getsockopt returned: 48 bytes, or the first 24 on kernels before 5.9, where the last three
    /// stay 0 and a full RX ring is counted in <see cref="RxDropped"/>.
    /// </summary>
    internal static XdpStatistics Parse(ReadOnlySpan<byte> value)
    {
        Span<byte> whole = stackalloc byte[48];
        whole.Clear();
        value[..Math.Min(value.Length, whole.Length)].CopyTo(whole);
        return MemoryMarshal.Read<XdpStatistics>(whole);
    }
}
