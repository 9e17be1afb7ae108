namespace XdpPS;

/// <summary>How the benchmarks of RFC 2544 are run.</summary>
public sealed record XskThroughputOptions
{
    /// <summary>How long a trial sends: 60 seconds or more (RFC 2544, section 24).</summary>
    public TimeSpan TrialDuration { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>The loss that a trial may have to pass, from 0 to 1. The RFC knows only 0.</summary>
    public double LossTolerance { get; init; }

    /// <summary>The search ends where the rate is known to this part of the highest, above 0 up to 1.</summary>
    public double Resolution { get; init; } = 0.01;
}
