using XdpPS.Interop;

namespace XdpPS.Tests;

/// <summary>The XDP program: how it is attached, shared, refused, and what it must never replace.</summary>
public sealed class ProgramTests : IDisposable
{
    private const int XDP_PASS = 2;

    private readonly TestNetwork network = new(queues: 2);

    public void Dispose() => network.Dispose();

    [KernelTheory]
    [InlineData(XdpAttachMode.Auto, XdpMode.Native)]
    [InlineData(XdpAttachMode.Native, XdpMode.Native)]
    [InlineData(XdpAttachMode.Generic, XdpMode.Generic)]
    public void The_mode_that_was_asked_for_is_the_one_the_kernel_shows(XdpAttachMode asked, XdpMode expected) => network.Run(() =>
    {
        using XskSocket socket = XskSocket.Open(Sockets.Options(attach: asked));
        Assert.Equal((expected, expected), (socket.AttachMode, XdpInterface.Get(TestNetwork.Near).XdpMode));
        string shown = network.Ip("-d", "link", "show", "dev", TestNetwork.Near);
        Assert.Equal(expected == XdpMode.Generic, shown.Contains("xdpgeneric", StringComparison.Ordinal));
        Assert.Equal(expected == XdpMode.Generic, socket.Warnings.Any(warning => warning.Id == XskWarning.GenericDropsAggregates));
    });

    [KernelFact("bpftool")]
    public void Bpftool_lists_our_program_under_its_name_attached_by_a_link() => network.Run(() =>
    {
        using XskSocket socket = Sockets.Open();
        Assert.Contains($"name {XdpProgram.Name} ", Command.Run("bpftool", "prog", "show", "id", $"{socket.ProgramId}"), StringComparison.Ordinal);
        Assert.Contains($"xdp  prog {socket.ProgramId}", Command.Run("bpftool", "link", "show"), StringComparison.Ordinal);
    });

