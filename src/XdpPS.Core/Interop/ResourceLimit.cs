using System.Runtime.InteropServices;

namespace XdpPS.Interop;

/// <summary>A limit of this process, and the command that raises it from outside: PowerShell has no ulimit.</summary>
internal static unsafe class ResourceLimit
{
    private const int RLIMIT_NOFILE = 7;
    private const int RLIMIT_MEMLOCK = 8;

    /// <summary>RLIM_INFINITY.</summary>
    private const ulong Unlimited = ulong.MaxValue;

    /// <summary>What to do when no descriptor is left.</summary>
    internal static string MoreDescriptors => $"close sockets that are no longer needed, or raise the limit{Raise(RLIMIT_NOFILE, "nofile", limit => limit * 2)}";

    /// <summary>
    /// What to do when so many bytes more may not be locked. What this user has locked already counts too, in whichever
    /// process and for whatever (user->locked_vm; xdp_umem_account_pages, io_uring and others). Where that is at most the
    /// limit, with the limit on top they fit. Where processes with a higher limit have locked more, nobody is told how much.
    /// </summary>
    internal static string MoreLockedMemory(ulong length)
    {
        bool isLess = MayLockAPage();
        return $"raise the limit{Raise(RLIMIT_MEMLOCK, "memlock", EnoughFor(length, isLess))}"
            + (isLess ? "" : " (what its user has locked may go beyond the present one, and the kernel does not tell how far)");
    }

    /// <summary>Bytes that a user without CAP_IPC_LOCK may have locked; null where there is no limit.</summary>
    internal static ulong? LockedMemory => Read(RLIMIT_MEMLOCK) is { } limits && limits.Soft != Unlimited ? limits.Soft : null;

    /// <summary>The command that lets so many bytes more be locked, as for <see cref="MoreLockedMemory"/>.</summary>
    internal static string RaiseLockedMemory(ulong length) => Command(RLIMIT_MEMLOCK, "memlock", EnoughFor(length, MayLockAPage()))?.Command ?? "";

    private static Func<ulong, ulong> EnoughFor(ulong length, bool lessIsLocked)
    {
        ulong page = (ulong)Environment.SystemPageSize;
        return limit => lessIsLocked ? limit + ((length + page - 1) / page * page) : Unlimited;
    }

    /// <summary>Whether a UMEM of one page would do: less than the limit is locked then. True where that cannot be tried.</summary>
    private static bool MayLockAPage()
    {
        using FileDescriptor socket = Libc.socket(IfXdp.AF_XDP, Libc.SOCK_RAW | Libc.SOCK_CLOEXEC, 0);
        if (socket.IsInvalid) return true;
        int length = Environment.SystemPageSize;
        using MemoryMapping page = MemoryMapping.Anonymous((nuint)length, "a page");
        XdpUmemReg registration = new() { Address = (ulong)page.Address, Length = (ulong)length, ChunkSize = XskSocketOptions.DefaultFrameSize };
        return Libc.setsockopt(socket, IfXdp.SOL_XDP, IfXdp.XDP_UMEM_REG, &registration, sizeof(XdpUmemReg)) == 0
            || Marshal.GetLastPInvokeError() != Errno.ENOBUFS;
    }

    private static string Raise(int resource, string option, Func<ulong, ulong> enough) =>
        Command(resource, option, enough) is var (command, asRoot) ? $"{(asRoot ? " as root" : "")} with '{command}'" : "";

    private static (string Command, bool AsRoot)? Command(int resource, string option, Func<ulong, ulong> enough)
    {
        if (Read(resource) is not { } limits || limits.Soft == Unlimited) return null;
        ulong wanted = enough(limits.Soft);
        string value = wanted == Unlimited ? "unlimited" : $"{wanted}";
        // Up to the hard limit a process may go itself; beyond it takes CAP_SYS_RESOURCE.
        return wanted <= limits.Hard
            ? ($"prlimit --pid {Environment.ProcessId} --{option}={value}:", false)
            : ($"prlimit --pid {Environment.ProcessId} --{option}={value}", true);
    }

    private static (ulong Soft, ulong Hard)? Read(int resource)
    {
        ulong* limits = stackalloc ulong[2];
        return Libc.getrlimit(resource, limits) == 0 ? (limits[0], limits[1]) : null;
    }
}
