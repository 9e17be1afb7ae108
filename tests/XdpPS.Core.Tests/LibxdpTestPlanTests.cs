using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using XdpPS.Interop;

namespace XdpPS.Tests;

/// <summary>What libxdp tests of its sockets, beside the kernel's scenarios. docs/kernel-test-plan.md lists it.</summary>
public sealed class LibxdpTestPlanTests : IDisposable
{
    private readonly TestNetwork network = new(queues: 3);

    public void Dispose() => network.Dispose();

    /// <summary>The program and its map are there as long as a socket is, in whatever order they are closed.</summary>
    [KernelTheory("bpftool")]
    [InlineData(1, false)]
    [InlineData(2, false)]
    [InlineData(3, false)]
    [InlineData(2, true)]
    [InlineData(3, true)]
    public void The_program_and_its_map_go_with_the_last_of_so_many_sockets(int count, bool oneQueue) => network.Run(() =>
    {
        using XskSocket far = Sockets.Open(TestNetwork.Far);
        foreach (int[] order in Orders(count))
        {
            Residue before = Residue.Now();
            List<XskSocket> sockets = [];
            for (int i = 0; i < count; i++)
            {
                if (i > 0 && oneQueue) sockets.Add(sockets[0].Share());
                else sockets.Add(XskSocket.Open(Sockets.Options(queue: oneQueue ? 0 : i)));
                Assert.Equal(sockets[0].ProgramId, sockets[i].ProgramId);
            }

            int program = sockets[0].ProgramId;
            int[] maps = Maps(program);
            Assert.Single(maps);
            for (int i = 0; i < count; i++)
            {
                Assert.True(network.HasProgram());
                Assert.True(Exists("prog", program) && Exists("map", maps[0]));
                XskSocket last = sockets[order[^1]];
                if (oneQueue)
                {
                    XskSocket taker = sockets.First(socket => socket.IsOpen);
                    far.Send(Frames.Series(3));
                    Assert.Equal(Frames.Series(3), taker.Take(3));
                }

                last.Send(Frames.Series(3));
                sockets[order[i]].Close();
            }

            Assert.False(network.HasProgram());
            Gone("prog", program);
            Gone("map", maps[0]);
            Residue.AssertNoMoreThan(before);
            far.Drain(1);
        }
    });

    [KernelFact("bpftool")]
    public void No_map_program_or_link_is_left_of_any_opening() => network.Run(() =>
    {
        List<(int Program, int Map)> opened = [];
        for (int i = 0; i < 20; i++)
        {
            using XskSocket socket = XskSocket.Open(Sockets.Options(queue: i % 3, attach: i % 2 == 0 ? XdpAttachMode.Native : XdpAttachMode.Generic));
            opened.Add((socket.ProgramId, Assert.Single(Maps(socket.ProgramId))));
        }

        Assert.Equal(20, opened.Select(one => one.Map).Distinct().Count());
        foreach ((int program, int map) in opened)
        {
            Gone("prog", program);
            Gone("map", map);
        }

        Assert.DoesNotContain("xdpps_redirect", network.Execute("bpftool", "net", "show").Output, StringComparison.Ordinal);
    });

    /// <summary>Whoever has opened its sockets needs no capability any more: to receive, to send, to ask and to close.</summary>
    [KernelTheory("bpftool")]
    [InlineData(XdpAttachMode.Native)]
    [InlineData(XdpAttachMode.Generic)]
    public void Open_sockets_go_on_without_capabilities(XdpAttachMode mode)
    {
        Residue before = Residue.Now();
        int program = 0;
        network.Run(() =>
        {
            using XskSocket near = XskSocket.Open(Sockets.Options(attach: mode)), far = XskSocket.Open(Sockets.Options(TestNetwork.Far, attach: mode));
            program = near.ProgramId;
            Kernel.DropCapabilities();
            Assert.Contains("CapEff:\t0000000000000000", File.ReadAllText("/proc/thread-self/status"), StringComparison.Ordinal);
            Sockets.Fails(XskErrorId.PermissionDenied, () => XskSocket.Open(Sockets.Options(queue: 1)).Dispose());
            for (int round = 0; round < 10; round++)
            {
                byte[][] frames = Frames.Series(40, 100 + round);
                near.Send(frames);
                Assert.Equal(frames, far.Take(40));
                far.Send(frames);
                Assert.Equal(frames, near.Take(40));
            }

            near.CheckHealth();
            Assert.Equal((400, 400), (near.GetStatistics().RxPackets, near.GetStatistics().TxCompleted));
            Sockets.AssertConserved(near, far);
        });
        Gone("prog", program);
        Assert.False(network.HasProgram());
        Residue.AssertNoMoreThan(before);
    }

    /// <summary>A privileged process makes the socket and has the program; who gets both by descriptor needs no privilege.</summary>
    [KernelFact]
    public void A_socket_and_a_map_that_were_handed_over_are_enough_without_capabilities() => network.Run(() =>
    {
        using ForeignProgram foreign = new(XdpAttachMode.Native, slots: 1, (code, map) =>
        {
            code.Move(BpfRegister.R2, 0);
            ForeignProgram.Redirect(code, map);
        });
        using XskSocket far = Sockets.Open(TestNetwork.Far);
        FileDescriptor made = Libc.socket(IfXdp.AF_XDP, Libc.SOCK_RAW | Libc.SOCK_CLOEXEC, 0);
        XskSocket? handed = null;
        network.Spawn(() =>
        {
            Kernel.DropCapabilities();
            handed = XskSocket.Open(Sockets.Options(attachProgram: false) with { Descriptor = made });
        }).Join();
        using XskSocket near = handed!;
        foreign.Map.Set(0, near.Descriptor);
        network.Spawn(() =>
        {
            Kernel.DropCapabilities();
            far.Send(Frames.Series(20));
            Assert.Equal(Frames.Series(20), near.Take(20));
            near.Send(Frames.Series(20));
            Assert.Equal(Frames.Series(20), far.Take(20));
            Sockets.AssertConserved(near, far);
            near.Close();
        }).Join();
    });

    private static IEnumerable<int[]> Orders(int count) => count switch
    {
        1 => [[0]],
        2 => [[0, 1], [1, 0]],
        _ => [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]],
    };

    private static int[] Maps(int program)
    {
        using JsonDocument shown = JsonDocument.Parse(Command.Run("bpftool", "-j", "prog", "show", "id", Text(program)));
        return [.. shown.RootElement.GetProperty("map_ids").EnumerateArray().Select(id => id.GetInt32())];
    }

    private static bool Exists(string kind, int id) => Command.Try("bpftool", null, kind, "show", "id", Text(id)).ExitCode == 0;

    /// <summary>The kernel frees what is not used any more after a grace period.</summary>
    private static void Gone(string kind, int id)
    {
        Stopwatch watch = Stopwatch.StartNew();
        while (Exists(kind, id))
        {
            Assert.True(watch.Elapsed.TotalSeconds < 10, $"{kind} {id} is still there");
            Thread.Sleep(20);
        }
    }

    private static string Text(int id) => id.ToString(CultureInfo.InvariantCulture);
}
