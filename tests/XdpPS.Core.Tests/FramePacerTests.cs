using System.Diagnostics;

namespace XdpPS.Tests;

/// <summary>When frames are due, by a clock that is made up.</summary>
public sealed class FramePacerTests
{
    private const long Start = 5_000_000_000_000;
    private const long Recorded = 1_790_000_000_123_456_789;

    private static readonly long Second = Stopwatch.Frequency;
    private static readonly long Millisecond = Stopwatch.Frequency / 1000;
    private static readonly long Microsecond = Stopwatch.Frequency / 1_000_000;

    [Theory]
    [InlineData(3)]
    [InlineData(7)]
    [InlineData(999_983)]
    public void A_rate_whose_interval_is_no_whole_number_does_not_drift(int rate)
    {
        FramePacer pacer = FramePacer.AtPacketsPerSecond(rate);
        for (long i = 0; i < 3_000_000; i++)
        {
            long due = pacer.Next(60, 0, Start);
            long exact = Start + (long)((Int128)i * Second / rate);
            if (Math.Abs(due - exact) > 1) Assert.Fail($"Frame {i} is due at {due} and not at {exact}.");
            pacer.Sent(due);
        }

        Assert.Equal((0, 0d), (pacer.LateFrames, pacer.WorstLatenessSeconds));
    }

    [Fact]
    public void Bits_are_those_of_the_frames_before()
    {
        FramePacer pacer = FramePacer.AtBitsPerSecond(8_000_000);
        Assert.Equal([0, 100, 160, 1660], Dues(pacer, (100, 0), (60, 0), (1500, 0), (60, 0)).Select(due => due / Microsecond));
    }

    [Theory]
    [InlineData(1, new long[] { 0, 10, 10, 1_000_010, 3_600_000_000 })]
    [InlineData(2, new long[] { 0, 5, 5, 500_005, 1_800_000_000 })]
    [InlineData(0.5, new long[] { 0, 20, 20, 2_000_020, 7_200_000_000 })]
    public void Recorded_times_are_kept_at_the_speed_factor(double speed, long[] microseconds) =>
        Assert.Equal(microseconds, Replay(FramePacer.AtRecordedTimes(speed), 0, 10_000, 10_000, 1_000_010_000, 3_600_000_000_000).Select(due => due / Microsecond));

    [Fact]
    public void A_speed_factor_of_three_does_not_drift()
    {
        FramePacer pacer = FramePacer.AtRecordedTimes(3);
        long due = 0;
        for (long i = 0; i <= 1_000_000; i++) due = pacer.Next(60, Recorded + (i * 1001), Start);
        Assert.InRange(due - Start - (1_000_000L * 1001 * Second / 1_000_000_000 / 3), -1, 1);
    }

    [Fact]
    public void A_time_that_goes_back_is_due_at_once_and_does_not_shift_the_rest()
    {
        FramePacer pacer = FramePacer.AtRecordedTimes();
        Assert.Equal([0, 500, 500, 500, 700], Replay(pacer, 0, 500_000, 200_000, 499_999, 700_000).Select(due => due / Microsecond));
        Assert.Equal(2, pacer.OutOfOrderFrames);
    }

    [Fact]
    public void More_than_a_second_back_is_a_new_recording_that_follows_at_once()
    {
        FramePacer pacer = FramePacer.AtRecordedTimes();
        const long Hour = 3_600_000_000_000;
        Assert.Equal([0, 500, 500, 800], Replay(pacer, 0, 500_000, -Hour, -Hour + 300_000).Select(due => due / Microsecond));
        Assert.Equal(1, pacer.OutOfOrderFrames);
    }

    [Fact]
    public void Rounds_are_the_mean_distance_apart()
    {
        FramePacer pacer = FramePacer.AtRecordedTimes();
        List<long> dues = [];
        for (int round = 0; round < 3; round++)
        {
            // 0, 100 and 400 microseconds: 200 on the average.
            pacer.BeginRound();
            dues.AddRange(Replay(pacer, 0, 100_000, 400_000).Select(due => due / Microsecond));
        }

        Assert.Equal([0, 100, 400, 600, 700, 1000, 1200, 1300, 1600], dues);
        Assert.Equal((0, TimeSpan.FromMicroseconds(1600)), (pacer.OutOfOrderFrames, pacer.RecordingPosition));
    }

