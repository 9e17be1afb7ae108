using System.Diagnostics;

namespace XdpPS.Tests;

/// <summary>A program that another process attached: joined where its map is meant to be shared, else an error.</summary>
public sealed class JoinTests : IDisposable
{
    private readonly TestNetwork network = new(queues: 2);

    public void Dispose() => network.Dispose();

    [KernelFact]
    public void Two_processes_share_an_interface_and_the_joiner_outlives_the_owner() => network.Run(() =>
    {
        using Process owner = Holder.Start(network, TestNetwork.Near, "0");
        using XskSocket joiner = XskSocket.Open(Sockets.Options(queue: 1));
        using XskSocket far = XskSocket.Open(Sockets.Options(TestNetwork.Far, queue: 1));
        Assert.True(joiner.JoinedProgram);
        Assert.Empty(joiner.Warnings);
        far.Send(Frames.Series(5));
        Assert.Equal(Frames.Series(5), joiner.Take(5));

        owner.Kill();
        owner.WaitForExit();
        Thread.Sleep(200);
        joiner.CheckHealth();
        far.Send(Frames.Series(6));
        Assert.Equal(Frames.Series(6), joiner.Take(6));
        Assert.True(network.HasProgram());
        joiner.Close();
        Assert.False(network.HasProgram());
        Sockets.AssertConserved(far);
    });

    [KernelFact("tcpdump")]
    public void Two_processes_with_one_filter_work_together_and_the_joiner_outlives_the_owner() => network.Run(() =>
    {
        byte[][] taken = [Frames.Make(60, 1), Frames.Make(60, 2)];
        byte[][] mixed = [taken[0], Frames.Make(100, 3), taken[1]];
        using Process owner = Holder.Start(network, TestNetwork.Near, "0", Holder.Filter("less 80"));
        using XskSocket joiner = XskSocket.Open(Filtered(" less  80", queue: 1));
        using XskSocket far = XskSocket.Open(Sockets.Options(TestNetwork.Far, queue: 1));
        Assert.True(joiner.JoinedProgram);
        Assert.Equal("less  80", joiner.Filter);
        Assert.Empty(joiner.Warnings);
        far.Send(mixed);
        Assert.Equal(taken, joiner.Take(2));

        owner.Kill();
        owner.WaitForExit();
        Thread.Sleep(200);
        joiner.CheckHealth();
        far.Send(mixed);
        Assert.Equal(taken, joiner.Take(2));
        Assert.Empty(joiner.Drain());
        // Its queue is free now, and is had with the same filter and with no other.
        Assert.Contains("has the filter 'less  80'", Sockets.Fails(XskErrorId.FilterConflict, () => XskSocket.Open(Filtered("less 81", queue: 0))).Message, StringComparison.Ordinal);
        XskSocket.Open(Filtered("less 80", queue: 0)).Dispose();
        joiner.Close();
        Assert.False(network.HasProgram());
    });

    [KernelFact("tcpdump")]
    public void Two_processes_that_keep_the_kernels_traffic_work_together() => network.Run(() =>
    {
        using Process owner = Holder.Start(network, TestNetwork.Near, "0", Holder.Filter("less 80"), Holder.KeepingKernelTraffic);
        Sockets.Fails(XskErrorId.FilterConflict, () => XskSocket.Open(Filtered("less 80", queue: 1)));
        using XskSocket joiner = XskSocket.Open(Filtered("less 80", queue: 1) with { KeepKernelTraffic = true });
        Assert.Equal(("less 80 and not kernel traffic", true), (joiner.Filter, joiner.JoinedProgram));
        Assert.Empty(joiner.Warnings);
        owner.StandardInput.Close();
        owner.WaitForExit();
    });

    /// <summary>What bpftool prints of both is the same: tags are the kernel's, and do not depend on the map.</summary>
    [KernelFact("tcpdump", "bpftool")]
    public void One_filter_makes_one_tag_whatever_the_map()
    {
        PacketFilter filter = PacketFilter.Compile("udp port 53");
        using XskMap small = XskMap.Create(1);
        using XskMap large = XskMap.Create(64);
        using XdpProgram one = XdpProgram.LoadRedirect(small, filter);
        using XdpProgram same = XdpProgram.LoadRedirect(large, PacketFilter.Compile("udp  port 53"));
        using XdpProgram other = XdpProgram.LoadRedirect(small, PacketFilter.Compile("udp port 54"));
        Assert.Equal(Tag(one), Tag(same));
        Assert.NotEqual(Tag(one), Tag(other));
        Assert.Equal((one.Tag, true), (same.Tag, one.Tag != other.Tag));

        static string Tag(XdpProgram program) => Command.Run("bpftool", "prog", "show", "id", $"{program.Id}").Split("  tag ")[1].Split(' ')[0];
    }

    [KernelFact("tcpdump")]
    public void Another_filter_is_refused_and_none_is_warned_of() => network.Run(() =>
    {
        using Process owner = Holder.Start(network, TestNetwork.Near, "0", Holder.Filter("udp port 53"));
        XskException failure = Sockets.Fails(XskErrorId.FilterConflict, () => XskSocket.Open(Filtered("udp port 54", queue: 1)));
        Assert.Contains("with another filter or none", failure.Message, StringComparison.Ordinal);
        Assert.Contains("give all sockets of an interface the same filter", failure.Message, StringComparison.Ordinal);
        using (XskSocket joiner = XskSocket.Open(Sockets.Options(queue: 1)))
        {
            Assert.Null(joiner.Filter);
            Assert.Contains("decides what arrives here", Assert.Single(joiner.Warnings, warning => warning.Id == XskWarning.DecidedByAnother).Message, StringComparison.Ordinal);
            // The next socket on the same program is told as well, and a filter it cannot have.
            XskException next = Sockets.Fails(XskErrorId.FilterConflict, () => XskSocket.Open(Filtered("udp port 53", queue: 0)));
            Assert.Contains("was loaded by another process", next.Message, StringComparison.Ordinal);
        }

        using XskSocket alike = XskSocket.Open(Filtered("udp port 53", queue: 1));
        Assert.Empty(alike.Warnings);
        owner.StandardInput.Close();
        owner.WaitForExit();
    });

