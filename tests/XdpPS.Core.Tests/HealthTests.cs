using System.Diagnostics;
using System.Text.Json;

namespace XdpPS.Tests;

/// <summary>What happens to a socket while it is open: its interface, its program, its threads.</summary>
public sealed class HealthTests : IDisposable
{
    /// <summary>Of what has to end a wait, the network's <see cref="TestNetwork.Run"/> says that it did not.</summary>
    private static readonly TimeSpan ForEver = Timeout.InfiniteTimeSpan;

    private readonly TestNetwork network = new();

    public void Dispose() => network.Dispose();

    [KernelTheory]
    [InlineData(true)]
    [InlineData(false)]
    public void An_interface_that_is_deleted_while_a_receive_waits_ends_it(bool attachProgram) => network.Run(() =>
    {
        using XskSocket socket = XskSocket.Open(Sockets.Options(attachProgram: attachProgram));
        using XskPoller poller = new([socket]);
        Assert.False(poller.Wait(TimeSpan.FromMilliseconds(100)));
        TestNetwork.Running deletion = Later(300, () => network.Ip("link", "delete", TestNetwork.Near));
        XskException failure = Sockets.Fails(XskErrorId.InterfaceGone, () => poller.Wait(ForEver));
        Assert.Contains(TestNetwork.Near, failure.Message, StringComparison.Ordinal);
        deletion.Join();
        Sockets.Fails(XskErrorId.InterfaceGone, socket.CheckHealth);
        Assert.True(socket.TrySend(Frames.Make(60)));
        Sockets.Fails(XskErrorId.InterfaceGone, socket.Pump);
    });

    [KernelFact]
    public void A_socket_whose_interface_was_deleted_closes_without_residue() => network.Run(() =>
    {
        Sockets.Open().Dispose();
        Residue before = Residue.Now();
        XskSocket socket = Sockets.Open();
        network.Ip("link", "delete", TestNetwork.Near);
        socket.Close();
        Residue.AssertNoMoreThan(before);
        network.Batch(
            $"link add {TestNetwork.Near} type veth peer name {TestNetwork.Far}",
            $"link set {TestNetwork.Near} up",
            $"link set {TestNetwork.Far} up");
        Sockets.Open().Dispose();
    });

    [KernelFact]
    public void An_interface_that_is_moved_to_another_namespace_is_gone()
    {
        using TestNetwork other = new();
        network.Run(() =>
        {
            using XskSocket socket = Sockets.Open();
            network.Ip("link", "set", TestNetwork.Near, "name", "xmoved");
            socket.CheckHealth();
            network.Ip("link", "set", "xmoved", "netns", other.Name);
            Sockets.Fails(XskErrorId.InterfaceGone, socket.CheckHealth);
        });
        other.Ip("link", "delete", "xmoved");
    }

    [KernelFact("bpftool")]
    public void A_program_that_is_detached_while_a_receive_waits_ends_it() => network.Run(() =>
    {
        using XskSocket socket = Sockets.Open();
        using XskPoller poller = new([socket]);
        TestNetwork.Running detaching = Later(300, () => Detach(socket.ProgramId));
        XskException failure = Sockets.Fails(XskErrorId.ProgramDetached, () => poller.Wait(ForEver));
        Assert.Contains($"id {socket.ProgramId}", failure.Message, StringComparison.Ordinal);
        detaching.Join();
        Assert.False(network.HasProgram());
    });

    [KernelFact("bpftool")]
    public void After_a_detachment_a_new_socket_attaches_anew() => network.Run(() =>
    {
        Sockets.Open().Dispose();
        Residue before = Residue.Now();
        XskSocket deaf = Sockets.Open();
        Detach(deaf.ProgramId);
        deaf.Close();
        using (XskSocket socket = Sockets.Open(), far = Sockets.Open(TestNetwork.Far))
        {
            Assert.NotEqual(deaf.ProgramId, socket.ProgramId);
            far.Send(Frames.Series(3));
            Assert.Equal(Frames.Series(3), socket.Take(3));
            Sockets.AssertConserved(socket, far);
        }

        Residue.AssertNoMoreThan(before);
    });

    [KernelFact]
    public void Sending_on_an_interface_that_was_set_down_says_so_and_works_again_once_it_is_up() => network.Run(() =>
    {
        using XskSocket socket = Sockets.Open();
        using XskSocket far = Sockets.Open(TestNetwork.Far);
        network.Ip("link", "set", TestNetwork.Near, "down");
        Assert.True(socket.TrySend(Frames.Make(60)));
        XskException failure = Sockets.Fails(XskErrorId.InterfaceDown, socket.Pump);
        Assert.Contains("is down", failure.Message, StringComparison.Ordinal);
        Assert.Contains($"ip link set {TestNetwork.Near} up", failure.Message, StringComparison.Ordinal);
        socket.CheckHealth();
        network.Ip("link", "set", TestNetwork.Near, "up");
        socket.Send(Frames.Make(61));
        Assert.Equal([Frames.Make(60), Frames.Make(61)], far.Take(2));
        Sockets.AssertConserved(socket, far);
    });

    [KernelTheory]
    [InlineData(true)]
    [InlineData(false)]
    public void An_interface_that_was_renamed_is_called_by_its_new_name_where_it_is_down(bool inside)
    {
        if (inside) network.Run(FailToSend);
        else FailToSend();

        void FailToSend()
        {
            using XskSocket socket = XskSocket.Open(Sockets.Options(networkNamespace: inside ? null : network.Name));
            network.Batch($"link set {TestNetwork.Near} down", $"link set {TestNetwork.Near} name xnew");
            Assert.True(socket.TrySend(Frames.Make(60)));
            XskException failure = Sockets.Fails(XskErrorId.InterfaceDown, socket.Pump);
            Assert.StartsWith($"Interface xnew, which was {TestNetwork.Near} when the socket was opened, is down", failure.Message, StringComparison.Ordinal);
            Assert.Contains($"run '{(inside ? "" : $"ip netns exec {network.Name} ")}ip link set xnew up'", failure.Message, StringComparison.Ordinal);
        }
    }

