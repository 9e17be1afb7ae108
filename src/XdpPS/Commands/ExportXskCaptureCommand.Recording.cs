using System.Diagnostics;
using System.Management.Automation;
using XdpPS.Session;

namespace XdpPS.Commands;

/// <content>Recording straight from sockets.</content>
public sealed partial class ExportXskCaptureCommand
{
    private const string Activity = "Recording packets";

    /// <summary>The most packets taken from one socket before the next has its turn.</summary>
    private const int Turn = 256;

    /// <summary>What others follow, they see this soon where nothing else is to be done; between two batches of a busy line it would cost a system call for each.</summary>
    private static readonly TimeSpan QuietFlushInterval = TimeSpan.FromMilliseconds(10);

    private static readonly TimeSpan ReportInterval = TimeSpan.FromMilliseconds(200);

    private XskPoller? poller;
    private TimeSpan? timeout;
    private TimeSpan? duration;
    private long started;
    private long lastPacketAt;
    private long lastFlushAt;
    private long lastReportAt;
    private bool progressShown;

    private void Record()
    {
        XskSocket[] sockets = [.. Socket.Distinct()];
        timeout = Given(nameof(TimeoutSeconds)) ? TimeSpan.FromSeconds(TimeoutSeconds) : null;
        duration = Given(nameof(DurationSeconds)) ? TimeSpan.FromSeconds(DurationSeconds) : null;
        DropWatch drops = new(sockets, faster: "");
        try
        {
            using ThreadAffinity? pinned = Given(nameof(Cpu)) ? ThreadAffinity.Pin(Cpu) : null;
            poller = new XskPoller(sockets);
            using CancellationTokenRegistration wake = StopToken.Register(poller.Wake);
            foreach (XskSocket socket in sockets) writer!.Declare(socket);
            started = lastPacketAt = lastFlushAt = lastReportAt = Stopwatch.GetTimestamp();
            Warn(drops.LookNowAndThen());
            while (Continues() && Take(sockets, drops))
            {
            }
        }
        catch (XskException e) when (!Stopping)
        {
            ThrowTerminatingError(e, e.ErrorId == XskErrorId.CaptureWriteFailed ? Path : sockets.Length == 1 ? sockets[0] : sockets);
        }
        catch (XskException)
        {
            return; // The stop closed something under us.
        }

        if (Stopping) return;
        Warn(drops.Look());
        if (progressShown) WriteProgress(new ProgressRecord(0, Activity, "Done") { RecordType = ProgressRecordType.Completed });
    }

    /// <returns>False where nothing came for as long as it was to be waited for.</returns>
    private bool Take(XskSocket[] sockets, DropWatch drops)
    {
        int taken = 0;
        foreach (XskSocket socket in sockets)
        {
            long left = Count - writer!.Packets;
            if (left <= 0) return true;
            taken += writer.Write(socket, (int)Math.Min(left, Turn));
        }

        long now = Stopwatch.GetTimestamp();
        if (taken > 0) lastPacketAt = now;
        TimeSpan sinceFlush = Stopwatch.GetElapsedTime(lastFlushAt, now);
        if (sinceFlush >= (taken == 0 ? QuietFlushInterval : FlushInterval))
        {
            writer!.Flush();
            lastFlushAt = now;
        }

        if (taken == 0)
        {
            // Only now: after a pause, such as SIGSTOP makes, what came meanwhile is still to be taken.
            if (timeout is { } quiet && Stopwatch.GetElapsedTime(lastPacketAt) >= quiet) return false;
            if (Continues()) poller!.Wait(Patience(now));
        }

        Report(drops, now);
        return true;
    }

    private bool Continues()
    {
        if (Stopping || writer!.Packets >= Count) return false;
        return duration is not { } limit || Stopwatch.GetElapsedTime(started) < limit;
    }

    private TimeSpan Patience(long now)
    {
        double seconds = 1;
        if (writer!.HasUnflushed) seconds = (QuietFlushInterval - Stopwatch.GetElapsedTime(lastFlushAt, now)).TotalSeconds;
        if (duration is { } whole) seconds = Math.Min(seconds, (whole - Stopwatch.GetElapsedTime(started)).TotalSeconds);
        if (timeout is { } quiet) seconds = Math.Min(seconds, (quiet - Stopwatch.GetElapsedTime(lastPacketAt)).TotalSeconds);
        return TimeSpan.FromSeconds(Math.Max(0, seconds));
    }

    private void Report(DropWatch drops, long now)
    {
        if (Stopwatch.GetElapsedTime(lastReportAt, now) < ReportInterval) return;
        lastReportAt = now;
        Warn(drops.LookNowAndThen());
        TimeSpan elapsed = Stopwatch.GetElapsedTime(started, now);
        double share = Count == long.MaxValue ? -1 : (double)writer!.Packets / Count;
        if (duration is { } limit) share = Math.Max(share, elapsed / limit);
        string status = $"{writer!.Packets} packets in {elapsed.TotalSeconds:F0} s";
        ShowProgress(new ProgressRecord(0, Activity, status) { PercentComplete = share < 0 ? -1 : (int)Math.Clamp(share * 100, 0, 100) });
        progressShown = true;
    }
}