    [Fact]
    public void Rounds_of_one_frame_have_no_distance()
    {
        FramePacer pacer = FramePacer.AtRecordedTimes();
        for (int round = 0; round < 3; round++)
        {
            pacer.BeginRound();
            Assert.Equal([0], Replay(pacer, 0));
        }
    }

    [Fact]
    public void A_frame_without_a_time_goes_with_the_one_before()
    {
        FramePacer pacer = FramePacer.AtRecordedTimes();
        Assert.Equal([0, 0, 0, 500, 500, 800], Dues(pacer, (60, 0), (60, 0), (60, Recorded), (60, Recorded + 500_000), (60, 0), (60, Recorded + 800_000)).Select(due => due / Microsecond));
        Assert.Equal(0, pacer.OutOfOrderFrames);
        // A file whose clock began with its first packet.
        Assert.Equal([0, 10], Dues(FramePacer.AtRecordedTimes(), (60, 0), (60, 10_000)).Select(due => due / Microsecond));
    }

    [Fact]
    public void Whatever_times_a_file_has_none_is_due_before_the_one_before_it()
    {
        Random random = new(5);
        for (int run = 0; run < 1000; run++)
        {
            FramePacer pacer = FramePacer.AtRecordedTimes(run % 2 == 0 ? 0.001 : 1e6);
            long before = Start;
            for (int i = 0; i < 100; i++)
            {
                if (random.Next(10) == 0) pacer.BeginRound();
                long timestamp = random.Next(4) switch { 0 => long.MinValue, 1 => long.MaxValue, 2 => 0, _ => random.NextInt64(long.MinValue, long.MaxValue) };
                long due = pacer.Next(60, timestamp, Start);
                if (due < before) Assert.Fail($"Frame {i} of run {run} is due at {due}, after one at {before}.");
                before = due;
            }
        }
    }

    [Fact]
    public void What_was_missed_is_made_up_for_by_ten_milliseconds_and_no_more()
    {
        FramePacer pacer = FramePacer.AtPacketsPerSecond(1000);
        pacer.Sent(pacer.Next(60, 0, Start));
        pacer.Sent(pacer.Next(60, 0, Start) + (10 * Millisecond));
        Assert.Equal(Start + (2 * Millisecond), pacer.Next(60, 0, Start));
        long late = Start + Second;
        pacer.Sent(late);
        Assert.Equal(late - (9 * Millisecond), pacer.Next(60, 0, late));
        Assert.Equal(late - (8 * Millisecond), pacer.Next(60, 0, late));
    }

    [Fact]
    public void Lateness_is_that_of_the_frames()
    {
        FramePacer pacer = FramePacer.AtPacketsPerSecond(100);
        Random random = new(6);
        List<long> lateness = [];
        for (int i = 0; i < 10_000; i++)
        {
            long late = (long)(Microsecond * Math.Exp(random.NextDouble() * 9));
            lateness.Add(late);
            pacer.Sent(pacer.Next(60, 0, Start) + late);
        }

        lateness.Sort();
        double p99 = lateness[9899] / (double)Second;
        Assert.InRange(pacer.LatenessP99Seconds, p99, p99 * 17 / 16);
        Assert.Equal(lateness[^1] / (double)Second, pacer.WorstLatenessSeconds);
        Assert.Equal(lateness.Count(late => late > 100 * Microsecond), pacer.LateFrames);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    public void What_is_not_above_zero_is_refused(double value)
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => FramePacer.AtPacketsPerSecond(value));
        Assert.Throws<ArgumentOutOfRangeException>(() => FramePacer.AtBitsPerSecond(value));
        Assert.Throws<ArgumentOutOfRangeException>(() => FramePacer.AtRecordedTimes(value));
    }

    private static List<long> Replay(FramePacer pacer, params long[] nanoseconds) =>
        Dues(pacer, [.. nanoseconds.Select(time => (60, Recorded + time))]);

    private static List<long> Dues(FramePacer pacer, params (int Length, long Timestamp)[] frames) =>
        [.. frames.Select(frame => pacer.Next(frame.Length, frame.Timestamp, Start) - Start)];
}
