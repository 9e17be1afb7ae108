using System.Diagnostics;

namespace XdpPS.Tests;

/// <summary>Passes frames on from one socket to another, which both are its own.</summary>
internal sealed class Relay : IDisposable
{
    private readonly XskSocket from;
    private readonly XskSocket to;
    private readonly Func<byte[], int, byte[][]> change;
    private readonly int swapsEvery;
    private readonly TimeSpan delay;
    private readonly Queue<(long Due, byte[] Frame)> held = [];
    private readonly List<byte[]> sent = [];
    private readonly Thread thread;
    private volatile bool stopped;
    private Exception? failure;
    private byte[]? late;

    internal Relay(XskSocket from, XskSocket to, Func<byte[], int, byte[][]> change, int swapsEvery = 0, TimeSpan delay = default)
    {
        this.from = from;
        this.to = to;
        this.change = change;
        this.swapsEvery = swapsEvery;
        this.delay = delay;
        thread = new Thread(Run) { IsBackground = true };
        thread.Start();
    }

    /// <summary>Frames that have come.</summary>
    internal int Seen { get; private set; }

    /// <summary>All that went on, in its order.</summary>
    internal List<byte[]> Stop()
    {
        stopped = true;
        thread.Join();
        Assert.Null(failure);
        return sent;
    }

    public void Dispose()
    {
        stopped = true;
        thread.Join();
        from.Dispose();
        to.Dispose();
    }

    private void Run()
    {
        try
        {
            List<byte[]> come = [];
            using XskPoller poller = new([from]);
            while (!stopped)
            {
                poller.Wait(TimeSpan.FromMilliseconds(1));
                come.Clear();
                from.Read(64, come);
                long due = Stopwatch.GetTimestamp() + (long)(delay.TotalSeconds * Stopwatch.Frequency);
                foreach (byte[] frame in come)
                {
                    foreach (byte[] one in change(frame, Seen++)) Pass(one, due);
                }

                List<byte[]> go = [];
                while (held.TryPeek(out (long Due, byte[]) first) && first.Due <= Stopwatch.GetTimestamp()) go.Add(held.Dequeue().Frame);
                if (go.Count == 0) continue;
                to.Send(go);
                sent.AddRange(go);
            }
        }
        catch (Exception e)
        {
            failure = e;
        }
    }

    /// <summary>One of so many frames goes after the one behind it.</summary>
    private void Pass(byte[] frame, long due)
    {
        if (swapsEvery > 0 && late is null && Seen % swapsEvery == 0)
        {
            late = frame;
            return;
        }

        held.Enqueue((due, frame));
        if (late is null) return;
        held.Enqueue((due, late));
        late = null;
    }
}
