using System.Globalization;
using XdpPS.Interop;

namespace XdpPS.Tests;

/// <summary>What a message advises, taken where the cause has to be injected; the others are in Errors.Tests.ps1.</summary>
public sealed class RemedyTests : IDisposable
{
    private const ulong NetAdmin = 1UL << Capabilities.CAP_NET_ADMIN;
    private const ulong SysAdmin = 1UL << Capabilities.CAP_SYS_ADMIN;
    private const ulong Bpf = 1UL << Capabilities.CAP_BPF;

    private readonly TestNetwork network = new();

    public void Dispose() => network.Dispose();

    [KernelFact]
    public void Where_the_driver_does_not_send_a_socket_can_still_receive() => network.Run(() =>
    {
        SystemCallFilter.Fail("sendto", Errno.ENXIO, null, 0, 0, Libc.MSG_DONTWAIT, 0, 0);
        XskException failure = Sockets.Fails(XskErrorId.TransmitProbeFailed, () => Sockets.Open().Dispose());
        Assert.Contains("receive only with -TxRingSize 0", failure.Remedy, StringComparison.Ordinal);
        XskSocket.Open(Sockets.Options(tx: 0)).Dispose();
    });

    [KernelFact]
    public void A_send_that_the_kernel_does_not_take_up_ends_and_goes_on_once_it_does() => network.Run(() =>
    {
        using XskSocket socket = Sockets.Open();
        byte[][] frames = Frames.Series(80);
        new TestNetwork.Running(() =>
        {
            Kernel.EnterNamespace(network.Name);
            SystemCallFilter.Fail("sendto", Errno.EAGAIN, null, 0, 0, Libc.MSG_DONTWAIT, 0, 0);
            using XskSender sender = new(socket, 0, TimeSpan.FromMilliseconds(50));
            XskException failure = Sockets.Fails(XskErrorId.SendStalled, () => Array.ForEach(frames, frame => sender.Send(frame)));
            Assert.Contains($"{socket.PendingSends} frames pending", failure.Cause, StringComparison.Ordinal);
            Assert.Contains("-CompletionTimeoutSeconds", failure.Remedy, StringComparison.Ordinal);
        }).Join();
        int taken = (int)socket.PendingSends;
        Assert.InRange(taken, 1, 64);
        using XskSocket far = Sockets.Open(TestNetwork.Far);
        using (XskSender again = new(socket, 0, TimeSpan.FromSeconds(5)))
        {
            foreach (byte[] frame in frames.AsSpan(taken)) Assert.True(again.Send(frame));
        }

        Assert.True(socket.Flush(TimeSpan.FromSeconds(5)));
        Assert.Equal(frames.Take(64), far.Take(64));
    });

    [KernelTheory]
    [InlineData(IfXdp.SOL_XDP, IfXdp.XDP_MAX_TX_SKB_BUDGET, "leave out -TxBudget")]
    [InlineData(Libc.SOL_SOCKET, Libc.SO_PREFER_BUSY_POLL, "leave out -BusyPoll")]
    public void What_the_kernel_does_not_know_is_left_out_as_NotSupported_says(int level, int option, string remedy) => network.Run(() =>
    {
        SystemCallFilter.Fail("setsockopt", Errno.ENOPROTOOPT, null, level, option);
        // What is left may not be unknown in earnest: Linux before 6.17 has no budget.
        int? budget = level == IfXdp.SOL_XDP || Environment.OSVersion.Version >= new Version(6, 17) ? 64 : null;
        XskSocketOptions both = Sockets.Options() with { TxBudget = budget, BusyPollMicroseconds = 20 };
        XskException failure = Sockets.Fails(XskErrorId.NotSupported, () => XskSocket.Open(both).Dispose());
        Assert.StartsWith(remedy, failure.Remedy, StringComparison.Ordinal);
        XskSocket.Open(level == IfXdp.SOL_XDP ? both with { TxBudget = null } : both with { BusyPollMicroseconds = null }).Dispose();
    });

