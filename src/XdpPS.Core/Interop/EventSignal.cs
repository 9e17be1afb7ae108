using System.Runtime.InteropServices;

namespace XdpPS.Interop;

/// <summary>An eventfd: what another thread uses to end a poll.</summary>
internal sealed unsafe class EventSignal : IDisposable
{
    internal EventSignal()
    {
        Descriptor = Libc.eventfd(0, Libc.EFD_CLOEXEC | Libc.EFD_NONBLOCK);
        if (!Descriptor.IsInvalid) return;
        int errno = Marshal.GetLastPInvokeError();
        throw XskException.FromCall(
            XskErrorId.OutOfDescriptors, errno, "eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)",
            $"No descriptor could be had to wake a waiting receive: {Errno.Text(errno)}",
            ResourceLimit.MoreDescriptors);
    }

    internal FileDescriptor Descriptor { get; }

    /// <summary>Safe from any thread, also after <see cref="Dispose"/>.</summary>
    internal void Set()
    {
        ulong one = 1;
        try
        {
            _ = Libc.write(Descriptor, &one, sizeof(ulong));
        }
        catch (ObjectDisposedException)
        {
            // The waiter is gone: nobody is left to wake.
        }
    }

    public void Dispose() => Descriptor.Dispose();
}
