using System.Diagnostics;
using XdpPS.Interop;

namespace XdpPS.Tests;

/// <summary>
/// The scenarios of the kernel's own test of AF_XDP (tools/testing/selftests/bpf, xskxceiver), under their names, in each
/// of its modes. docs/kernel-test-plan.md lists them.
/// </summary>
public sealed partial class KernelTestPlanTests(PlanNetwork network) : IClassFixture<PlanNetwork>
{
    private const short POLLOUT = 4;

    [KernelTheory]
    [MemberData(nameof(Plan.Modes), MemberType = typeof(Plan))]
    public void SEND_RECEIVE(PlanMode mode, bool busyPoll) => SendReceive(mode, busyPoll, 4096, 4096);

    [KernelTheory]
    [MemberData(nameof(Plan.Modes), MemberType = typeof(Plan))]
    public void SEND_RECEIVE_2K_FRAME(PlanMode mode, bool busyPoll) => SendReceive(mode, busyPoll, 2048, 4096);

    [KernelTheory]
    [MemberData(nameof(Plan.Modes), MemberType = typeof(Plan))]
    public void SEND_RECEIVE_SINGLE_PKT(PlanMode mode, bool busyPoll) => SendReceive(mode, busyPoll, 4096, 1);

    /// <summary>Half of them lie across the end of a page.</summary>
    [KernelTheory]
    [MemberData(nameof(Plan.CopyModes), MemberType = typeof(Plan))]
    public void SEND_RECEIVE_UNALIGNED(PlanMode mode, bool busyPoll) => network.Run(() =>
    {
        XskSocketOptions options = Plan.Options(mode, busyPoll, frameSize: 4000) with { Unaligned = true };
        using RawSocket near = new(options);
        using XskSocket far = XskSocket.Open(options with { InterfaceName = TestNetwork.Far });
        for (uint i = 0; i < 256; i++)
        {
            byte[] frame = Frames.Make(Plan.Shortest, (int)i);
            near.Put((4096UL * (i + 1)) - (i % 2 == 0 ? Plan.Shortest / 2u : 0), Plan.Shortest, bytes: frame);
            near.Send();
            Assert.Equal([frame], Plan.Look(far, 1));
        }

        Assert.Equal(0ul, near.Statistics.TxInvalidDescriptors);
        Sockets.AssertConserved(far);
    });

    /// <summary>The receiver waits in poll().</summary>
    [KernelTheory]
    [MemberData(nameof(Plan.Modes), MemberType = typeof(Plan))]
    public void POLL_RX(PlanMode mode, bool busyPoll) => Both(mode, busyPoll, (near, far) =>
    {
        foreach (byte[][] burst in Frames.Series(1024, Plan.Shortest).Chunk(64))
        {
            near.Send(burst);
            Assert.Equal(burst, far.Take(burst.Length));
        }
    });

    /// <summary>The sender never calls sendto(): poll() for room sends what is on the ring.</summary>
    [KernelTheory]
    [MemberData(nameof(Plan.Modes), MemberType = typeof(Plan))]
    public void POLL_TX(PlanMode mode, bool busyPoll) => Both(mode, busyPoll, (near, far) =>
    {
        foreach (byte[][] burst in Frames.Series(512, Plan.Shortest).Chunk(32))
        {
            foreach (byte[] frame in burst) Assert.True(near.TrySend(frame));
            Stopwatch watch = Stopwatch.StartNew();
            while (near.GetStatistics().Tx!.Used > 0 && watch.Elapsed.TotalSeconds < 5) Assert.True(Poll(near.Descriptor.Number, POLLOUT, 1000));
            Assert.Equal(burst, Plan.Look(far, burst.Length));
        }

        Assert.True(near.Flush(TimeSpan.FromSeconds(5)));
    });

    /// <summary>Nothing comes, and poll() ends when its time is up.</summary>
    [KernelTheory]
    [MemberData(nameof(Plan.Modes), MemberType = typeof(Plan))]
    public void POLL_RXQ_FULL(PlanMode mode, bool busyPoll) => Both(mode, busyPoll, (near, _) =>
    {
        using XskPoller poller = new([near]);
        Stopwatch watch = Stopwatch.StartNew();
        Assert.False(poller.Wait(TimeSpan.FromMilliseconds(50)));
        Assert.True(watch.ElapsedMilliseconds >= 45);
    });

    /// <summary>Nothing can be sent, the ring is full, and poll() for room ends when its time is up. Afterwards all goes out.</summary>
    [KernelTheory]
    [MemberData(nameof(Plan.Modes), MemberType = typeof(Plan))]
    public void POLL_TXQ_FULL(PlanMode mode, bool busyPoll) => Both(mode, busyPoll, (near, far) =>
    {
        byte[][] frames = Frames.Series(256, Plan.Shortest);
        network.Cable.Ip("link", "set", TestNetwork.Near, "down");
        try
        {
            foreach (byte[] frame in frames) Assert.True(near.TrySend(frame));
            Assert.False(near.TrySend(frames[0]));
            Assert.False(Poll(near.Descriptor.Number, POLLOUT, 50));
            Sockets.Fails(XskErrorId.InterfaceDown, near.Pump);
        }
        finally
        {
            network.Cable.Ip("link", "set", TestNetwork.Near, "up");
        }

        SpinWait.SpinUntil(() => XdpInterface.Get(TestNetwork.Near).HasCarrier, TimeSpan.FromSeconds(5));
        List<byte[]> arrived = [];
        // The wire of a veth holds 256 frames.
        SpinWait.SpinUntil(
            () =>
            {
                near.Pump();
                far.Read(256, arrived);
                return arrived.Count == frames.Length;
            },
            TimeSpan.FromSeconds(5));
        Assert.Equal(frames, arrived);
        Assert.True(near.Flush(TimeSpan.FromSeconds(5)));
    });

