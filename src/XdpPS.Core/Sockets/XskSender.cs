using System.Diagnostics;

namespace XdpPS;

/// <summary>
/// Sends frame after frame on a socket: puts them on the TX ring, wakes the kernel in time, paces, and counts. It
/// claims the socket: while it lives, no other sender can use it.
/// </summary>
public sealed class XskSender : IDisposable
{
    private static readonly TimeSpan LeastNear = TimeSpan.FromMilliseconds(2);
    private static readonly TimeSpan MostNear = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan Far = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan LongestNap = TimeSpan.FromMilliseconds(200);

    /// <summary>Paced frames that are a millisecond late need not hurry: one that is in time must not wait for others.</summary>
    private static readonly long Behind = Stopwatch.Frequency / 1000;

    /// <summary>A receiver that sleeps is woken for each of these: a send call's 32 frames alone would have it go to sleep twice as often.</summary>
    private const int Batch = 64;

    private readonly XskSocket socket;
    private readonly FramePacer pacer;
    private readonly XskRingStats before;
    private readonly bool paces;
    private readonly TimeSpan stallLimit;
    private readonly CancellationToken stop;
    private readonly int wakeBatch;
    private long started;
    private long finished;
    private long deadline;
    private TimeSpan near = LeastNear;
    private long due;
    private long turn;
    private bool waited;
    private int sinceWake;
    private LateWaker? waker;
    private long lastInput;
    private int quickInputs;

    /// <summary>Claims the socket.</summary>
    /// <param name="socket">The socket to send on.</param>
    /// <param name="framesPerSecond">The rate to keep; 0 for as fast as possible.</param>
    /// <param name="stallLimit">How long to wait for room while the kernel takes nothing from the TX ring.</param>
    /// <param name="stop">Ends every wait.</param>
    /// <exception cref="XskException">The socket is closed, has no TX ring, or another sender uses it.</exception>
    public XskSender(XskSocket socket, double framesPerSecond, TimeSpan stallLimit, CancellationToken stop = default)
        : this(socket, framesPerSecond > 0 ? FramePacer.AtPacketsPerSecond(framesPerSecond) : FramePacer.AtTopSpeed(), stallLimit, stop)
    {
    }

    /// <summary>Claims the socket.</summary>
    /// <param name="socket">The socket to send on.</param>
    /// <param name="pacer">Says when each frame is due.</param>
    /// <param name="stallLimit">How long to wait for room while the kernel takes nothing from the TX ring.</param>
    /// <param name="stop">Ends every wait.</param>
    /// <exception cref="XskException">The socket is closed, has no TX ring, or another sender uses it.</exception>
    public XskSender(XskSocket socket, FramePacer pacer, TimeSpan stallLimit, CancellationToken stop = default)
    {
        ArgumentNullException.ThrowIfNull(socket);
        ArgumentNullException.ThrowIfNull(pacer);
        this.socket = socket;
        this.pacer = pacer;
        paces = pacer.Timing != XskSendTiming.TopSpeed;
        this.stallLimit = stallLimit;
        this.stop = stop;
        wakeBatch = Math.Max(socket.TxBudget, Math.Min(Batch, socket.TxRingSize));
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

    /// <summary>For a sender that was forgotten: its thread ends.</summary>
    ~XskSender() => waker?.Dispose();

    /// <summary>Frames put on the TX ring.</summary>
    public long Frames { get; private set; }

    /// <summary>How long after the first frame to send no more; zero for no such limit.</summary>
    public TimeSpan Duration { get; set; }

    /// <summary>Called again and again while a frame is not due for another 20 milliseconds at least.</summary>
    public Action? Waiting { get; set; }

    private long Bytes { get; set; }

    /// <summary>As <see cref="Send(ReadOnlySpan{byte}, long)"/>, for frames without a recorded time.</summary>
    /// <exception cref="XskException">As there.</exception>
    public bool Send(ReadOnlySpan<byte> frame) => Send(frame, 0);

    /// <summary>Waits until the frame is due and until there is room, then puts it on the TX ring. A batch of 64 wakes the kernel, or of as many as one send call takes (<see cref="XskSocketInfo.TxBudget"/>) where these are more, or a frame that was waited for.</summary>
    /// <param name="frame">From the destination address on, without FCS.</param>
    /// <param name="timestamp">When it was recorded, in nanoseconds since 1970-01-01 UTC: for a pacer that goes by it.</param>
    /// <returns>False when the stop or the deadline came first.</returns>
    /// <exception cref="XskException">The frame is too short or too long, or the kernel takes no more frames.</exception>
    public bool Send(ReadOnlySpan<byte> frame, long timestamp)
    {
        waker?.ThrowIfFailed();
        if (!AwaitTurn(frame.Length, timestamp)) return false;
        while (!socket.TrySend(frame))
        {
            if (!AwaitRoom()) return false;
            turn = Stopwatch.GetTimestamp();
        }

        Count(frame.Length, 1);
        return true;
    }

    /// <summary>As <see cref="Send(ReadOnlySpan{byte})"/>, of as many copies of a frame as there is room for, a batch at the most; with a pacer of one.</summary>
    /// <returns>How many; 0 when the stop or the limit of time came first.</returns>
    /// <exception cref="XskException">As there.</exception>
    public int SendCopies(ReadOnlySpan<byte> frame, long count)
    {
        if (paces || frame.Length > socket.FrameSize) return Send(frame) ? 1 : 0;
        waker?.ThrowIfFailed();
        if (!AwaitTurn(frame.Length, 0)) return 0;
        int added;
        while ((added = socket.TrySendCopies(frame, (int)Math.Min(count, wakeBatch))) == 0)
        {
            if (!AwaitRoom()) return 0;
        }

        Count(frame.Length, added);
        return added;
    }

    /// <summary>As <see cref="Send(ReadOnlySpan{byte}, long)"/>, of a template's frame, which is written straight into the UMEM.</summary>
    /// <param name="template">The template.</param>
    /// <param name="index">Which of its frames: see <see cref="XskFrameTemplate.Write"/>.</param>
    /// <exception cref="XskException">As there.</exception>
    public bool Send(XskFrameTemplate template, long index)
    {
        ArgumentNullException.ThrowIfNull(template);
        waker?.ThrowIfFailed();
        if (!AwaitTurn(template.Length, 0)) return false;
        while (!socket.TrySend(template, index))
        {
            if (!AwaitRoom()) return false;
            turn = Stopwatch.GetTimestamp();
        }

        Count(template.Length, 1);
        return true;
    }

    /// <summary>Makes the kernel send what is on the TX ring. To be called before whatever may take long, such as the next input.</summary>
    /// <exception cref="XskException">As <see cref="XskSocket.Pump"/>.</exception>
    public void Wake()
    {
        waker?.ThrowIfFailed();
        if (sinceWake == 0) return;
        sinceWake = 0;
        waker?.Clear();
        socket.Pump();
    }

    /// <summary>
    /// To be called after each input: <see cref="Wake"/>, except where inputs follow each other quickly and are not paced, or
    /// come too late for that. Then a whole batch wakes the kernel, or a millisecond or two later another thread does, whose
    /// error the next call here throws.
    /// </summary>
    /// <exception cref="XskException">As <see cref="XskSocket.Pump"/>.</exception>
    public void WakeSoon()
    {
        long now = Stopwatch.GetTimestamp();
        bool quick = now - lastInput < QuickInput && (!paces || turn - due > Behind);
        lastInput = now;
        if (sinceWake == 0) return;
        // For a few frames a thread is not worth its while.
        if (quick && waker is null && ++quickInputs >= wakeBatch) waker = new LateWaker(socket);
        if (quick && waker is not null)
        {
            waker.Leave(now);
            return;
        }

        if (!quick) quickInputs = 0;
        try
        {
            Wake();
        }
        finally
        {
            // Nor does a failure's time count as one between two inputs.
            lastInput = Stopwatch.GetTimestamp();
        }
    }

    /// <summary>Waits until the kernel has completed every frame.</summary>
    /// <returns>Whether it did so in time.</returns>
    /// <exception cref="XskException">As <see cref="XskSocket.Flush"/>.</exception>
    public bool Finish(TimeSpan timeout)
    {
        waker?.ThrowIfFailed();
        waker?.Clear();
        bool complete = socket.Flush(timeout, stop);
        sinceWake = 0;
        finished = Stopwatch.GetTimestamp();
        return complete;
    }

    /// <summary>What comes within 50 microseconds of the input before it can wait for the next; the system call takes some 3.</summary>
    internal long QuickInput { get; init; } = Stopwatch.Frequency / 20_000;

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
        LateFrames = paces ? pacer.LateFrames : null,
        LatenessP99Seconds = paces ? pacer.LatenessP99Seconds : null,
        WorstLatenessSeconds = paces ? pacer.WorstLatenessSeconds : null,
        OutOfOrderFrames = pacer.Timing == XskSendTiming.Original ? pacer.OutOfOrderFrames : null,
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

        waker?.Dispose();
        socket.Unclaim(this);
        GC.SuppressFinalize(this);
    }

