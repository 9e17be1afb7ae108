using System.Runtime.CompilerServices;
using XdpPS.Interop;

namespace XdpPS;

/// <summary>The end that receives: takes the frames of a run and keeps account of them. It never waits.</summary>
internal sealed class PathReceiver
{
    private const int Batch = 64;

    /// <summary>128 classes to a power of two.</summary>
    private const int HistogramBits = 7;

    private readonly IReadOnlyList<XskSocket> sockets;
    private readonly uint run;
    private readonly uint kind;
    private long previous = -1;
    private double jitter;
    private long received;

    /// <param name="sockets">Where to receive. Whoever makes this has claimed them.</param>
    /// <param name="run">The number of the run.</param>
    /// <param name="roundTrip">The frames are replies.</param>
    internal PathReceiver(IReadOnlyList<XskSocket> sockets, uint run, bool roundTrip)
    {
        this.sockets = sockets;
        this.run = run;
        kind = roundTrip ? FrameTag.Reply : FrameTag.Request;
    }

    internal SequenceAccount Account { get; } = new();

    /// <summary>In nanoseconds.</summary>
    internal LogLinearHistogram Latencies { get; } = new(HistogramBits);

    /// <summary>In nanoseconds; null before there are two frames.</summary>
    internal double? Jitter => Account.Received > 1 ? jitter : null;

    internal long Foreign { get; private set; }

    /// <summary>Every latency ends with the XDP program's reading of the clock.</summary>
    internal bool ByArrival { get; private set; } = true;

    /// <summary>When the first frame arrived, and when the last, each for the first time.</summary>
    internal long First { get; private set; }

    internal long Last { get; private set; }

    /// <summary>When the last frame or copy of one arrived.</summary>
    internal long LastCopy { get; private set; }

    /// <summary>Different frames that have arrived, for other threads.</summary>
    internal long Received => Volatile.Read(ref received);

    /// <summary>Takes what has arrived.</summary>
    /// <returns>Whether anything had.</returns>
    /// <exception cref="XskException">As <see cref="XskSocket.Receive"/>.</exception>
    internal bool Turn(PathSender sender)
    {
        bool any = false;
        for (int i = 0; i < sockets.Count; i++) any |= Take(sockets[i], sender);
        return any;
    }

    /// <summary>Takes what is on the rings, and of what comes meanwhile no more than they hold.</summary>
    /// <exception cref="XskException">As <see cref="XskSocket.Receive"/>.</exception>
    internal void TakeRest(PathSender sender)
    {
        for (int left = sockets.Max(socket => socket.RxRingSize); left > 0 && Turn(sender); left -= Batch)
        {
        }
    }

    /// <summary>Throws away what arrived before.</summary>
    internal static void Clear(IReadOnlyList<XskSocket> sockets)
    {
        foreach (XskSocket socket in sockets)
        {
            // What comes while it does so may be more than it can throw away.
            for (int left = socket.RxRingSize; left > 0;)
            {
                using ReceiveBatch batch = socket.Receive(left);
                if (batch.Count == 0) break;
                left -= batch.Count;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private bool Take(XskSocket socket, PathSender sender)
    {
        using ReceiveBatch batch = socket.Receive(Batch);
        if (batch.Count == 0) return false;
        long now = KernelClock.Monotonic;
        // Read after the batch: what is in it was numbered before.
        long sent = sender.Sent, origin = sender.Origin;
        for (int i = 0; i < batch.Count; i++)
        {
            batch.Prefetch(i + 4);
            ReceivedFrame frame = batch[i];
            long arrived = frame.ArrivedAt;
            if (arrived == 0) Add(frame.Data, sent, origin, now, byArrival: false);
            else Add(frame.Data, sent, origin, arrived, byArrival: true);
        }

        Volatile.Write(ref received, Account.Received);
        return true;
    }

    /// <summary>Takes a frame into account.</summary>
    /// <param name="data">Any bytes.</param>
    /// <param name="sent">The numbers that were given out.</param>
    /// <param name="origin">What the frames' times count from.</param>
    /// <param name="arrived">When it arrived.</param>
    /// <param name="byArrival">It was the XDP program that looked at the clock.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Add(ReadOnlySpan<byte> data, long sent, long origin, long arrived, bool byArrival)
    {
        int at = FrameTag.Find(data, out _, out _);
        ReadOnlySpan<byte> tag = at < 0 ? default : data.Slice(at, FrameTag.Length);
        if (at < 0 || FrameTag.Run(tag) != run || FrameTag.Kind(tag) != kind || FrameTag.Sequence(tag) >= sent)
        {
            Foreign++;
            return;
        }

        LastCopy = arrived;
        if (!Account.Add(FrameTag.Sequence(tag))) return;
        if (First == 0) First = arrived;
        Last = arrived;
        if (!byArrival) ByArrival = false;
        long latency = Math.Max(0, FrameTag.Age(tag, arrived - origin));
        Latencies.Add(latency);
        // RFC 3550, section 6.4.1.
        if (previous >= 0) jitter += (Math.Abs(latency - previous) - jitter) / 16;
        previous = latency;
    }
}