    /// <summary>A packet begins behind the kernel's headroom and the user's.</summary>
    [KernelTheory]
    [MemberData(nameof(Plan.Modes), MemberType = typeof(Plan))]
    public void UMEM_HEADROOM(PlanMode mode, bool busyPoll) => network.Run(() =>
    {
        using XskSocket near = XskSocket.Open(Plan.Options(mode, busyPoll));
        using XskSocket far = XskSocket.Open(Plan.Options(mode, busyPoll, TestNetwork.Far) with { Headroom = 128 });
        Plan.Carry(near, far, Frames.Series(128, Plan.Shortest));
        near.Send(Frames.Series(8));
        SpinWait.SpinUntil(() => far.GetStatistics().Rx!.Used == 8, TimeSpan.FromSeconds(5));
        using (MappedRx rx = new(far, 256)) Assert.All(rx.Published, descriptor => Assert.Equal(256ul + 128, descriptor.Address % 4096));
        Assert.Equal(Frames.Series(8), Plan.Look(far, 8));
        Sockets.AssertConserved(near, far);
    });

    [KernelTheory]
    [MemberData(nameof(Plan.Modes), MemberType = typeof(Plan))]
    public void BIDIRECTIONAL(PlanMode mode, bool busyPoll) => Both(mode, busyPoll, (near, far) =>
    {
        byte[][] frames = Frames.Series(512, Plan.Shortest);
        Plan.Carry(near, far, frames);
        Plan.Carry(far, near, frames);
        foreach (byte[][] burst in frames.Chunk(64))
        {
            near.Send(burst);
            far.Send(burst);
            Assert.Equal(burst, Plan.Look(far, burst.Length));
            Assert.Equal(burst, Plan.Look(near, burst.Length));
        }
    });

    [KernelTheory]
    [MemberData(nameof(Plan.Modes), MemberType = typeof(Plan))]
    public void TEARDOWN(PlanMode mode, bool busyPoll)
    {
        Residue before = Residue.Now();
        for (int i = 0; i < 10; i++) SendReceive(mode, busyPoll, 4096, 64);
        Residue.AssertNoMoreThan(before);
    }

    private void SendReceive(PlanMode mode, bool busyPoll, int frameSize, int count) => Both(
        mode, busyPoll, (near, far) => Plan.Carry(near, far, Frames.Series(count, Plan.Shortest)), frameSize);

    private void Both(PlanMode mode, bool busyPoll, Action<XskSocket, XskSocket> scenario, int frameSize = 4096) => network.Run(() =>
    {
        using XskSocket near = XskSocket.Open(Plan.Options(mode, busyPoll, frameSize: frameSize));
        using XskSocket far = XskSocket.Open(Plan.Options(mode, busyPoll, TestNetwork.Far, frameSize));
        Assert.Equal((int)Plan.Attach(mode), (int)far.AttachMode);
        Assert.Equal((busyPoll, mode == PlanMode.ZeroCopy), (far.BusyPollMicroseconds > 0, far.BindMode == XskBindMode.ZeroCopy));
        scenario(near, far);
        Sockets.AssertConserved(near, far);
    });

    private static unsafe bool Poll(int descriptor, short events, int milliseconds)
    {
        Libc.PollFd poll = new() { Descriptor = descriptor, Events = events };
        return Libc.poll(&poll, 1, milliseconds) == 1 && (poll.ReturnedEvents & events) != 0;
    }

    /// <summary>The RX ring of an open socket, mapped once more to see its descriptors.</summary>
    private sealed unsafe class MappedRx : IDisposable
    {
        private readonly RingMapping rx;

        internal MappedRx(XskSocket socket, uint size)
        {
            byte* value = stackalloc byte[sizeof(XdpMmapOffsets)];
            int length = sizeof(XdpMmapOffsets);
            Assert.Equal(0, Libc.getsockopt(socket.Descriptor, IfXdp.SOL_XDP, IfXdp.XDP_MMAP_OFFSETS, value, &length));
            rx = new RingMapping(socket.Descriptor, RingKind.Rx, size, XdpMmapOffsets.Parse(new ReadOnlySpan<byte>(value, length)));
        }

        internal XdpDescriptor[] Published
        {
            get
            {
                RingLayout ring = rx.Layout;
                uint first = *ring.Consumer, count = *ring.Producer - first;
                Assert.NotEqual(0u, count);
                return [.. Enumerable.Range(0, (int)count).Select(i => ((XdpDescriptor*)ring.Entries)[(first + (uint)i) & (ring.Size - 1)])];
            }
        }

        public void Dispose() => rx.Dispose();
    }
}