    /// <summary>Sleeps while the frame's time is far off, and spins for the last milliseconds.</summary>
    private bool AwaitTurn(int length, long timestamp)
    {
        if (stop.IsCancellationRequested) return false;
        // As fast as possible, a look at the clock for each frame would be felt.
        if (!paces && Frames > 0 && (deadline == 0 || Frames % 16 != 0)) return true;
        turn = Stopwatch.GetTimestamp();
        if (started == 0)
        {
            started = turn;
            if (Duration > TimeSpan.Zero) deadline = started + (long)(Duration.TotalSeconds * Stopwatch.Frequency);
        }

        if (!paces) return !Passed(turn);
        due = pacer.Next(length, timestamp, turn);
        waited = turn < due;
        if (waited) Wake();
        while (turn < due && !Passed(turn))
        {
            if (Waiting is not null && Stopwatch.GetElapsedTime(turn, due) > Far)
            {
                Waiting();
                turn = Stopwatch.GetTimestamp();
            }

            TimeSpan left = Stopwatch.GetElapsedTime(turn, deadline != 0 && due > deadline ? deadline : due);
            if (left <= near) Thread.SpinWait(20);
            else Nap(left - near < LongestNap ? left - near : LongestNap);
            if (stop.IsCancellationRequested) return false;
            turn = Stopwatch.GetTimestamp();
        }

        return !Passed(turn);
    }

    /// <summary>Sleeps, and learns how long before its time to wake: an idle CPU of a virtual machine may take milliseconds to.</summary>
    private void Nap(TimeSpan length)
    {
        stop.WaitHandle.WaitOne(length);
        TimeSpan needed = 1.5 * (Stopwatch.GetElapsedTime(turn) - length);
        if (needed <= near) near -= (near - LeastNear) / 64;
        else near = needed < MostNear ? needed : MostNear;
    }

    private bool AwaitRoom()
    {
        long pending = socket.PendingSends;
        long start = Stopwatch.GetTimestamp();
        SpinWait wait = default;
        sinceWake = 0;
        waker?.Clear();
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

    private void Count(int length, int frames)
    {
        Frames += frames;
        Bytes += (long)length * frames;
        sinceWake += frames;
        if (sinceWake >= wakeBatch || waited) Wake();
        if (paces) pacer.Sent(turn);
    }

    private bool Passed(long now) => deadline != 0 && now >= deadline;
}
