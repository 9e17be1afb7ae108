using System.Runtime.InteropServices;
using System.Security.Cryptography;
using XdpPS.Interop;

namespace XdpPS;

/// <summary>Writes a report so that at its path there is the whole of it, or what was there before.</summary>
internal static unsafe class ReportFile
{
    /// <summary>Writes the file, with the permissions that the umask leaves. It is reached through no symbolic link.</summary>
    /// <exception cref="XskException">It exists and must not be replaced, is no regular file, the place is not writable, or the disk is full.</exception>
    internal static void Write(string path, ReadOnlySpan<byte> content, bool keepExisting, bool overwriteReadOnly)
    {
        FilePlace place = new(path, "a report", XskErrorId.ReportNotWritable, XskErrorId.ReportExists);
        if (place.TryStatus(out FileStatus status)) place.CheckReplaceable(status, keepExisting, overwriteReadOnly);
        string temporary = Path.Combine(Path.GetDirectoryName(path) ?? "", $".xdpps-report-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8))}");
        const string Call = "open(file, O_WRONLY|O_CREAT|O_EXCL|O_NOFOLLOW)";
        using FileDescriptor made = Libc.open(temporary, Libc.O_WRONLY | Libc.O_CREAT | Libc.O_EXCL | Libc.O_NOFOLLOW | Libc.O_CLOEXEC, 0x1b6);
        if (made.IsInvalid) throw place.NotWritable(Marshal.GetLastPInvokeError(), Call);
        try
        {
            Fill(place, made, content);
            Publish(place, temporary, keepExisting);
        }
        catch
        {
            _ = Libc.unlink(temporary);
            throw;
        }
    }

    private static void Fill(FilePlace place, FileDescriptor file, ReadOnlySpan<byte> content)
    {
        fixed (byte* first = content)
        {
            int written = 0;
            while (written < content.Length)
            {
                nint count = Libc.pwrite(file, first + written, (nuint)(content.Length - written), written);
                int errno = count == 0 ? Errno.ENOSPC : Marshal.GetLastPInvokeError();
                if (count > 0) written += (int)count;
                else if (errno != Errno.EINTR) throw WriteFailed(place, errno, "pwrite(file)");
            }
        }

        // Else a crash could leave the new name with nothing in it.
        if (Libc.fsync(file) != 0) throw WriteFailed(place, Marshal.GetLastPInvokeError(), "fsync(file)");
    }

    private static void Publish(FilePlace place, string temporary, bool keepExisting)
    {
        if (!keepExisting)
        {
            if (Libc.rename(temporary, place.Path) != 0) throw place.NotWritable(Marshal.GetLastPInvokeError(), "rename(file, path)");
            return;
        }

        // Unlike rename, it does not replace what has been made there meanwhile.
        if (Libc.link(temporary, place.Path) != 0)
        {
            int errno = Marshal.GetLastPInvokeError();
            if (errno == Errno.EEXIST && place.TryStatus(out FileStatus status)) place.CheckReplaceable(status, keepExisting, overwriteReadOnly: true);
            throw place.NotWritable(errno, "link(file, path)");
        }

        _ = Libc.unlink(temporary);
    }

    private static XskException WriteFailed(FilePlace place, int errno, string call) => XskException.FromCall(
        XskErrorId.ReportWriteFailed,
        errno,
        call,
        errno switch
        {
            Errno.ENOSPC => $"The disk of '{place.Path}' is full: nothing was written",
            Errno.EDQUOT => $"The disk quota for '{place.Path}' is used up: nothing was written",
            _ => $"Writing '{place.Path}' failed, and nothing was written: {Errno.Text(errno)}",
        },
        "free some space, or write elsewhere");
}
