namespace XdpPS.Tests;

/// <content>What an XDP program does before a packet reaches its socket.</content>
public sealed partial class KernelTestPlanTests
{
    private const BpfHelper AdjustTail = (BpfHelper)65;

    /// <summary>The program's map goes from one socket of the queue to the next.</summary>
    [KernelTheory]
    [MemberData(nameof(Plan.Modes), MemberType = typeof(Plan))]
    public void XDP_PROG_CLEANUP(PlanMode mode, bool busyPoll) => network.Run(() =>
    {
        using XskSocket far = XskSocket.Open(Plan.Options(mode, busyPoll, TestNetwork.Far));
        using XskSocket first = XskSocket.Open(Plan.Options(mode, busyPoll));
        using XskSocket second = first.Share();
        byte[][] frames = Frames.Series(256, Plan.Shortest);
        Plan.Carry(far, first, frames);
        first.Close();
        Plan.Carry(far, second, frames);
        Plan.Carry(second, far, frames);
        Sockets.AssertConserved(second, far);
    });

    /// <summary>A program of someone else drops every other packet and gives the others to the socket.</summary>
    [KernelTheory]
    [MemberData(nameof(Plan.Modes), MemberType = typeof(Plan))]
    public void XDP_DROP_HALF(PlanMode mode, bool busyPoll) => network.Run(() =>
    {
        using ForeignProgram foreign = new(Plan.Attach(mode), slots: 2, (code, map) =>
        {
            BpfAssembler.Label drop = new(), redirect = new();
            ForeignProgram.NeedBytes(code, 15, drop);
            code.Load(1, BpfRegister.R2, BpfRegister.R7, 14)
                .Compute32(BpfAlu.And, BpfRegister.R2, 1)
                .JumpIfEqual32(BpfRegister.R2, 0, redirect)
                .Place(drop).Move(BpfRegister.R0, ForeignProgram.Drop).Exit()
                .Place(redirect).Move(BpfRegister.R2, 0);
            ForeignProgram.Redirect(code, map);
        });
        using XskSocket near = XskSocket.Open(Plan.Options(mode, busyPoll) with { AttachProgram = false });
        using XskSocket far = XskSocket.Open(Plan.Options(mode, busyPoll, TestNetwork.Far));
        foreign.Map.Set(0, near.Descriptor);
        byte[][] frames = Numbered(512);
        foreach (byte[][] burst in frames.Chunk(64))
        {
            far.Send(burst);
            Assert.Equal(burst.Where((_, i) => i % 2 == 0), Plan.Look(near, 32));
        }

        Assert.Empty(near.Drain(20));
        Sockets.AssertConserved(near, far);
    });

    /// <summary>Two sockets on one queue and one UMEM; a program of someone else gives each its packets.</summary>
    [KernelTheory]
    [MemberData(nameof(Plan.Modes), MemberType = typeof(Plan))]
    public void XDP_SHARED_UMEM(PlanMode mode, bool busyPoll) => network.Run(() =>
    {
        using ForeignProgram foreign = new(Plan.Attach(mode), slots: 2, (code, map) =>
        {
            BpfAssembler.Label redirect = new();
            code.Move(BpfRegister.R2, 0);
            ForeignProgram.NeedBytes(code, 15, redirect);
            code.Load(1, BpfRegister.R2, BpfRegister.R7, 14).Compute32(BpfAlu.And, BpfRegister.R2, 1).Place(redirect);
            ForeignProgram.Redirect(code, map);
        });
        using XskSocket even = XskSocket.Open(Plan.Options(mode, busyPoll) with { AttachProgram = false });
        using XskSocket odd = even.Share(attachProgram: false);
        using XskSocket far = XskSocket.Open(Plan.Options(mode, busyPoll, TestNetwork.Far));
        foreign.Map.Set(0, even.Descriptor);
        foreign.Map.Set(1, odd.Descriptor);
        foreach (byte[][] burst in Numbered(512).Chunk(32))
        {
            far.Send(burst);
            Assert.Equal(burst.Where((_, i) => i % 2 == 0), Plan.Look(even, 16));
            Assert.Equal(burst.Where((_, i) => i % 2 == 1), Plan.Look(odd, 16));
            even.Send(burst[..16]);
            odd.Send(burst[16..]);
            Assert.Equal(burst, Plan.Look(far, 32));
        }

        Sockets.AssertConserved(even, odd, far);
    });

