using System.Runtime.CompilerServices;
using XdpPS.Interop;

namespace XdpPS.Tests;

/// <summary>Sockets on one queue, used, opened and closed by several threads at once.</summary>
public sealed class SharedQueueRaceTests : IDisposable
{
    private const int Count = 3000;

    private readonly TestNetwork network = new();

    public void Dispose() => network.Dispose();

    [KernelFact]
    public void Both_send_and_both_receive_at_once() => network.Run(() =>
    {
        using XskSocket first = XskSocket.Open(Sockets.Options(frames: 1024, rx: 256, fill: 256));
        using XskSocket second = first.Share(rx: 256);
        using XskSocket far = XskSocket.Open(Sockets.Options(TestNetwork.Far, frames: 4096, rx: 2048, fill: 2048));
        List<byte[]> atFirst = [], atSecond = [], atFar = [];
        bool done = false;
        long read = 0;
        TestNetwork.Running[] receivers =
        [
            network.Spawn(() => TakeInto(first, atFirst)),
            network.Spawn(() => TakeInto(second, atSecond)),
            network.Spawn(() => TakeInto(far, atFar)),
            network.Spawn(() => SwapSlots(first, second)),
        ];
        byte[][] inward = Frames.Series(Count, 300);
        TestNetwork.Running[] senders =
        [
            network.Spawn(() => SendPaced(first, Frames.Series(Count, 100))),
            network.Spawn(() => SendPaced(second, Frames.Series(Count, 200))),
            network.Spawn(() => SendPaced(far, inward)),
        ];
        foreach (TestNetwork.Running sender in senders) sender.Join();
        SpinWait.SpinUntil(() => Interlocked.Read(ref read) == 3 * Count, 3000);
        Volatile.Write(ref done, true);
        foreach (TestNetwork.Running receiver in receivers) receiver.Join();

        Assert.Equal((0, 0, 0), (first.PendingSends, second.PendingSends, far.PendingSends));
        Assert.Equal(Frames.Series(Count, 100), atFar.Where(frame => frame.Length == 100));
        Assert.Equal(Frames.Series(Count, 200), atFar.Where(frame => frame.Length == 200));
        Assert.NotEmpty(atFirst);
        Assert.NotEmpty(atSecond);
        Assert.Equal(Sorted(inward), Sorted([.. atFirst, .. atSecond]));
        Sockets.AssertConserved(first, second, far);
        Assert.Equal(1024, first.CountFrames().Total + second.CountFrames().Total);

        void TakeInto(XskSocket socket, List<byte[]> packets)
        {
            while (!Volatile.Read(ref done))
            {
                using ReceiveBatch batch = socket.Receive(64);
                for (int i = 0; i < batch.Count; i++) packets.Add(batch[i].Data.ToArray());
                Interlocked.Add(ref read, batch.Count);
                if (batch.Count == 0) Thread.Sleep(1);
            }
        }

        // As another program would, that redirects to one now and to the other then.
        void SwapSlots(XskSocket one, XskSocket other)
        {
            using NetworkNamespace place = NetworkNamespace.Current();
            XdpAttachment attachment = XdpAttachment.Acquire(place, XdpInterface.Get(TestNetwork.Near), Sockets.Options(), [], CancellationToken.None);
            for (int i = 1; !Volatile.Read(ref done); i++)
            {
                Assert.True(attachment.Map.TryReplace(0, (i % 2 == 0 ? one : other).Descriptor));
                Thread.Sleep(1);
            }

            Assert.True(attachment.Map.TryReplace(0, one.Descriptor));
            attachment.Release();
        }

        // The wire of a veth is a queue of 256.
        void SendPaced(XskSocket socket, byte[][] frames)
        {
            for (int i = 0; i < frames.Length; i += 20)
            {
                socket.Send(frames[i..(i + 20)]);
                SpinWait.SpinUntil(() => Interlocked.Read(ref read) >= (3 * i) - 60, 100);
            }
        }
    });