    [KernelTheory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_socket_that_asks_otherwise_of_arrival_times_than_the_first_is_told_so(bool first) => network.Run(() =>
    {
        using XskSocket owner = XskSocket.Open(Sockets.Options(queue: 0) with { ArrivalTimes = first });
        using XskSocket other = XskSocket.Open(Sockets.Options(queue: 1) with { ArrivalTimes = !first });
        Assert.Equal((first, first), (owner.ArrivalTimes, other.ArrivalTimes));
        Assert.Empty(owner.Warnings);
        Assert.Equal("ArrivalTimesShared", Assert.Single(other.Warnings).Id);
        Assert.Contains(first ? "opened without -NoArrivalTime" : "opened with -NoArrivalTime", other.Warnings[0].Message, StringComparison.Ordinal);
        other.Close();
        using XskSocket alike = XskSocket.Open(Sockets.Options(queue: 1) with { ArrivalTimes = first });
        Assert.Empty(alike.Warnings);
    });

    [KernelFact]
    public void Sockets_of_one_interface_share_a_program_that_goes_with_the_last() => network.Run(() =>
    {
        XskSocket first = XskSocket.Open(Sockets.Options(queue: 0));
        using XskSocket second = XskSocket.Open(Sockets.Options(queue: 1));
        using XskSocket far = XskSocket.Open(Sockets.Options(TestNetwork.Far, queue: 1));
        Assert.Equal(first.ProgramId, second.ProgramId);
        first.Close();
        Assert.True(network.HasProgram());
        second.CheckHealth();
        far.Send(Frames.Series(5));
        Assert.Equal(Frames.Series(5), second.Take(5));
        using (XskSocket again = XskSocket.Open(Sockets.Options(queue: 0))) Assert.Equal(second.ProgramId, again.ProgramId);
        second.Close();
        Assert.False(network.HasProgram());
    });

    [KernelFact]
    public void A_second_socket_in_another_mode_is_refused_and_the_first_lives_on() => network.Run(() =>
    {
        using XskSocket first = XskSocket.Open(Sockets.Options(queue: 0, attach: XdpAttachMode.Native));
        XskException failure = Sockets.Fails(
            XskErrorId.ProgramAttached, () => XskSocket.Open(Sockets.Options(queue: 1, attach: XdpAttachMode.Generic)).Dispose());
        Assert.Contains("native mode", failure.Message, StringComparison.Ordinal);
        first.CheckHealth();
        XskSocket.Open(Sockets.Options(queue: 1, attach: XdpAttachMode.Auto)).Dispose();
    });

    [KernelTheory]
    [InlineData(XdpAttachMode.Native, XdpAttachMode.Auto)]
    [InlineData(XdpAttachMode.Native, XdpAttachMode.Native)]
    [InlineData(XdpAttachMode.Native, XdpAttachMode.Generic)]
    [InlineData(XdpAttachMode.Generic, XdpAttachMode.Auto)]
    [InlineData(XdpAttachMode.Generic, XdpAttachMode.Native)]
    [InlineData(XdpAttachMode.Generic, XdpAttachMode.Generic)]
    public void A_foreign_program_is_named_and_never_replaced_nor_joined_in_the_other_mode(XdpAttachMode theirs, XdpAttachMode ours) => network.Run(() =>
    {
        using Foreign foreign = new("their_pass", theirs, Pass());
        Residue before = Residue.Now();
        XskException failure = Sockets.Fails(XskErrorId.ProgramAttached, () => XskSocket.Open(Sockets.Options(attach: ours)).Dispose());
        string mode = theirs == XdpAttachMode.Native ? "native mode" : "generic mode";
        foreach (string word in new[] { $"id {foreign.Program.Id}", "'their_pass'", mode, "bpftool link detach id" })
            Assert.Contains(word, failure.Message, StringComparison.Ordinal);
        Residue.AssertNoMoreThan(before);
        XdpInterface nic = XdpInterface.Get(TestNetwork.Near);
        Assert.Equal((foreign.Program.Id, (int)theirs), (nic.XdpProgramId, (int)nic.XdpMode));
    });

    [KernelTheory]
    [InlineData(XdpAttachMode.Native)]
    [InlineData(XdpAttachMode.Generic)]
    public void A_program_that_came_first_by_a_hair_is_no_reason_to_fall_back(XdpAttachMode theirs) => network.Run(() =>
    {
        XdpInterface free = XdpInterface.Get(TestNetwork.Near);
        using Foreign foreign = new("their_pass", theirs, Pass());
        using XdpProgram ours = XdpProgram.Load("ours", Pass());
        List<XskWarning> warnings = [];
        XskException failure = Sockets.Fails(
            XskErrorId.ProgramAttached, () => XdpLink.Attach(ours, free, XdpAttachMode.Auto, warnings).Dispose());
        Assert.Contains("XDP_FLAGS_DRV_MODE", failure.Call, StringComparison.Ordinal);
        Assert.Contains("'their_pass'", failure.Message, StringComparison.Ordinal);
        Assert.Empty(warnings);
        Assert.Equal(foreign.Program.Id, XdpInterface.Get(TestNetwork.Near).XdpProgramId);
    });

    [KernelFact]
    public void A_foreign_program_is_told_by_its_id_where_names_may_not_be_looked_up() => network.Run(() =>
    {
        using Foreign foreign = new("their_pass", XdpAttachMode.Native, Pass());
        SystemCallFilter.Fail("bpf", Errno.EPERM, BpfAbi.BPF_PROG_GET_FD_BY_ID);
        XskException failure = Sockets.Fails(XskErrorId.ProgramAttached, () => Sockets.Open().Dispose());
        Assert.Contains($"(id {foreign.Program.Id}, native mode", failure.Message, StringComparison.Ordinal);
    });

    [KernelFact]
    public void A_socket_without_a_program_receives_what_another_program_redirects_to_it() => network.Run(() =>
    {
        using XskMap map = XskMap.Create(2);
        using Foreign foreign = new("their_redirect", XdpAttachMode.Native, XdpProgram.Redirect(map.Descriptor.Number, null));
        using XskSocket socket = XskSocket.Open(Sockets.Options(attachProgram: false));
        Assert.Equal((XdpMode.None, 0), (socket.AttachMode, socket.ProgramId));
        Assert.Contains("no XDP program", socket.ToString(), StringComparison.Ordinal);
        using XskSocket far = Sockets.Open(TestNetwork.Far);
        far.Send(Frames.Series(3));
        Assert.Empty(socket.Drain(100));
        map.Set(0, socket.Descriptor);
        far.Send(Frames.Series(5));
        using (ReceiveBatch batch = socket.Receive(8))
        {
            Assert.Equal(5, batch.Count);
            // What lies before the packet is another program's affair.
            Assert.False(batch[0].IsKernelTimestamp);
            Assert.Equal(Frames.Make(100, 4), batch[4].Data.ToArray());
        }

        map.Clear(0);
        far.Send(Frames.Series(5));
        Assert.Empty(socket.Drain(100));
        Sockets.AssertConserved(socket, far);
        socket.Close();
        Assert.Equal(foreign.Program.Id, XdpInterface.Get(TestNetwork.Near).XdpProgramId);
    });

    [KernelFact]
    public void A_socket_that_only_receives_refuses_to_send() => network.Run(() =>
    {
        using XskSocket socket = XskSocket.Open(Sockets.Options(tx: 0));
        using XskSocket far = Sockets.Open(TestNetwork.Far);
        XskException failure = Sockets.Fails(XskErrorId.DirectionDisabled, () => socket.TrySend(Frames.Make(60)));
        Assert.Contains("-TxRingSize 0", failure.Message, StringComparison.Ordinal);
        Sockets.Fails(XskErrorId.DirectionDisabled, socket.Pump);
        Assert.Equal(0, socket.PendingSends);
        Assert.Null(socket.GetStatistics().Tx);
        far.Send(Frames.Series(60));
        Assert.Equal(Frames.Series(60), socket.Take(60));
        // All 128 frames serve the one direction: 64 on FILL, 64 free.
        FrameCensus census = socket.CountFrames();
        Assert.Equal((128, 128), (census.Total, census.Free + census.Fill));
        Sockets.AssertConserved(socket, far);
    });

    [KernelFact]
    public void A_socket_that_only_sends_refuses_to_receive_and_takes_no_packet() => network.Run(() =>
    {
        using XskSocket socket = XskSocket.Open(Sockets.Options(rx: 0));
        using XskSocket far = Sockets.Open(TestNetwork.Far);
        Assert.Contains("-RxRingSize 0", Sockets.Fails(XskErrorId.DirectionDisabled, () => socket.Receive(1).Dispose()).Message, StringComparison.Ordinal);
        Sockets.Fails(XskErrorId.DirectionDisabled, () => new XskPoller([socket]).Dispose());
        Assert.Null(socket.GetStatistics().Rx);
        socket.Send(Frames.Series(60));
        Assert.Equal(Frames.Series(60), far.Take(60));
        far.Send(Frames.Series(3));
        Assert.Equal((0, 0), (socket.GetStatistics().RxPackets, socket.GetStatistics().RxDropped));
        Assert.Equal(128, socket.CountFrames().Free);
        Sockets.AssertConserved(socket, far);
    });

    [KernelFact]
    public void A_program_that_the_verifier_refuses_is_reported_with_its_log()
    {
        BpfInstruction[] withoutReturnValue = new BpfAssembler().Exit().Assemble();
        XskException failure = Sockets.Fails(XskErrorId.ProgramRejected, () => XdpProgram.Load("nonsense", withoutReturnValue).Dispose());
        Assert.Contains("R0 !read_ok", failure.VerifierLog, StringComparison.Ordinal);
        Assert.Contains("R0 !read_ok", failure.Message, StringComparison.Ordinal);
        Assert.Equal(Errno.EACCES, failure.ErrorNumber);
        Assert.StartsWith("bpf(BPF_PROG_LOAD, XDP, 1 instructions)", failure.Call, StringComparison.Ordinal);
    }

    [KernelFact]
    public void A_queue_beyond_the_map_is_refused() => network.Run(() =>
    {
        using XskMap map = XskMap.Create(2);
        using XskSocket socket = XskSocket.Open(Sockets.Options(attachProgram: false));
        XskException failure = Sockets.Fails(XskErrorId.MapUpdateFailed, () => map.Set(2, socket.Descriptor));
        Assert.Contains("2 slots (0-1)", failure.Message, StringComparison.Ordinal);
        Assert.Equal(Errno.E2BIG, failure.ErrorNumber);
    });

    private static BpfInstruction[] Pass() => new BpfAssembler().Move(BpfRegister.R0, XDP_PASS).Exit().Assemble();

    /// <summary>Someone else's program: loaded and attached past the registry that our sockets share.</summary>
    private sealed class Foreign : IDisposable
    {
        private readonly XdpLink link;

        internal Foreign(string name, XdpAttachMode mode, BpfInstruction[] code)
        {
            Program = XdpProgram.Load(name, code);
            link = XdpLink.Attach(Program, XdpInterface.Get(TestNetwork.Near), mode, []);
        }

        internal XdpProgram Program { get; }

        public void Dispose()
        {
            link.Dispose();
            Program.Dispose();
        }
    }
}
