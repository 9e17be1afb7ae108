using System.Runtime.InteropServices;

namespace XdpPS.Interop;

/// <summary>
/// The system calls. "libc" is what the runtime resolves to the C library of the system, glibc or musl.
/// </summary>
internal static unsafe partial class Libc
{
    internal const int AF_INET = 2;
    internal const int AF_NETLINK = 16;
    internal const int SOCK_RAW = 3;
    internal const int SOCK_DGRAM = 2;
    internal const int SOCK_CLOEXEC = 0x80000;
    internal const int SOL_SOCKET = 1;
    internal const int SO_ERROR = 4;
    internal const int SO_DOMAIN = 39;
    internal const int SO_BUSY_POLL = 46;
    internal const int SO_PREFER_BUSY_POLL = 69;
    internal const int SO_BUSY_POLL_BUDGET = 70;
    internal const int F_DUPFD_CLOEXEC = 1030;
    internal const int MSG_DONTWAIT = 0x40;

    internal const int PROT_READ = 1;
    internal const int PROT_WRITE = 2;
    internal const int MAP_SHARED = 1;
    internal const int MAP_PRIVATE = 2;
    internal const int MAP_ANONYMOUS = 0x20;
    internal const int MAP_POPULATE = 0x8000;
    internal const int MAP_HUGETLB = 0x40000;

    /// <summary>21, the binary logarithm of the size, from bit MAP_HUGE_SHIFT (26) on.</summary>
    internal const int MAP_HUGE_2MB = 21 << 26;
    internal const int MADV_DONTFORK = 10;

    internal const int O_RDONLY = 0;
    internal const int O_NONBLOCK = 0x800;
    internal const int O_CLOEXEC = 0x80000;

    /// <summary>Also what NS_GET_NSTYPE answers for a network namespace (include/uapi/linux/nsfs.h).</summary>
    internal const int CLONE_NEWNET = 0x40000000;
    internal const nuint NS_GET_NSTYPE = 0xb703;

    internal const short POLLIN = 1;

    internal const int EFD_CLOEXEC = 0x80000;
    internal const int EFD_NONBLOCK = 0x800;

    internal const int CLOCK_REALTIME = 0;
    internal const int CLOCK_MONOTONIC = 1;
    internal const int CLOCK_BOOTTIME = 7;

    [StructLayout(LayoutKind.Sequential)]
    internal struct PollFd
    {
        internal int Descriptor;
        internal short Events;
        internal short ReturnedEvents;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct TimeSpec
    {
        internal long Seconds;
        internal long Nanoseconds;
    }

    // Variadic in C; without O_CREAT there is no third argument.
    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial FileDescriptor open(string path, int flags);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int setns(FileDescriptor descriptor, int type);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial FileDescriptor socket(int family, int type, int protocol);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int close(int descriptor);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int setsockopt(FileDescriptor socket, int level, int option, void* value, int length);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int getsockopt(FileDescriptor socket, int level, int option, void* value, int* length);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int bind(FileDescriptor socket, void* address, int length);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial nint sendto(FileDescriptor socket, void* buffer, nuint length, int flags, void* address, int addressLength);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial nint recvfrom(FileDescriptor socket, void* buffer, nuint length, int flags, void* address, int* addressLength);

    // The same for the packet path, where a gate keeps the descriptor open: a failure's reason is Marshal.GetLastSystemError,
    // to be asked for at once.
    [LibraryImport("libc")]
    internal static partial nint sendto(int socket, void* buffer, nuint length, int flags, void* address, int addressLength);

    [LibraryImport("libc")]
    internal static partial nint recvfrom(int socket, void* buffer, nuint length, int flags, void* address, int* addressLength);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial nint mmap(nint address, nuint length, int protection, int flags, int descriptor, long offset);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int munmap(nint address, nuint length);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int madvise(nint address, nuint length, int advice);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int poll(PollFd* descriptors, nuint count, int timeoutMilliseconds);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial FileDescriptor eventfd(uint initial, int flags);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial nint write(FileDescriptor descriptor, void* buffer, nuint length);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial nint read(FileDescriptor descriptor, void* buffer, nuint length);

    // Variadic in C. Integers and pointers travel in the same registers either way on x86-64 and arm64 Linux.
    [LibraryImport("libc", SetLastError = true)]
    internal static partial int ioctl(FileDescriptor descriptor, nuint request, void* argument);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int fcntl(FileDescriptor descriptor, int command, int argument);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial nint syscall(nint number, nint first, nint second, nint third);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int statfs(string path, void* result);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int sched_getaffinity(int thread, nuint size, ulong* mask);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int sched_setaffinity(int thread, nuint size, ulong* mask);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int getrlimit(int resource, ulong* limits);

    // glibc has it since 2.30, musl since 1.2.2.
    [LibraryImport("libc")]
    internal static partial int gettid();

    [LibraryImport("libc")]
    internal static partial int clock_nanosleep(int clock, int flags, TimeSpec* request, TimeSpec* remain);

    // Some 25 ns, in the vDSO and never in the kernel for these clocks: less than the transition itself takes.
    [LibraryImport("libc")]
    [SuppressGCTransition]
    internal static partial int clock_gettime(int clock, TimeSpec* time);
}
