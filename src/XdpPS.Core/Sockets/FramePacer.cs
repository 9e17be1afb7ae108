using System.Diagnostics;

namespace XdpPS;

/// <summary>
/// Says when each frame is due, and keeps count of how well that was kept to. It neither waits nor reads a clock: times
/// are <see cref="Stopwatch"/> timestamps that its user hands in. Each due time is reckoned from the first one, so that
/// nothing that is rounded adds up. One pacer serves one <see cref="XskSender"/>.
/// </summary>
public sealed class FramePacer
{
    private const long MostUnits = long.MaxValue / 4;
    private const long NewRecording = 1_000_000_000;
    private const long Day = 86_400_000_000_000;

    private static readonly long LatestCatchUp = Stopwatch.Frequency / 100;
    private static readonly long LateAfter = Stopwatch.Frequency / 10_000;

    /// <summary>To a sixteenth.</summary>
    private readonly LogLinearHistogram lateness = new(bits: 4);
    private readonly double ticksPerUnit;
    private bool begun;
    private bool newRound;
    private long origin;
    private long due;

    // Frames, bits, or nanoseconds of the recording: what the timing counts.
    private long units;

    // Of the recorded times: the latest, where this round began, and its frames.
    private long latest;
    private long roundStart;
    private long roundFrames;

    private FramePacer(XskSendTiming timing, double unitsPerSecond)
    {
        Timing = timing;
        ticksPerUnit = Stopwatch.Frequency / unitsPerSecond;
    }

    /// <summary>What decides when a frame is due.</summary>
    public XskSendTiming Timing { get; }

    /// <summary>Frames that were sent more than 100 microseconds after they were due.</summary>
    public long LateFrames { get; private set; }

    /// <summary>How late 99 of 100 frames were at most; at most a sixteenth more than that.</summary>
    public double LatenessP99Seconds => lateness.Percentile(99) / (double)Stopwatch.Frequency;

    /// <summary>How late the latest frame was.</summary>
    public double WorstLatenessSeconds => lateness.Most / (double)Stopwatch.Frequency;

    /// <summary>Frames with an earlier timestamp than one before them, which are due at once.</summary>
    public long OutOfOrderFrames { get; private set; }

    /// <summary>How far into the recording the last frame was, with all rounds; zero for other timings.</summary>
    public TimeSpan RecordingPosition => Timing == XskSendTiming.Original ? TimeSpan.FromTicks(units / 100) : TimeSpan.Zero;

    /// <summary>Every frame is due at once.</summary>
    public static FramePacer AtTopSpeed() => new(XskSendTiming.TopSpeed, 1);

    /// <summary>Evenly spaced frames.</summary>
    /// <param name="rate">Frames a second.</param>
    /// <exception cref="ArgumentOutOfRangeException">Not above 0.</exception>
    public static FramePacer AtPacketsPerSecond(double rate) => new(XskSendTiming.PacketsPerSecond, Positive(rate));

    /// <summary>A frame is due when those before it have taken their time at this rate.</summary>
    /// <param name="rate">Bits a second, of frames without FCS, preamble and inter-frame gap.</param>
    /// <exception cref="ArgumentOutOfRangeException">Not above 0.</exception>
    public static FramePacer AtBitsPerSecond(double rate) => new(XskSendTiming.BitsPerSecond, Positive(rate));

    /// <summary>
    /// As far apart as their timestamps. One that goes back is due at once; where it goes back by more than a second, a
    /// new recording begins, which follows without a gap. A timestamp of 0 among others means that there is none.
    /// </summary>
    /// <param name="speedFactor">2 is twice as fast as recorded.</param>
    /// <exception cref="ArgumentOutOfRangeException">Not above 0.</exception>
    public static FramePacer AtRecordedTimes(double speedFactor = 1) => new(XskSendTiming.Original, 1e9 * Positive(speedFactor));

    /// <summary>The next frame begins the recording anew, after the mean distance of the frames of this round.</summary>
    public void BeginRound() => newRound = begun;

    /// <summary>When the next frame is due. To be called once a frame, in their order.</summary>
    /// <param name="length">Its bytes, without FCS.</param>
    /// <param name="timestamp">When it was recorded, in nanoseconds since 1970-01-01 UTC; only recorded times need it.</param>
    /// <param name="now">The time; the first frame is due at once.</param>
    public long Next(int length, long timestamp, long now)
    {
        if (!begun)
        {
            begun = true;
            origin = now;
            latest = timestamp;
        }

        long at = units;
        switch (Timing)
        {
            case XskSendTiming.TopSpeed:
                return due = now;
            case XskSendTiming.PacketsPerSecond:
                units++;
                break;
            case XskSendTiming.BitsPerSecond:
                units += 8L * length;
                break;
            case XskSendTiming.Original:
                at = units = Math.Min(Place(timestamp), MostUnits);
                break;
        }

        return due = origin + (long)Math.Min(at * ticksPerUnit, MostUnits);
    }

    /// <summary>
    /// The frame went out. After a pause in the input the rest is due later: of what was missed, no more than 10
    /// milliseconds are made up for in a burst.
    /// </summary>
    /// <param name="now">When it went out.</param>
    public void Sent(long now)
    {
        long late = now - due;
        lateness.Add(late);
        if (late > LateAfter) LateFrames++;
        if (late > LatestCatchUp) origin += late - LatestCatchUp;
    }

    /// <returns>Nanoseconds from the first frame, in recorded time.</returns>
    private long Place(long timestamp)
    {
        if (newRound)
        {
            newRound = false;
            roundStart = Math.Min(units + (roundFrames > 1 ? (units - roundStart) / (roundFrames - 1) : 0), MostUnits);
            roundFrames = 1;
            latest = timestamp;
            return roundStart;
        }

        roundFrames++;
        // Simple packet blocks of a pcapng file have no time.
        if (timestamp == 0 && latest != 0) return units;
        // As unsigned, since a damaged file may have any two times.
        if (timestamp < latest)
        {
            OutOfOrderFrames++;
            if ((ulong)latest - (ulong)timestamp > NewRecording) latest = timestamp;
            return units;
        }

        ulong step = (ulong)timestamp - (ulong)latest;
        bool hadNone = latest == 0 && step > Day;
        latest = timestamp;
        return hadNone ? units : units + (long)Math.Min(step, MostUnits);
    }

    private static double Positive(double value)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(value);
        return value;
    }
}
