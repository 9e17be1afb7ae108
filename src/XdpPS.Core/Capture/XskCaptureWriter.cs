using System.Diagnostics;
using System.Globalization;

namespace XdpPS;

/// <summary>
/// Writes packets to a capture file, or to one after the other. What is in the file ends where a packet does at any
/// time, so that it can be read also when the process is killed. One thread at a time; nothing is allocated for a packet.
/// </summary>
public sealed class XskCaptureWriter : IDisposable
{
    private const int BufferLength = 1 << 20;

    private readonly XskCaptureOptions options;
    private readonly BlockBuffer buffer;
    private readonly CaptureEncoder encoder;
    private readonly CaptureRecorder recorder;
    private readonly List<string> files = [];
    private readonly Queue<string> kept = [];
    private CaptureFile? file;
    private long startedAt;
    private long packetsBefore;
    private bool failed;
    private bool disposed;

    /// <summary>Makes the file, or goes to the end of it.</summary>
    /// <exception cref="XskException">It cannot be made or continued, must not be overwritten, or the disk is full.</exception>
    public XskCaptureWriter(XskCaptureOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.SnapLength, 1);
        if (options.Append && Rotates(options)) throw new ArgumentException("A file that is continued cannot be rotated.", nameof(options));
        this.options = options;
        buffer = new BlockBuffer(BufferLength, WriteBlocks);
        try
        {
            int? stated = null;
            if (options.Append && (file = CaptureFile.OpenExisting(options.Path, options.Force)) is not null)
            {
                stated = CaptureContinuation.Prepare(file, options.Format, options.SnapLength);
                files.Add(options.Path);
            }

            encoder = CaptureEncoder.Create(options.Format, buffer, options.SnapLength, stated);
            recorder = new CaptureRecorder(encoder, Rotates(options) ? Rotate : null);
            if (file is null) Create();
            // The classic format has one header; pcapng a section for each who wrote.
            if (file!.Length == 0 || options.Format == XskCaptureFormat.Pcapng) recorder.Begin(options.Comment);
            // A disk that is full is better known now than after the first megabyte.
            Flush();
        }
        catch
        {
            file?.Dispose();
            throw;
        }
    }

    /// <summary>Packets written.</summary>
    public long Packets => recorder.Packets;

    /// <summary>Bytes of them that were kept.</summary>
    public long Bytes => recorder.Bytes;

    /// <summary>Something was written since the last <see cref="Flush"/>, and is not yet in the file.</summary>
    public bool HasUnflushed => buffer.Pending > 0;

    /// <summary>The files that were written, in that order, those that a rotation has deleted among them.</summary>
    public IReadOnlyList<string> Files => files;

    /// <summary>Describes a socket's interface in the file, and counts from now on the packets that the kernel drops.</summary>
    /// <exception cref="XskException">The disk is full, or writing failed otherwise.</exception>
    public void Declare(XskSocket socket)
    {
        ArgumentNullException.ThrowIfNull(socket);
        Guard();
        recorder.Declare(socket);
    }

    /// <summary>Writes a packet.</summary>
    /// <exception cref="XskException">The disk is full, or writing failed otherwise.</exception>
    public void Write(XskPacket packet)
    {
        ArgumentNullException.ThrowIfNull(packet);
        Guard();
        recorder.Write(packet);
    }

    /// <summary>Takes packets from a socket into the file, without waiting and without making objects of them.</summary>
    /// <param name="socket">One of one frame or several a packet.</param>
    /// <param name="maximum">The most packets to take, at least 1.</param>
    /// <returns>How many there were.</returns>
    /// <exception cref="XskException">The disk is full, writing failed otherwise, or as <see cref="XskSocket.Receive"/>.</exception>
    public int Write(XskSocket socket, int maximum)
    {
        ArgumentNullException.ThrowIfNull(socket);
        Guard();
        return recorder.Write(socket, maximum);
    }

    /// <summary>Hands to the system what is still in the buffer, so that others can read it in the file.</summary>
    /// <exception cref="XskException">The disk is full, or writing failed otherwise.</exception>
    public void Flush() => buffer.Flush();

    /// <summary>Writes what is left, and the statistics, and closes the file.</summary>
    /// <exception cref="XskException">The disk is full, or writing failed otherwise; the file is closed all the same.</exception>
    public void Complete()
    {
        if (disposed) return;
        try
        {
            recorder.LookForLosses();
            Finish();
        }
        finally
        {
            disposed = true;
            file!.Dispose();
        }
    }

    /// <summary><see cref="Complete"/>, as far as it is possible.</summary>
    public void Dispose()
    {
        try
        {
            Complete();
        }
        catch (XskException)
        {
            // Who disposes without having completed is on the way out of another failure.
        }
    }

    private static bool Rotates(XskCaptureOptions options) => options.RotateBytes is not null || options.RotateInterval is not null;

    private void Guard()
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        if (failed) throw new InvalidOperationException("Writing to the capture file has failed before.");
    }

    private void WriteBlocks(ReadOnlySpan<byte> blocks)
    {
        try
        {
            file!.Write(blocks, encoder);
        }
        catch
        {
            failed = true;
            throw;
        }
    }

    private void Finish()
    {
        if (failed) return;
        recorder.End();
        Flush();
    }

    private void Create()
    {
        string path = Rotates(options) ? NextPath() : options.Path;
        file = CaptureFile.Create(path, options.NoClobber, options.Force);
        files.Add(path);
        startedAt = Stopwatch.GetTimestamp();
        packetsBefore = recorder.Packets;
        if (options.KeepFiles is not { } most) return;
        kept.Enqueue(path);
        // One that somebody has moved away is theirs.
        while (kept.Count > most) _ = Interop.Libc.unlink(kept.Dequeue());
    }

    /// <summary>As dumpcap has it, so that a listing by name is one by time.</summary>
    private string NextPath()
    {
        string folder = Path.GetDirectoryName(options.Path) ?? "";
        string name = string.Create(
            CultureInfo.InvariantCulture,
            $"{Path.GetFileNameWithoutExtension(options.Path)}_{files.Count + 1:D5}_{DateTime.Now:yyyyMMddHHmmss}{Path.GetExtension(options.Path)}");
        return Path.Combine(folder, name);
    }

    /// <summary>Before a packet of at most so many bytes. A file has one packet at least.</summary>
    private void Rotate(int room)
    {
        if (recorder.Packets == packetsBefore) return;
        bool full = options.RotateBytes is { } bytes && file!.Length + buffer.Pending + room > bytes;
        if (!full && (options.RotateInterval is not { } interval || Stopwatch.GetElapsedTime(startedAt) < interval)) return;
        Finish();
        file!.Dispose();
        // Until there is another.
        failed = true;
        Create();
        failed = false;
        recorder.Begin(options.Comment);
    }
}