    [KernelFact]
    public void Closing_while_a_receive_waits_ends_it_and_frees_the_queue() => network.Run(() =>
    {
        XskSocket socket = Sockets.Open();
        using XskPoller poller = new([socket]);
        bool found = true;
        TestNetwork.Running waiting = network.Spawn(() => found = poller.Wait(ForEver));
        Thread.Sleep(200);
        socket.Close();
        waiting.Join();
        Assert.False(found);
        Assert.False(poller.Wait(ForEver));
        Sockets.Open().Dispose();
    });

    [KernelFact]
    public void Closing_while_threads_receive_and_send_never_touches_unmapped_memory() => network.Run(() =>
    {
        for (int round = 0; round < 10; round++)
        {
            XskSocket socket = Sockets.Open();
            using XskSocket far = Sockets.Open(TestNetwork.Far);
            TestNetwork.Running[] threads =
            [
                network.Spawn(() => UntilClosed(() => socket.Receive(8).Dispose())),
                network.Spawn(() => UntilClosed(() =>
                {
                    socket.TrySend(Frames.Make(60));
                    socket.Pump();
                })),
                network.Spawn(() => UntilClosed(() => socket.GetStatistics())),
            ];
            Thread.Sleep(20);
            socket.Close();
            foreach (TestNetwork.Running thread in threads) thread.Join();
        }

        static void UntilClosed(Action action)
        {
            Sockets.Fails(XskErrorId.SocketClosed, () =>
            {
                while (true) action();
            });
        }
    });

    [KernelFact]
    public void A_wait_is_ended_by_wake() => network.Run(() =>
    {
        using XskSocket socket = Sockets.Open();
        using XskPoller poller = new([socket]);
        TestNetwork.Running waiting = network.Spawn(() => Assert.False(poller.Wait(ForEver)));
        Thread.Sleep(200);
        poller.Wake();
        waiting.Join();
    });

    [KernelFact]
    public void A_wait_ends_when_its_time_is_up_and_costs_no_processor_time() => network.Run(() =>
    {
        using XskSocket socket = Sockets.Open();
        using XskPoller poller = new([socket]);
        Stopwatch watch = Stopwatch.StartNew();
        TimeSpan before = Process.GetCurrentProcess().TotalProcessorTime;
        Assert.False(poller.Wait(TimeSpan.FromSeconds(1.5)));
        Assert.True(watch.Elapsed.TotalSeconds >= 1.49);
        Assert.InRange((Process.GetCurrentProcess().TotalProcessorTime - before).TotalSeconds, 0, 0.5);
    });

    [KernelFact]
    public void A_second_poller_on_a_socket_is_refused_until_the_first_is_gone() => network.Run(() =>
    {
        using XskSocket socket = Sockets.Open(), far = Sockets.Open(TestNetwork.Far);
        using (XskPoller first = new([socket]))
        {
            Sockets.Fails(XskErrorId.SocketBusy, () => new XskPoller([far, socket]).Dispose());
            // What the refused one had claimed, it gave back.
            new XskPoller([far]).Dispose();
            far.Send(Frames.Series(1));
            Assert.True(first.Wait(TimeSpan.FromSeconds(2)));
        }

        new XskPoller([socket]).Dispose();
    });

    [KernelFact]
    public void A_second_thread_in_the_same_direction_is_refused() => network.Run(() =>
    {
        using XskSocket socket = Sockets.Open();
        using ReceiveBatch batch = socket.Receive(1);
        using SendBatch send = socket.ReserveSend(1);
        network.Run(() =>
        {
            Assert.Contains("receiving", Sockets.Fails(XskErrorId.SocketBusy, () => socket.Receive(1).Dispose()).Message, StringComparison.Ordinal);
            Assert.Contains("sending", Sockets.Fails(XskErrorId.SocketBusy, socket.Pump).Message, StringComparison.Ordinal);
        });
        Sockets.Fails(XskErrorId.SocketBusy, socket.Close);
        Assert.True(socket.IsOpen);
    });

    [KernelFact]
    public void Closing_waits_for_a_batch_that_another_thread_holds() => network.Run(() =>
    {
        XskSocket socket = Sockets.Open();
        using ManualResetEventSlim held = new();
        TestNetwork.Running holder = network.Spawn(() =>
        {
            using ReceiveBatch batch = socket.Receive(1);
            held.Set();
            Thread.Sleep(300);
            Assert.True(socket.IsOpen);
        });
        held.Wait(TimeSpan.FromSeconds(5));
        socket.Close();
        Assert.False(socket.IsOpen);
        holder.Join();
    });

    private TestNetwork.Running Later(int milliseconds, Action action) => network.Spawn(() =>
    {
        Thread.Sleep(milliseconds);
        action();
    });

    private static void Detach(int programId)
    {
        using JsonDocument links = JsonDocument.Parse(Command.Run("bpftool", "-j", "link", "show"));
        int link = links.RootElement.EnumerateArray()
            .Single(entry => entry.TryGetProperty("prog_id", out JsonElement id) && id.GetInt32() == programId)
            .GetProperty("id").GetInt32();
        Command.Run("bpftool", "link", "detach", "id", $"{link}");
    }
}
