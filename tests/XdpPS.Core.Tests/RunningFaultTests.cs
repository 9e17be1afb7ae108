using System.Runtime.InteropServices;
using System.Text.Json;
using XdpPS.Interop;

namespace XdpPS.Tests;

/// <summary>What befalls an interface, its program and its queues under open sockets, and what is left afterwards (docs/faults.md).</summary>
public sealed partial class RunningFaultTests : IDisposable
{
    private const int BPF_LINK_UPDATE = 29;

    private static readonly TimeSpan Long = TimeSpan.FromSeconds(20);

    private readonly TestNetwork network = new(queues: 2);

    /// <summary>union bpf_attr, for BPF_LINK_UPDATE.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct LinkUpdate
    {
        internal uint Link;
        internal uint Program;
        internal uint Flags;
        internal uint OldProgram;
    }

    public void Dispose() => network.Dispose();

    [KernelTheory]
    [InlineData(XdpAttachMode.Native, TestNetwork.Near)]
    [InlineData(XdpAttachMode.Native, TestNetwork.Far)]
    [InlineData(XdpAttachMode.Generic, TestNetwork.Near)]
    public void Down_and_up_again_is_survived_by_a_receive_that_waits(XdpAttachMode mode, string end) => WithoutResidue(() =>
    {
        using XskSocket near = XskSocket.Open(Sockets.Options(attach: mode));
        using XskSocket far = XskSocket.Open(Sockets.Options(TestNetwork.Far, attach: mode));
        using XskPoller poller = new([near]);
        network.Ip("link", "set", end, "down");
        // Long enough for the health of the socket to be looked at.
        Assert.False(poller.Wait(TimeSpan.FromSeconds(1.2)));
        network.Ip("link", "set", end, "up");
        Assert.Equal(near.ProgramId, AttachedId());
        far.Send(Frames.Series(20));
        Assert.Equal(Frames.Series(20), Receive(near, poller, 20));
        near.Send(Frames.Series(20, 200));
        Assert.Equal(Frames.Series(20, 200), far.Take(20));
        Sockets.AssertConserved(near, far);
    });

    [KernelFact]
    public void A_renamed_interface_goes_on_both_ways() => WithoutResidue(() =>
    {
        using (XskSocket near = Sockets.Open())
        using (XskSocket far = Sockets.Open(TestNetwork.Far))
        {
            using XskPoller poller = new([near]);
            TestNetwork.Running renaming = Later(100, () => network.Ip("link", "set", TestNetwork.Near, "name", "xrenamed"));
            Assert.False(poller.Wait(TimeSpan.FromSeconds(1.2)));
            renaming.Join();
            far.Send(Frames.Series(20));
            Assert.Equal(Frames.Series(20), Receive(near, poller, 20));
            near.Send(Frames.Series(20, 200));
            Assert.Equal(Frames.Series(20, 200), far.Take(20));
            // It keeps the name that it was opened by, so that what is printed of it stays the same.
            Assert.Equal(TestNetwork.Near, near.InterfaceName);
            Sockets.AssertConserved(near, far);
            using XskSocket other = XskSocket.Open(Sockets.Options("xrenamed", queue: 1));
            Assert.Equal(near.ProgramId, other.ProgramId);
        }

        Assert.False(network.HasProgram("xrenamed"));
        network.Ip("link", "set", "xrenamed", "name", TestNetwork.Near);
    });

    [KernelFact]
    public void Where_one_of_two_interfaces_on_a_umem_is_deleted_the_other_goes_on() => WithoutResidue(() =>
    {
        network.Batch(
            "link add xsecond type veth peer name xthird",
            "link set xsecond up",
            "link set xthird up");
        using XskSocket first = XskSocket.Open(Sockets.Options("xsecond"));
        using XskSocket second = first.Share();
        using XskSocket far = Sockets.Open(TestNetwork.Far);
        using XskSocket third = Sockets.Open("xthird");
        using (XskPoller both = new([first, second]))
        {
            // Frames are on their way in every ring when it happens.
            third.Send(Frames.Series(10));
            for (int i = 0; i < 10; i++) Assert.True(first.TrySend(Frames.Make(100, i)));
            far.Send(Frames.Series(10));
            network.Ip("link", "delete", "xsecond");
            XskException failure = Sockets.Fails(XskErrorId.InterfaceGone, () => WaitThrough(both));
            Assert.Contains("xsecond", failure.Message, StringComparison.Ordinal);
        }

        Sockets.AssertConserved(first, second);
        first.Close();
        Assert.Equal(Frames.Series(10), second.Take(10));
        for (int round = 0; round < 5; round++)
        {
            // It has a quarter of the frames, half of them to receive into.
            far.Send(Frames.Series(10, 300));
            Assert.Equal(Frames.Series(10, 300), second.Take(10));
            second.Send(Frames.Series(10, 300));
            Assert.Equal(Frames.Series(10, 300), far.Take(10));
        }

        Sockets.AssertConserved(second, far);
    });

