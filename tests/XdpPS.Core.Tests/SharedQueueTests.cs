namespace XdpPS.Tests;

/// <summary>Several sockets on one queue of one interface: one FILL and one COMPLETION ring for all of them.</summary>
public sealed class SharedQueueTests : IDisposable
{
    private readonly TestNetwork network = new(queues: 2);

    public void Dispose() => network.Dispose();

    [KernelFact("tcpdump")]
    public void Two_sockets_on_one_queue_send_from_two_threads_and_tcpdump_on_the_peer_sees_all()
    {
        const int count = 2000;
        byte[][] ofFirst = Frames.Series(count, 100), ofSecond = Frames.Series(count, 200);
        using Capture capture = new(network, TestNetwork.Far);
        network.Run(() =>
        {
            using XskSocket first = Sockets.Open();
            using XskSocket second = first.Share();
            TestNetwork.Running other = network.Spawn(() => second.Send(ofSecond));
            first.Send(ofFirst);
            other.Join();
            Assert.Equal((0, 0), (first.PendingSends, second.PendingSends));
            Assert.Equal((count, count), (first.GetStatistics().TxCompleted, second.GetStatistics().TxCompleted));
            AssertAll(128, first, second);
        });
        List<byte[]> seen = capture.Stop([.. ofFirst, .. ofSecond]);
        Assert.Equal(ofFirst, seen.Where(frame => frame.Length == 100));
        Assert.Equal(ofSecond, seen.Where(frame => frame.Length == 200));
    }

    [KernelFact]
    public void What_was_obtained_is_the_queues() => network.Run(() =>
    {
        using XskSocket owner = XskSocket.Open(Sockets.Options(fill: 128, completion: 32));
        using XskSocket sharer = owner.Share();
        Assert.Equal((128, 32, 64, 64), (sharer.FillRingSize, sharer.CompletionRingSize, sharer.RxRingSize, sharer.TxRingSize));
        Assert.Equal((128, 32), (sharer.GetStatistics().Fill.Size, sharer.GetStatistics().Completion.Size));
        // Of the owner's 128 frames 64 send, and half of these are the sharer's.
        Assert.Equal((32, XskBindMode.Copy, true), (sharer.FrameCount, sharer.BindMode, sharer.NeedWakeup));
        Assert.Equal("QueueShared", Assert.Single(sharer.Warnings).Id);
        Assert.Empty(owner.Warnings);
        AssertAll(128, owner, sharer);
    });

    [KernelFact("tcpdump")]
    public void Packets_go_to_the_first_and_when_it_is_closed_to_the_next_without_a_gap()
    {
        const int count = 1500;
        int ofFirst = 0, ofSecond = 0;
        using Capture capture = new(network, TestNetwork.Near);
        network.Run(() =>
        {
            XskSocket first = Sockets.Open();
            using XskSocket second = first.Share();
            bool half = false;
            TestNetwork.Running sender = network.Spawn(() =>
            {
                for (int i = 0; i < count; i += 5)
                {
                    Volatile.Write(ref half, i > count / 2);
                    Kernel.SendRaw(TestNetwork.Far, Frames.Series(5));
                }
            });
            while (!Volatile.Read(ref half)) ofFirst += Read(first);
            Assert.Equal(0, Read(second));
            first.Close();
            for (int empty = 0; empty < 20;)
            {
                int read = Read(second);
                ofSecond += read;
                empty = read == 0 ? empty + 1 : 0;
                if (read == 0) Thread.Sleep(10);
            }

            sender.Join();
            AssertAll(96, second);
        });
        // What no socket takes goes to the kernel, where tcpdump would see it.
        Assert.Empty(capture.Stop([]));
        Assert.InRange(ofFirst, 1, count);
        Assert.InRange(ofSecond, 1, count);

        static int Read(XskSocket socket)
        {
            using ReceiveBatch batch = socket.Receive(64);
            return batch.Count;
        }
    }

