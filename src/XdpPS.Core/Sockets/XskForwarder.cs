using System.Diagnostics;

namespace XdpPS;

/// <summary>
/// Forwards from the RX ring of one socket to the TX ring of another, on the thread that calls <see cref="Run"/>. Where
/// both are on one UMEM the frame itself goes over, and the receiver gets one of the sender's free frames for it; else
/// its bytes are copied. A packet of several frames (<see cref="XskSocketInfo.MultiBuffer"/>) goes over whole or not at
/// all. It claims the sockets: while it lives, nobody else can receive on the one or send on the other.
/// </summary>
public sealed class XskForwarder : IDisposable
{
    private static readonly TimeSpan RetryInterval = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan HealthInterval = TimeSpan.FromSeconds(1);

    private readonly XskForwarderOptions options;
    private readonly List<XskSender> senders = [];
    private readonly XskSocket[] targets;
    private readonly ForwardPath[] paths;
    private readonly XskPoller poller;
    private long started;
    private long ended;
    private long checkedAt = Stopwatch.GetTimestamp();
    private volatile bool stopped;

    /// <summary>Claims the sockets.</summary>
    /// <param name="from">Where packets come in.</param>
    /// <param name="to">Where they go out; it may be the same socket.</param>
    /// <param name="options">What else to do.</param>
    /// <exception cref="XskException">A socket is closed, has not the ring that is needed, or is in use; or the filter is too large.</exception>
    public XskForwarder(XskSocket from, XskSocket to, XskForwarderOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(from);
        ArgumentNullException.ThrowIfNull(to);
        this.options = options ?? new XskForwarderOptions();
        ArgumentOutOfRangeException.ThrowIfLessThan(this.options.Count, 1);
        AddressRewrite? addresses = AddressRewrite.From(this.options);
        IFrameFilter? drop = this.options.Reflects ? new NoRequest(from.MacAddress) : this.options.DropFilter is { } filter ? new CompiledFilter(filter) : null;
        // There and back on one socket is one direction.
        bool both = this.options.Bidirectional && from != to;
        targets = both ? [to, from] : [to];
        poller = new XskPoller(both ? [from, to] : [from]) { Coalescing = TimeSpan.Zero };
        try
        {
            foreach (XskSocket target in targets) senders.Add(new XskSender(target, 0, TimeSpan.Zero));
            paths = [from.ForwardTo(to, drop, addresses, this.options.Patience)];
            if (both) paths = [paths[0], to.ForwardTo(from, drop, addresses, this.options.Patience)];
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Both sockets have one UMEM, so that frames are handed over and not copied.</summary>
    public bool SharesUmem => paths[0].SharesUmem;

    /// <summary>Packets forwarded so far, both ways together.</summary>
    public long Forwarded => Sum(static path => path.Forwarded);

    /// <summary>Packets dropped so far because the filter matched.</summary>
    public long Filtered => Sum(static path => path.Filtered);

    /// <summary>Packets dropped so far because there was no room for them.</summary>
    public long Dropped => Sum(static path => path.Dropped);

    /// <summary>It was stopped, or has forwarded as many packets as it was to.</summary>
    public bool IsDone => stopped || Forwarded >= options.Count;

    /// <summary>Forwards until the time is up or <see cref="IsDone"/>. It sleeps in poll(2) while nothing arrives.</summary>
    /// <param name="time">How long, at the most.</param>
    /// <exception cref="XskException">A socket was closed, or its interface is down or gone, or its program was removed.</exception>
    public void Run(TimeSpan time)
    {
        long start = Stopwatch.GetTimestamp();
        if (started == 0) started = start;
        try
        {
            while (!stopped)
            {
                bool any = false;
                foreach (ForwardPath path in paths)
                {
                    long left = options.Count - Forwarded;
                    if (left <= 0) return;
                    any |= path.Turn(left);
                    path.GiveWay();
                }

                TimeSpan rest = time - Stopwatch.GetElapsedTime(start);
                if (rest <= TimeSpan.Zero) return;
                if (!any) Wait(rest);
            }
        }
        finally
        {
            ended = Stopwatch.GetTimestamp();
        }
    }

    /// <summary>Ends the current and every later <see cref="Run"/>. Safe from any thread.</summary>
    public void Stop()
    {
        stopped = true;
        poller.Wake();
    }

    /// <summary>Waits until the kernel has completed every frame. What is not completed by then stays with it, and comes back to its socket.</summary>
    /// <param name="timeout">How long to wait, at the most.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <returns>Whether it did so in time.</returns>
    /// <exception cref="XskException">As <see cref="XskSocket.Flush"/>.</exception>
    public bool Finish(TimeSpan timeout, CancellationToken cancellation = default)
    {
        long start = Stopwatch.GetTimestamp();
        bool complete = true;
        foreach (XskSocket target in targets)
        {
            TimeSpan left = timeout - Stopwatch.GetElapsedTime(start);
            complete &= target.Flush(left > TimeSpan.Zero ? left : TimeSpan.Zero, cancellation);
        }

        return complete;
    }

    /// <summary>The counters at this moment, of each direction one.</summary>
    public IReadOnlyList<XskForwardResult> GetResults()
    {
        double seconds = started == 0 ? 0 : Stopwatch.GetElapsedTime(started, ended).TotalSeconds;
        return [.. paths.Select(path => path.GetResult(seconds))];
    }

    /// <summary>Gives the sockets back; it does not close them.</summary>
    public void Dispose()
    {
        foreach (XskSender sender in senders) sender.Dispose();
        senders.Clear();
        poller.Dispose();
    }

    private long Sum(Func<ForwardPath, long> count)
    {
        long sum = 0;
        foreach (ForwardPath path in paths) sum += count(path);
        return sum;
    }

    private void Wait(TimeSpan most)
    {
        bool stalled = false, unsent = false;
        foreach (ForwardPath path in paths)
        {
            stalled |= path.IsStalled;
            unsent |= path.HasUnsent;
        }

        if (Stopwatch.GetElapsedTime(checkedAt) >= HealthInterval)
        {
            checkedAt = Stopwatch.GetTimestamp();
            foreach (ForwardPath path in paths) path.CheckTransmitHealth();
        }

        // poll would not sleep: what cannot be sent still waits on the RX ring.
        if (stalled) Thread.Sleep(RetryInterval);
        else if (unsent) poller.Wait(Least(most, RetryInterval));
        else poller.Wait(Least(most, HealthInterval));
    }

    private static TimeSpan Least(TimeSpan a, TimeSpan b) => a < b ? a : b;
}
