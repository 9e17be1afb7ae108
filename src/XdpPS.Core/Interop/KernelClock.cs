using System.Globalization;

namespace XdpPS.Interop;

/// <summary>The kernel's clocks, in nanoseconds.</summary>
internal static unsafe class KernelClock
{
    private static readonly long NamespaceOffset = ReadNamespaceOffset();

    /// <summary>CLOCK_MONOTONIC as bpf_ktime_get_ns counts it, which knows no time namespaces.</summary>
    internal static long Monotonic => Read(Libc.CLOCK_MONOTONIC) - NamespaceOffset;

    /// <summary>CLOCK_REALTIME: nanoseconds since 1970-01-01T00:00:00Z.</summary>
    internal static long Realtime => Read(WallClock);

    /// <summary>Another clock in place of CLOCK_REALTIME is to a test what a step of it is to the machine.</summary>
    internal static int WallClock { get; set; } = Libc.CLOCK_REALTIME;

    /// <summary>CLOCK_BOOTTIME: as <see cref="Monotonic"/>, and with the time the machine slept.</summary>
    internal static long BootTime => Read(Libc.CLOCK_BOOTTIME);

    /// <summary>What to add to CLOCK_MONOTONIC to get CLOCK_REALTIME, read close together.</summary>
    internal static long RealtimeOffset
    {
        get
        {
            long best = long.MaxValue;
            long offset = 0;
            // A thread that is preempted between the readings would shift every packet's time: the closest of a few wins.
            for (int i = 0; i < 4 && best > 1000; i++)
            {
                long before = Monotonic;
                long real = Realtime;
                long apart = Monotonic - before;
                if (apart >= best) continue;
                best = apart;
                offset = real - before - (apart / 2);
            }

            return offset;
        }
    }

    /// <summary>Sleeps for less than a second: hardly ever less, and some 50 microseconds longer as a rule.</summary>
    internal static void Sleep(TimeSpan time)
    {
        Libc.TimeSpec request = new() { Nanoseconds = (long)time.TotalNanoseconds };
        _ = Libc.clock_nanosleep(Libc.CLOCK_MONOTONIC, 0, &request, null);
    }

    /// <summary>What a time namespace adds to CLOCK_MONOTONIC: a line "monotonic", seconds, nanoseconds (Linux 5.5, time_namespaces(7)).</summary>
    private static long ReadNamespaceOffset()
    {
        try
        {
            foreach (string line in File.ReadLines("/proc/self/timens_offsets"))
            {
                string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
                if (words is ["monotonic", string seconds, string rest])
                    return (long.Parse(seconds, CultureInfo.InvariantCulture) * 1_000_000_000) + long.Parse(rest, CultureInfo.InvariantCulture);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
            // A kernel without time namespaces.
        }

        return 0;
    }

    private static long Read(int clock)
    {
        Libc.TimeSpec time;
        _ = Libc.clock_gettime(clock, &time);
        return (time.Seconds * 1_000_000_000) + time.Nanoseconds;
    }
}