    [KernelTheory]
    [InlineData(true)]
    [InlineData(false)]
    public void Closed_in_either_order_the_other_goes_on_and_the_queue_is_free_after_the_last(bool ownerFirst) => network.Run(() =>
    {
        Sockets.Open().Dispose();
        Residue before = Residue.Now();
        using (XskSocket far = Sockets.Open(TestNetwork.Far))
        {
            XskSocket owner = Sockets.Open();
            XskSocket sharer = owner.Share();
            (XskSocket leaving, XskSocket staying) = ownerFirst ? (owner, sharer) : (sharer, owner);
            leaving.Send(Frames.Series(10));
            Assert.Equal(Frames.Series(10), far.Take(10));
            Residue both = Residue.Now();
            leaving.Close();
            // Its own descriptor, that of its namespace, and all of its mappings are gone, also those of the rings that are still in use.
            Assert.Equal((2, 4), (both.Descriptors - Residue.Now().Descriptors, both.RingMappings - Residue.Now().RingMappings));
            for (int i = 0; i < 5; i++)
            {
                staying.Send(Frames.Series(40));
                Assert.Equal(Frames.Series(40), far.Take(40));
                far.Send(Frames.Series(40, 200));
                Assert.Equal(Frames.Series(40, 200), staying.Take(40));
            }

            Sockets.AssertConserved(staying, far);
            Assert.True(network.HasProgram());
            staying.Close();
            Assert.False(network.HasProgram());
            // Within the second for which opening tries again.
            using XskSocket next = Sockets.Open();
            far.Send(Frames.Series(10));
            Assert.Equal(Frames.Series(10), next.Take(10));
        }

        Residue.AssertNoMoreThan(before);
    });

    [KernelTheory]
    [InlineData(XdpAttachMode.Native, false)]
    [InlineData(XdpAttachMode.Generic, true)]
    [InlineData(XdpAttachMode.Generic, false)]
    public void A_queue_is_shared_in_every_mode(XdpAttachMode mode, bool needWakeup) => network.Run(() =>
    {
        XskSocket first = XskSocket.Open(Sockets.Options(attach: mode, needWakeup: needWakeup));
        using XskSocket second = first.Share();
        using XskSocket far = Sockets.Open(TestNetwork.Far);
        Assert.Equal(((int)mode, needWakeup), ((int)second.AttachMode, second.NeedWakeup));
        foreach (XskSocket sender in (XskSocket[])[first, second, first])
        {
            sender.Send(Frames.Series(30));
            Assert.Equal(Frames.Series(30), far.Take(30));
        }

        Kernel.SendRaw(TestNetwork.Far, Frames.Series(40));
        Assert.Equal(Frames.Series(40), first.Take(40));
        first.Close();
        Kernel.SendRaw(TestNetwork.Far, Frames.Series(40));
        Assert.Equal(Frames.Series(40), second.Take(40));
        AssertAll(96, second);
    });

    [KernelFact]
    public void Many_sharers_one_after_the_other_lose_no_frame() => network.Run(() =>
    {
        using XskSocket owner = Sockets.Open();
        int frames = 0;
        for (int i = 0; i < 30; i++)
        {
            using XskSocket sharer = owner.Share();
            frames = i == 0 ? sharer.FrameCount : frames;
            Assert.Equal(frames, sharer.FrameCount);
            // Some of it is not waited for, and some not even told the kernel.
            sharer.Send(Frames.Series(10));
            foreach (byte[] frame in Frames.Series(5)) Assert.True(sharer.TrySend(frame));
            if (i % 2 == 0) sharer.Pump();
        }

        owner.Send(Frames.Series(20));
        AssertAll(96, owner);
    });

    [KernelFact]
    public void What_the_first_has_not_read_when_it_is_closed_goes_back_to_fill() => network.Run(() =>
    {
        XskSocket first = Sockets.Open();
        using XskSocket second = first.Share();
        Kernel.SendRaw(TestNetwork.Far, Frames.Series(64));
        SpinWait.SpinUntil(() => first.GetStatistics().Rx!.Used == 64, 2000);
        Assert.Equal((64, 0), (first.GetStatistics().Rx!.Used, first.GetStatistics().Fill.Used));
        first.Close();
        Assert.Equal(64, second.GetStatistics().Fill.Used);
        Kernel.SendRaw(TestNetwork.Far, Frames.Series(64, 200));
        Assert.Equal(Frames.Series(64, 200), second.Take(64));
        AssertAll(96, second);
    });

