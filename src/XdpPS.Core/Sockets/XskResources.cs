using XdpPS.Interop;

namespace XdpPS;

/// <summary>All that a socket owns, in one place, so that a failed opening and a closing undo the same things in the same order.</summary>
internal sealed class XskResources : IDisposable
{
    /// <summary>For a socket that was forgotten: its handles finalize themselves, its shares of the queue and the program are given up here.</summary>
    ~XskResources()
    {
        Queue?.Forget(this);
        Attachment?.Release();
    }

    internal FileDescriptor? Descriptor { get; set; }

    internal Umem? Umem { get; set; }

    internal FramePool? ReceiveFrames { get; set; }

    internal FramePool? TransmitFrames { get; set; }

    internal bool IsZeroCopy { get; set; }

    internal XskRings? Rings { get; set; }

    internal QueueRings? Queue { get; set; }

    internal ReceivePath? Receive { get; set; }

    internal TransmitPath? Transmit { get; set; }

    internal XdpAttachment? Attachment { get; set; }

    /// <summary>The slot of <see cref="Attachment"/>'s map that has our socket, or -1.</summary>
    internal int MapSlot { get; set; } = -1;

    public void Dispose()
    {
        GC.SuppressFinalize(this);
        // First out of the map, so that packets go to the kernel again; then the mappings, because each keeps the
        // socket and its queue busy; the UMEM last, when the kernel can't write to it any more.
        bool isLast = Queue?.Leave(this) ?? true;
        Rings?.Dispose();
        Descriptor?.Dispose();
        Attachment?.Release();
        Attachment = null;
        if (isLast) ReturnFrames();
        Umem?.Release();
        Umem = null;
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