    [KernelFact]
    public void When_an_interface_was_moved_away_it_is_let_go_of_as_soon_as_that_is_known()
    {
        using TestNetwork other = new(up: false);
        WithoutResidue(() =>
        {
            using XskSocket socket = Sockets.Open(), onNext = XskSocket.Open(Sockets.Options(queue: 1));
            network.Ip("link", "set", TestNetwork.Near, "name", "xmoved");
            network.Ip("link", "set", "xmoved", "netns", other.Name);
            Assert.Equal(socket.ProgramId, AttachedId(other, "xmoved"));
            using (XskPoller poller = new([socket, onNext]))
                Sockets.Fails(XskErrorId.InterfaceGone, () => WaitThrough(poller));
            Sockets.Fails(XskErrorId.InterfaceGone, onNext.CheckHealth);
            // Else the program would keep on taking the interface's packets, and nobody would ever see them.
            Assert.True(SpinWait.SpinUntil(() => AttachedId(other, "xmoved") == 0, Long));
            // It does not come back to life with the interface, nor is what is new there taken for what was.
            other.Ip("link", "set", "xmoved", "netns", network.Name);
            network.Batch($"link set xmoved name {TestNetwork.Near}", $"link set {TestNetwork.Near} up", $"link set {TestNetwork.Far} up");
            Sockets.Fails(XskErrorId.InterfaceGone, socket.CheckHealth);
            Sockets.AssertConserved(socket, onNext);
            socket.Close();
            onNext.Close();
            using XskSocket again = Sockets.Open(), far = Sockets.Open(TestNetwork.Far);
            far.Send(Frames.Series(5));
            Assert.Equal(Frames.Series(5), again.Take(5));
        });
    }

    [KernelFact]
    public void An_mtu_raised_above_the_frames_loses_what_is_too_long_and_nothing_else() => WithoutResidue(() =>
    {
        using XskSocket near = Sockets.Open();
        using XskSocket far = XskSocket.Open(Sockets.Options(TestNetwork.Far, frameSize: 4096));
        Assert.Equal(0, near.GetStatistics().RxDropped);
        network.Batch($"link set {TestNetwork.Near} mtu 3000", $"link set {TestNetwork.Far} mtu 3000");
        byte[] small = Frames.Make(60), large = Frames.Make(3000, 1);
        far.Send(small, large, small, large, small);
        Assert.Equal([small, small, small], near.Take(3));
        Assert.Equal(5, Statistic(TestNetwork.Far, "tx", "packets"));
        Assert.Equal(2, near.GetStatistics().RxDropped);
        Assert.Equal(0, near.GetStatistics().RxRingFull);
        // What does not fit is refused by the sender itself, whatever the MTU.
        Sockets.Fails(XskErrorId.FrameTooLong, () => near.TrySend(large));
        Sockets.AssertConserved(near, far);
        // More than a page cannot be had under a program that does not take fragments.
        Assert.NotEqual(0, Command.Try("ip", null, "-n", network.Name, "link", "set", TestNetwork.Far, "mtu", "9000").ExitCode);
        near.CheckHealth();
        far.Send(small);
        Assert.Equal([small], near.Take(1));
    });

    [KernelTheory("ethtool")]
    [InlineData(XdpAttachMode.Native)]
    [InlineData(XdpAttachMode.Generic)]
    public void The_queue_of_an_open_socket_cannot_be_taken_away(XdpAttachMode mode) => WithoutResidue(() =>
    {
        using XskSocket near = XskSocket.Open(Sockets.Options(queue: 1, attach: mode));
        using XskSocket far = XskSocket.Open(Sockets.Options(TestNetwork.Far, queue: 1, attach: mode));
        using XskSocket nearFirst = XskSocket.Open(Sockets.Options(attach: mode)), farFirst = XskSocket.Open(Sockets.Options(TestNetwork.Far, attach: mode));
        // In generic mode all that a veth receives is on its first queue (710ad98c363a).
        (XskSocket Near, XskSocket Far) receiving = mode == XdpAttachMode.Native ? (near, far) : (nearFirst, farFirst);
        foreach (string end in new[] { TestNetwork.Near, TestNetwork.Far })
        {
            Command.Result refused = network.Execute("ethtool", "-L", end, "rx", "1", "tx", "1");
            Assert.NotEqual(0, refused.ExitCode);
            Assert.Contains("Invalid argument", refused.Error, StringComparison.Ordinal);
        }

        near.CheckHealth();
        far.Send(Frames.Series(10));
        Assert.Equal(Frames.Series(10), receiving.Near.Take(10));
        near.Send(Frames.Series(10));
        Assert.Equal(Frames.Series(10), receiving.Far.Take(10));
        Sockets.AssertConserved(near, far, nearFirst, farFirst);
        foreach (XskSocket socket in new[] { near, far, nearFirst, farFirst }) socket.Close();
        Assert.Equal(0, network.Execute("ethtool", "-L", TestNetwork.Near, "rx", "1", "tx", "1").ExitCode);
    });