    /// <summary>Sharing looks into the owner's directions for a moment: who is busy there waits, and is not told that another thread is.</summary>
    [KernelTheory]
    [InlineData(0)]
    [InlineData(1)]
    public void Who_receives_and_sends_without_pause_is_not_disturbed_by_sharers(int queue)
    {
        using TestNetwork wide = new(queues: 2);
        wide.Run(() =>
        {
            using XskSocket owner = XskSocket.Open(Sockets.Options(frames: 512));
            bool done = false;
            TestNetwork.Running receiving = wide.Spawn(() =>
            {
                while (!Volatile.Read(ref done)) owner.Receive(8).Dispose();
            });
            TestNetwork.Running sending = wide.Spawn(() =>
            {
                byte[] frame = Frames.Make(60);
                while (!Volatile.Read(ref done))
                {
                    owner.TrySend(frame);
                    owner.Pump();
                }
            });
            for (int i = 0; i < 30; i++) owner.Share(queue: queue).Dispose();
            Volatile.Write(ref done, true);
            receiving.Join();
            sending.Join();
            Assert.True(owner.Flush(TimeSpan.FromSeconds(5)));
            Sockets.AssertConserved(owner);
        });
    }

    [KernelFact("tcpdump")]
    public void Sharers_come_and_go_while_the_first_sends_and_receives()
    {
        byte[][] frames = Frames.Series(Count, 100);
        using Capture capture = new(network, TestNetwork.Far);
        network.Run(() =>
        {
            using XskSocket owner = XskSocket.Open(Sockets.Options(frames: 512, rx: 128, fill: 128));
            bool done = false;
            TestNetwork.Running receiving = network.Spawn(() =>
            {
                while (!Volatile.Read(ref done))
                {
                    Kernel.SendRaw(TestNetwork.Far, Frames.Series(10, 333));
                    Assert.Equal(10, owner.Take(10).Count);
                }
            });
            TestNetwork.Running coming = network.Spawn(() =>
            {
                for (int i = 0; i < 30; i++)
                {
                    using XskSocket sharer = owner.Share();
                    sharer.Send(Frames.Series(10, 200));
                }
            });
            foreach (byte[][] burst in frames.Chunk(20))
            {
                owner.Send(burst);
                Thread.Sleep(2);
            }

            coming.Join();
            Volatile.Write(ref done, true);
            receiving.Join();
            Sockets.AssertConserved(owner);
            using XskSocket last = owner.Share();
            Assert.Equal(512, owner.CountFrames().Total + last.CountFrames().Total);
        });
        List<byte[]> seen = capture.Stop([.. frames, .. Enumerable.Range(0, 30).SelectMany(_ => Frames.Series(10, 200))]);
        Assert.Equal(frames, seen.Where(frame => frame.Length == 100));
        Assert.Equal(300, seen.Count(frame => frame.Length == 200));
    }

    [KernelFact]
    public void The_slot_goes_from_one_to_the_next_under_a_flood_and_no_frame_is_lost() => network.Run(() =>
    {
        XskSocket current = Sockets.Open();
        bool done = false;
        TestNetwork.Running flood = network.Spawn(() =>
        {
            while (!Volatile.Read(ref done)) Kernel.SendRaw(TestNetwork.Far, Frames.Series(50));
        });
        for (int i = 0; i < 20; i++)
        {
            XskSocket next = current.Share();
            for (int reads = 0; reads < 20; reads++) current.Receive(64).Dispose();
            current.Close();
            current = next;
        }

        Volatile.Write(ref done, true);
        flood.Join();
        current.Drain(50);
        FrameCensus census = current.CountFrames();
        Assert.Equal((64, 0), (census.Fill, census.KernelReceive));
        Sockets.AssertConserved(current);
        current.Close();
    });

