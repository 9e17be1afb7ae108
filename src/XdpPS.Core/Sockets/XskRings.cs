using System.Runtime.InteropServices;
using XdpPS.Interop;

namespace XdpPS;

/// <summary>The mapped rings of one socket. RX or TX is absent where its size is 0.</summary>
internal sealed class XskRings : IDisposable
{
    private readonly List<RingMapping> mappings = [];

    /// <summary>Sizes the rings with the kernel and maps them.</summary>
    internal XskRings(FileDescriptor socket, XskSocketOptions options)
    {
        try
        {
            SetSize(socket, RingKind.Fill, options.EffectiveFillRingSize);
            SetSize(socket, RingKind.Completion, options.EffectiveCompletionRingSize);
            if (options.RxRingSize > 0) SetSize(socket, RingKind.Rx, options.RxRingSize);
            if (options.TxRingSize > 0) SetSize(socket, RingKind.Tx, options.TxRingSize);

            XdpMmapOffsets offsets = GetOffsets(socket);
            Fill = new ProducerRing<ulong>(Map(socket, RingKind.Fill, options.EffectiveFillRingSize, offsets));
            Completion = new ConsumerRing<ulong>(Map(socket, RingKind.Completion, options.EffectiveCompletionRingSize, offsets));
            if (options.RxRingSize > 0) Rx = new ConsumerRing<XdpDescriptor>(Map(socket, RingKind.Rx, options.RxRingSize, offsets));
            if (options.TxRingSize > 0) Tx = new ProducerRing<XdpDescriptor>(Map(socket, RingKind.Tx, options.TxRingSize, offsets));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    internal ProducerRing<ulong> Fill { get; }

    internal ConsumerRing<ulong> Completion { get; }

    internal ConsumerRing<XdpDescriptor>? Rx { get; }

    internal ProducerRing<XdpDescriptor>? Tx { get; }

    /// <summary>Unmaps all. This has to come before the descriptor is closed: a mapping keeps the socket and its queue busy.</summary>
    public void Dispose()
    {
        foreach (RingMapping mapping in mappings) mapping.Dispose();
        mappings.Clear();
    }

    private RingLayout Map(FileDescriptor socket, RingKind kind, int size, in XdpMmapOffsets offsets)
    {
        RingMapping mapping = new(socket, kind, (uint)size, offsets);
        mappings.Add(mapping);
        return mapping.Layout;
    }

    private static unsafe void SetSize(FileDescriptor socket, RingKind kind, int size)
    {
        if (Libc.setsockopt(socket, IfXdp.SOL_XDP, kind.SizeOption, &size, sizeof(int)) == 0) return;
        int errno = Marshal.GetLastPInvokeError();
        string call = $"setsockopt(xsk, {kind.SizeOptionName}, {size})";
        throw errno switch
        {
            Errno.EINVAL => XskException.FromCall(
                XskErrorId.RingSizeInvalid, errno, call,
                $"The kernel refused a {kind.Name} of {size} entries: it must be a power of two, and can be set only once",
                "use the default, or a descriptor on which nothing was set up yet"),
            Errno.ENOMEM => XskException.FromCall(
                XskErrorId.OutOfMemory, errno, call, $"The kernel has no memory for a {kind.Name} of {size} entries",
                "use a smaller ring"),
            _ => XskSetup.OptionFailed(errno, call, $"The {kind.Name} could not be made"),
        };
    }

    private static unsafe XdpMmapOffsets GetOffsets(FileDescriptor socket)
    {
        byte* value = stackalloc byte[sizeof(XdpMmapOffsets)];
        int length = sizeof(XdpMmapOffsets);
        if (Libc.getsockopt(socket, IfXdp.SOL_XDP, IfXdp.XDP_MMAP_OFFSETS, value, &length) == 0)
            return XdpMmapOffsets.Parse(new ReadOnlySpan<byte>(value, length));
        throw XskSetup.OptionFailed(
            Marshal.GetLastPInvokeError(), "getsockopt(xsk, XDP_MMAP_OFFSETS)", "The rings' layout could not be read");
    }
}