    [KernelFact]
    public void What_cannot_be_sent_when_a_sharer_is_closed_comes_back_with_the_queues_last_socket() => network.Run(() =>
    {
        XskSocket owner = Sockets.Open();
        using XskSocket elsewhere = owner.Share(queue: 1);
        XskSocket sharer = owner.Share();
        int ofSharer = sharer.FrameCount, ofElsewhere = elsewhere.FrameCount;
        foreach (byte[] frame in Frames.Series(5)) Assert.True(sharer.TrySend(frame));
        network.Ip("link", "set", TestNetwork.Near, "down");
        int ofOwner = owner.CountFrames().Total;
        sharer.Close();
        FrameCensus census = owner.CountFrames();
        Assert.Equal((ofOwner + 5, 5), (census.Total, census.KernelTransmit));
        AssertAll(128 - ofSharer + 5, owner, elsewhere);
        owner.Close();
        using XskSocket next = elsewhere.Share();
        Assert.Equal(128, next.FrameCount + ofElsewhere);
        AssertAll(128, next, elsewhere);
    });

    [KernelFact]
    public void A_sharer_of_a_sharer_may_have_the_queue_of_either_or_another() => network.Run(() =>
    {
        using XskSocket first = XskSocket.Open(Sockets.Options(frames: 512));
        using XskSocket second = first.Share();
        using XskSocket far = second.Share(TestNetwork.Far);
        // The kernel is shown the one that is on the queue, not the one that is shared with.
        using XskSocket third = far.Share();
        using XskSocket otherQueue = third.Share(queue: 1);
        using XskSocket fourth = otherQueue.Share(TestNetwork.Far);
        XskSocket[] all = [first, second, third, otherQueue, far, fourth];
        foreach (XskSocket sender in (XskSocket[])[first, second, third])
        {
            sender.Send(Frames.Series(10));
            Assert.Equal(Frames.Series(10), far.Take(10));
        }

        fourth.Send(Frames.Series(10));
        Assert.Equal(Frames.Series(10), first.Take(10));
        Sockets.AssertConserved(all);
        first.Close();
        far.Close();
        third.Send(Frames.Series(10));
        Assert.Equal(Frames.Series(10), fourth.Take(10));
        fourth.Send(Frames.Series(10));
        Assert.Equal(Frames.Series(10), second.Take(10));
        Sockets.AssertConserved(all[1], all[2], all[3], all[5]);
    });

    [KernelFact]
    public void A_sharer_receives_on_the_queue_of_one_that_only_sends() => network.Run(() =>
    {
        using XskSocket sender = XskSocket.Open(Sockets.Options(rx: 0));
        using XskSocket receiver = sender.Share(tx: 0);
        Assert.Empty(receiver.Warnings);
        for (int i = 0; i < 3; i++)
        {
            Kernel.SendRaw(TestNetwork.Far, Frames.Series(40));
            Assert.Equal(Frames.Series(40), receiver.Take(40));
        }

        sender.Send(Frames.Series(40));
        AssertAll(128, sender, receiver);
    });

    [KernelFact]
    public void A_sharer_sends_on_the_queue_of_one_that_only_receives() => network.Run(() =>
    {
        using XskSocket far = Sockets.Open(TestNetwork.Far);
        using XskSocket receiver = XskSocket.Open(Sockets.Options(frames: 256, tx: 0));
        using XskSocket sender = receiver.Share(rx: 0);
        sender.Send(Frames.Series(40));
        Assert.Equal(Frames.Series(40), far.Take(40));
        AssertAll(256, sender, receiver);
    });

    [KernelFact]
    public void A_umem_without_a_frame_to_spare_is_not_shared() => network.Run(() =>
    {
        using XskSocket owner = XskSocket.Open(Sockets.Options(frames: 2));
        Residue before = Residue.Now();
        XskException failure = Sockets.Fails(XskErrorId.UmemNotShareable, () => owner.Share());
        Assert.Contains("all 2 are on its rings", failure.Message, StringComparison.Ordinal);
        Residue.AssertNoMoreThan(before);
        owner.Send(Frames.Series(5));
        AssertAll(2, owner);
    });

    [KernelFact]
    public void Who_holds_a_batch_of_a_socket_cannot_share_its_queue_meanwhile() => network.Run(() =>
    {
        using XskSocket owner = Sockets.Open();
        using (owner.ReserveSend(1))
        {
            XskException failure = Sockets.Fails(XskErrorId.SocketBusy, () => owner.Share());
            Assert.Contains("dispose the batch", failure.Message, StringComparison.Ordinal);
        }

        using XskSocket sharer = owner.Share();
        AssertAll(128, owner, sharer);
    });

    /// <summary>Each socket's frames are where they should be, and together they are so many.</summary>
    private static void AssertAll(int frames, params XskSocket[] sockets)
    {
        Sockets.AssertConserved(sockets);
        Assert.Equal(frames, sockets.Sum(socket => socket.CountFrames().Total));
    }
}
