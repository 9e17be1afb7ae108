using System.Runtime.InteropServices;
using XdpPS.Interop;

namespace XdpPS;

/// <summary>What is written to a named pipe, from the moment on that somebody opens it for writing. The wait can be cancelled, which read(2) on a pipe could not.</summary>
internal sealed unsafe class PipeStream : Stream
{
    private const int BufferLength = 64 * 1024;

    private readonly FileDescriptor descriptor;
    private readonly EventSignal cancelled = new();
    private readonly CancellationToken cancellationToken;
    private readonly CancellationTokenRegistration registration;

    private PipeStream(FileDescriptor descriptor, CancellationToken cancellationToken)
    {
        this.descriptor = descriptor;
        this.cancellationToken = cancellationToken;
        registration = cancellationToken.Register(cancelled.Set);
    }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <exception cref="IOException">It cannot be opened.</exception>
    internal static Stream Open(string path, CancellationToken cancellationToken)
    {
        // Without O_NONBLOCK this would wait for a writer, and nobody could stop it.
        FileDescriptor opened = Libc.open(path, Libc.O_NONBLOCK | Libc.O_CLOEXEC);
        int errno = Marshal.GetLastPInvokeError();
        try
        {
            if (opened.IsInvalid) throw Failure(errno);
            return new BufferedStream(new PipeStream(opened, cancellationToken), BufferLength);
        }
        catch
        {
            opened.Dispose();
            throw;
        }
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    /// <exception cref="OperationCanceledException">The wait was cancelled.</exception>
    public override int Read(Span<byte> buffer)
    {
        while (true)
        {
            Wait();
            fixed (byte* first = buffer)
            {
                nint read = Libc.read(descriptor, first, (nuint)buffer.Length);
                if (read >= 0) return (int)read;
            }

            int errno = Marshal.GetLastPInvokeError();
            if (errno is not (Errno.EAGAIN or Errno.EINTR)) throw Failure(errno);
        }
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            registration.Dispose();
            cancelled.Dispose();
            descriptor.Dispose();
        }

        base.Dispose(disposing);
    }

    private static IOException Failure(int errno) => new(Errno.Text(errno));

    /// <summary>
    /// Until there are bytes, or all who wrote have gone. Read at once, a pipe that nobody has opened yet would seem to have
    /// ended; poll(2) reports the hang-up only after there has been a writer (pipe_poll in fs/pipe.c).
    /// </summary>
    private void Wait()
    {
        Libc.PollFd* both = stackalloc Libc.PollFd[2];
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            both[0] = new Libc.PollFd { Descriptor = descriptor.Number, Events = Libc.POLLIN };
            both[1] = new Libc.PollFd { Descriptor = cancelled.Descriptor.Number, Events = Libc.POLLIN };
            int ready = Libc.poll(both, 2, -1);
            if (ready < 0 && Marshal.GetLastPInvokeError() is not Errno.EINTR and var errno) throw Failure(errno);
            if (ready > 0 && both[0].ReturnedEvents != 0) return;
        }
    }
}
