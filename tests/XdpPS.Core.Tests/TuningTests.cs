using System.ComponentModel;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using XdpPS.Interop;

namespace XdpPS.Tests;

/// <summary>Busy polling, huge pages, the budget of a send call and a thread's CPU, each as the kernel has it.</summary>
public sealed partial class TuningTests
{
    [KernelTheory]
    [InlineData(XdpAttachMode.Native)]
    [InlineData(XdpAttachMode.Generic)]
    public void A_busy_polling_socket_is_one_to_the_kernel_and_carries_every_byte(XdpAttachMode mode)
    {
        using TestNetwork network = new();
        network.Run(() =>
        {
            XskSocketOptions options = Sockets.Options(attach: mode) with { BusyPollMicroseconds = 50, BusyPollBudget = 32 };
            using XskSocket near = XskSocket.Open(options), far = XskSocket.Open(options with { InterfaceName = TestNetwork.Far });
            Assert.Equal((1, 50), (Option(near, 69), Option(near, 46)));
            Assert.Equal((50, 32), (near.BusyPollMicroseconds, near.BusyPollBudget));
            Assert.Contains("busy poll 50 us budget 32", near.ToString(), StringComparison.Ordinal);
            for (int round = 0; round < 8; round++)
            {
                byte[][] frames = [.. Enumerable.Range(0, 40).Select(i => Frames.Make(60 + i, (round * 40) + i))];
                far.Send(frames);
                Assert.Equal(frames, near.Take(40));
                near.Send(frames);
                Assert.Equal(frames, far.Take(40));
            }

            // A receive that does not wait runs the driver, too.
            far.Send(Frames.Make(60));
            using (ReceiveBatch batch = near.Receive(1)) Assert.Equal(1, batch.Count);
            Assert.Empty(near.Drain());
            Sockets.AssertConserved(near, far);
        });
    }

    [KernelFact]
    public void A_socket_does_not_busy_poll_unless_told_to()
    {
        using TestNetwork network = new();
        network.Run(() =>
        {
            using XskSocket socket = Sockets.Open();
            Assert.Equal(0, Option(socket, 69));
            Assert.Equal((0, 0), (socket.BusyPollMicroseconds, socket.BusyPollBudget));
            Assert.DoesNotContain("busy poll", socket.ToString(), StringComparison.Ordinal);
        });
    }

    [KernelTheory]
    [InlineData(Libc.SO_PREFER_BUSY_POLL, "SO_PREFER_BUSY_POLL", Errno.EPERM, XskErrorId.PermissionDenied, "CAP_NET_ADMIN")]
    [InlineData(Libc.SO_BUSY_POLL_BUDGET, "SO_BUSY_POLL_BUDGET", Errno.EPERM, XskErrorId.PermissionDenied, "CAP_NET_ADMIN")]
    [InlineData(Libc.SO_PREFER_BUSY_POLL, "SO_PREFER_BUSY_POLL", Errno.ENOPROTOOPT, XskErrorId.NotSupported, "5.11")]
    public void Busy_polling_that_the_kernel_refuses_is_an_error_with_the_remedy(int option, string name, int errno, XskErrorId expected, string remedy) =>
        Refused(Sockets.Options() with { BusyPollMicroseconds = 20 }, expected, errno, name, remedy, Libc.SOL_SOCKET, option);

    [KernelTheory]
    [InlineData(Errno.ENOPROTOOPT, XskErrorId.NotSupported, "6.17")]
    [InlineData(Errno.EACCES, XskErrorId.TxBudgetInvalid, "-TxBudget from 32 to 64")]
    public void A_budget_that_the_kernel_refuses_is_an_error_with_the_remedy(int errno, XskErrorId expected, string remedy) =>
        Refused(Sockets.Options() with { TxBudget = 64 }, expected, errno, "XDP_MAX_TX_SKB_BUDGET", remedy, IfXdp.SOL_XDP, IfXdp.XDP_MAX_TX_SKB_BUDGET);

    [Theory]
    [InlineData(31, 64)]
    [InlineData(65, 64)]
    [InlineData(32, 16)]
    [InlineData(64, 0)]
    [InlineData(-1, 64)]
    public void A_budget_below_32_or_above_the_ring_is_refused(int budget, int ring)
    {
        XskException failure = Sockets.Fails(XskErrorId.TxBudgetInvalid, (Sockets.Options(tx: ring) with { TxBudget = budget }).Validate);
        Assert.Contains($"{budget} frames from a TX ring of {ring}", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, 64)]
    [InlineData(-1, 64)]
    [InlineData(20, 0)]
    [InlineData(20, 65536)]
    public void Busy_polling_out_of_range_is_refused(int microseconds, int budget)
    {
        XskSocketOptions options = Sockets.Options() with { BusyPollMicroseconds = microseconds, BusyPollBudget = budget };
        Match proposed = Regex.Match(Sockets.Fails(XskErrorId.BusyPollInvalid, options.Validate).Message, @"-BusyPollMicroseconds (\d+) and -BusyPollBudget (\d+), or leave them out");
        int[] values = [.. proposed.Groups.Values.Skip(1).Select(value => int.Parse(value.Value, CultureInfo.InvariantCulture))];
        (options with { BusyPollMicroseconds = values[0], BusyPollBudget = values[1] }).Validate();
        Sockets.Options().Validate();
    }