    /// <summary>What the program writes before the packet, in our case the time, gets over with it.</summary>
    [KernelTheory]
    [MemberData(nameof(Plan.Modes), MemberType = typeof(Plan))]
    public void XDP_METADATA_COPY(PlanMode mode, bool busyPoll) => Both(mode, busyPoll, (near, far) =>
    {
        long last = 0;
        for (int i = 0; i < 256; i++)
        {
            long before = Interop.KernelClock.Monotonic;
            near.Send(Frames.Make(Plan.Shortest, i));
            SpinWait.SpinUntil(() => far.HasArrivals() || far.TryBusyPoll(), TimeSpan.FromSeconds(5));
            using ReceiveBatch batch = far.Receive(1);
            Assert.True(batch[0].IsKernelTimestamp);
            long arrived = batch[0].Timestamp - Interop.KernelClock.RealtimeOffset;
            Assert.InRange(arrived, Math.Max(last, before - 1_000_000), Interop.KernelClock.Monotonic + 1_000_000);
            last = arrived - 1_000_000;
        }
    });

    [KernelTheory]
    [MemberData(nameof(Plan.Modes), MemberType = typeof(Plan))]
    public void XDP_ADJUST_TAIL_SHRINK(PlanMode mode, bool busyPoll) => AdjustedTail(network, mode, busyPoll, 2 * Plan.Shortest, -4);

    /// <summary>A veth copies a packet into memory that is cut in multiples of 64 bytes, and has no room but what that leaves.</summary>
    [KernelTheory]
    [MemberData(nameof(Plan.Modes), MemberType = typeof(Plan))]
    public void XDP_ADJUST_TAIL_GROW(PlanMode mode, bool busyPoll) => AdjustedTail(network, mode, busyPoll, (2 * Plan.Shortest) - 8, 4);

    /// <summary>A program of someone else makes packets shorter or longer before the socket gets them.</summary>
    internal static void AdjustedTail(PlanNetwork network, PlanMode mode, bool busyPoll, int length, int change, bool multiBuffer = false) => network.Run(() =>
    {
        using ForeignProgram foreign = new(
            Plan.Attach(mode), slots: 2,
            (code, map) =>
            {
                BpfAssembler.Label done = new();
                code.Move(BpfRegister.R1, BpfRegister.R6)
                    .Move(BpfRegister.R2, change)
                    .Call(AdjustTail)
                    .JumpIfEqual32(BpfRegister.R0, 0, done)
                    .JumpIfEqual32(BpfRegister.R0, -Interop.Errno.EOPNOTSUPP, done)
                    .Move(BpfRegister.R0, ForeignProgram.Drop).Exit()
                    .Place(done).Move(BpfRegister.R2, 0);
                ForeignProgram.Redirect(code, map);
            },
            multiBuffer);
        using XskSocket near = XskSocket.Open(Plan.Options(mode, busyPoll) with { AttachProgram = false, MultiBuffer = multiBuffer });
        using XskSocket far = XskSocket.Open(Plan.Options(mode, busyPoll, TestNetwork.Far) with { MultiBuffer = multiBuffer });
        foreign.Map.Set(0, near.Descriptor);
        byte[][] frames = Frames.Series(32, length);
        far.Send(frames);
        List<byte[]> arrived = Plan.Look(near, frames.Length);
        Assert.Equal(frames.Length, arrived.Count);
        // Not every driver has room behind the last fragment; a veth says that it has none.
        bool cannot = multiBuffer && change > 0 && (PlanNetwork.Cards is null || arrived[0].Length == length);
        int expected = cannot ? length : length + change;
        int same = Math.Min(length, expected);
        for (int i = 0; i < frames.Length; i++)
        {
            Assert.Equal(expected, arrived[i].Length);
            Assert.Equal(frames[i][..same], arrived[i][..same]);
        }

        Sockets.AssertConserved(near, far);
    });

    private static byte[][] Numbered(int count)
    {
        byte[][] frames = Frames.Series(count, Plan.Shortest);
        for (int i = 0; i < count; i++) frames[i][14] = (byte)i;
        return frames;
    }
}
