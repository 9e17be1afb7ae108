using System.Runtime.InteropServices;
using XdpPS.Interop;

namespace XdpPS;

/// <summary>The mapped rings of one socket. RX or TX is absent where its size is 0, FILL and COMPLETION where the queue has them already.</summary>
internal sealed class XskRings : IDisposable
{
    private readonly List<RingMapping> mappings = [];
    private readonly XdpMmapOffsets offsets;

    /// <summary>Sizes the rings with the kernel and maps them.</summary>
    /// <param name="socket">The socket, not bound yet.</param>
    /// <param name="options">The sizes.</param>
    /// <param name="joinsQueue">The socket is to be bound to a queue that has FILL and COMPLETION: with its own it would be refused (xsk_bind).</param>
    internal XskRings(FileDescriptor socket, XskSocketOptions options, bool joinsQueue = false)
    {
        try
        {
            if (!joinsQueue)
            {
                SetSize(socket, RingKind.Fill, options.EffectiveFillRingSize);
                SetSize(socket, RingKind.Completion, options.EffectiveCompletionRingSize);
            }

            if (options.RxRingSize > 0) SetSize(socket, RingKind.Rx, options.RxRingSize);
            if (options.TxRingSize > 0) SetSize(socket, RingKind.Tx, options.TxRingSize);

            offsets = GetOffsets(socket);
            if (!joinsQueue) MapQueue(socket, options.EffectiveFillRingSize, options.EffectiveCompletionRingSize);
            if (options.RxRingSize > 0) Rx = new ConsumerRing<XdpDescriptor>(Map(socket, RingKind.Rx, options.RxRingSize).Layout);
            if (options.TxRingSize > 0) Tx = new ProducerRing<XdpDescriptor>(Map(socket, RingKind.Tx, options.TxRingSize).Layout);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>FILL and COMPLETION through this socket.</summary>
    internal QueueMapping? OfQueue { get; private set; }

    internal ConsumerRing<XdpDescriptor>? Rx { get; }

    internal ProducerRing<XdpDescriptor>? Tx { get; }

    /// <summary>Unmaps all. This has to come before the descriptor is closed: a mapping keeps the socket and its queue busy.</summary>
    public void Dispose()
    {
        foreach (RingMapping mapping in mappings) mapping.Dispose();
        mappings.Clear();
        OfQueue = null;
    }

    /// <summary>Maps the FILL and COMPLETION rings of the queue that the socket was bound to.</summary>
    /// <returns>False where the kernel does that only before bind (5f5a7d8d8bd4, Linux 6.4, let it do so after).</returns>
    internal bool TryMapQueue(FileDescriptor socket, int fillSize, int completionSize)
    {
        try
        {
            MapQueue(socket, fillSize, completionSize);
            return true;
        }
        catch (XskException e) when (e.ErrorNumber == Errno.EBUSY)
        {
            return false;
        }
    }

    /// <summary>Leaves FILL and COMPLETION mapped when the others are unmapped.</summary>
    internal QueueMapping? DetachQueue()
    {
        QueueMapping? detached = OfQueue;
        OfQueue = null;
        mappings.RemoveAll(mapping => mapping == detached?.Fill || mapping == detached?.Completion);
        return detached;
    }

    private void MapQueue(FileDescriptor socket, int fillSize, int completionSize) => OfQueue = new QueueMapping(
        Map(socket, RingKind.Fill, fillSize), Map(socket, RingKind.Completion, completionSize));

    private RingMapping Map(FileDescriptor socket, RingKind kind, int size)
    {
        RingMapping mapping = new(socket, kind, (uint)size, offsets);
        mappings.Add(mapping);
        return mapping;
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

    internal static unsafe XdpMmapOffsets GetOffsets(FileDescriptor socket)
    {
        byte* value = stackalloc byte[sizeof(XdpMmapOffsets)];
        int length = sizeof(XdpMmapOffsets);
        if (Libc.getsockopt(socket, IfXdp.SOL_XDP, IfXdp.XDP_MMAP_OFFSETS, value, &length) == 0)
            return XdpMmapOffsets.Parse(new ReadOnlySpan<byte>(value, length));
        throw XskSetup.OptionFailed(
            Marshal.GetLastPInvokeError(), "getsockopt(xsk, XDP_MMAP_OFFSETS)", "The rings' layout could not be read");
    }
}
