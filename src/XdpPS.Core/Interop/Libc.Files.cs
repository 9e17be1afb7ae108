using System.Runtime.InteropServices;

namespace XdpPS.Interop;

/// <content>Files: with what .NET's own do not offer, above all O_NOFOLLOW.</content>
internal static unsafe partial class Libc
{
    internal const int O_WRONLY = 1;
    internal const int O_RDWR = 2;
    internal const int O_CREAT = 0x40;
    internal const int O_EXCL = 0x80;

    internal const int AT_FDCWD = -100;
    internal const int AT_SYMLINK_NOFOLLOW = 0x100;
    internal const int AT_EMPTY_PATH = 0x1000;
    internal const uint STATX_TYPE = 1;
    internal const uint STATX_MODE = 2;
    internal const uint STATX_UID = 8;

    internal const ushort S_IFMT = 0xf000;
    internal const ushort S_IFIFO = 0x1000;
    internal const ushort S_IFREG = 0x8000;
    internal const ushort S_IFDIR = 0x4000;
    internal const ushort S_IFLNK = 0xa000;

    /// <summary>Of each architecture its own (asm-generic/fcntl.h, arch/arm64/include/uapi/asm/fcntl.h).</summary>
    internal static int O_NOFOLLOW { get; } = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 0x8000 : 0x20000;

    // Variadic in C, as ioctl; the mode is looked at only where a file is created, and the process's umask applies to it.
    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial FileDescriptor open(string path, int flags, uint mode);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial nint pwrite(FileDescriptor descriptor, void* buffer, nuint length, long offset);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int ftruncate(FileDescriptor descriptor, long length);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int unlink(string path);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int fsync(FileDescriptor descriptor);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int rename(string from, string to);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int link(string from, string to);

    // glibc has it since 2.28, musl since 1.2.5.
    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int statx(int directory, string path, int flags, uint mask, FileStatus* result);

    [LibraryImport("libc")]
    internal static partial uint geteuid();
}

/// <summary>struct statx (linux/stat.h), as far as it is used.</summary>
[StructLayout(LayoutKind.Explicit, Size = 256)]
internal struct FileStatus
{
    [FieldOffset(20)]
    internal uint Owner;

    [FieldOffset(28)]
    internal ushort Mode;
}
