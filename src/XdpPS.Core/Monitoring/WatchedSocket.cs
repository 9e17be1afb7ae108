namespace XdpPS;

/// <summary>A socket under watch: its newest record, and the rates of the last intervals.</summary>
internal sealed class WatchedSocket(XskSocket socket)
{
    /// <summary>As many as the widest window shows.</summary>
    private const int Kept = 512;

    private readonly List<double> rx = [];
    private readonly List<double> tx = [];
    private readonly List<double> lost = [];

    internal XskSocket Socket { get; } = socket;

    /// <summary>Null until it was first read.</summary>
    internal XskRingStats? Stats { get; private set; }

    /// <summary>The one before it; null until a first interval has gone by.</summary>
    internal XskRingStats? Earlier { get; private set; }

    internal bool IsClosed { get; private set; }

    internal IReadOnlyList<double> Rx => rx;

    internal IReadOnlyList<double> Tx => tx;

    internal IReadOnlyList<double> Lost => lost;

    /// <summary>Packets dropped, by what dropped them. FILL being empty is a reason for rx_dropped; what is left did not fit the frame, or was merged.</summary>
    internal static (string Cause, Func<XskRingStats, long> Count)[] Causes { get; } =
    [
        ("RX ring full", stats => stats.RxRingFull),
        ("FILL empty", stats => Math.Min(stats.FillRingEmpty, stats.RxDropped)),
        ("no fit", stats => Math.Max(0, stats.RxDropped - stats.FillRingEmpty)),
        ("driver TX", stats => stats.DriverDropped),
        ("invalid", stats => stats.RxInvalidDescriptors + stats.TxInvalidDescriptors),
    ];

    /// <summary>Reads the counters; nothing of the socket is changed.</summary>
    /// <returns>Why it could not: the socket was closed. Said once.</returns>
    internal XskException? Sample()
    {
        if (IsClosed) return null;
        XskRingStats now;
        try
        {
            now = Socket.GetStatistics(Stats);
        }
        catch (XskException e)
        {
            IsClosed = true;
            return e;
        }

        if (Stats is not null)
        {
            Keep(rx, now.RxPacketsPerSecond);
            Keep(tx, now.TxPacketsPerSecond);
            Keep(lost, (Causes.Sum(cause => cause.Count(now)) - Causes.Sum(cause => cause.Count(Stats))) / now.IntervalSeconds);
        }

        (Earlier, Stats) = (Stats, now);
        return null;
    }

    private static void Keep(List<double> values, double value)
    {
        if (values.Count == Kept) values.RemoveAt(0);
        values.Add(value);
    }
}
