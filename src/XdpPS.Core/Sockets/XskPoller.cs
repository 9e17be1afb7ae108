using System.Diagnostics;
using System.Runtime.InteropServices;
using XdpPS.Interop;

namespace XdpPS;

/// <summary>
/// Waits for packets on several sockets at once. It claims them: while it lives, no other poller can receive on them.
/// </summary>
/// <remarks>
/// <see cref="Wait"/> sleeps in poll(2), so that waiting costs no CPU time beyond what sockets were told to poll for; once a second it wakes to ask each socket
/// for its health. Under load it sleeps by the clock first (<see cref="Coalescing"/>). <see cref="Wake"/> ends it from any thread.
/// </remarks>
public sealed partial class XskPoller : IDisposable
{
    private static readonly TimeSpan HealthInterval = TimeSpan.FromSeconds(1);

    private readonly XskSocket[] sockets;
    private readonly Libc.PollFd[] descriptors;
    private readonly EventSignal signal = new();
    private readonly long busyPollTicks;
    private int claimed;
    private long checkedAt = Stopwatch.GetTimestamp();
    private volatile bool woken;

    /// <summary>Claims the sockets.</summary>
    /// <exception cref="XskException">One of them is closed, has no RX ring, or is claimed by another poller.</exception>
    public XskPoller(IEnumerable<XskSocket> sockets)
    {
        ArgumentNullException.ThrowIfNull(sockets);
        this.sockets = [.. sockets];
        mostCoalesced = this.sockets.Select(socket => Math.Min(socket.RxRingSize, socket.FillRingSize)).DefaultIfEmpty().Min() / CoalescedPart;
        busyPollTicks = this.sockets.Select(socket => socket.BusyPollMicroseconds).DefaultIfEmpty().Max() * (Stopwatch.Frequency / 1_000_000);
        descriptors = new Libc.PollFd[this.sockets.Length + 1];
        try
        {
            for (; claimed < this.sockets.Length; claimed++) this.sockets[claimed].Claim(this);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Waits until a packet is there, <see cref="Wake"/> was called, or the time is up.</summary>
    /// <param name="timeout">How long to wait at most; negative for ever.</param>
    /// <returns>Whether a socket has packets.</returns>
    /// <exception cref="XskException">A socket was closed, or its interface or program is gone.</exception>
    public bool Wait(TimeSpan timeout)
    {
        long start = Stopwatch.GetTimestamp();
        for (long now = start; !woken; now = Stopwatch.GetTimestamp())
        {
            TimeSpan wait = HealthInterval - Stopwatch.GetElapsedTime(checkedAt, now);
            if (wait <= TimeSpan.Zero)
            {
                CheckHealth();
                wait = HealthInterval;
            }

            if (timeout >= TimeSpan.Zero)
            {
                TimeSpan left = timeout - Stopwatch.GetElapsedTime(start, now);
                if (left <= TimeSpan.Zero) return false;
                if (left < wait) wait = left;
            }

            if (BusyPoll() || Coalesce(now, wait)) return true;
            switch (Poll((int)Math.Ceiling(wait.TotalMilliseconds)))
            {
                case PollResult.Readable: return true;
                case PollResult.Failed: CheckHealth(); break;
                case PollResult.Nothing: break;
            }
        }

        return false;
    }

    /// <summary>Ends the current and every later <see cref="Wait"/>. Safe from any thread.</summary>
    public void Wake()
    {
        woken = true;
        signal.Set();
    }

    /// <summary>Gives the sockets back; it does not close them.</summary>
    public void Dispose()
    {
        for (int i = 0; i < claimed; i++) sockets[i].Unclaim(this);
        claimed = 0;
        signal.Dispose();
    }

    /// <summary>
    /// Runs the drivers of busy-polling sockets for a while before sleeping. poll(2) would do so itself only where the
    /// sysctl net.core.busy_poll is set for the whole machine (do_poll, fs/select.c).
    /// </summary>
    private bool BusyPoll()
    {
        if (busyPollTicks == 0) return false;
        long until = Stopwatch.GetTimestamp() + busyPollTicks;
        do
        {
            foreach (XskSocket socket in sockets)
            {
                if (socket.TryBusyPoll()) return true;
            }
        }
        while (!woken && Stopwatch.GetTimestamp() < until);
        return false;
    }

    private void CheckHealth()
    {
        checkedAt = Stopwatch.GetTimestamp();
        foreach (XskSocket socket in sockets) socket.CheckHealth();
    }

    private enum PollResult
    {
        Nothing,
        Readable,
        Failed,
    }

    private unsafe PollResult Poll(int milliseconds)
    {
        int held = 0;
        try
        {
            // The references keep a descriptor's number from being closed and given to someone else during the call.
            for (; held < sockets.Length; held++)
            {
                bool added = false;
                sockets[held].Descriptor.DangerousAddRef(ref added);
                descriptors[held] = new Libc.PollFd { Descriptor = sockets[held].Descriptor.Number, Events = Libc.POLLIN };
            }

            descriptors[held] = new Libc.PollFd { Descriptor = signal.Descriptor.Number, Events = Libc.POLLIN };
            int ready;
            fixed (Libc.PollFd* first = descriptors) ready = Libc.poll(first, (nuint)descriptors.Length, milliseconds);
            if (ready < 0 && Marshal.GetLastPInvokeError() != Errno.EINTR) return PollResult.Failed;
        }
        catch (ObjectDisposedException)
        {
            throw DirectionGate.SocketClosed(sockets[held]);
        }
        finally
        {
            for (int i = 0; i < held; i++) sockets[i].Descriptor.DangerousRelease();
        }

        PollResult result = PollResult.Nothing;
        for (int i = 0; i < sockets.Length; i++)
        {
            short events = descriptors[i].ReturnedEvents;
            if ((events & Libc.POLLIN) != 0) return PollResult.Readable;
            if (events != 0) result = PollResult.Failed;
        }

        return result;
    }
}