    /// <remarks>
    /// A poll delivers what it redirects at its end (xdp_do_flush), also to a socket that has left the map meanwhile.
    /// Without the wait in <see cref="QueueRings.Leave"/> the frames of these packets are lost.
    /// </remarks>
    [KernelFact]
    public void What_a_poll_delivers_after_a_socket_has_left_the_map_is_not_lost() => network.Run(() =>
    {
        const int received = 2 * LivePoll.Packets;
        XskSocketOptions options = Sockets.Options(frames: 2 * received, rx: received, fill: received);
        XskSocket current = XskSocket.Open(options);
        using FileDescriptor attached = BpfCall.OpenById(BpfAbi.BPF_PROG_GET_FD_BY_ID, (uint)current.ProgramId)!;
        using FileDescriptor map = BpfCall.OpenById(BpfAbi.BPF_MAP_GET_FD_BY_ID, BpfCall.MapIds(attached).Single())!;
        using XdpProgram slow = LivePoll.LoadSlow(map);
        int interrupted = 0;
        for (int rounds = 0; rounds < 40 && interrupted < 3; rounds++)
        {
            XskSocket next = XskSocket.Open(options with { ShareUmemWith = current });
            TestNetwork.Running poll = network.Spawn(() => LivePoll.Run(slow, next.InterfaceIndex, Frames.Make(60)));
            // How long the poll takes is the machine's affair.
            Thread.Sleep(2 + (rounds % 8 * 5));
            current.Close();
            poll.Join();
            current = next;
            // Of one that had begun before, and ended after, the slot went to the next, a part came here.
            if (current.Drain(50).Count is > 0 and < LivePoll.Packets) interrupted++;
            FrameCensus census = current.CountFrames();
            Assert.Equal((received, 0), (census.Fill, census.KernelReceive));
            Sockets.AssertConserved(current);
        }

        Assert.True(interrupted > 0 || Environment.ProcessorCount == 1, "no poll went on while its socket was closed");
        current.Close();
    });

    [KernelFact]
    public void A_sharer_closes_while_the_other_does_in_every_order() => network.Run(() =>
    {
        Sockets.Open().Dispose();
        Residue before = Residue.Now();
        for (int i = 0; i < 15; i++)
        {
            XskSocket first = Sockets.Open();
            XskSocket second = first.Share(), third = second.Share();
            TestNetwork.Running[] closing = [.. new[] { first, second, third }.Select(socket => network.Spawn(socket.Close))];
            foreach (TestNetwork.Running thread in closing) thread.Join();
            Assert.False(network.HasProgram());
        }

        Residue.AssertNoMoreThan(before);
    });

    [KernelFact]
    public void A_sharer_that_was_forgotten_is_collected_and_the_queue_goes_on() => network.Run(() =>
    {
        using XskSocket owner = Sockets.Open();
        // What an earlier test has forgotten is not to be counted.
        GC.Collect();
        GC.WaitForPendingFinalizers();
        Residue before = Residue.Now();
        Forget(owner);
        Assert.True(Residue.Now().RingMappings > before.RingMappings);
        for (int i = 0; i < 20 && Residue.Now().RingMappings > before.RingMappings; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Residue.AssertNoMoreThan(before);
        using XskSocket sharer = owner.Share();
        using XskSocket far = Sockets.Open(TestNetwork.Far);
        Assert.Equal(16, sharer.FrameCount);
        owner.Send(Frames.Series(10));
        sharer.Send(Frames.Series(10, 200));
        Assert.Equal([.. Frames.Series(10), .. Frames.Series(10, 200)], far.Take(20));
        Sockets.AssertConserved(owner, sharer, far);

        [MethodImpl(MethodImplOptions.NoInlining)]
        static void Forget(XskSocket owner) => Assert.True(owner.Share().IsOpen);
    });

    [KernelFact]
    public void When_the_first_was_forgotten_its_packets_and_its_queue_are_the_seconds() => network.Run(() =>
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        Residue before = Residue.Now();
        using XskSocket second = ShareAndForget();
        for (int i = 0; i < 20 && Residue.Now().RingMappings > before.RingMappings + 4; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.Equal(before.RingMappings + 4, Residue.Now().RingMappings);
        using XskSocket far = Sockets.Open(TestNetwork.Far);
        far.Send(Frames.Series(10));
        Assert.Equal(Frames.Series(10), second.Take(10));
        second.Send(Frames.Series(10));
        Assert.Equal(Frames.Series(10), far.Take(10));
        Sockets.AssertConserved(second, far);
        second.Close();
        Assert.Equal(before.RingMappings + 4, Residue.Now().RingMappings);
        using XskSocket next = Sockets.Open();
        far.Send(Frames.Series(10));
        Assert.Equal(Frames.Series(10), next.Take(10));

        [MethodImpl(MethodImplOptions.NoInlining)]
        static XskSocket ShareAndForget() => Sockets.Open().Share();
    });

    private static IEnumerable<string> Sorted(IEnumerable<byte[]> frames) => frames.Select(Convert.ToHexString).Order(StringComparer.Ordinal);
}
