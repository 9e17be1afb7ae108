using System.Globalization;

namespace XdpPS;

/// <summary>Where frames went, and on which host.</summary>
/// <param name="Computer">The host that measured, where that is known: null for the session's own.</param>
/// <param name="Transmit">Where they were sent: interface and queue.</param>
/// <param name="Receive">Where they were received.</param>
/// <param name="RoundTrip">There and back again.</param>
public sealed record ReportPath(string? Computer, string Transmit, string Receive, bool RoundTrip)
{
    /// <returns>The path as it stands above a plot.</returns>
    public override string ToString() => $"{(Computer is null ? "" : $"{Computer}: ")}{Transmit} to {Receive}{(RoundTrip ? " and back" : "")}";
}

/// <summary>A check of an interface, as <see cref="XdpInterfaceCheck"/> has it.</summary>
/// <param name="Computer">The host that was checked, where that is known.</param>
/// <param name="Interface">Its interface.</param>
/// <param name="NetworkNamespace">The interface's network namespace; null for the session's own.</param>
/// <param name="Name">The check.</param>
/// <param name="Status">Its verdict.</param>
/// <param name="Detail">What was found.</param>
/// <param name="Remedy">What to do; null where nothing.</param>
public sealed record ReportCheck(
    string? Computer, string Interface, string? NetworkNamespace, string Name, XdpCheckStatus Status, string Detail, string? Remedy);

/// <summary>An interface that was measured, as <see cref="XdpInterface"/> has it.</summary>
/// <param name="Computer">Its host, where that is known.</param>
/// <param name="Name">Its name.</param>
/// <param name="NetworkNamespace">Its network namespace; null for the session's own.</param>
/// <param name="Driver">Its driver, if any.</param>
/// <param name="Mtu">Its MTU.</param>
/// <param name="Queues">How many queues it has.</param>
/// <param name="SpeedMbps">Its speed in Mbit/s; null where it has none.</param>
public sealed record ReportInterface(string? Computer, string Name, string? NetworkNamespace, string? Driver, int Mtu, int Queues, double? SpeedMbps);

/// <summary>A class of latencies: frames that took at most so long, and longer than the class before.</summary>
/// <param name="Microseconds">The longest latency of the class.</param>
/// <param name="Count">Frames.</param>
public readonly record struct ReportBucket(double Microseconds, long Count);

/// <summary>How full the rings were, 0 to 1, at one moment.</summary>
/// <param name="Seconds">Since the first frame was sent.</param>
/// <param name="Tx">The sender's TX ring.</param>
/// <param name="Completion">The sender's COMPLETION ring.</param>
/// <param name="Rx">The receiver's RX ring.</param>
/// <param name="Fill">The receiver's FILL ring.</param>
public readonly record struct ReportRingSample(double Seconds, double Tx, double Completion, double Rx, double Fill);

/// <summary>What became of the frames of one size, as <see cref="XskPathMeasurement"/> has it: microseconds, frames a second, sizes with FCS.</summary>
public sealed record ReportMeasurement
{
    /// <summary>Where the frames went.</summary>
    public required ReportPath Path { get; init; }

    /// <summary>Bytes with FCS.</summary>
    public required int FrameSize { get; init; }

    /// <summary>The rate that was to be kept; null for top speed.</summary>
    public double? Offered { get; init; }

    /// <summary>How long frames were sent, in seconds.</summary>
    public double Seconds { get; init; }

    /// <summary>Frames sent.</summary>
    public long Sent { get; init; }

    /// <summary>Frames received.</summary>
    public long Received { get; init; }

    /// <summary>Frames lost.</summary>
    public long Lost { get; init; }

    /// <summary>Lost by sent, 0 to 1.</summary>
    public double LossRatio { get; init; }

    /// <summary>Frames received again.</summary>
    public long Duplicates { get; init; }

    /// <summary>Frames that were overtaken.</summary>
    public long Reordered { get; init; }

    /// <summary>Frames sent a second.</summary>
    public double SentRate { get; init; }

