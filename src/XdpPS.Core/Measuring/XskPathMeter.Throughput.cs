namespace XdpPS;

/// <content>The benchmarks of RFC 2544.</content>
public sealed partial class XskPathMeter
{
    /// <summary>
    /// Runs the benchmarks of RFC 2544, section 26, for one frame size: throughput (26.1) by binary search, latency at it
    /// (26.2), the frame loss rate in steps of a tenth (26.3), and the longest burst without loss (26.4).
    /// </summary>
    /// <param name="frameSize">The size of a frame with FCS, 64 at least.</param>
    /// <param name="options">How to run them.</param>
    /// <param name="progress">Called on this thread several times a second.</param>
    /// <param name="stop">Ends it, without a result.</param>
    /// <exception cref="XskException">As <see cref="Measure(int, double?, TimeSpan, Action{XskPathProgress}?, CancellationToken)"/>.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public XskThroughputResult MeasureThroughput(
        int frameSize, XskThroughputOptions? options = null, Action<XskPathProgress>? progress = null, CancellationToken stop = default)
    {
        XskThroughputOptions how = options ?? new XskThroughputOptions();
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(how.TrialDuration, TimeSpan.Zero, nameof(options));
        ArgumentOutOfRangeException.ThrowIfNegative(how.LossTolerance, nameof(options));
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(how.Resolution, nameof(options));
        CheckFrameSize(frameSize);
        return new ThroughputSearch(
            how, this.options.Drain,
            (rate, duration, limit) => Measure(frameSize, rate, duration, limit, progress, stop),
            time =>
            {
                if (stop.WaitHandle.WaitOne(time)) stop.ThrowIfCancellationRequested();
            }).Run();
    }
}
