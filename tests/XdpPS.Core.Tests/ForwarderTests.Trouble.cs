using System.Diagnostics;

namespace XdpPS.Tests;

/// <content>What goes wrong while forwarding, what ends it, and who else may use the sockets.</content>
public sealed partial class ForwarderTests
{
    [KernelFact("tc", "bridge")]
    public void Where_nothing_can_be_sent_it_drops_and_counts_and_goes_on_when_it_can_and_the_other_way_is_not_held_up()
    {
        Congest(right);
        (XskSocket a, XskSocket b) = Open(shared: true);
        using (a)
        using (b)
        using (XskForwarder forwarder = new(a, b, new XskForwarderOptions { Bidirectional = true, Patience = TimeSpan.FromMilliseconds(20) }))
        {
            TestNetwork.Running running = left.Spawn(() => RunUntilDone(forwarder));
            byte[][] frames = Frames.Series(2000, 1400);
            left.Run(() =>
            {
                PacketFilter ours = PacketFilter.FromFields(new PacketFields { EtherTypes = [Frames.Experimental] });
                using XskSocket far = XskSocket.Open(Options(left, TestNetwork.Far, 256, filter: ours));
                for (int i = 0; i < frames.Length; i += 20)
                {
                    far.Send(frames[i..(i + 20)]);
                    Thread.Sleep(1);
                }

                // Through the other direction, while this one is stuck: from the slow end's port itself.
                right.Run(() =>
                {
                    using XskSocket sender = XskSocket.Open(Options(right, TestNetwork.Far, 64, attachProgram: false));
                    sender.Send(Frames.Series(40));
                });
                Assert.Equal(Frames.Series(40), far.Take(40));
            });
            Assert.True(SpinWait.SpinUntil(() => forwarder.Dropped > 0, Patience));
            right.Execute("tc", "qdisc", "del", "dev", "slow0", "root");
            Assert.True(SpinWait.SpinUntil(() => b.PendingSends < 64, Patience));
            forwarder.Stop();
            running.Join();
            Assert.True(forwarder.Finish(Patience));
            XskForwardResult result = forwarder.GetResults()[0];
            Assert.Equal(result.Received, result.Forwarded + result.Dropped);
            Assert.InRange(result.Forwarded, 1, frames.Length - 1);
            Assert.Equal(0, forwarder.GetResults()[1].Dropped);
            Sockets.AssertConserved(a, b);
        }
    }

    [KernelFact("tc", "bridge")]
    public void Waiting_for_the_kernel_to_be_done_ends_when_it_is_cancelled()
    {
        Congest(right);
        (XskSocket from, XskSocket to) = Open(shared: true);
        using (from)
        using (to)
        using (XskForwarder forwarder = new(from, to))
        {
            left.Run(() =>
            {
                using XskSocket far = XskSocket.Open(Options(left, TestNetwork.Far, 64, attachProgram: false));
                for (int i = 0; i < 100 && !forwarder.IsDone; i++)
                {
                    far.Send(Frames.Series(20, 1400));
                    forwarder.Run(TimeSpan.FromMilliseconds(2));
                }
            });
            Assert.False(forwarder.Finish(TimeSpan.FromMilliseconds(50)));
            using CancellationTokenSource soon = new(50);
            Stopwatch waited = Stopwatch.StartNew();
            Assert.False(forwarder.Finish(TimeSpan.FromMinutes(10), soon.Token));
            Assert.True(waited.Elapsed < TimeSpan.FromMinutes(1));
            right.Execute("tc", "qdisc", "del", "dev", "slow0", "root");
            Assert.True(forwarder.Finish(Patience));
            Sockets.AssertConserved(from, to);
        }
    }

    [KernelFact]
    public void A_frame_that_is_longer_than_those_of_the_other_umem_is_dropped_and_counted()
    {
        byte[] fits = Frames.Make(2048), tooLong = Frames.Make(2049);
        foreach (TestNetwork network in new[] { left, right }) network.Batch($"link set {TestNetwork.Near} mtu 3000", $"link set {TestNetwork.Far} mtu 3000");
        using XskSocket from = XskSocket.Open(Options(left, TestNetwork.Near, 64, frameSize: 4096));
        using XskSocket to = XskSocket.Open(Options(right, TestNetwork.Near, 64));
        using XskSocket far = XskSocket.Open(Options(right, TestNetwork.Far, 64, frameSize: 4096));
        using XskForwarder forwarder = new(from, to);
        Feed(forwarder, left, [fits, tooLong, fits], far, out List<byte[]> seen, frameSize: 4096);
        Assert.Equal([fits, fits], seen);
        Assert.Equal((2, 1), (forwarder.Forwarded, forwarder.Dropped));
        Sockets.AssertConserved(from, to);
    }

