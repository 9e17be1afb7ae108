using System.Diagnostics;

namespace XdpPS;

/// <summary>
/// Sends frame after frame on a socket: puts them on the TX ring, wakes the kernel in time, paces, and counts. It
/// claims the socket: while it lives, no other sender can use it.
/// </summary>
public sealed class XskSender : IDisposable
{
    private static readonly long LatestCatchUp = Stopwatch.Frequency / 100;

    private readonly XskSocket socket;
    private readonly XskRingStats before;
    private readonly long interval;
    private readonly TimeSpan stallLimit;
    private readonly CancellationToken stop;
    private readonly int wakeBatch;
    private long started;
    private long finished;
    private long due;
    private int sinceWake;

    /// <summary>Claims the socket.</summary>
    /// <param name="socket">The socket to send on.</param>
    /// <param name="framesPerSecond">The rate to keep; 0 for as fast as possible.</param>
    /// <param name="stallLimit">How long to wait for room while the kernel takes nothing from the TX ring.</param>
    /// <param name="stop">Ends every wait.</param>
    /// <exception cref="XskException">The socket is closed, has no TX ring, or another sender uses it.</exception>
    public XskSender(XskSocket socket, double framesPerSecond, TimeSpan stallLimit, CancellationToken stop = default)
    {
        ArgumentNullException.ThrowIfNull(socket);
        this.socket = socket;
        this.stallLimit = stallLimit;
        this.stop = stop;
        wakeBatch = socket.TxBudget;
        interval = framesPerSecond > 0 ? (long)(Stopwatch.Frequency / framesPerSecond) : 0;
        socket.Claim(this);
        try
        {
            socket.Pump();
            before = socket.GetStatistics();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Frames put on the TX ring.</summary>
    public long Frames { get; private set; }

    /// <summary>When to send no more, as a <see cref="Stopwatch"/> timestamp; 0 for never.</summary>
    public long Deadline { get; set; }

    private long Bytes { get; set; }

    /// <summary>Waits until the frame is due and until there is room, then puts it on the TX ring. As many frames as one send call takes (<see cref="XskSocketInfo.TxBudget"/>) wake the kernel.</summary>
    /// <returns>False when the stop or the deadline came first.</returns>
    /// <exception cref="XskException">The frame is too short or too long, or the kernel takes no more frames.</exception>
    public bool Send(ReadOnlySpan<byte> frame)
    {
        if (!AwaitTurn()) return false;
        while (!socket.TrySend(frame))
        {
            if (!AwaitRoom()) return false;
        }

        Count(frame.Length);
        return true;
    }

    /// <summary>As the other, of a template's frame, which is written straight into the UMEM.</summary>
    /// <param name="template">The template.</param>
    /// <param name="index">Which of its frames: see <see cref="XskFrameTemplate.Write"/>.</param>
    public bool Send(XskFrameTemplate template, long index)
    {
        ArgumentNullException.ThrowIfNull(template);
        if (!AwaitTurn()) return false;
        while (!socket.TrySend(template, index))
        {
            if (!AwaitRoom()) return false;
        }

        Count(template.Length);
        return true;
    }

    /// <summary>Makes the kernel send what is on the TX ring. To be called before whatever may take long, such as the next input.</summary>
    /// <exception cref="XskException">As <see cref="XskSocket.Pump"/>.</exception>
    public void Wake()
    {
        if (sinceWake == 0) return;
        sinceWake = 0;
        socket.Pump();
    }

    /// <summary>Waits until the kernel has completed every frame.</summary>
    /// <returns>Whether it did so in time.</returns>
    /// <exception cref="XskException">As <see cref="XskSocket.Flush"/>.</exception>
    public bool Finish(TimeSpan timeout)
    {
        bool complete = socket.Flush(timeout, stop);
        sinceWake = 0;
        finished = Stopwatch.GetTimestamp();
        return complete;
    }

    /// <summary>What became of the frames, up to the last <see cref="Finish"/>.</summary>
    /// <exception cref="XskException">The socket is closed.</exception>
    public XskSendResult GetResult() => new()
    {
        InterfaceName = socket.InterfaceName,
        QueueId = socket.QueueId,
        Frames = Frames,
        Bytes = Bytes,
        Completed = Frames - Math.Min(Frames, socket.PendingSends),
        DriverDropped = socket.GetStatistics().DriverDropped - before.DriverDropped,
        ElapsedSeconds = started == 0 ? 0 : Stopwatch.GetElapsedTime(started, finished).TotalSeconds,
    };

    /// <summary>Lets the kernel have what it was not yet told of, and gives the socket back; it does not close it.</summary>
    public void Dispose()
    {
        try
        {
            Wake();
        }
        catch (XskException)
        {
            // Closed, or its interface is down or gone: whoever was sending has been told.
        }

        socket.Unclaim(this);
    }

    /// <summary>Sleeps while the frame's time is far off, and spins for the last millisecond or two.</summary>
    private bool AwaitTurn()
    {
        if (stop.IsCancellationRequested) return false;
        if (interval == 0 && Deadline == 0 && Frames > 0) return true;
        long now = Stopwatch.GetTimestamp();
        if (Frames == 0) started = due = now;
        while (interval > 0 && now < due && !Passed(now))
        {
            Wake();
            TimeSpan left = Stopwatch.GetElapsedTime(now, due);
            if (Deadline != 0 && due > Deadline) left = Stopwatch.GetElapsedTime(now, Deadline);
            if (left.TotalMilliseconds > 2) stop.WaitHandle.WaitOne(left - TimeSpan.FromMilliseconds(2));
            else Thread.SpinWait(20);
            if (stop.IsCancellationRequested) return false;
            now = Stopwatch.GetTimestamp();
        }

        // After a pause in the input the rate goes on from now: what was missed is not made up for in a burst.
        due = Math.Max(due, now - LatestCatchUp) + interval;
        return !Passed(now);
    }

    private bool AwaitRoom()
    {
        long pending = socket.PendingSends;
        long start = Stopwatch.GetTimestamp();
        SpinWait wait = default;
        sinceWake = 0;
        while (true)
        {
            socket.Pump();
            if (socket.PendingSends < pending) return true;
            long now = Stopwatch.GetTimestamp();
            if (stop.IsCancellationRequested || Passed(now)) return false;
            if (Stopwatch.GetElapsedTime(start, now) > stallLimit)
            {
                throw XskException.FromCheck(
                    XskErrorId.SendStalled,
                    $"The kernel has taken no frame from the TX ring of {socket.InterfaceName} queue {socket.QueueId} for {stallLimit.TotalSeconds} s, with {pending} frames pending",
                    "see whether the interface and its peer are up and someone reads there, or raise -CompletionTimeoutSeconds");
            }

            wait.SpinOnce();
        }
    }

    private void Count(int length)
    {
        Frames++;
        Bytes += length;
        if (++sinceWake >= wakeBatch) Wake();
    }

    private bool Passed(long now) => Deadline != 0 && now >= Deadline;
}
