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
}
