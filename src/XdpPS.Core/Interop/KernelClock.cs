namespace XdpPS.Interop;

/// <summary>The two kernel clocks, in nanoseconds.</summary>
internal static unsafe class KernelClock
{
    /// <summary>CLOCK_MONOTONIC: what bpf_ktime_get_ns counts.</summary>
    internal static long Monotonic => Read(Libc.CLOCK_MONOTONIC);

    /// <summary>CLOCK_REALTIME: nanoseconds since 1970-01-01T00:00:00Z.</summary>
    internal static long Realtime => Read(Libc.CLOCK_REALTIME);

    private static long Read(int clock)
    {
        Libc.TimeSpec time;
        _ = Libc.clock_gettime(clock, &time);
        return (time.Seconds * 1_000_000_000) + time.Nanoseconds;
    }
}
