namespace XdpPS.Tests;

/// <summary>What the packet path costs where that does not depend on the machine: memory and system calls. And that it gives up no check for it.</summary>
public sealed class EconomyTests
{
    [KernelTheory]
    [InlineData(XdpAttachMode.Native)]
    [InlineData(XdpAttachMode.Generic)]
    public void Receiving_and_sending_allocate_nothing(XdpAttachMode mode)
    {
        using TestNetwork network = new();
        network.Run(() =>
        {
            using XskSocket near = XskSocket.Open(Sockets.Options(attach: mode)), far = XskSocket.Open(Sockets.Options(TestNetwork.Far, attach: mode));
            using XskPoller poller = new([near]);
            byte[] frame = Frames.Make(60);
            long read = 0, bytes = 0, late = 0;
            for (int i = 0; i < 50; i++) Round();
            long before = GC.GetAllocatedBytesForCurrentThread();
            long readBefore = read;
            for (int i = 0; i < 200; i++) Round();
            Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
            Assert.Equal(200 * 32, read - readBefore);
            Assert.Equal(read * frame.Length, bytes);
            Assert.Equal(0, late);

            void Round()
            {
                using (SendBatch batch = far.ReserveSend(16))
                {
                    while (batch.TryAdd(frame))
                    {
                    }
                }

                for (int i = 0; i < 16; i++) far.TrySend(frame);
                far.Flush(TimeSpan.FromSeconds(5));
                for (int left = 32; left > 0;)
                {
                    if (!poller.Wait(TimeSpan.FromSeconds(5))) return;
                    using ReceiveBatch batch = near.Receive(left);
                    for (int i = 0; i < batch.Count; i++)
                    {
                        bytes += batch[i].Data.Length;
                        if (!batch[i].IsKernelTimestamp) late++;
                    }

                    read += batch.Count;
                    left -= batch.Count;
                }
            }
        });
    }

    [KernelFact]
    public void A_received_packet_costs_48_bytes_and_the_array_of_its_data()
    {
        using TestNetwork network = new();
        network.Run(() =>
        {
            using XskSocket near = XskSocket.Open(Sockets.Options()), far = XskSocket.Open(Sockets.Options(TestNetwork.Far));
            XskPacketReader reader = new();
            XskPacket[] packets = new XskPacket[32];
            byte[] frame = Frames.Make(64);
            Round();
            // The least of some rounds: the runtime itself allocates now and then.
            long least = long.MaxValue;
            for (int i = 0; i < 10; i++)
            {
                long before = GC.GetAllocatedBytesForCurrentThread();
                Round();
                least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
            }

            Assert.Equal(32 * (48 + 24 + 64), least);

            void Round()
            {
                for (int i = 0; i < packets.Length; i++) far.TrySend(frame);
                Assert.True(far.Flush(TimeSpan.FromSeconds(5)));
                int read = 0;
                for (int tries = 0; read < packets.Length - 1 && tries < 1_000_000; tries++)
                    read += reader.Read(near, packets.AsSpan(read, packets.Length - 1 - read));
                // Assert.Equal would allocate.
                Assert.True(read == packets.Length - 1);
                Assert.NotNull(reader.ReadOne(near));
            }
        });
    }

    [KernelFact]
    public void Thirty_two_frames_take_one_call_to_send_and_none_to_receive()
    {
        using TestNetwork network = new();
        network.Run(() =>
        {
            using XskSocket near = Sockets.Open(), far = Sockets.Open(TestNetwork.Far);
            byte[][] frames = Frames.Series(32);
            for (int round = 1; round <= 10; round++)
            {
                using (SendBatch batch = far.ReserveSend(32))
                {
                    foreach (byte[] frame in frames) Assert.True(batch.TryAdd(frame));
                }

                // The kernel takes 32 frames a call at the most: all are gone after one.
                far.Pump();
                Assert.Equal(0, far.GetStatistics().Tx!.Used);
                Assert.Equal(round, far.GetStatistics().TxWakeups);
                Assert.Equal(32, near.Take(32).Count);
            }

            Assert.True(far.Flush(TimeSpan.FromSeconds(5)));
            long wakeups = far.GetStatistics().TxWakeups;
            far.Pump();
            Assert.Equal(wakeups, far.GetStatistics().TxWakeups);
            Assert.Equal(0, near.GetStatistics().RxWakeups);
        });
    }

    [KernelFact]
    public void The_sender_makes_one_call_for_32_frames()
    {
        using TestNetwork network = new();
        network.Run(() =>
        {
            using XskSocket far = XskSocket.Open(Sockets.Options(TestNetwork.Far, frames: 1024, tx: 512, completion: 512));
            using XskSender sender = new(far, 0, TimeSpan.FromSeconds(5));
            byte[] frame = Frames.Make(60);
            for (int i = 0; i < 320; i++) Assert.True(sender.Send(frame));
            Assert.Equal(10, far.GetStatistics().TxWakeups);
            sender.Wake();
            Assert.Equal(10, far.GetStatistics().TxWakeups);
        });
    }