    [TxBudgetFact]
    public void A_send_call_takes_as_many_frames_as_the_budget_says()
    {
        using TestNetwork network = new();
        network.Run(() =>
        {
            using XskSocket near = XskSocket.Open(Sockets.Options(frames: 512, rx: 256, fill: 256));
            using XskSocket usual = XskSocket.Open(Sockets.Options(TestNetwork.Far, frames: 512, tx: 128, completion: 128));
            Assert.Equal((32, 4), (usual.TxBudget, CallsForAll(usual)));
            usual.Dispose();
            using XskSocket more = XskSocket.Open(Sockets.Options(TestNetwork.Far, frames: 512, tx: 128, completion: 128) with { TxBudget = 96 });
            Assert.Equal((96, 2), (more.TxBudget, CallsForAll(more)));
            Assert.Contains("TX budget 96", more.ToString(), StringComparison.Ordinal);

            // The sender calls once for as many.
            long before = more.GetStatistics().TxWakeups;
            using XskSender sender = new(more, 0, TimeSpan.FromSeconds(5));
            for (int i = 0; i < 96; i++) Assert.True(sender.Send(Frames.Make(60)));
            Assert.Equal(1, more.GetStatistics().TxWakeups - before);

            static long CallsForAll(XskSocket socket)
            {
                using (SendBatch batch = socket.ReserveSend(128))
                {
                    Assert.Equal(128, batch.Capacity);
                    for (int i = 0; i < 128; i++) Assert.True(batch.TryAdd(Frames.Make(60, i)));
                }

                socket.Pump();
                XskRingStats after = socket.GetStatistics();
                Assert.Equal(0, after.Tx!.Used);
                Assert.True(socket.Flush(TimeSpan.FromSeconds(5)));
                return after.TxWakeups;
            }
        });
    }

    [HugePageFact]
    public void A_umem_in_huge_pages_is_one_to_the_kernel_and_carries_every_byte()
    {
        // 1,500 frames need 1.46 pages: the mapping has two, the UMEM as many bytes as were asked for.
        using HugePageReserve reserve = new(4);
        using TestNetwork network = new();
        network.Run(() =>
        {
            long free = HugePageReserve.Free;
            (long, long) before = HugePageReserve.Counts;
            using (XskSocket near = XskSocket.Open(Sockets.Options(frames: 1500) with { HugePages = true }))
            {
                using XskSocket far = Sockets.Open(TestNetwork.Far);
                Assert.Equal(free - 2, HugePageReserve.Free);
                Dictionary<string, string> mapping = Assert.Single(HugeMappings());
                Assert.Equal(("4096 kB", "2048 kB"), (mapping["Size"], mapping["KernelPageSize"]));
                // "dc": a child process does not get it (MADV_DONTFORK).
                Assert.Contains("dc", mapping["VmFlags"].Split(' '));
                Assert.Contains("1500 x 2048 B frames in huge pages", near.ToString(), StringComparison.Ordinal);
                byte[][] frames = Frames.Series(50);
                far.Send(frames);
                Assert.Equal(frames, near.Take(50));
                near.Send(frames);
                Assert.Equal(frames, far.Take(50));
                Sockets.AssertConserved(near, far);
            }

            Assert.Empty(HugeMappings());
            HugePageReserve.AssertBack(before);
        });
    }

    [HugePageFact]
    public void Huge_pages_of_a_closed_socket_serve_the_next_one_at_once()
    {
        using HugePageReserve reserve = new(2);
        using TestNetwork network = new();
        network.Run(() =>
        {
            (long, long) before = HugePageReserve.Counts;
            XskSocketOptions options = Sockets.Options(frames: (int)HugePageReserve.Free * 1024) with { HugePages = true };
            for (int i = 0; i < 10; i++) XskSocket.Open(options).Dispose();
            HugePageReserve.AssertBack(before);
        });
    }

    [HugePageFact]
    public void Without_enough_huge_pages_the_error_says_how_many_to_reserve()
    {
        using HugePageReserve turn = new(0);
        using TestNetwork network = new();
        network.Run(() =>
        {
            Residue before = Residue.Now();
            long total = HugePageReserve.Total, pages = HugePageReserve.Free + 3;
            XskSocketOptions options = Sockets.Options(frames: (int)pages * 1024) with { HugePages = true };
            XskException failure = Sockets.Fails(XskErrorId.HugePagesMissing, () => XskSocket.Open(options).Dispose());
            Assert.Contains($"'sysctl vm.nr_hugepages={total + 3}'", failure.Message, StringComparison.Ordinal);
            Assert.Contains("ENOMEM", failure.Message, StringComparison.Ordinal);
            Residue.AssertNoMoreThan(before);
        });
        Assert.False(network.HasProgram());
    }

