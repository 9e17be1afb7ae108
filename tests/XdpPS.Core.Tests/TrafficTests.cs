namespace XdpPS.Tests;

/// <summary>What is sent on one end is what is received on the other, and no frame of either UMEM is lost.</summary>
public sealed class TrafficTests
{
    [KernelTheory]
    [InlineData(XdpAttachMode.Native, true)]
    [InlineData(XdpAttachMode.Native, false)]
    [InlineData(XdpAttachMode.Generic, true)]
    [InlineData(XdpAttachMode.Generic, false)]
    public void Every_length_from_14_to_1514_arrives_as_it_was_sent(XdpAttachMode mode, bool needWakeup)
    {
        using TestNetwork network = new();
        network.Run(() =>
        {
            using XskSocket near = XskSocket.Open(Sockets.Options(attach: mode, needWakeup: needWakeup));
            using XskSocket far = XskSocket.Open(Sockets.Options(TestNetwork.Far, attach: mode, needWakeup: needWakeup));
            Assert.Equal((int)mode, (int)far.AttachMode);
            for (int length = 14; length <= 1514; length += 32)
            {
                byte[][] frames = [.. Enumerable.Range(length, Math.Min(32, 1515 - length)).Select(l => Frames.Make(l, l))];
                near.Send(frames);
                AssertSame(frames, far.Take(frames.Length));
            }

            Assert.Empty(far.Drain(50));
            Sockets.AssertConserved(near, far);
            XskRingStats sent = near.GetStatistics(), received = far.GetStatistics();
            Assert.Equal((1501, 1501, 1501), (sent.TxPackets, sent.TxCompleted, received.RxPackets));
            Assert.Equal((1501 * (14 + 1514) / 2, sent.TxBytes), (received.RxBytes, received.RxBytes));
        });
    }

    [KernelTheory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(8)]
    [InlineData(16)]
    [InlineData(32)]
    [InlineData(64)]
    [InlineData(128)]
    [InlineData(256)]
    [InlineData(512)]
    [InlineData(1024)]
    [InlineData(2048)]
    [InlineData(4096)]
    public void Every_ring_size_carries_more_than_the_ring_holds(int size)
    {
        using TestNetwork network = new();
        network.Run(() =>
        {
            int count = Math.Max(2 * size, 8);
            using XskSocket near = XskSocket.Open(Sockets.Options(frames: count, rx: size, tx: size, fill: size, completion: size));
            using XskSocket far = XskSocket.Open(Sockets.Options(TestNetwork.Far, frames: count, rx: size, tx: size, fill: size, completion: size));
            int burst = Math.Clamp(size / 2, 1, 64);
            int[] lengths = [14, 60, 64, 777, 1514];
            for (int sent = 0; sent < (2 * size) + 5; sent += burst)
            {
                byte[][] frames = [.. Enumerable.Range(sent, burst).Select(i => Frames.Make(lengths[i % lengths.Length], i))];
                near.Send(frames);
                AssertSame(frames, far.Take(burst));
            }

            Sockets.AssertConserved(near, far);
            XskRingStats stats = far.GetStatistics();
            Assert.Equal((0, 0, 0), (stats.RxDropped, stats.RxRingFull, stats.RxInvalidDescriptors));
            Assert.True(stats.Rx!.Producer > 2 * size);
        });
    }