    /// <summary>Frames received a second.</summary>
    public double ReceivedRate { get; init; }

    /// <summary>Least, median, 90, 99 and 99.9 %, and greatest latency; null where no frame was received.</summary>
    public IReadOnlyList<double?> Latency { get; init; } = [null, null, null, null, null, null];

    /// <summary>Smoothed difference of successive latencies.</summary>
    public double? Jitter { get; init; }

    /// <summary>All latencies, least first.</summary>
    public IReadOnlyList<ReportBucket> Histogram { get; init; } = [];

    /// <summary>The rings over time.</summary>
    public IReadOnlyList<ReportRingSample> Rings { get; init; } = [];

    /// <summary>What measuring adds to a latency.</summary>
    public double MeasuringError { get; init; }

    /// <summary>When the first frame was sent.</summary>
    public DateTimeOffset Start { get; init; }

    /// <summary>The rate that the frames were offered at.</summary>
    public double OfferedOrSent => Offered ?? SentRate;

    /// <summary>The latency that so many of all frames did not exceed.</summary>
    /// <param name="quantile">0 to 1.</param>
    /// <returns>Null without latencies.</returns>
    public double? LatencyAt(double quantile)
    {
        long all = Histogram.Sum(bucket => bucket.Count);
        if (all == 0) return null;
        long wanted = Math.Max(1, (long)Math.Ceiling(all * quantile));
        long seen = 0;
        foreach (ReportBucket bucket in Histogram)
        {
            seen += bucket.Count;
            if (seen >= wanted) return bucket.Microseconds;
        }

        return Histogram[^1].Microseconds;
    }
}

/// <summary>The throughput of one frame size, as <see cref="XskThroughputResult"/> has it.</summary>
public sealed record ReportThroughput
{
    /// <summary>Where the frames went.</summary>
    public required ReportPath Path { get; init; }

    /// <summary>Bytes with FCS.</summary>
    public required int FrameSize { get; init; }

    /// <summary>Frames a second.</summary>
    public double Throughput { get; init; }

    /// <summary>The sender was the limit and not the path, which may carry more: <see cref="Throughput"/> is a lower bound.</summary>
    public bool SenderLimited { get; init; }

    /// <summary>Bits a second of frames with FCS.</summary>
    public double Bits { get; init; }

    /// <summary>The loss that a trial may have, 0 to 1.</summary>
    public double LossTolerance { get; init; }

    /// <summary>How long a trial sent.</summary>
    public double TrialSeconds { get; init; }

    /// <summary>The longest burst of which nothing was lost, in frames.</summary>
    public long BackToBackFrames { get; init; }

    /// <summary>In what this is not what RFC 2544 says.</summary>
    public IReadOnlyList<string> Deviations { get; init; } = [];

    /// <summary>All trials.</summary>
    public IReadOnlyList<ReportMeasurement> Trials { get; init; } = [];

    /// <summary>The trial at the throughput; null where none passed.</summary>
    public ReportMeasurement? AtThroughput { get; init; }
}

/// <summary>Numbers as a page shows them.</summary>
internal static class ReportText
{
    /// <summary>What stands before a lower bound.</summary>
    internal const string AtLeast = "≥ ";

    internal static string Count(double value) => value.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>With as many decimals as matter.</summary>
    internal static string Number(double value) => Math.Abs(value) switch
    {
        0 => "0",
        >= 1000 => value.ToString("N0", CultureInfo.InvariantCulture),
        >= 100 => value.ToString("F1", CultureInfo.InvariantCulture),
        >= 1 => value.ToString("F2", CultureInfo.InvariantCulture),
        _ => value.ToString("G3", CultureInfo.InvariantCulture),
    };

    /// <summary>0 to 1 as percent: nothing that was lost is rounded away.</summary>
    internal static string Percent(double ratio) => ratio is 0 or 1 ? $"{ratio * 100:F0} %" : $"{Number(ratio * 100)} %";

    internal static string Time(DateTimeOffset time) => time.ToString("yyyy-MM-dd HH:mm:ss zzz", CultureInfo.InvariantCulture);
}
