namespace XdpPS.Tests;

/// <summary>The search for the throughput, on paths that are made up: what comes out is known.</summary>
public sealed class ThroughputSearchTests
{
    private const double Highest = 100_000;

    [Theory]
    [InlineData(12_345, 0.01)]
    [InlineData(99_000, 0.001)]
    [InlineData(700, 0.001)]
    public void The_highest_rate_without_loss_is_found_to_the_resolution(double capacity, double resolution)
    {
        XskThroughputResult result = Run(rate => Math.Max(0, 1 - (capacity / rate)), frames => true, new() { TrialDuration = TimeSpan.FromSeconds(60), Resolution = resolution });
        Assert.InRange(result.Throughput, capacity - (resolution * Highest), capacity);
        Assert.Equal(0, result.AtThroughput!.Lost);
        Assert.Equal(result.Throughput, result.AtThroughput.SentPacketsPerSecond);
        Assert.All(result.Trials, trial => Assert.Equal(trial.SentPacketsPerSecond > capacity, trial.Lost > 0));
        Assert.Null(result.Trials[0].OfferedPacketsPerSecond);
        Assert.False(result.SenderLimited);
    }

    [Fact]
    public void A_path_that_loses_nothing_is_as_fast_as_the_sender_and_one_that_loses_always_has_no_throughput()
    {
        XskThroughputResult all = Run(_ => 0, _ => true, new());
        Assert.Equal((Highest, 200_000), (all.Throughput, all.BackToBackFrames));
        // It is the sender that was measured.
        Assert.True(all.SenderLimited);
        Assert.Single(all.Deviations, line => line.Contains("lower bound", StringComparison.Ordinal));
        Assert.Contains("at least 100000 a second", all.ToString(), StringComparison.Ordinal);
        // The first at the highest rate, and the next of section 26.3: two in succession without loss.
        Assert.Equal(2, all.Trials.Count);
        XskThroughputResult none = Run(_ => 0.5, _ => false, new());
        Assert.Equal((0, 0), (none.Throughput, none.BackToBackFrames));
        Assert.Null(none.AtThroughput);
        Assert.False(none.SenderLimited);
    }

    [Fact]
    public void A_tolerance_lets_trials_with_loss_pass_and_is_a_deviation()
    {
        XskThroughputOptions options = new() { LossTolerance = 0.1, Resolution = 0.001 };
        XskThroughputResult result = Run(rate => Math.Max(0, 1 - (50_000 / rate)), _ => true, options);
        Assert.InRange(result.Throughput, (50_000 / 0.9) - 200, (50_000 / 0.9) + 1);
        Assert.Contains(result.Deviations, line => line.Contains("26.1", StringComparison.Ordinal));
        Assert.DoesNotContain(result.Deviations, line => line.Contains("section 24", StringComparison.Ordinal));
    }

    [Fact]
    public void The_loss_is_measured_in_steps_of_a_tenth_until_two_trials_lose_nothing()
    {
        XskThroughputResult result = Run(rate => Math.Max(0, 1 - (65_000 / rate)), _ => true, new() { Resolution = 1 });
        Assert.Equal([null, 90_000, 80_000, 70_000, 60_000, 50_000], result.Trials.Select(trial => trial.OfferedPacketsPerSecond));
    }

    [Fact]
    public void What_the_sender_could_not_keep_is_a_lower_bound_and_named_as_such()
    {
        XskThroughputResult result = Run(rate => rate > 50_000 ? 0.5 : 0, _ => true, new() { Resolution = 0.01 }, keeps: 0.5);
        Assert.InRange(result.Throughput, 24_000, 25_000);
        Assert.True(result.SenderLimited);
        Assert.Single(result.Deviations, line => line.Contains("lower bound", StringComparison.Ordinal));
        Assert.DoesNotContain(Run(rate => rate > 50_000 ? 0.5 : 0, _ => true, new()).Deviations, line => line.Contains("lower bound", StringComparison.Ordinal));
    }

    [Fact]
    public void A_rate_that_the_sender_kept_is_a_lower_bound_where_a_higher_one_passed_and_was_not_kept()
    {
        // It passes at 50,000, which is kept, and up to 75,000, of which only 40,000 are sent.
        XskThroughputResult result = Run(rate => rate > 75_000 ? 0.5 : 0, _ => true, new() { Resolution = 0.01 }, keepsAt: rate => rate > 60_000 ? 40_000 : rate);
        Assert.Equal((50_000, 50_000), (result.Throughput, result.AtThroughput!.OfferedPacketsPerSecond));
        Assert.True(result.SenderLimited);
        Assert.Single(result.Deviations, line => line.Contains("did not keep the rate of 75000 ", StringComparison.Ordinal));
    }

    [Fact]
    public void The_longest_burst_is_found()
    {
        XskThroughputResult result = Run(_ => 0.01, frames => frames <= 777, new() { Resolution = 0.00001 });
        Assert.InRange(result.BackToBackFrames, 775, 777);
    }

    [Fact]
    public void A_short_trial_is_a_deviation_that_names_its_section()
    {
        XskThroughputResult result = Run(_ => 0, _ => true, new() { TrialDuration = TimeSpan.FromSeconds(1) }, drain: TimeSpan.FromSeconds(0.1));
        foreach (string section in new[] { "(section 24)", "not of 5 (section 23)", "not 2 (section 23)" })
            Assert.Contains(result.Deviations, line => line.Contains(section, StringComparison.Ordinal));
        Assert.Contains("Trials sent for 1 s, not for 60 (section 24)", result.Deviations);
    }

    private static XskThroughputResult Run(Func<double, double> loss, Func<long, bool> holds, XskThroughputOptions options, TimeSpan? drain = null, double keeps = 1, Func<double, double>? keepsAt = null) =>
        new ThroughputSearch(options, drain ?? TimeSpan.FromSeconds(2), (rate, duration, limit) =>
        {
            bool burst = limit < uint.MaxValue;
            double sentAt = rate ?? Highest;
            long sent = burst ? limit : (long)(sentAt * duration.TotalSeconds);
            double lost = burst ? (holds(limit) ? 0 : 1) : Math.Ceiling(sent * loss(sentAt));
            return new XskPathMeasurement
            {
                Transmit = "a:0",
                Receive = "b:0",
                FrameSize = 64,
                FrameLength = 60,
                OfferedPacketsPerSecond = rate,
                Duration = duration,
                Sent = sent,
                Received = sent - (long)lost,
                Duplicates = 0,
                Reordered = 0,
                SentPacketsPerSecond = rate is null ? sentAt : keepsAt?.Invoke(sentAt) ?? (keeps * sentAt),
                ReceivedPacketsPerSecond = sentAt,
                RoundTrip = false,
                Start = DateTimeOffset.Now,
            };
        }, _ => { }).Run();
}