    [KernelFact]
    public void Both_directions_run_at_once_from_two_threads_each()
    {
        const int count = 2000;
        using TestNetwork network = new();
        network.Run(() =>
        {
            using XskSocket near = XskSocket.Open(Sockets.Options(frames: 1024, rx: 512, tx: 32, fill: 512, completion: 32));
            using XskSocket far = XskSocket.Open(Sockets.Options(TestNetwork.Far, frames: 1024, rx: 512, tx: 32, fill: 512, completion: 32));
            byte[][] outward = Frames.Series(count, 200), inward = Frames.Series(count, 300);
            List<byte[]> atFar = [], atNear = [];
            TestNetwork.Running[] threads =
            [
                network.Spawn(() => SendPaced(near, outward, () => atFar.Count)),
                network.Spawn(() => SendPaced(far, inward, () => atNear.Count)),
                network.Spawn(() => TakeInto(far, atFar, count)),
                network.Spawn(() => TakeInto(near, atNear, count)),
            ];
            foreach (TestNetwork.Running thread in threads) thread.Join();
            AssertSame(outward, atFar);
            AssertSame(inward, atNear);
            Sockets.AssertConserved(near, far);
        });

        // The wire of a veth is a queue of 256: who sends without regard to the receiver loses.
        static void SendPaced(XskSocket socket, byte[][] frames, Func<int> arrived)
        {
            for (int i = 0; i < frames.Length; i += 16)
            {
                SpinWait.SpinUntil(() => i - arrived() < 100, 5000);
                socket.Send(frames[i..Math.Min(frames.Length, i + 16)]);
            }
        }

        static void TakeInto(XskSocket socket, List<byte[]> packets, int count)
        {
            using XskPoller poller = new([socket]);
            while (packets.Count < count && poller.Wait(TimeSpan.FromSeconds(5)))
            {
                using ReceiveBatch batch = socket.Receive(64);
                for (int i = 0; i < batch.Count; i++) packets.Add(batch[i].Data.ToArray());
            }
        }
    }

    [KernelFact]
    public void Queue_1_sends_to_queue_1_and_not_to_queue_0()
    {
        using TestNetwork network = new(queues: 2);
        network.Run(() =>
        {
            using XskSocket near = XskSocket.Open(Sockets.Options(queue: 1));
            using XskSocket far0 = XskSocket.Open(Sockets.Options(TestNetwork.Far, queue: 0));
            using XskSocket far1 = XskSocket.Open(Sockets.Options(TestNetwork.Far, queue: 1));
            Assert.Equal(far0.ProgramId, far1.ProgramId);
            near.Send(Frames.Series(10));
            AssertSame(Frames.Series(10), far1.Take(10));
            Assert.Empty(far0.Drain(100));
            Sockets.AssertConserved(near, far0, far1);
        });
    }

    [KernelFact]
    public void One_poller_serves_both_queues_of_an_interface()
    {
        using TestNetwork network = new(queues: 2);
        network.Run(() =>
        {
            using XskSocket near = XskSocket.Open(Sockets.Options(queue: 1));
            using XskSocket far0 = XskSocket.Open(Sockets.Options(TestNetwork.Far, queue: 0));
            using XskSocket far1 = XskSocket.Open(Sockets.Options(TestNetwork.Far, queue: 1));
            using XskPoller poller = new([far0, far1]);
            Assert.False(poller.Wait(TimeSpan.FromMilliseconds(50)));
            near.Send(Frames.Series(1));
            Assert.True(poller.Wait(TimeSpan.FromSeconds(2)));
            using ReceiveBatch none = far0.Receive(8);
            using ReceiveBatch one = far1.Receive(8);
            Assert.Equal((0, 1), (none.Count, one.Count));
        });
    }

    [KernelTheory]
    [InlineData(XdpAttachMode.Native)]
    [InlineData(XdpAttachMode.Generic)]
    public void A_packets_timestamp_is_when_it_arrived_by_the_kernels_clock(XdpAttachMode mode)
    {
        using TestNetwork network = new();
        network.Run(() =>
        {
            using XskSocket near = Sockets.Open();
            using XskSocket far = XskSocket.Open(Sockets.Options(TestNetwork.Far, attach: mode));
            for (int round = 0; round < 3; round++)
            {
                DateTime before = DateTime.UtcNow;
                near.Send(Frames.Series(4));
                DateTime after = DateTime.UtcNow;
                // Read late: the time must be that of the arrival, not of the reading.
                Thread.Sleep(150);
                using ReceiveBatch batch = far.Receive(8);
                Assert.Equal(4, batch.Count);
                long previous = 0;
                for (int i = 0; i < batch.Count; i++)
                {
                    ReceivedFrame frame = batch[i];
                    Assert.True(frame.IsKernelTimestamp);
                    Assert.True(frame.Timestamp >= previous);
                    previous = frame.Timestamp;
                    DateTime time = DateTime.UnixEpoch.AddTicks(frame.Timestamp / 100);
                    Assert.InRange(time, before.AddMilliseconds(-5), after.AddMilliseconds(50));
                }
            }
        });
    }

