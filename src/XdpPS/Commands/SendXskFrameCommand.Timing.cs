using System.Diagnostics;
using System.Globalization;
using System.Management.Automation;
using XdpPS.Completion;
using XdpPS.Errors;
using XdpPS.Frames;

namespace XdpPS.Commands;

/// <summary>When frames are sent, and how it is shown how far that has come.</summary>
public sealed partial class SendXskFrameCommand
{
    private static readonly TimeSpan ShowInterval = TimeSpan.FromMilliseconds(200);

    private FramePacer pacer = FramePacer.AtTopSpeed();
    private long started;
    private long shown;
    private long framesShown;
    private double share = -1;
    private bool progressShown;

    [Parameter]
    public XskSendTiming Timing { get; set; }

    [Parameter]
    [ValidateRange(0.001, 1e9)]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public double PacketsPerSecond { get; set; }

    [Parameter]
    [ValidateRange(1.0, 1e12)]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public double BitsPerSecond { get; set; }

    [Parameter]
    [ValidateRange(0.001, 1e6)]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public double SpeedFactor { get; set; } = 1;

    private bool Paces => pacer.Timing != XskSendTiming.TopSpeed;

    /// <summary>A rate alone says what the timing is.</summary>
    private FramePacer NewPacer()
    {
        bool packets = Given(nameof(PacketsPerSecond));
        bool bits = Given(nameof(BitsPerSecond));
        if (!Given(nameof(Timing)))
            Timing = packets ? XskSendTiming.PacketsPerSecond : bits ? XskSendTiming.BitsPerSecond : XskSendTiming.TopSpeed;
        (string Cause, string Remedy)? wrong =
            packets && bits ? ("-PacketsPerSecond and -BitsPerSecond are two rates", "give one of them")
            : packets && Timing != XskSendTiming.PacketsPerSecond ? ($"-Timing {Timing} does not go by -PacketsPerSecond", "leave one of them out")
            : bits && Timing != XskSendTiming.BitsPerSecond ? ($"-Timing {Timing} does not go by -BitsPerSecond", "leave one of them out")
            : Timing == XskSendTiming.PacketsPerSecond && !packets ? ("-Timing PacketsPerSecond says no rate", "give it as -PacketsPerSecond, such as -PacketsPerSecond 1000")
            : Timing == XskSendTiming.BitsPerSecond && !bits ? ("-Timing BitsPerSecond says no rate", "give it as -BitsPerSecond, such as -BitsPerSecond 1e6")
            : Given(nameof(SpeedFactor)) && Timing != XskSendTiming.Original ? ("-SpeedFactor is about recorded times", "give -Timing Original as well, or leave it out")
            : ParameterSetName == DataSet && Timing == XskSendTiming.Original ? ("-Data has no recorded time", "give packets instead, or another -Timing")
            : null;
        if (wrong is { } mistake)
            ThrowTerminatingError(XskErrorRecord.Create("ParametersContradict", ErrorCategory.InvalidArgument, mistake.Cause, mistake.Remedy, null));

        return Timing switch
        {
            XskSendTiming.Original => FramePacer.AtRecordedTimes(SpeedFactor),
            XskSendTiming.PacketsPerSecond => FramePacer.AtPacketsPerSecond(PacketsPerSecond),
            XskSendTiming.BitsPerSecond => FramePacer.AtBitsPerSecond(BitsPerSecond),
            _ => FramePacer.AtTopSpeed(),
        };
    }

    /// <summary>
    /// What the session has allocated leaves the youngest generations before the first frame. Packets that come through the
    /// pipeline are garbage at once; but the first collection for them would go through all the rest, some 20 milliseconds
    /// between two frames.
    /// </summary>
    private static void AgeObjects()
    {
        GC.Collect(0);
        GC.Collect(1);
    }

    private bool TryTimestamp(object origin, out long timestamp)
    {
        timestamp = 0;
        if (pacer.Timing != XskSendTiming.Original || FrameTime.TryRead(origin, out timestamp)) return true;
        WriteError(FrameTime.Missing(origin));
        return false;
    }

    /// <summary>Now and then between two frames. Where they follow closely, drawing the progress would delay them: seldom, then.</summary>
    private void ShowProgressBetween()
    {
        if (Paces) ShowProgress(1000);
        else if (sender!.Frames - framesShown >= 256)
        {
            framesShown = sender.Frames;
            ShowProgress(200);
        }
    }

    private void ShowProgress(int every)
    {
        long now = Stopwatch.GetTimestamp();
        if (started == 0) started = shown = now;
        if (Stopwatch.GetElapsedTime(shown, now).TotalMilliseconds < every) return;
        shown = now;
        progressShown = true;
        double elapsed = Stopwatch.GetElapsedTime(started, now).TotalSeconds;
        double done = DurationSeconds > 0 ? Math.Max(share, elapsed / DurationSeconds) : share;
        string status = string.Create(CultureInfo.InvariantCulture, $"{sender!.Frames} frames in {elapsed:F0} s");
        if (pacer.Timing == XskSendTiming.Original)
            status += string.Create(CultureInfo.InvariantCulture, $", next at {pacer.RecordingPosition.TotalSeconds:F1} s of the recording");
        WriteProgress(new ProgressRecord(0, "Sending frames", status) { PercentComplete = done < 0 ? -1 : (int)Math.Clamp(done * 100, 0, 100) });
    }

    private void EndProgress()
    {
        if (progressShown) WriteProgress(new ProgressRecord(0, "Sending frames", "Done") { RecordType = ProgressRecordType.Completed });
    }

    private void WarnOfTimes(XskSendResult result)
    {
        if (pacer.Timing != XskSendTiming.Original) return;
        if (result.OutOfOrderFrames > 0)
            WriteWarning($"{result.OutOfOrderFrames} of {result.Frames} frames have an earlier timestamp than one before them, and were sent at once.");
        if (result.Frames > 1 && pacer.RecordingPosition == TimeSpan.Zero)
            WriteWarning($"The {result.Frames} frames have no times that differ, and were sent as fast as possible.");
    }
}
