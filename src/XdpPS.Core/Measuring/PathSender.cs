using System.Runtime.CompilerServices;
using XdpPS.Interop;

namespace XdpPS;

/// <summary>The end that sends: numbers frames, writes their time into them where they lie in the UMEM, and paces them. It never waits.</summary>
internal sealed class PathSender
{
    /// <summary>The most frames before the kernel is woken: whoever receives is served a batch at a time, too.</summary>
    private const int Batch = 64;

    private readonly XskSocket socket;
    private readonly NumberedFrames frames;
    private readonly FramePacer? pacer;
    private readonly long interval;
    private readonly long limit;
    private readonly long length;
    private long due;
    private long end = long.MaxValue;
    private long sent;

    /// <param name="socket">Where to send. Whoever makes this has claimed it.</param>
    /// <param name="frames">What to send.</param>
    /// <param name="rate">Frames a second; null for as fast as possible.</param>
    /// <param name="duration">How long.</param>
    /// <param name="limit">The most frames.</param>
    internal PathSender(XskSocket socket, NumberedFrames frames, double? rate, TimeSpan duration, long limit)
    {
        this.socket = socket;
        this.frames = frames;
        this.limit = Math.Min(limit, uint.MaxValue);
        length = (long)duration.TotalNanoseconds;
        if (rate is not { } perSecond) return;
        pacer = FramePacer.AtPacketsPerSecond(perSecond);
        interval = Math.Max(1, (long)(1e9 / perSecond));
    }

    /// <summary>When the first frame was sent, by <see cref="KernelClock.Monotonic"/>; the frames' times count from there.</summary>
    internal long Origin { get; private set; }

    /// <summary>When the last one was.</summary>
    internal long Last { get; private set; }

    /// <summary>Frames put on the TX ring. It is never behind what can have arrived.</summary>
    internal long Sent => Volatile.Read(ref sent);

    internal bool IsDone { get; private set; }

    /// <summary>Sends what is due.</summary>
    /// <param name="now">The time.</param>
    /// <param name="stalled">There was no room for it.</param>
    /// <returns>When the next frame is due.</returns>
    /// <exception cref="XskException">As <see cref="XskSocket.ReserveSend"/> and <see cref="XskSocket.Pump"/>.</exception>
    internal long Turn(long now, out bool stalled)
    {
        stalled = false;
        if (Origin == 0) Begin(now);
        if (now >= end || sent >= limit) IsDone = true;
        if (IsDone || (pacer is not null && due > now)) return Math.Min(due, end);
        stalled = Fill(now) == 0;
        socket.Pump();
        return pacer is null ? now : Math.Min(due, end);
    }

    private void Begin(long now)
    {
        Origin = now;
        end = now + length;
        due = pacer?.Next(frames.Length, 0, now) ?? now;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private int Fill(long now)
    {
        long wanted = pacer is null ? Batch : 1 + ((now - due) / interval);
        using SendBatch batch = socket.ReserveSend((int)Math.Min(Math.Min(wanted, Batch), limit - sent));
        long number = sent;
        long stamp = now;
        while (batch.Count < batch.Capacity && (pacer is null || due <= stamp))
        {
            stamp = KernelClock.Monotonic;
            frames.Write(batch.Next, (uint)number++, stamp - Origin);
            batch.Add(frames.Length);
            if (pacer is null) continue;
            pacer.Sent(stamp);
            due = pacer.Next(frames.Length, 0, stamp);
        }

        if (batch.Count == 0) return 0;
        Last = stamp;
        // Before the batch is published: whoever receives takes no number for one of ours that was not given out.
        Volatile.Write(ref sent, number);
        return batch.Count;
    }
}
