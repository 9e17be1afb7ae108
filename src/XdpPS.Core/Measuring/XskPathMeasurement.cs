using System.Globalization;

namespace XdpPS;

/// <summary>
/// What became of the numbered frames of one size that were sent over a path. Frame sizes are stated with FCS, as RFC
/// 2544 does; latencies and jitter are microseconds.
/// </summary>
public sealed class XskPathMeasurement
{
    /// <summary>Where the frames were sent: interface and queue, "veth0:0".</summary>
    public required string Transmit { get; init; }

    /// <summary>Where they were received; where <see cref="RoundTrip"/>, after a reflector had sent them back.</summary>
    public required string Receive { get; init; }

    /// <summary>Size of a frame in bytes with its FCS (RFC 2544, section 9).</summary>
    public required int FrameSize { get; init; }

    /// <summary>Its length without FCS, as a socket sees it: <see cref="FrameSize"/> minus 4.</summary>
    public required int FrameLength { get; init; }

    /// <summary>The rate that was to be kept; null for as fast as possible.</summary>
    public double? OfferedPacketsPerSecond { get; init; }

    /// <summary>From the first frame that was sent to the last.</summary>
    public required TimeSpan Duration { get; init; }

    /// <summary>Frames handed to the kernel.</summary>
    public required long Sent { get; init; }

    /// <summary>Frames among them that were received, each counted once.</summary>
    public required long Received { get; init; }

    /// <summary>Frames that had not been received when the wait after the last one was over.</summary>
    public long Lost => Sent - Received;

    /// <summary><see cref="Lost"/> by <see cref="Sent"/>, from 0 to 1.</summary>
    public double LossRatio => Sent > 0 ? (double)Lost / Sent : 0;

    /// <summary>Frames received again: copies beyond the first (RFC 5560).</summary>
    public required long Duplicates { get; init; }

    /// <summary>Frames that came after one with a higher number (RFC 4737, section 3.3, Type-P-Reordered); copies are not looked at.</summary>
    public required long Reordered { get; init; }

    /// <summary>Other packets that arrived meanwhile: they are in no other number here.</summary>
    public long Foreign { get; init; }

    /// <summary>Frames among <see cref="Lost"/> that the sending driver dropped, as <see cref="XskSendResult.DriverDropped"/>: a lower bound.</summary>
    public long DriverDropped { get; init; }

    /// <summary>Packets, of these frames or others, that the kernel dropped because they came faster than they were read.</summary>
    public long ReceiveDropped { get; init; }

    /// <summary>Frames handed to the kernel a second, over <see cref="Duration"/>.</summary>
    public required double SentPacketsPerSecond { get; init; }

    /// <summary>Frames received a second, each counted once, from the first that was received to the last.</summary>
    public required double ReceivedPacketsPerSecond { get; init; }

    /// <summary><see cref="ReceivedPacketsPerSecond"/> in bits of frames with FCS, without preamble and inter-frame gap.</summary>
    public double ReceivedBitsPerSecond => ReceivedPacketsPerSecond * FrameSize * 8;

    /// <summary>The latencies are of the way there and back again, with the time the reflector took.</summary>
    public required bool RoundTrip { get; init; }

    /// <summary>The end of a latency: the XDP program's reading of the clock when the frame arrived, or the time when it was read.</summary>
    public XskTimestampSource LatencyUntil { get; init; }

    /// <summary>The least latency, in microseconds; null where no frame was received.</summary>
    public double? LatencyMin { get; init; }

    /// <summary>The median latency.</summary>
    public double? LatencyP50 { get; init; }

    /// <summary>What 90 of 100 frames did not exceed; percentiles are at most a 128th too much.</summary>
    public double? LatencyP90 { get; init; }

    /// <summary>What 99 of 100 frames did not exceed.</summary>
    public double? LatencyP99 { get; init; }

    /// <summary>What 999 of 1,000 frames did not exceed.</summary>
    public double? LatencyP999 { get; init; }

    /// <summary>The greatest latency.</summary>
    public double? LatencyMax { get; init; }

    /// <summary>Mean difference of the latencies of frames received one after another, smoothed over 16 (RFC 3550, section 6.4.1); null where fewer than two were received.</summary>
    public double? Jitter { get; init; }

    /// <summary>How many frames had which latency, least first, without the empty classes.</summary>
    public IReadOnlyList<XskLatencyBucket> Histogram { get; init; } = [];

    /// <summary>How full the rings were meanwhile.</summary>
    public IReadOnlyList<XskRingSample> RingSamples { get; init; } = [];

    /// <summary>The latency that 99 of 100 frames did not exceed when both ends were looped in memory, in microseconds: what measuring itself adds.</summary>
    public double MeasuringError { get; init; }

    /// <summary>When the first frame was sent.</summary>
    public required DateTimeOffset Start { get; init; }

    /// <returns>The path, and what became of the frames, on one line.</returns>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Transmit} to {Receive}{(RoundTrip ? " and back" : "")}, {FrameSize} bytes with FCS: {Sent} sent, {Lost} lost, {Duplicates} duplicates, {Reordered} reordered, {ReceivedPacketsPerSecond:F0} a second received{(LatencyP50 is { } p50 ? $", median latency {p50:F1} us" : "")}");
}

/// <summary>A class of latencies.</summary>
public sealed class XskLatencyBucket
{
    /// <summary>The longest latency of the class, in microseconds.</summary>
    public required double Microseconds { get; init; }

    /// <summary>Frames that took so long, and longer than the class before.</summary>
    public required long Count { get; init; }

    /// <returns>How many up to what.</returns>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Count} <= {Microseconds} us");
}

/// <summary>How full the rings were at one moment of a measurement: from 0, empty, to 1.</summary>
public sealed class XskRingSample
{
    /// <summary>Time since the first frame was sent.</summary>
    public required TimeSpan Elapsed { get; init; }

    /// <summary>TX ring of the socket that sends.</summary>
    public double TxFill { get; init; }

    /// <summary>COMPLETION ring of the socket that sends.</summary>
    public double CompletionFill { get; init; }

    /// <summary>RX ring of the socket that receives.</summary>
    public double RxFill { get; init; }

    /// <summary>FILL ring of the socket that receives: empty is what loses packets.</summary>
    public double FillFill { get; init; }

    /// <returns>The fills in percent.</returns>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Elapsed.TotalSeconds:F3} s: TX {TxFill * 100:F0} %, COMPLETION {CompletionFill * 100:F0} %, RX {RxFill * 100:F0} %, FILL {FillFill * 100:F0} %");
}