    [KernelTheory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(64)]
    [InlineData(277)]
    public void A_headroom_leaves_the_bytes_and_the_time_intact(int headroom)
    {
        using TestNetwork network = new();
        network.Run(() =>
        {
            using XskSocket near = Sockets.Open();
            using XskSocket far = XskSocket.Open(new XskSocketOptions { InterfaceName = TestNetwork.Far, FrameCount = 64, Headroom = headroom });
            byte[][] frames = Frames.Series(20, 1514);
            near.Send(frames);
            using (ReceiveBatch batch = far.Receive(1))
            {
                Assert.True(batch[0].IsKernelTimestamp);
                Assert.Equal(frames[0], batch[0].Data.ToArray());
            }

            AssertSame(frames[1..], far.Take(19));
            Sockets.AssertConserved(near, far);
        });
    }

    [KernelFact]
    public void A_frame_of_the_mtu_and_a_vlan_tag_may_be_sent_and_one_byte_more_may_not()
    {
        using TestNetwork network = new();
        network.Run(() =>
        {
            using XskSocket near = Sockets.Open();
            using XskSocket far = Sockets.Open(TestNetwork.Far);
            byte[] tagged = Frames.Make(1518);
            Frames.Hex("8100 0005").CopyTo(tagged, 12);
            near.Send(tagged);
            // The kernel's own veth may take the tag out of the bytes; the rest has to be there.
            byte[] received = Assert.Single(far.Take(1));
            Assert.Equal(tagged[^1496..], received[^1496..]);
            XskException failure = Sockets.Fails(XskErrorId.FrameTooLong, () => near.TrySend(Frames.Make(1515)));
            Assert.Contains("1515 bytes", failure.Message, StringComparison.Ordinal);
            Assert.Contains("1500 allows 1514", failure.Message, StringComparison.Ordinal);
            failure = Sockets.Fails(XskErrorId.FrameTooShort, () => near.TrySend(new byte[13]));
            Assert.Contains("13 bytes", failure.Message, StringComparison.Ordinal);
            network.Ip("link", "set", TestNetwork.Near, "mtu", "1600");
            near.CheckFrame(Frames.Make(1614));
            Sockets.AssertConserved(near, far);
        });
    }

    [KernelFact]
    public void A_frame_longer_than_the_umem_frame_is_refused()
    {
        using TestNetwork network = new();
        network.Run(() =>
        {
            network.Ip("link", "set", TestNetwork.Near, "mtu", "3000");
            using XskSocket near = Sockets.Open();
            XskException failure = Sockets.Fails(XskErrorId.FrameTooLong, () => near.TrySend(Frames.Make(2049)));
            Assert.Contains("2048 bytes", failure.Message, StringComparison.Ordinal);
            Sockets.AssertConserved(near);
        });
    }

    [KernelFact]
    public void A_batch_that_is_not_filled_gives_its_room_back()
    {
        using TestNetwork network = new();
        network.Run(() =>
        {
            using XskSocket near = Sockets.Open();
            using XskSocket far = Sockets.Open(TestNetwork.Far);
            for (int round = 0; round < 10; round++)
            {
                using (SendBatch batch = near.ReserveSend(1000))
                {
                    Assert.Equal(64, batch.Capacity);
                    Frames.Make(70, round).CopyTo(batch.Next);
                    batch.Add(70);
                    Assert.True(batch.TryAdd(Frames.Make(80, round)));
                }

                Assert.True(near.Flush(TimeSpan.FromSeconds(2)));
                AssertSame([Frames.Make(70, round), Frames.Make(80, round)], far.Take(2));
            }

            Sockets.AssertConserved(near, far);
        });
    }

    private static void AssertSame(byte[][] expected, List<byte[]> actual)
    {
        Assert.Equal(expected.Length, actual.Count);
        for (int i = 0; i < expected.Length; i++)
            Assert.True(expected[i].AsSpan().SequenceEqual(actual[i]), $"packet {i} of {expected[i].Length} bytes differs");
    }
}