    [KernelFact("bpftool")]
    public void A_program_that_took_the_place_of_ours_is_told_of_and_left_alone()
    {
        using XdpProgram stranger = PassAll();
        WithoutResidue(() =>
        {
            using XskSocket socket = Sockets.Open(), far = Sockets.Open(TestNetwork.Far);
            using XskPoller poller = new([socket]);
            TestNetwork.Running replacing = Later(100, () =>
            {
                Command.Run("bpftool", "link", "detach", "id", $"{LinkOf(socket.ProgramId)}");
                Assert.Equal(0, network.Execute("bpftool", "net", "attach", "xdpdrv", "id", $"{stranger.Id}", "dev", TestNetwork.Near).ExitCode);
            });
            Sockets.Fails(XskErrorId.ProgramDetached, () => WaitThrough(poller));
            replacing.Join();
            socket.Send(Frames.Series(5));
            Assert.Equal(Frames.Series(5), far.Take(5));
            Sockets.AssertConserved(socket, far);
            socket.Close();
            Assert.Equal(stranger.Id, AttachedId());
            network.Ip("link", "set", "dev", TestNetwork.Near, "xdp", "off");
        });
    }

    [KernelFact("bpftool")]
    public void A_program_that_was_put_on_our_link_is_told_of_and_stays_while_its_owner_holds_the_link()
    {
        using XdpProgram stranger = PassAll();
        WithoutResidue(() =>
        {
            XskSocket socket = Sockets.Open();
            using FileDescriptor link = BpfCall.OpenById(BpfAbi.BPF_LINK_GET_FD_BY_ID, (uint)LinkOf(socket.ProgramId))!;
            using (XskPoller poller = new([socket]))
            {
                TestNetwork.Running replacing = Later(100, () =>
                {
                    LinkUpdate update = new() { Link = (uint)link.Number, Program = (uint)stranger.Descriptor.Number };
                    Assert.Equal(0, BpfCall.Invoke(BPF_LINK_UPDATE, ref update));
                });
                Sockets.Fails(XskErrorId.ProgramDetached, () => WaitThrough(poller));
                replacing.Join();
            }

            socket.Close();
            Assert.Equal(stranger.Id, AttachedId());
            link.Dispose();
            Assert.True(SpinWait.SpinUntil(() => AttachedId() == 0, Long));
        });
    }

    [KernelFact("bpftool")]
    public void Where_no_descriptor_is_left_to_ask_for_a_joined_program_it_is_not_taken_for_gone()
    {
        using XskMap map = XskMap.Create(2);
        using XdpProgram program = XdpProgram.LoadRedirect(map, null);
        WithoutResidue(() =>
        {
            Assert.Equal(0, network.Execute("bpftool", "net", "attach", "xdpdrv", "id", $"{program.Id}", "dev", TestNetwork.Near).ExitCode);
            using XskSocket socket = Sockets.Open();
            Assert.True(socket.JoinedProgram);
            network.Run(() =>
            {
                SystemCallFilter.Fail("socket", Errno.EMFILE, Libc.AF_NETLINK);
                socket.CheckHealth();
            });
            network.Ip("link", "set", "dev", TestNetwork.Near, "xdp", "off");
            Sockets.Fails(XskErrorId.ProgramDetached, socket.CheckHealth);
        });
    }

