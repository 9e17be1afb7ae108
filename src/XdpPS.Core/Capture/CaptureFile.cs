using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using XdpPS.Interop;

namespace XdpPS;

/// <summary>A capture file open for writing. It is a new file, or one that is continued, and was reached through no symbolic link.</summary>
internal sealed unsafe class CaptureFile : IDisposable
{
    private readonly FileDescriptor descriptor;

    private CaptureFile(string path, FileDescriptor descriptor, long length = 0)
    {
        Path = path;
        this.descriptor = descriptor;
        Length = length;
    }

    internal string Path { get; }

    /// <summary>Bytes written.</summary>
    internal long Length { get; private set; }

    /// <summary>Makes a file, with the permissions that the user's umask leaves. One of that name is removed first: what others hold open, or planted there, is not written to.</summary>
    /// <exception cref="XskException">It exists and must not be overwritten, is no regular file, or the place is not writable.</exception>
    internal static CaptureFile Create(string path, bool keepExisting, bool overwriteReadOnly)
    {
        FilePlace place = Place(path);
        // More often than a few times only if somebody races with us.
        for (int attempt = 0; ; attempt++)
        {
            FileDescriptor made = Libc.open(path, Libc.O_WRONLY | Libc.O_CREAT | Libc.O_EXCL | Libc.O_NOFOLLOW | Libc.O_CLOEXEC, 0x1b6);
            if (!made.IsInvalid) return new CaptureFile(path, made);
            int errno = Marshal.GetLastPInvokeError();
            made.Dispose();
            if (errno != Errno.EEXIST || attempt == 3) throw place.NotWritable(errno, "open(path, O_WRONLY|O_CREAT|O_EXCL|O_NOFOLLOW)");
            if (!place.TryStatus(out FileStatus status)) continue;
            place.CheckReplaceable(status, keepExisting, overwriteReadOnly);
            if (Libc.unlink(path) == 0) continue;
            errno = Marshal.GetLastPInvokeError();
            if (errno != Errno.ENOENT) throw place.NotWritable(errno, "unlink(path)");
        }
    }

    /// <summary>Opens a file to continue it.</summary>
    /// <returns>Null where there is none.</returns>
    /// <exception cref="XskException">It is no regular file, belongs to someone else, or may not be written.</exception>
    internal static CaptureFile? OpenExisting(string path, bool ofAnyone)
    {
        // Not opened before it is known to be a file: to open a device may do something.
        FilePlace place = Place(path);
        if (!place.TryStatus(out FileStatus status)) return null;
        place.CheckRegular(status);
        FileDescriptor opened = Libc.open(path, Libc.O_RDWR | Libc.O_NOFOLLOW | Libc.O_NONBLOCK | Libc.O_CLOEXEC);
        if (opened.IsInvalid)
        {
            int errno = Marshal.GetLastPInvokeError();
            opened.Dispose();
            throw place.NotWritable(errno, "open(path, O_RDWR|O_NOFOLLOW)");
        }

        try
        {
            // By now another may have taken its place: what counts is what was opened.
            status = StatusOf(place, opened);
            place.CheckRegular(status);
            // One planted in a shared directory would hand what is captured to whoever planted it.
            if (status.Owner != Libc.geteuid() && !ofAnyone)
                throw XskException.FromCheck(XskErrorId.CaptureNotWritable, $"The file '{path}' belongs to another user (id {status.Owner})", "give another path, or use -Force to append to it");
            return new CaptureFile(path, opened);
        }
        catch
        {
            opened.Dispose();
            throw;
        }
    }

    /// <summary>What the path leads to, through symbolic links.</summary>
    /// <returns>One of the S_IF constants; S_IFREG also where nothing is there.</returns>
    internal static ushort KindOf(string path)
    {
        FileStatus status;
        return Libc.statx(Libc.AT_FDCWD, path, 0, Libc.STATX_TYPE, &status) == 0 ? (ushort)(status.Mode & Libc.S_IFMT) : Libc.S_IFREG;
    }

    /// <summary>Goes to the end of what is whole in the file, and cuts off what was left unfinished behind it.</summary>
    /// <param name="scan">Finds that end.</param>
    internal void ContinueAfter(Func<CaptureSource, long> scan)
    {
        using SafeFileHandle borrowed = new(descriptor.Number, ownsHandle: false);
        using CaptureSource source = new(new FileStream(borrowed, FileAccess.Read, 256 * 1024), Path);
        Length = scan(source);
        if (Libc.ftruncate(descriptor, Length) != 0) throw Place(Path).NotWritable(Marshal.GetLastPInvokeError(), "ftruncate(file)");
    }

    /// <summary>Writes blocks. Where that fails midway, the file ends with the last that is there as a whole.</summary>
    /// <exception cref="XskException">The disk is full, or writing failed otherwise.</exception>
    internal void Write(ReadOnlySpan<byte> blocks, CaptureEncoder format)
    {
        int written = 0;
        fixed (byte* first = blocks)
        {
            while (written < blocks.Length)
            {
                nint count = Libc.pwrite(descriptor, first + written, (nuint)(blocks.Length - written), Length + written);
                if (count > 0)
                {
                    written += (int)count;
                    continue;
                }

                int errno = count == 0 ? Errno.ENOSPC : Marshal.GetLastPInvokeError();
                if (errno == Errno.EINTR) continue;
                int whole = WholeBlocks(blocks[..written], format);
                _ = Libc.ftruncate(descriptor, Length + whole);
                Length += whole;
                // One of no bytes can be read by nobody.
                if (Length == 0) _ = Libc.unlink(Path);
                throw WriteFailed(errno);
            }
        }

        Length += written;
    }

    public void Dispose() => descriptor.Dispose();

    private static int WholeBlocks(ReadOnlySpan<byte> written, CaptureEncoder format)
    {
        int whole = 0;
        while (whole < written.Length)
        {
            int length = format.LengthOf(written[whole..]);
            if (length > written.Length - whole) break;
            whole += length;
        }

        return whole;
    }

    private XskException WriteFailed(int errno) => XskException.FromCall(
        XskErrorId.CaptureWriteFailed,
        errno,
        "pwrite(file)",
        errno switch
        {
            Errno.ENOSPC when Length == 0 => $"The disk of '{Path}' is full: nothing fitted, and the file is removed",
            Errno.ENOSPC => $"The disk of '{Path}' is full; the file ends with the last packet that fitted, after {Length} bytes, and can be read",
            Errno.EDQUOT => $"The disk quota for '{Path}' is used up; the file ends with the last packet that fitted, after {Length} bytes, and can be read",
            Errno.EFBIG => $"'{Path}' has reached the largest size that a file may have here; it ends with the last packet that fitted, after {Length} bytes, and can be read",
            _ => $"Writing to '{Path}' failed after {Length} bytes: {Errno.Text(errno)}",
        },
        "free some space, write elsewhere, or keep the capture small with -SnapLength, or with -RotateMegabytes and -KeepFiles");

    private static FileStatus StatusOf(FilePlace place, FileDescriptor descriptor)
    {
        FileStatus status;
        if (Libc.statx(descriptor.Number, "", Libc.AT_EMPTY_PATH, Libc.STATX_TYPE | Libc.STATX_MODE | Libc.STATX_UID, &status) == 0) return status;
        throw place.NotWritable(Marshal.GetLastPInvokeError(), "statx(file)");
    }

    private static FilePlace Place(string path) => new(
        path, "a capture", XskErrorId.CaptureNotWritable, XskErrorId.CaptureExists, "; for a pipe there is Receive-XskPacket -AsPcapStream");
}
