namespace XdpPS.Interop;

/// <summary>A limit of this process, and the command that raises it from outside: PowerShell has no ulimit.</summary>
internal static unsafe class ResourceLimit
{
    private const int RLIMIT_NOFILE = 7;
    private const int RLIMIT_MEMLOCK = 8;

    /// <summary>What to do when no descriptor is left.</summary>
    internal static string MoreDescriptors => $"close sockets that are no longer needed, or raise the limit{Raise(RLIMIT_NOFILE, "nofile", limit => limit * 2)}";

    /// <summary>
    /// What to do when so many bytes more may not be locked. What this user has locked already counts too, in whichever
    /// process (xdp_umem_account_pages), and is at most the limit: with the limit on top they fit.
    /// </summary>
    internal static string MoreLockedMemory(ulong length)
    {
        ulong page = (ulong)Environment.SystemPageSize;
        return $"raise the limit{Raise(RLIMIT_MEMLOCK, "memlock", limit => limit + ((length + page - 1) / page * page))}";
    }

    private static string Raise(int resource, string option, Func<ulong, ulong> enough)
    {
        ulong* limits = stackalloc ulong[2];
        // RLIM_INFINITY is all ones.
        if (Libc.getrlimit(resource, limits) != 0 || limits[0] == ulong.MaxValue) return "";
        ulong wanted = enough(limits[0]);
        // Up to the hard limit a process may go itself; beyond it takes CAP_SYS_RESOURCE.
        return wanted <= limits[1]
            ? $" with 'prlimit --pid {Environment.ProcessId} --{option}={wanted}:'"
            : $" as root with 'prlimit --pid {Environment.ProcessId} --{option}={wanted}'";
    }
}
