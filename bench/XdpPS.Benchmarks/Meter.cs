using System.Diagnostics;

namespace XdpPS.Benchmarks;

/// <summary>Says when a loop is to end, and reads packets and CPU time at the beginning and the end of the measured time.</summary>
/// <remarks>A timer does it, so that the loop need not look at a clock.</remarks>
internal sealed class Meter(Settings settings) : IDisposable
{
    private Timer? timer;
    private Reading from;
    private Reading to;
    private long packets;
    private volatile bool stopped;
    private volatile bool warm;

    /// <summary>The loop is to go on.</summary>
    internal bool Running => !stopped;

    /// <summary>The measured time has begun.</summary>
    internal bool IsWarm => warm;

    /// <summary>Packets from the beginning on; the loop's thread alone sets it.</summary>
    internal long Packets
    {
        get => packets;
        set => Volatile.Write(ref packets, value);
    }

    /// <summary>Counts the packets where the loop does not set <see cref="Packets"/>. Called from another thread.</summary>
    internal Func<long>? Counter { get; set; }

    /// <summary>What the loop has to report beside the rest, as key=value.</summary>
    internal string Extra { get; set; } = "";

    /// <summary>Runs a loop and prints what it did.</summary>
    internal void Measure(Action loop)
    {
        TimeSpan warmUp = TimeSpan.FromSeconds(settings.WarmUp);
        TimeSpan length = TimeSpan.FromSeconds(settings.Seconds);
        if (warmUp == TimeSpan.Zero) Begin();
        timer = new Timer(_ => Tick(), null, warm ? length : warmUp, length);
        long allocated = GC.GetAllocatedBytesForCurrentThread();
        loop();
        allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
        Stop();
        TimeSpan user = to.Cpu.UserTime - from.Cpu.UserTime, system = to.Cpu.PrivilegedTime - from.Cpu.PrivilegedTime;
        Console.WriteLine(
            $"{Extra}packets={to.Packets - from.Packets} seconds={Stopwatch.GetElapsedTime(from.At, to.At).TotalSeconds:F4} " +
            $"user={user.TotalSeconds:F4} system={system.TotalSeconds:F4} total={Total} allocated={allocated} rss={Environment.WorkingSet}");
    }

    public void Dispose() => timer?.Dispose();

    private void Tick()
    {
        if (warm) Stop();
        else Begin();
    }

    private void Begin()
    {
        from = Read();
        warm = true;
    }

    private void Stop()
    {
        if (stopped) return;
        to = Read();
        stopped = true;
    }

    private long Total => Counter?.Invoke() ?? Volatile.Read(ref packets);

    private Reading Read() => new(Stopwatch.GetTimestamp(), Environment.CpuUsage, Total);

    private readonly record struct Reading(long At, Environment.ProcessCpuUsage Cpu, long Packets);
}
