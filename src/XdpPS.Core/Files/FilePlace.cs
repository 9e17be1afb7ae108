using XdpPS.Interop;

namespace XdpPS;

/// <summary>A path where a file of ours is to be made: whether that may be, and what is said where it may not.</summary>
/// <param name="path">As the system knows it.</param>
/// <param name="what">What is written there: "a capture".</param>
/// <param name="notWritable">The id where it cannot be.</param>
/// <param name="exists">The id where it must not be.</param>
/// <param name="otherwise">What else to do where the path is no file.</param>
internal sealed unsafe class FilePlace(string path, string what, XskErrorId notWritable, XskErrorId exists, string otherwise = "")
{
    private const string OtherPlace = "give a path where this user may write";

    // The kernel would take what is before a null character for the whole path.
    internal string Path { get; } = !path.Contains('\0', StringComparison.Ordinal)
        ? path
        : throw XskException.FromCheck(notWritable, $"The path '{path.Replace('\0', '?')}' has a null character in it", "leave it out");

    /// <summary>Whether something is there; a symbolic link is not followed.</summary>
    internal bool TryStatus(out FileStatus status)
    {
        FileStatus found;
        bool there = Libc.statx(Libc.AT_FDCWD, Path, Libc.AT_SYMLINK_NOFOLLOW, Libc.STATX_TYPE | Libc.STATX_MODE | Libc.STATX_UID, &found) == 0;
        status = there ? found : default;
        return there;
    }

    /// <exception cref="XskException">What is there may not be replaced.</exception>
    internal void CheckReplaceable(FileStatus status, bool keepExisting, bool overwriteReadOnly)
    {
        CheckRegular(status);
        if (keepExisting)
            throw XskException.FromCheck(exists, $"There is already a file '{Path}', and -NoClobber keeps it", "give another path, or leave out -NoClobber");
        // As PowerShell's own cmdlets have it: whoever took the permission to write from all meant it.
        if ((status.Mode & 0x92) == 0 && !overwriteReadOnly)
            throw XskException.FromCheck(notWritable, $"The file '{Path}' is read-only", "give another path, or use -Force to replace it");
    }

    /// <exception cref="XskException">It is no regular file.</exception>
    internal void CheckRegular(FileStatus status)
    {
        string? kind = (ushort)(status.Mode & Libc.S_IFMT) switch
        {
            Libc.S_IFREG => null,
            Libc.S_IFLNK => $"is a symbolic link, and {what} is not written through one",
            Libc.S_IFDIR => "is a directory",
            _ => "is no regular file",
        };
        if (kind is null) return;
        throw XskException.FromCheck(notWritable, $"'{Path}' {kind}", $"give the path of the file itself{otherwise}");
    }

    internal XskException NotWritable(int errno, string call) => XskException.FromCall(
        notWritable,
        errno,
        call,
        errno switch
        {
            Errno.ENOENT or Errno.ENOTDIR => $"There is no directory '{System.IO.Path.GetDirectoryName(Path)}'",
            Errno.ENOSPC => $"The disk is full: '{Path}' cannot be made",
            Errno.ELOOP => $"'{Path}' is a symbolic link, and {what} is not written through one",
            _ => $"The file '{Path}' cannot be written: {Errno.Text(errno)}",
        },
        errno is Errno.ENOENT or Errno.ENOTDIR ? "make it with New-Item -ItemType Directory, or give another path" : OtherPlace);
}
