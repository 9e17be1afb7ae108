using XdpPS.Interop;

namespace XdpPS;

/// <summary>All that a socket owns, in one place, so that a failed opening and a closing undo the same things in the same order.</summary>
internal sealed class XskResources : IDisposable
{
    private bool disposed;

    /// <summary>For a socket that was forgotten: its handles finalize themselves, its shares of the queue and the program are given up here.</summary>
    ~XskResources()
    {
        Queue?.Forget(this);
        Attachment?.Release();
    }

    /// <summary>Where the interface is, wherever the caller's threads are.</summary>
    internal NetworkNamespace? Namespace { get; set; }

    internal FileDescriptor? Descriptor { get; set; }

    internal Umem? Umem { get; set; }

    internal FramePool? ReceiveFrames { get; set; }

    internal FramePool? TransmitFrames { get; set; }

    internal bool IsZeroCopy { get; set; }

    internal int BusyPollMicroseconds { get; set; }

    internal int BusyPollBudget { get; set; }

    internal XskRings? Rings { get; set; }

    internal QueueRings? Queue { get; set; }

    internal ReceivePath? Receive { get; set; }

    internal TransmitPath? Transmit { get; set; }

    internal XdpAttachment? Attachment { get; set; }

    /// <summary>A map that someone else pinned, in place of an attachment's.</summary>
    internal XskMap? PinnedMap { get; set; }

    /// <summary>The map that sends packets here, or null without one.</summary>
    internal XskMap? Map => PinnedMap ?? Attachment?.Map;

    /// <summary>The slot of <see cref="Map"/> that has our socket, or -1.</summary>
    internal int MapSlot { get; set; } = -1;

    /// <summary>The interface is gone. If only to another network namespace, the program went with it, and would go on taking packets that nobody will ever see.</summary>
    internal void LeaveProgram()
    {
        Queue?.Vacate(this);
        Attachment?.Release();
        Attachment = null;
    }

    public void Dispose()
    {
        GC.SuppressFinalize(this);
        if (disposed) return;
        disposed = true;
        // First out of the map, so that packets go to the kernel again; then the mappings, because each keeps the
        // socket and its queue busy; the UMEM last, when the kernel can't write to it any more.
        bool isLast = Queue?.Leave(this) ?? true;
        Rings?.Dispose();
        Descriptor?.Dispose();
        BoundQueues.Remove(this);
        Attachment?.Release();
        Attachment = null;
        PinnedMap?.Dispose();
        if (isLast) ReturnFrames();
        Umem?.Release();
        Umem = null;
        Namespace?.Dispose();
    }

    private void ReturnFrames()
    {
        // A zero-copy driver may write to its frames for a moment after the close (xp_release_deferred): with a
        // shared UMEM they stay out of use.
        Queue?.Dispose(returnFrames: !IsZeroCopy);
        if (Umem is null || IsZeroCopy) return;
        if (ReceiveFrames is not null) Umem.Return(ReceiveFrames);
        if (TransmitFrames is not null) Umem.Return(TransmitFrames);
    }
}