    [KernelFact]
    public void After_RingCorrupted_the_socket_is_closed_and_another_takes_its_place() => network.Run(() =>
    {
        using XskSocket far = Sockets.Open(TestNetwork.Far);
        using (XskSocket near = Sockets.Open())
        {
            // As something else in this process would write to it. Linux 6.1 maps no ring of a bound socket a second time.
            string name = new FileInfo($"/proc/self/fd/{near.Descriptor.Number}").LinkTarget!;
            string mapping = File.ReadLines("/proc/self/maps").Single(line => line.EndsWith(name, StringComparison.Ordinal) && line.Split(' ')[2] == $"{RingKind.Rx.MapOffset:x8}");
            nint ring = nint.Parse(mapping.Split('-')[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            unsafe { *(uint*)(ring + (nint)XskRings.GetOffsets(near.Descriptor).Rx.Producer) += 1000; }
            XskException failure = Sockets.Fails(XskErrorId.RingCorrupted, () => near.Receive(1).Dispose());
            Assert.StartsWith("close this socket", failure.Remedy, StringComparison.Ordinal);
        }

        using XskSocket another = Sockets.Open();
        far.Send(Frames.Series(20));
        Assert.Equal(Frames.Series(20), another.Take(20));
        Sockets.AssertConserved(another, far);
    });

    /// <summary>The kernel's rule: CAP_SYS_ADMIN does for both, and only those of the first user namespace count.</summary>
    [Theory]
    [InlineData(0UL, true, "CAP_NET_ADMIN and CAP_BPF are missing", "CAP_NET_RAW, CAP_NET_ADMIN and CAP_BPF")]
    [InlineData(Bpf, true, "CAP_NET_ADMIN is missing", "CAP_NET_RAW, CAP_NET_ADMIN and CAP_BPF")]
    [InlineData(NetAdmin, true, "CAP_BPF is missing", "CAP_NET_RAW, CAP_NET_ADMIN and CAP_BPF")]
    [InlineData(NetAdmin | Bpf, true, "a seccomp filter or lockdown", "bpf(2)")]
    [InlineData(SysAdmin, true, "a seccomp filter or lockdown", "bpf(2)")]
    [InlineData(ulong.MaxValue, false, "this user namespace has only its own", "run outside of it")]
    public void A_refusal_of_bpf_names_what_is_missing(ulong effective, bool initialUserNamespace, string cause, string remedy)
    {
        (string Cause, string Remedy) why = Capabilities.WhyNoBpf(effective, initialUserNamespace);
        Assert.Contains(cause, why.Cause, StringComparison.Ordinal);
        Assert.Contains(remedy, why.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public void Where_the_capabilities_cannot_be_read_none_is_accused() =>
        Assert.DoesNotContain("missing", Capabilities.WhyNoBpf(null, initialUserNamespace: true).Cause, StringComparison.Ordinal);

    [JitCanBeOffFact]
    public void With_the_jit_off_programs_are_interpreted_and_a_socket_works()
    {
        string before = File.ReadAllText(JitCanBeOffFactAttribute.Switch);
        File.WriteAllText(JitCanBeOffFactAttribute.Switch, "0");
        try
        {
            network.Run(() =>
            {
                using XskSocket near = Sockets.Open(), far = Sockets.Open(TestNetwork.Far);
                far.Send(Frames.Series(20));
                Assert.Equal(Frames.Series(20), near.Take(20));
            });
        }
        finally
        {
            File.WriteAllText(JitCanBeOffFactAttribute.Switch, before);
        }
    }
}

/// <summary>A test that needs a kernel whose BPF programs can also be interpreted (without CONFIG_BPF_JIT_ALWAYS_ON).</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class JitCanBeOffFactAttribute : FactAttribute
{
    internal const string Switch = "/proc/sys/net/core/bpf_jit_enable";

    public JitCanBeOffFactAttribute()
    {
        Skip = Requirements.Missing();
        if (Skip is not null) return;
        try
        {
            string before = File.ReadAllText(Switch);
            File.WriteAllText(Switch, "0");
            File.WriteAllText(Switch, before);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Skip = $"the BPF JIT cannot be switched off here ({Switch})";
        }
    }
}