    [Fact]
    public void A_pinned_thread_is_on_its_cpu_alone_and_afterwards_where_it_was() => new TestNetwork.Running(() =>
    {
        string before = AllowedByKernel();
        foreach (int cpu in ThreadAffinity.Allowed)
        {
            using (ThreadAffinity.Pin(cpu)) Assert.Equal($"{cpu}", AllowedByKernel());
            Assert.Equal(before, AllowedByKernel());
        }

        Assert.Equal(before, Ranges(ThreadAffinity.Allowed));
    }).Join();

    [Fact]
    public void A_pinned_thread_can_be_released_by_another() => new TestNetwork.Running(() =>
    {
        string before = AllowedByKernel();
        ThreadAffinity pinned = ThreadAffinity.Pin(ThreadAffinity.Allowed[^1]);
        new TestNetwork.Running(pinned.Dispose).Join();
        Assert.Equal(before, AllowedByKernel());
        pinned.Dispose();
        Assert.Equal(before, AllowedByKernel());
    }).Join();

    [Theory]
    [InlineData(-1)]
    [InlineData(8191)]
    [InlineData(int.MaxValue)]
    public void A_cpu_that_is_not_there_is_refused_with_those_that_are(int cpu) => new TestNetwork.Running(() =>
    {
        string before = AllowedByKernel();
        XskException failure = Sockets.Fails(XskErrorId.CpuNotAllowed, () => ThreadAffinity.Pin(cpu));
        Assert.Contains($"CPU {cpu}, only on {before};", failure.Message, StringComparison.Ordinal);
        Assert.Equal(before, AllowedByKernel());
    }).Join();

    private static void Refused(XskSocketOptions options, XskErrorId expected, int errno, string name, string remedy, int level, int option)
    {
        using TestNetwork network = new();
        network.Run(() => Sockets.Open().Dispose());
        Residue before = Residue.Now();
        network.Run(() =>
        {
            SystemCallFilter.Fail("setsockopt", errno, null, level, option);
            XskException failure = Sockets.Fails(expected, () => XskSocket.Open(options).Dispose());
            Assert.Equal(errno, failure.ErrorNumber);
            Assert.StartsWith($"setsockopt(xsk, {name}", failure.Call, StringComparison.Ordinal);
            Assert.Contains(remedy, failure.Message, StringComparison.Ordinal);
        });
        Residue.AssertNoMoreThan(before);
        Assert.False(network.HasProgram());
    }

    private static string AllowedByKernel()
    {
        const string name = "Cpus_allowed_list:";
        return File.ReadLines($"/proc/self/task/{gettid()}/status").Single(line => line.StartsWith(name, StringComparison.Ordinal))[name.Length..].Trim();
    }

    private static string Ranges(IReadOnlyList<int> numbers)
    {
        List<string> ranges = [];
        for (int i = 0; i < numbers.Count; i++)
        {
            int first = i;
            while (i + 1 < numbers.Count && numbers[i + 1] == numbers[i] + 1) i++;
            ranges.Add(first == i ? $"{numbers[i]}" : $"{numbers[first]}-{numbers[i]}");
        }

        return string.Join(',', ranges);
    }

    private static List<Dictionary<string, string>> HugeMappings()
    {
        List<Dictionary<string, string>> mappings = [];
        foreach (string line in File.ReadLines("/proc/self/smaps"))
        {
            int colon = line.IndexOf(": ", StringComparison.Ordinal);
            if (colon < 0 || line.IndexOf(' ') < colon) mappings.Add([]);
            else mappings[^1][line[..colon]] = line[(colon + 1)..].Trim();
        }

        return [.. mappings.Where(mapping => mapping.GetValueOrDefault("KernelPageSize") == "2048 kB")];
    }

    private static unsafe int Option(XskSocket socket, int option)
    {
        int value = -1;
        int length = sizeof(int);
        if (getsockopt(socket.Descriptor.Number, 1, option, &value, &length) != 0) throw new Win32Exception(Marshal.GetLastPInvokeError());
        return value;
    }

    [LibraryImport("libc", SetLastError = true)]
    private static unsafe partial int getsockopt(int descriptor, int level, int option, void* value, int* length);

    [LibraryImport("libc")]
    private static partial int gettid();
}

/// <summary>A test that needs XDP_MAX_TX_SKB_BUDGET.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class TxBudgetFactAttribute : FactAttribute
{
    public unsafe TxBudgetFactAttribute()
    {
        Skip = Requirements.Missing();
        if (Skip is not null) return;
        using FileDescriptor socket = Libc.socket(IfXdp.AF_XDP, Libc.SOCK_RAW | Libc.SOCK_CLOEXEC, 0);
        int budget = 32;
        // Without a TX ring a kernel that knows the option refuses it with EACCES.
        _ = Libc.setsockopt(socket, IfXdp.SOL_XDP, IfXdp.XDP_MAX_TX_SKB_BUDGET, &budget, sizeof(int));
        if (Marshal.GetLastPInvokeError() == Errno.ENOPROTOOPT) Skip = "this kernel has no XDP_MAX_TX_SKB_BUDGET (Linux 6.17)";
    }
}
