using System.Diagnostics;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace XdpPS.Interop;

/// <summary>A memory mapping, unmapped once, also when its owner was forgotten.</summary>
internal sealed class MemoryMapping : SafeHandleMinusOneIsInvalid
{
    private static readonly TimeSpan UnpinPatience = TimeSpan.FromSeconds(1);

    private MemoryMapping(nint address, nuint length) : base(ownsHandle: true)
    {
        SetHandle(address);
        Length = length;
    }

    internal nuint Length { get; }

    internal unsafe byte* Address => (byte*)handle;

    /// <summary>Anonymous, page-aligned, zeroed memory that a child process does not inherit.</summary>
    /// <remarks>
    /// MADV_DONTFORK: pages pinned for DMA must not become copy-on-write when PowerShell starts a native
    /// command, or the kernel would go on writing to a page that this process no longer sees.
    /// </remarks>
    internal static MemoryMapping Anonymous(nuint length, string what)
    {
        return KeepFromChildren(Map(length, Libc.MAP_PRIVATE | Libc.MAP_ANONYMOUS | Libc.MAP_POPULATE, -1, 0, what), what);
    }

    /// <summary>As <see cref="Anonymous"/>, in pages of 2 MiB; the length is rounded up to whole ones.</summary>
    internal static MemoryMapping Huge(nuint length, string what)
    {
        nuint pages = (length + HugePages.Size - 1) / HugePages.Size;
        nuint rounded = pages * HugePages.Size;
        const int flags = Libc.MAP_PRIVATE | Libc.MAP_ANONYMOUS | Libc.MAP_POPULATE | Libc.MAP_HUGETLB | Libc.MAP_HUGE_2MB;
        Stopwatch waited = Stopwatch.StartNew();
        while (true)
        {
            nint address = Libc.mmap(0, rounded, Libc.PROT_READ | Libc.PROT_WRITE, flags, -1, 0);
            if (address != -1) return KeepFromChildren(new MemoryMapping(address, rounded), what);
            int errno = Marshal.GetLastPInvokeError();
            // The kernel unpins a closed socket's pages in a worker, some 20 ms later (xdp_put_umem).
            if (errno != Errno.ENOMEM || HugePages.Available < (long)pages || waited.Elapsed > UnpinPatience)
                throw HugePages.Missing(errno, $"mmap({what}, {rounded} bytes, MAP_HUGETLB | MAP_HUGE_2MB)", (long)pages);
            Thread.Sleep(1);
        }
    }

    private static MemoryMapping KeepFromChildren(MemoryMapping mapping, string what)
    {
        nuint length = mapping.Length;
        if (Libc.madvise(mapping.handle, length, Libc.MADV_DONTFORK) == 0) return mapping;
        int errno = Marshal.GetLastPInvokeError();
        mapping.Dispose();
        throw XskException.FromCall(
            XskErrorId.OutOfMemory, errno, $"madvise({what}, {length}, MADV_DONTFORK)",
            $"The kernel refused to keep {what} out of child processes: {Errno.Text(errno)}",
            "this needs Linux 2.6.16 or newer without a seccomp filter on madvise");
    }

    /// <summary>A region that the kernel shares through a descriptor.</summary>
    internal static MemoryMapping Shared(FileDescriptor descriptor, nuint length, long offset, string what) =>
        Map(length, Libc.MAP_SHARED | Libc.MAP_POPULATE, descriptor.Number, offset, what);

    private static MemoryMapping Map(nuint length, int flags, int descriptor, long offset, string what)
    {
        nint address = Libc.mmap(0, length, Libc.PROT_READ | Libc.PROT_WRITE, flags, descriptor, offset);
        if (address != -1) return new MemoryMapping(address, length);
        int errno = Marshal.GetLastPInvokeError();
        throw XskException.FromCall(
            XskErrorId.OutOfMemory, errno, $"mmap({what}, {length} bytes)",
            $"{what} of {length} bytes could not be mapped: {Errno.Text(errno)}",
            "free memory, or use fewer or smaller frames and rings");
    }

    protected override bool ReleaseHandle() => Libc.munmap(handle, Length) == 0;
}