    [KernelFact]
    public void The_kernel_is_called_for_a_full_fill_ring_only_when_it_asks_and_once_a_batch()
    {
        using PlayedKernel kernel = new();
        ReceiveAll(kernel, 64);
        Assert.Equal(0, kernel.Receive.Wakeups);
        kernel.FillWantsWakeup = true;
        ReceiveAll(kernel, 64);
        Assert.Equal(1, kernel.Receive.Wakeups);
        kernel.FillWantsWakeup = false;
        ReceiveAll(kernel, 64);
        Assert.Equal(1, kernel.Receive.Wakeups);
    }

    [KernelFact]
    public void The_kernel_is_called_for_the_tx_ring_only_when_it_asks()
    {
        using PlayedKernel kernel = new();
        using (SendBatch batch = kernel.Reserve(8))
        {
            while (batch.Count < batch.Capacity) batch.Add(60);
        }

        kernel.TxWantsWakeup = false;
        kernel.Transmit.Wake();
        Assert.Equal(0, kernel.Transmit.Wakeups);
        kernel.TxWantsWakeup = true;
        // Here the call itself is seen: a socket that is not bound refuses it.
        Sockets.Fails(XskErrorId.InterfaceGone, kernel.Transmit.Wake);
        Assert.Equal(1, kernel.Transmit.Wakeups);
    }

    [KernelTheory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_old_time_is_never_taken_for_a_new_one(bool read)
    {
        using PlayedKernel kernel = new();
        // FILL holds 64 of the frames: after as many packets the next ones come into frames that were used.
        HashSet<ulong> used = [];
        for (int round = 0; round < 2; round++)
        {
            for (int i = 0; i < 64; i++) used.Add(kernel.Deliver(arrived: 1000 + i));
            using ReceiveBatch batch = kernel.Take(64);
            for (int i = 0; read && i < batch.Count; i++) Assert.True(batch[i].IsKernelTimestamp);
            if (!read) break;
        }

        // A driver that writes no times, or has stopped doing so.
        int again = 0;
        for (int round = 0; round < 4; round++)
        {
            for (int i = 0; i < 32; i++)
            {
                if (used.Contains(kernel.Deliver(arrived: null))) again++;
            }

            using ReceiveBatch batch = kernel.Take(32);
            for (int i = 0; i < batch.Count; i++) Assert.False(batch[i].IsKernelTimestamp);
        }

        Assert.NotEqual(0, again);
    }

    [KernelFact]
    public void A_driver_that_writes_times_is_believed_although_nobody_read_the_packets_before()
    {
        using PlayedKernel kernel = new();
        for (int round = 0; round < 10; round++) ReceiveAll(kernel, 64, arrived: 1000 + round);
        long now = Interop.KernelClock.Monotonic;
        kernel.Deliver(arrived: now);
        using ReceiveBatch batch = kernel.Take(1);
        Assert.True(batch[0].IsKernelTimestamp);
        Assert.InRange(batch[0].Timestamp - Interop.KernelClock.RealtimeOffset, now - 1_000_000_000, now + 1_000_000_000);
    }

    [KernelTheory]
    [InlineData(PlayedKernel.Frames * 2048ul)]
    [InlineData(ulong.MaxValue)]
    [InlineData((PlayedKernel.Frames * 2048ul) - 2048)]
    public void A_batch_with_a_frame_that_is_not_ours_gives_none_back(ulong foreign)
    {
        using PlayedKernel kernel = new();
        int free = kernel.Pool.Count;
        kernel.Deliver(arrived: null);
        kernel.Produce(foreign, 60);
        Sockets.Fails(XskErrorId.RingCorrupted, () => kernel.Take(2).Dispose());
        Assert.Equal(free, kernel.Pool.Count);
        Assert.Equal(0, kernel.Receive.Packets);
    }

    [KernelFact]
    public void A_completion_that_names_a_frame_twice_is_refused_when_more_come_back_than_went_out()
    {
        using PlayedKernel kernel = new();
        ulong address;
        using (SendBatch batch = kernel.Reserve(1))
        {
            batch.Add(60);
        }

        address = kernel.SendPool.Free[0];
        Assert.Equal(1, kernel.Complete());
        kernel.CompleteAs(address);
        Sockets.Fails(XskErrorId.RingCorrupted, kernel.Transmit.Reap);
        Assert.Equal(0, kernel.Transmit.Completed);
    }

    [KernelFact]
    public void A_send_batch_with_a_frame_that_is_not_ours_lets_the_next_sender_in_all_the_same()
    {
        using PlayedKernel kernel = new();
        Sockets.Fails(XskErrorId.RingCorrupted, () =>
        {
            using SendBatch batch = kernel.Reserve(2);
            kernel.SpoilReserved();
        });
        Assert.True(kernel.Transmit.Gate.TryEnter());
    }

    private static void ReceiveAll(PlayedKernel kernel, int count, long? arrived = null)
    {
        for (int i = 0; i < count; i++) kernel.Deliver(arrived);
        using ReceiveBatch batch = kernel.Take(count);
        Assert.Equal(count, batch.Count);
    }
}
