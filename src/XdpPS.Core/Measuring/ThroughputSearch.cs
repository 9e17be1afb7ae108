using System.Globalization;

namespace XdpPS;

/// <summary>The benchmarks of RFC 2544, section 26, for one frame size. It knows no socket: trials are made for it.</summary>
/// <param name="options">How to run them.</param>
/// <param name="drain">How long a trial waits for frames after the last was sent.</param>
/// <param name="trial">Sends at a rate, null for as fast as possible, for a time, up to so many frames.</param>
/// <param name="rest">Lets what is measured come to rest after a trial.</param>
internal sealed class ThroughputSearch(
    XskThroughputOptions options, TimeSpan drain, Func<double?, TimeSpan, long, XskPathMeasurement> trial, Action<TimeSpan> rest)
{
    private const double RfcTrialSeconds = 60;
    private const double RfcDrainSeconds = 2;
    private const double RfcRestSeconds = 5;
    private const double RfcBurstSeconds = 2;

    /// <summary>A sender that is slower than this part of its rate has not kept it.</summary>
    private const double LeastKept = 0.99;

    private readonly List<XskPathMeasurement> trials = [];

    /// <summary>The highest rate that was to be kept and at which a trial passed, whatever was really sent.</summary>
    private double passes;

    private double TrialSeconds => options.TrialDuration.TotalSeconds;

    private TimeSpan Rest => TimeSpan.FromSeconds(Math.Min(RfcRestSeconds, RfcRestSeconds * TrialSeconds / RfcTrialSeconds));

    internal XskThroughputResult Run()
    {
        // What the sender reaches stands for the medium's highest rate, with which section 26.3 begins.
        XskPathMeasurement fastest = Try(null);
        double highest = fastest.SentPacketsPerSecond;
        XskPathMeasurement? best = FindThroughput(fastest, highest);
        string? limit = SenderLimit(fastest, best);
        FindLossRates(fastest, highest);
        return new XskThroughputResult
        {
            Transmit = fastest.Transmit,
            Receive = fastest.Receive,
            FrameSize = fastest.FrameSize,
            FrameLength = fastest.FrameLength,
            Throughput = best?.SentPacketsPerSecond ?? 0,
            SenderLimited = limit is not null,
            LossTolerance = options.LossTolerance,
            TrialSeconds = TrialSeconds,
            BackToBackFrames = FindLongestBurst(highest),
            // Arrays, which PowerShell can index.
            Trials = trials.ToArray(),
            AtThroughput = best,
            Deviations = Deviations(highest, limit).ToArray(),
        };
    }

    /// <summary>Section 26.1: the fastest rate at which none is lost. Between one that passes and one that does not, the middle is tried.</summary>
    private XskPathMeasurement? FindThroughput(XskPathMeasurement fastest, double highest)
    {
        if (Passes(fastest)) return fastest;
        XskPathMeasurement? best = null;
        double fails = highest;
        while (fails - passes > options.Resolution * highest)
        {
            double rate = (passes + fails) / 2;
            XskPathMeasurement one = Try(rate);
            if (Passes(one))
            {
                // What was really sent counts: on a busy machine that is less than was asked for.
                if (best is null || one.SentPacketsPerSecond > best.SentPacketsPerSecond) best = one;
                passes = rate;
            }
            else
            {
                fails = rate;
            }
        }

        return best;
    }

    /// <summary>Section 26.3: from the highest rate down in steps of a tenth, until two trials in succession lose nothing.</summary>
    private void FindLossRates(XskPathMeasurement fastest, double highest)
    {
        int lossless = fastest.Lost == 0 ? 1 : 0;
        for (int tenths = 9; tenths > 0 && lossless < 2; tenths--)
            lossless = Try(highest * tenths / 10).Lost == 0 ? lossless + 1 : 0;
    }

    /// <summary>Section 26.4: the longest burst as fast as possible of which nothing is lost, up to 2 seconds of them.</summary>
    private long FindLongestBurst(double highest)
    {
        TimeSpan longest = TimeSpan.FromSeconds(Math.Min(RfcBurstSeconds, TrialSeconds));
        long most = Math.Max(1, (long)(highest * longest.TotalSeconds));
        // Where the sender is slower than before, the burst is still as long.
        TimeSpan limit = 10 * longest;
        if (Holds(most)) return most;
        long holds = 0, loses = most;
        while (loses - holds > Math.Max(1, (long)(options.Resolution * most)))
        {
            long middle = (holds + loses) / 2;
            if (Holds(middle)) holds = middle;
            else loses = middle;
        }

        return holds;

        bool Holds(long frames)
        {
            XskPathMeasurement burst = trial(null, limit, frames);
            rest(Rest);
            return burst.Sent == frames && burst.Lost == 0;
        }
    }

    private XskPathMeasurement Try(double? rate)
    {
        XskPathMeasurement one = trial(rate, options.TrialDuration, uint.MaxValue);
        trials.Add(one);
        rest(Rest);
        return one;
    }

    private bool Passes(XskPathMeasurement one) => one.Sent > 0 && one.LossRatio <= options.LossTolerance;

    /// <returns>How the sender, and not the path, was the limit; null where it was not.</returns>
    private string? SenderLimit(XskPathMeasurement fastest, XskPathMeasurement? best)
    {
        if (best is null) return null;
        if (best == fastest) return "The trial at the highest rate that the sender reached passed: the path may carry more, and the throughput is a lower bound (section 26.1)";
        return best.SentPacketsPerSecond < LeastKept * passes
            ? Text($"The sender did not keep the rate of {passes:F0} frames a second, and sent no more than {best.SentPacketsPerSecond:F0} in a trial that passed: the throughput is a lower bound (section 26.1)")
            : null;
    }

    private IEnumerable<string> Deviations(double highest, string? limit)
    {
        if (TrialSeconds < RfcTrialSeconds) yield return Text($"Trials sent for {TrialSeconds} s, not for {RfcTrialSeconds} (section 24)");
        if (Rest.TotalSeconds < RfcRestSeconds) yield return Text($"After a trial came a rest of {Rest.TotalSeconds:0.###} s, not of {RfcRestSeconds} (section 23)");
        if (drain.TotalSeconds < RfcDrainSeconds) yield return Text($"Residual frames were waited for {drain.TotalSeconds} s, not {RfcDrainSeconds} (section 23)");
        if (options.LossTolerance > 0) yield return Text($"A trial with a loss of up to {options.LossTolerance} passed, not only one without (section 26.1)");
        if (limit is not null) yield return limit;
        yield return Text($"The highest rate tried is what the sender reached, {highest:F0} frames a second, not the medium's (sections 20 and 26.3)");
        yield return "The latencies are of all frames of one trial, not of one frame each in 20 trials of 120 s (section 26.2)";
        yield return Text($"The burst was searched for once, with bursts of up to {Math.Min(RfcBurstSeconds, TrialSeconds)} s, not 50 times with 2 s or more (section 26.4)");
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
