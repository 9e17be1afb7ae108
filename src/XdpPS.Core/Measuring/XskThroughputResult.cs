using System.Globalization;

namespace XdpPS;

/// <summary>The benchmarks of RFC 2544 for one frame size. Frame sizes are stated with FCS, as the RFC does.</summary>
public sealed class XskThroughputResult
{
    /// <summary>Where the frames were sent: interface and queue, "veth0:0".</summary>
    public required string Transmit { get; init; }

    /// <summary>Where they were received.</summary>
    public required string Receive { get; init; }

    /// <summary>Size of a frame in bytes with its FCS (RFC 2544, section 9).</summary>
    public required int FrameSize { get; init; }

    /// <summary>Its length without FCS: <see cref="FrameSize"/> minus 4.</summary>
    public required int FrameLength { get; init; }

    /// <summary>The highest rate found at which no more was lost than <see cref="LossTolerance"/>, in frames a second (RFC 2544, section 26.1); 0 where there was none.</summary>
    public required double Throughput { get; init; }

    /// <summary>The sender was the limit, and not the path, which may carry more: <see cref="Throughput"/> is a lower bound.</summary>
    public bool SenderLimited { get; init; }

    /// <summary><see cref="Throughput"/> in bits a second of frames with FCS, without preamble and inter-frame gap.</summary>
    public double ThroughputBits => Throughput * FrameSize * 8;

    /// <summary>The loss that a trial may have to pass, from 0 to 1. The RFC knows only 0.</summary>
    public required double LossTolerance { get; init; }

    /// <summary>How long a trial sent, in seconds; the RFC's are 60 (section 24).</summary>
    public required double TrialSeconds { get; init; }

    /// <summary>Every trial of the search for the throughput and of the frame loss rate (RFC 2544, section 26.3), in their order.</summary>
    public IReadOnlyList<XskPathMeasurement> Trials { get; init; } = [];

    /// <summary>The trial at <see cref="Throughput"/>, with its latencies (RFC 2544, section 26.2); null where no rate passed.</summary>
    public XskPathMeasurement? AtThroughput { get; init; }

    /// <summary>The longest burst at top speed of which nothing was lost, in frames (RFC 2544, section 26.4).</summary>
    public required long BackToBackFrames { get; init; }

    /// <summary>In what this is not what the RFC says.</summary>
    public IReadOnlyList<string> Deviations { get; init; } = [];

    /// <returns>The path and the throughput, on one line.</returns>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Transmit} to {Receive}, {FrameSize} bytes with FCS: {(SenderLimited ? "at least " : "")}{Throughput:F0} a second at {LossTolerance:P3} loss, {BackToBackFrames} back to back");
}