    [KernelFact]
    public void A_flood_that_nobody_reads_fills_the_ring_and_every_packet_is_accounted_for() => WithoutResidue(() =>
    {
        const int Count = 5000;
        using XskSocket near = Sockets.Open(), far = Sockets.Open(TestNetwork.Far);
        byte[][] frames = Frames.Series(Count);
        far.Send(frames);
        XskRingStats stats = near.GetStatistics();
        Assert.Equal(64, stats.Rx!.Used);
        long delivered = Count - Statistic(TestNetwork.Far, "tx", "dropped");
        Assert.Equal(delivered, stats.Rx.Used + stats.RxDropped + stats.RxRingFull);
        // The driver counts what it could not hand over, too.
        Assert.Equal(Statistic(TestNetwork.Near, "rx", "dropped"), stats.RxDropped + stats.RxRingFull);
        near.CheckHealth();
        Assert.Equal(frames[..64], near.Drain());
        Sockets.AssertConserved(near, far);
        far.Send(Frames.Series(60, 200));
        Assert.Equal(Frames.Series(60, 200), near.Drain());
        Sockets.AssertConserved(near, far);
    });

    [KernelFact]
    public void A_consumer_that_is_stuck_with_a_batch_keeps_its_bytes_and_goes_on_where_it_was() => WithoutResidue(() =>
    {
        using XskSocket near = Sockets.Open(), far = Sockets.Open(TestNetwork.Far);
        byte[][] frames = Frames.Series(1000);
        far.Send(frames[..64]);
        using (ReceiveBatch batch = near.Receive(16))
        {
            far.Send(frames[64..]);
            near.Send(Frames.Series(20, 200));
            Assert.Equal(16, batch.Count);
            for (int i = 0; i < batch.Count; i++) Assert.Equal(frames[i], batch[i].Data.ToArray());
            Assert.Equal(16, near.CountFrames().Caller);
            Assert.True(near.CountFrames().IsConserved);
        }

        Assert.Equal(Frames.Series(20, 200), far.Take(20));
        Assert.Equal(frames[16..64], near.Drain());
        far.Send(Frames.Series(30, 300));
        Assert.Equal(Frames.Series(30, 300), near.Drain());
        Sockets.AssertConserved(near, far);
    });

    /// <summary>What the poller does while nothing comes.</summary>
    private static void WaitThrough(XskPoller poller)
    {
        long start = System.Diagnostics.Stopwatch.GetTimestamp();
        while (System.Diagnostics.Stopwatch.GetElapsedTime(start) < Long)
        {
            // What has arrived is not read, and poll(2) does not sleep for it.
            if (poller.Wait(Long)) Thread.Sleep(10);
        }
    }

    private static List<byte[]> Receive(XskSocket socket, XskPoller poller, int count)
    {
        List<byte[]> packets = [];
        while (packets.Count < count && poller.Wait(TimeSpan.FromSeconds(5)))
        {
            using ReceiveBatch batch = socket.Receive(64);
            for (int i = 0; i < batch.Count; i++) packets.Add(batch[i].Data.ToArray());
        }

        return packets;
    }

    private static XdpProgram PassAll() => XdpProgram.Load("stranger", new BpfAssembler().Move(BpfRegister.R0, 2).Exit().Assemble());

    private static int LinkOf(int programId)
    {
        using JsonDocument links = JsonDocument.Parse(Command.Run("bpftool", "-j", "link", "show"));
        return links.RootElement.EnumerateArray()
            .Single(entry => entry.TryGetProperty("prog_id", out JsonElement id) && id.GetInt32() == programId)
            .GetProperty("id").GetInt32();
    }

    /// <summary>Runs the body in the namespace; of what it opened, the process and the interfaces must have nothing left.</summary>
    private void WithoutResidue(Action body) => network.Run(() =>
    {
        Sockets.Open().Dispose();
        Residue before = Residue.Now();
        body();
        Residue.AssertNoMoreThan(before);
        Assert.Equal(0, AttachedId());
    });

    private int AttachedId() => AttachedId(network, TestNetwork.Near);

    private static int AttachedId(TestNetwork place, string interfaceName)
    {
        using JsonDocument document = JsonDocument.Parse(place.Ip("-j", "-d", "link", "show", "dev", interfaceName));
        return document.RootElement[0].TryGetProperty("xdp", out JsonElement xdp) ? xdp.GetProperty("prog").GetProperty("id").GetInt32() : 0;
    }

    private long Statistic(string interfaceName, string direction, string name)
    {
        using JsonDocument document = JsonDocument.Parse(network.Ip("-j", "-s", "link", "show", "dev", interfaceName));
        return document.RootElement[0].GetProperty("stats64").GetProperty(direction).GetProperty(name).GetInt64();
    }

    private TestNetwork.Running Later(int milliseconds, Action action) => network.Spawn(() =>
    {
        Thread.Sleep(milliseconds);
        action();
    });
}
