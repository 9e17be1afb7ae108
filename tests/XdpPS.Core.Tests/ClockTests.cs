using System.Diagnostics;
using System.Globalization;
using XdpPS.Interop;

namespace XdpPS.Tests;

/// <summary>A wall clock that is stepped while a socket is open.</summary>
public sealed class ClockTests : IDisposable
{
    private const string InVirtualMachine = "XDPPS_VM";

    private readonly TestNetwork network = new();

    public void Dispose()
    {
        KernelClock.WallClock = Libc.CLOCK_REALTIME;
        network.Dispose();
    }

    /// <summary>The time since the boot in place of the time since 1970: a step of decades, which leaves the machine's clock alone.</summary>
    [KernelFact]
    public void Packets_have_the_time_of_the_clock_as_it_is_when_they_arrive_and_nothing_else_notices() => network.Run(() => StepAndBack(
        () => KernelClock.WallClock = Libc.CLOCK_BOOTTIME,
        () => (long)(double.Parse(File.ReadAllText("/proc/uptime").Split(' ')[0], CultureInfo.InvariantCulture) * 1e9),
        () => KernelClock.WallClock = Libc.CLOCK_REALTIME));

    /// <summary>The same with the real clock, which is everybody's: only where XDPPS_VM=1 says that the machine is there for tests.</summary>
    [StepsTheClockFact]
    public void So_it_is_when_the_machines_clock_is_stepped() => network.Run(() =>
    {
        long wall = UtcNow(), since = Stopwatch.GetTimestamp();
        try
        {
            StepAndBack(() => Set(wall + 3_600_000_000_000), UtcNow, () => Set(wall - 3_600_000_000_000));
        }
        finally
        {
            Set(wall);
        }

        void Set(long nanoseconds)
        {
            long elapsed = (long)Stopwatch.GetElapsedTime(since).TotalNanoseconds;
            Command.Run("date", "-u", "-s", string.Create(CultureInfo.InvariantCulture, $"@{(nanoseconds + elapsed) / 1e9:F3}"));
        }
    });

    private static void StepAndBack(Action step, Func<long> clock, Action back)
    {
        Sockets.Open().Dispose();
        Residue before = Residue.Now();
        Stepped(step, clock, back);
        Residue.AssertNoMoreThan(before);
    }

    private static void Stepped(Action step, Func<long> clock, Action back)
    {
        using XskSocket near = Sockets.Open(), far = Sockets.Open(TestNetwork.Far);
        AssertTimes(near, far, UtcNow);
        step();
        AssertTimes(near, far, clock);
        AssertWaits(near, far);
        back();
        AssertTimes(near, far, UtcNow);
        AssertWaits(near, far);
        Sockets.AssertConserved(near, far);
    }

    private static void AssertTimes(XskSocket near, XskSocket far, Func<long> clock)
    {
        // The offset to the clock is read at most once a millisecond.
        Thread.Sleep(20);
        long before = clock();
        far.Send(Frames.Series(5));
        using XskPoller poller = new([near]);
        Assert.True(poller.Wait(TimeSpan.FromSeconds(5)));
        Thread.Sleep(20);
        using ReceiveBatch batch = near.Receive(64);
        long after = clock();
        Assert.Equal(5, batch.Count);
        // /proc/uptime counts hundredths of a second.
        for (int i = 0; i < batch.Count; i++) Assert.InRange(batch[i].Timestamp, before - 11_000_000, after + 11_000_000);
    }

    private static void AssertWaits(XskSocket near, XskSocket far)
    {
        Stopwatch watch = Stopwatch.StartNew();
        using (XskPoller poller = new([near])) Assert.False(poller.Wait(TimeSpan.FromMilliseconds(200)));
        Assert.InRange(watch.Elapsed.TotalSeconds, 0.19, 10);
        watch.Restart();
        using (XskSender sender = new(far, framesPerSecond: 100, TimeSpan.FromSeconds(5)))
        {
            foreach (byte[] frame in Frames.Series(21)) Assert.True(sender.Send(frame));
            Assert.True(sender.Finish(TimeSpan.FromSeconds(5)));
        }

        Assert.InRange(watch.Elapsed.TotalSeconds, 0.19, 10);
        Assert.Equal(Frames.Series(21), near.Take(21));
    }

    private static long UtcNow() => (DateTime.UtcNow - DateTime.UnixEpoch).Ticks * 100;

    [AttributeUsage(AttributeTargets.Method)]
    private sealed class StepsTheClockFactAttribute : FactAttribute
    {
        public StepsTheClockFactAttribute() => Skip = Requirements.Missing()
            ?? (Environment.GetEnvironmentVariable(InVirtualMachine) == "1" ? null : $"steps the machine's clock: only in a virtual machine ({InVirtualMachine}=1)");
    }
}
