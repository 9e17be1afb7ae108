using System.Diagnostics;

namespace XdpPS.Frames;

/// <summary>Puts frames on a socket's TX ring, wakes the kernel in time, paces, and counts.</summary>
internal sealed class FrameSender
{
    /// <summary>A copy-mode send call takes 32 frames at the most (TX_BATCH_SIZE, net/xdp/xsk.c).</summary>
    private const int WakeBatch = 32;

    private readonly XskSocket socket;
    private readonly double framesPerSecond;
    private readonly CancellationToken stop;
    private readonly XskRingStats before;
    private long started;
    private long finished;
    private long wokenAt;
    private int sinceWake;

    /// <exception cref="XskException">The socket is closed or cannot send.</exception>
    internal FrameSender(XskSocket socket, double framesPerSecond, CancellationToken stop)
    {
        this.socket = socket;
        this.framesPerSecond = framesPerSecond;
        this.stop = stop;
        before = socket.GetStatistics();
        socket.Pump();
    }

    internal long Frames { get; private set; }

    private long Bytes { get; set; }

    /// <returns>False when the pipeline was stopped before the frame was sent.</returns>
    internal bool Send(byte[] frame)
    {
        if (Frames == 0) started = wokenAt = Stopwatch.GetTimestamp();
        if (framesPerSecond > 0 && !Pace()) return false;
        SpinWait wait = default;
        while (!socket.TrySend(frame))
        {
            if (stop.IsCancellationRequested) return false;
            Wake();
            wait.SpinOnce();
        }

        Frames++;
        Bytes += frame.Length;
        // A full batch costs one call; a frame from a slow pipeline must not wait for 31 others.
        if (++sinceWake >= WakeBatch || Stopwatch.GetElapsedTime(wokenAt).TotalMilliseconds >= 1) Wake();
        return true;
    }

    /// <returns>Whether the kernel completed every frame in time.</returns>
    internal bool Finish(TimeSpan timeout)
    {
        if (Frames == 0) started = Stopwatch.GetTimestamp();
        bool complete = socket.Flush(timeout, stop);
        finished = Stopwatch.GetTimestamp();
        return complete;
    }

    internal XskSendResult Result()
    {
        XskRingStats after = socket.GetStatistics();
        return new XskSendResult
        {
            InterfaceName = socket.InterfaceName,
            QueueId = socket.QueueId,
            Frames = Frames,
            Bytes = Bytes,
            Completed = Frames - Math.Min(Frames, socket.PendingSends),
            DriverDropped = after.DriverDropped - before.DriverDropped,
            ElapsedSeconds = Stopwatch.GetElapsedTime(started, finished).TotalSeconds,
        };
    }

    private void Wake()
    {
        socket.Pump();
        sinceWake = 0;
        wokenAt = Stopwatch.GetTimestamp();
    }

    /// <summary>Waits until the next frame is due: asleep while that is far off, spinning for the last millisecond or two.</summary>
    private bool Pace()
    {
        TimeSpan due = TimeSpan.FromSeconds(Frames / framesPerSecond);
        while (true)
        {
            if (stop.IsCancellationRequested) return false;
            TimeSpan left = due - Stopwatch.GetElapsedTime(started);
            if (left <= TimeSpan.Zero) return true;
            if (sinceWake > 0) Wake();
            if (left.TotalMilliseconds > 2) stop.WaitHandle.WaitOne(left - TimeSpan.FromMilliseconds(2));
            else Thread.SpinWait(20);
        }
    }
}