    [KernelTheory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_socket_that_is_closed_ends_it_with_an_error(bool first)
    {
        (XskSocket from, XskSocket to) = Open(shared: true, ring: 256);
        using (from)
        using (to)
        using (XskForwarder forwarder = new(from, to))
        {
            TestNetwork.Running traffic = left.Spawn(() => KeepSending(forwarder));
            TestNetwork.Running running = left.Spawn(() => Sockets.Fails(XskErrorId.SocketClosed, () => RunUntilDone(forwarder)));
            Assert.True(SpinWait.SpinUntil(() => forwarder.Forwarded > 500, Patience));
            (first ? from : to).Close();
            running.Join();
            forwarder.Stop();
            traffic.Join();
            Assert.InRange(Assert.Single(forwarder.GetResults()).Forwarded, 501, long.MaxValue);
            if (!first) Sockets.AssertConserved(from);
            else Assert.True(to.Flush(Patience));
            if (first) Sockets.AssertConserved(to);
        }
    }

    [KernelFact]
    public void An_interface_that_goes_down_or_away_ends_it_with_the_error_of_sending()
    {
        (XskSocket from, XskSocket to) = Open(shared: true);
        using (from)
        using (to)
        {
            right.Ip("link", "set", TestNetwork.Near, "down");
            using (XskForwarder forwarder = new(from, to))
            {
                left.Run(() => SendFar(Frames.Series(10)));
                Sockets.Fails(XskErrorId.InterfaceDown, () => forwarder.Run(Patience));
            }

            right.Ip("link", "set", TestNetwork.Near, "up");
            Assert.True(to.Flush(Patience));
            Sockets.AssertConserved(from, to);
            right.Ip("link", "delete", TestNetwork.Near);
            using XskForwarder again = new(from, to);
            Sockets.Fails(XskErrorId.InterfaceGone, () => again.Run(Patience));
        }
    }

    [KernelFact]
    public void Stopping_ends_an_idle_run_at_once_and_time_ends_it_too()
    {
        (XskSocket from, XskSocket to) = Open(shared: true);
        using (from)
        using (to)
        using (XskForwarder forwarder = new(from, to))
        {
            long start = Stopwatch.GetTimestamp();
            forwarder.Run(Slice);
            Assert.True(Stopwatch.GetElapsedTime(start) >= Slice);
            Assert.False(forwarder.IsDone);
            using Timer timer = new(_ => forwarder.Stop(), null, 50, Timeout.Infinite);
            forwarder.Run(TimeSpan.FromMinutes(1));
            Assert.True(forwarder.IsDone);
            Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(30));
        }
    }

    [KernelFact]
    public void While_it_lives_nobody_else_receives_or_sends_there_and_a_socket_that_lacks_a_ring_is_refused()
    {
        (XskSocket from, XskSocket to) = Open(shared: true);
        using (from)
        using (to)
        {
            using (XskForwarder forwarder = new(from, to))
            {
                Sockets.Fails(XskErrorId.SocketBusy, () => new XskPoller([from]).Dispose());
                Sockets.Fails(XskErrorId.SocketBusy, () => new XskSender(to, 0, Patience).Dispose());
                Sockets.Fails(XskErrorId.SocketBusy, () => new XskForwarder(from, to).Dispose());
                // The other way round is free.
                new XskForwarder(to, from).Dispose();
            }

            new XskForwarder(from, to, new XskForwarderOptions { Bidirectional = true }).Dispose();
            new XskForwarder(from, to, new XskForwarderOptions { Bidirectional = true }).Dispose();
        }

        Sockets.Fails(XskErrorId.SocketClosed, () => new XskForwarder(from, to).Dispose());
        using XskSocket receiver = XskSocket.Open(Sockets.Options(networkNamespace: left.Name, tx: 0));
        using XskSocket sender = XskSocket.Open(Sockets.Options(networkNamespace: right.Name, rx: 0));
        new XskForwarder(receiver, sender).Dispose();
        Sockets.Fails(XskErrorId.DirectionDisabled, () => new XskForwarder(sender, receiver).Dispose());
        Sockets.Fails(XskErrorId.DirectionDisabled, () => new XskForwarder(receiver, sender, new XskForwarderOptions { Bidirectional = true }).Dispose());
        new XskForwarder(receiver, sender).Dispose();
    }

    [KernelFact]
    public void A_third_socket_joins_the_umem_and_the_queue_while_it_forwards_at_full_speed()
    {
        (XskSocket from, XskSocket to) = Open(shared: true, ring: 256);
        using (from)
        using (to)
        {
            using XskForwarder forwarder = new(from, to);
            TestNetwork.Running traffic = left.Spawn(() => KeepSending(forwarder));
            TestNetwork.Running running = left.Spawn(() => RunUntilDone(forwarder));
            Assert.True(SpinWait.SpinUntil(() => forwarder.Forwarded > 500, Patience));
            for (int i = 0; i < 5; i++)
            {
                using XskSocket onQueue = XskSocket.Open(Options(left, TestNetwork.Near, 64, share: from));
                onQueue.Send(Frames.Series(20));
                using XskSocket sender = XskSocket.Open(Options(right, TestNetwork.Near, 64, share: from));
                sender.Send(Frames.Series(20));
                long before = forwarder.Forwarded;
                Assert.True(SpinWait.SpinUntil(() => forwarder.Forwarded > before + 200, Patience));
            }

            forwarder.Stop();
            traffic.Join();
            running.Join();
            Assert.True(forwarder.Finish(Patience));
            Sockets.AssertConserved(from, to);
        }
    }
}
