using System.Diagnostics;

namespace XdpPS;

/// <summary>
/// Wakes the kernel for frames that a sender has left on the TX ring for the next to join them, where that does not
/// come: a thread that looks once a millisecond, and not at all while none are left there.
/// </summary>
internal sealed class LateWaker : IDisposable
{
    /// <summary>Together with what it sleeps, a frame waits for one to two milliseconds.</summary>
    private static readonly long Patience = Stopwatch.Frequency / 2000;

    /// <summary>Weak: a thread's own objects are never forgotten, and a socket that was must be, with its sender.</summary>
    private readonly WeakReference<XskSocket> socket;
    private readonly ManualResetEventSlim left = new(initialState: false, spinCount: 0);
    private long leftSince;
    private XskException? failure;
    private volatile bool ended;

    internal LateWaker(XskSocket socket)
    {
        this.socket = new WeakReference<XskSocket>(socket);
        new Thread(Run) { IsBackground = true, Name = "XdpPS waker" }.Start();
    }

    /// <summary>The thread that sends has left frames on the ring.</summary>
    internal void Leave(long now)
    {
        if (Volatile.Read(ref leftSince) != 0) return;
        Volatile.Write(ref leftSince, now);
        left.Set();
    }

    /// <summary>It has woken the kernel itself.</summary>
    internal void Clear() => Volatile.Write(ref leftSince, 0);

    /// <summary>For the thread that sends: what came of waking the kernel meanwhile, once.</summary>
    /// <exception cref="XskException">As <see cref="XskSocket.Pump"/>.</exception>
    internal void ThrowIfFailed()
    {
        if (Volatile.Read(ref failure) is null) return;
        throw Interlocked.Exchange(ref failure, null)!;
    }

    /// <summary>The thread ends by itself, soon.</summary>
    public void Dispose()
    {
        ended = true;
        left.Set();
    }

    private void Run()
    {
        while (true)
        {
            left.Wait();
            left.Reset();
            if (ended) return;
            Thread.Sleep(1);
            long since = Volatile.Read(ref leftSince);
            if (since == 0) continue;
            if (Stopwatch.GetTimestamp() - since < Patience || !TryWake(since)) left.Set();
        }
    }

    private bool TryWake(long since)
    {
        // Ahead of entering the gate: what is put on the ring after that is left there anew, what was before is sent.
        Interlocked.CompareExchange(ref leftSince, 0, since);
        try
        {
            if (!socket.TryGetTarget(out XskSocket? target) || target.TryPumpBeside()) return true;
        }
        catch (XskException e)
        {
            Volatile.Write(ref failure, e);
            return true;
        }

        Interlocked.CompareExchange(ref leftSince, since, 0);
        return false;
    }
}