    [KernelFact("bpftool")]
    public void A_stranger_that_shares_its_map_is_joined_with_a_warning() => network.Run(() =>
    {
        using XskMap map = XskMap.Create(2);
        BpfInstruction[] passAll = [.. new BpfAssembler().LoadMap(BpfRegister.R1, map.Descriptor.Number).Move(BpfRegister.R0, 2).Exit().Assemble()];
        using XdpProgram program = XdpProgram.Load("stranger", passAll);
        using XdpLink link = XdpLink.Attach(program, XdpInterface.Get(TestNetwork.Near), XdpAttachMode.Native, []);
        using XskSocket joiner = XskSocket.Open(Sockets.Options());
        using XskSocket next = XskSocket.Open(Sockets.Options(queue: 1));
        foreach (XskSocket socket in new[] { joiner, next })
            Assert.Contains($"(id {program.Id}, name 'stranger')", Assert.Single(socket.Warnings, warning => warning.Id == XskWarning.DecidedByAnother).Message, StringComparison.Ordinal);
        next.Close();
        // The same filter would not help: what the stranger takes is its own affair.
        PacketFilter arp = PacketFilter.FromFields(new PacketFields { EtherTypes = [EthernetFrame.Arp] });
        XskException failure = Sockets.Fails(XskErrorId.FilterConflict, () => XskSocket.Open(Sockets.Options(queue: 1) with { Filter = arp }));
        Assert.Contains("leave out the filter, or close this process's other sockets", failure.Message, StringComparison.Ordinal);
    });

    [KernelFact]
    public void The_joiners_times_are_taken_on_arrival_too() => network.Run(() =>
    {
        using Process owner = Holder.Start(network, TestNetwork.Near, "0");
        using XskSocket joiner = XskSocket.Open(Sockets.Options(queue: 1));
        using XskSocket far = XskSocket.Open(Sockets.Options(TestNetwork.Far, queue: 1));
        far.Send(Frames.Series(1));
        using XskPoller poller = new([joiner]);
        Assert.True(poller.Wait(TimeSpan.FromSeconds(5)));
        using (ReceiveBatch batch = joiner.Receive(1)) Assert.True(batch[0].IsKernelTimestamp);
        owner.StandardInput.Close();
        owner.WaitForExit();
    });

    [KernelFact]
    public void A_queue_that_the_other_process_has_is_busy() => network.Run(() =>
    {
        using Process owner = Holder.Start(network, TestNetwork.Near, "0");
        XskException failure = Sockets.Fails(XskErrorId.QueueBusy, () => XskSocket.Open(Sockets.Options()));
        Assert.Contains($"({owner.Id})", failure.Message, StringComparison.Ordinal);
        owner.StandardInput.Close();
        owner.WaitForExit();
        Sockets.Open().Dispose();
    });

    [KernelFact("bpftool")]
    public void A_program_without_an_xsks_map_is_named_and_left_alone() => network.Run(() =>
    {
        BpfInstruction[] passAll = new BpfAssembler().Move(BpfRegister.R0, 2).Exit().Assemble();
        using XdpProgram program = XdpProgram.Load("stranger", passAll);
        foreach (XdpAttachMode mode in new[] { XdpAttachMode.Native, XdpAttachMode.Generic })
        {
            using XdpLink link = XdpLink.Attach(program, XdpInterface.Get(TestNetwork.Near), mode, []);
            XskException failure = Sockets.Fails(XskErrorId.ProgramAttached, () => Sockets.Open());
            Assert.Contains($"id {program.Id}, name 'stranger', tag ", failure.Message, StringComparison.Ordinal);
            Assert.Contains($", {mode.ToString().ToLowerInvariant()} mode", failure.Message, StringComparison.Ordinal);
            Assert.Contains("stranger", Command.Run("bpftool", "prog", "show", "id", $"{program.Id}"), StringComparison.Ordinal);
            Assert.True(network.HasProgram());
        }

        Sockets.Open().Dispose();
    });

    [KernelFact("bpftool")]
    public void A_program_attached_by_netlink_is_named_as_well() => network.Run(() =>
    {
        BpfInstruction[] passAll = new BpfAssembler().Move(BpfRegister.R0, 2).Exit().Assemble();
        using XdpProgram program = XdpProgram.Load("leftover", passAll);
        Assert.Equal(0, network.Execute("bpftool", "net", "attach", "xdpgeneric", "id", $"{program.Id}", "dev", TestNetwork.Near).ExitCode);
        XskException failure = Sockets.Fails(XskErrorId.ProgramAttached, () => Sockets.Open());
        Assert.Contains("name 'leftover', tag ", failure.Message, StringComparison.Ordinal);
        network.Ip("link", "set", "dev", TestNetwork.Near, "xdpgeneric", "off");
        Sockets.Open().Dispose();
    });

    private static XskSocketOptions Filtered(string expression, int queue) => Sockets.Options(queue: queue) with { Filter = PacketFilter.Compile(expression) };
}
