using System.Runtime.ExceptionServices;
using XdpPS.Interop;

namespace XdpPS;

/// <summary>One run of both ends, on a thread each or in turn on one, until all has come or the wait for it is over.</summary>
internal sealed class PathRun : IDisposable
{
    /// <summary>What is due sooner is waited for without sleeping: an idle CPU of a virtual machine may take a millisecond to wake.</summary>
    private const long Near = 2_000_000;

    private const int PauseSpins = 20;

    private static readonly TimeSpan LongestNap = TimeSpan.FromMilliseconds(50);

    /// <summary>After the last frame has come, copies of frames have so long to come.</summary>
    private static readonly TimeSpan Quiet = TimeSpan.FromMilliseconds(100);

    private readonly PathSender sender;
    private readonly PathReceiver receiver;
    private readonly XskSocket transmit;
    private readonly XskPoller poller;
    private readonly TimeSpan drain;
    private readonly TimeSpan flushPatience;
    private readonly CancellationTokenSource stop;
    private readonly CountdownEvent running;
    private readonly ManualResetEventSlim sent = new();
    private ExceptionDispatchInfo? failure;
    private long sentAt;

    internal PathRun(
        PathSender sender, PathReceiver receiver, XskSocket transmit, XskPoller poller, XskPathOptions options,
        bool oneThread, TimeSpan flushPatience, CancellationToken cancellation)
    {
        this.sender = sender;
        this.receiver = receiver;
        this.transmit = transmit;
        this.poller = poller;
        this.flushPatience = flushPatience;
        drain = options.Drain;
        stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        IReadOnlyList<int> cpus = options.Cpus;
        running = new CountdownEvent(oneThread ? 1 : 2);
        if (oneThread)
        {
            Start("XdpPS measuring", cpus.Count > 0 ? cpus[0] : null, SendAndReceive);
            return;
        }

        Start("XdpPS receiving", cpus.Count > 0 ? cpus[1] : null, Receive);
        Start("XdpPS sending", cpus.Count > 0 ? cpus[0] : null, Send);
    }

    /// <returns>Whether it has ended within the time.</returns>
    /// <exception cref="XskException">One of the ends has failed; then both have ended.</exception>
    internal bool Wait(TimeSpan time)
    {
        if (!running.Wait(time)) return false;
        failure?.Throw();
        return true;
    }

    /// <summary>Ends both threads, where they have not ended, and waits for them.</summary>
    public void Dispose()
    {
        stop.Cancel();
        running.Wait();
        running.Dispose();
        sent.Dispose();
        stop.Dispose();
    }

    private void Start(string name, int? cpu, Action body) => new Thread(() =>
    {
        try
        {
            using ThreadAffinity? pinned = cpu is { } one ? ThreadAffinity.Pin(one) : null;
            body();
        }
        catch (Exception e)
        {
            Interlocked.CompareExchange(ref failure, ExceptionDispatchInfo.Capture(e), null);
            stop.Cancel();
        }
        finally
        {
            running.Signal();
        }
    })
    { IsBackground = true, Name = name }.Start();

    private void Send()
    {
        SpinWait stalls = default;
        while (!sender.IsDone && !stop.IsCancellationRequested)
        {
            long now = KernelClock.Monotonic;
            long next = sender.Turn(now, out bool stalled);
            if (stalled)
            {
                stalls.SpinOnce(sleep1Threshold: -1);
                continue;
            }

            stalls.Reset();
            long left = next - KernelClock.Monotonic;
            if (left > Near) KernelClock.Sleep(Nap(left - Near));
            else if (left > 0) Thread.SpinWait(PauseSpins);
        }

        Finish();
    }

    private void Receive()
    {
        while (!IsOver())
        {
            if (!receiver.Turn(sender)) poller.Wait(sent.IsSet ? TimeSpan.FromMilliseconds(10) : TimeSpan.FromMilliseconds(50));
        }

        // What has come is not lost because this thread had no processor to read it on.
        if (!stop.IsCancellationRequested) receiver.TakeRest(sender);
    }

    private void SendAndReceive()
    {
        while (!sender.IsDone && !stop.IsCancellationRequested)
        {
            long next = sender.Turn(KernelClock.Monotonic, out _);
            bool any = receiver.Turn(sender);
            long left = next - KernelClock.Monotonic;
            if (!any && left > Near) poller.Wait(Nap(left - Near));
        }

        Finish();
        Receive();
    }

    private void Finish()
    {
        transmit.Flush(flushPatience, stop.Token);
        sentAt = KernelClock.Monotonic;
        sent.Set();
    }

    private bool IsOver()
    {
        if (stop.IsCancellationRequested) return true;
        if (!sent.IsSet) return false;
        long since = KernelClock.Monotonic - sentAt;
        if (since >= drain.TotalNanoseconds) return true;
        return receiver.Account.Received == sender.Sent && KernelClock.Monotonic - Math.Max(receiver.LastCopy, sentAt) >= Quiet.TotalNanoseconds;
    }

    private static TimeSpan Nap(long nanoseconds)
    {
        TimeSpan left = TimeSpan.FromMicroseconds(nanoseconds / 1000.0);
        return left < LongestNap ? left : LongestNap;
    }
}
