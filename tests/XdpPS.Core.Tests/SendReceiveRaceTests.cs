using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using static XdpPS.Tests.FrameBuilderTests;

namespace XdpPS.Tests;

/// <summary>Threads that use one socket at the same moment: a sender and its waker, receivers, forwarders, whoever asks or closes.</summary>
public sealed class SendReceiveRaceTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly TestNetwork network = new();

    public void Dispose() => network.Dispose();

    [KernelFact]
    public void A_socket_is_closed_while_its_sender_leaves_frames_to_the_waker()
    {
        Random random = new(6);
        WithoutResidue(() =>
        {
            for (int round = 0; round < 40; round++)
            {
                XskSocket socket = Sockets.Open();
                using ManualResetEventSlim sending = new();
                TestNetwork.Running thread = network.Spawn(() =>
                {
                    using XskSender sender = new(socket, 0, Patience);
                    XskException end = Assert.Throws<XskException>(() =>
                    {
                        for (int i = 0; i < 100_000_000; i++)
                        {
                            Give(sender, Frames.Make(60, i));
                            if (i == 100) sending.Set();
                        }
                    });
                    Assert.Equal(XskErrorId.SocketClosed, end.ErrorId);
                });
                sending.Wait(Patience);
                Thread.Sleep(random.Next(0, 6));
                socket.Close();
                thread.Join();
            }
        });
    }

    [KernelFact]
    public void A_sender_that_was_forgotten_keeps_neither_its_thread_nor_its_socket() => WithoutResidue(() =>
    {
        WeakReference forgotten = Forget();
        for (int i = 0; i < 20 && forgotten.IsAlive; i++)
        {
            Thread.Sleep(20);
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.False(forgotten.IsAlive);

        [MethodImpl(MethodImplOptions.NoInlining)]
        static WeakReference Forget()
        {
            XskSocket socket = Sockets.Open();
            XskSender sender = new(socket, 0, Patience);
            for (int i = 0; i < 500; i++) Give(sender, Frames.Make(60, i));
            return new WeakReference(socket);
        }
    });

    [KernelFact]
    public void A_close_that_was_refused_leaves_both_directions_open() => WithoutResidue(() =>
    {
        using XskSocket socket = Sockets.Open(), far = Sockets.Open(TestNetwork.Far);
        using (SendBatch batch = socket.ReserveSend(1))
        {
            Sockets.Fails(XskErrorId.SocketBusy, socket.Close);
            Assert.True(batch.TryAdd(Frames.Make(100)));
        }

        far.Send(Frames.Series(3));
        Assert.Equal(Frames.Series(3), socket.Take(3));
        Assert.True(socket.Flush(Patience));
        Assert.Equal([Frames.Make(100)], far.Take(1));
        Sockets.AssertConserved(socket, far);
    });

    [KernelFact]
    public void Whoever_asks_a_socket_while_it_sends_and_receives_with_a_waker_disturbs_neither() => WithoutResidue(() =>
    {
        const int Count = 4000;
        XskSocketOptions large = Sockets.Options(frames: 16384, rx: 8192, fill: 8192);
        using XskSocket near = XskSocket.Open(large), far = XskSocket.Open(large with { InterfaceName = TestNetwork.Far });
        byte[][] there = Frames.Series(Count), back = Frames.Series(Count, 90);
        using CancellationTokenSource done = new();
        ReceiveBatch held = near.Receive(1);
        TestNetwork.Running[] askers =
        [
            network.Spawn(() => { while (!done.IsCancellationRequested) near.GetStatistics(); }),
            network.Spawn(() => { while (!done.IsCancellationRequested) near.CheckHealth(); }),
            network.Spawn(() => { while (!done.IsCancellationRequested) { near.CountFrames(); Thread.Sleep(1); } }),
            network.Spawn(() =>
            {
                // The ring is near's, the direction somebody else's: refused, and nothing is lost by it.
                while (!done.IsCancellationRequested)
                {
                    try
                    {
                        using ReceiveBatch none = near.Receive(1);
                        Assert.Fail("a second receiver came in");
                    }
                    catch (XskException e) when (e.ErrorId == XskErrorId.SocketBusy)
                    {
                        Thread.Sleep(1);
                    }
                }
            }),
        ];
        TestNetwork.Running sending = network.Spawn(() => SendAll(near, there));
        SendAll(far, back);
        sending.Join();
        done.Cancel();
        foreach (TestNetwork.Running asker in askers) asker.Join();
        held.Dispose();
        Assert.Equal(there, far.Take(Count));
        Assert.Equal(back, near.Take(Count));
        Sockets.AssertConserved(near, far);
    });

    [KernelTheory]
    [InlineData(false, 3000, 100)]
    [InlineData(true, 600, 5000)]
    public void Two_forwarders_work_on_one_umem_in_opposite_directions(bool multiBuffer, int count, int length)
    {
        using TestNetwork second = new();
        if (multiBuffer)
        {
            foreach (TestNetwork place in new[] { network, second }) place.Batch($"link set {TestNetwork.Near} mtu 9000", $"link set {TestNetwork.Far} mtu 9000");
        }

        XskSocketOptions options = Sockets.Options(frames: 4096, rx: 512, tx: 512, fill: 512, completion: 512, networkNamespace: network.Name) with { MultiBuffer = multiBuffer };
        using XskSocket a = XskSocket.Open(options);
        using XskSocket b = XskSocket.Open(new XskSocketOptions
        {
            InterfaceName = TestNetwork.Near,
            NetworkNamespace = second.Name,
            ShareUmemWith = a,
            RxRingSize = 512,
            TxRingSize = 512,
            FillRingSize = 512,
            CompletionRingSize = 512,
            MultiBuffer = multiBuffer,
        });
        using XskForwarder there = new(a, b), back = new(b, a);
        Assert.True(there.SharesUmem && back.SharesUmem);
        TestNetwork.Running[] forwarding = [new(() => there.Run(Patience)), new(() => back.Run(Patience))];
        XskSocketOptions large = Sockets.Options(TestNetwork.Far, frames: 16384, rx: 8192, fill: 8192) with { MultiBuffer = multiBuffer };
        using XskSocket farA = XskSocket.Open(large with { NetworkNamespace = network.Name }), farB = XskSocket.Open(large with { NetworkNamespace = second.Name });
        byte[][] toB = Frames.Series(count, length), toA = Frames.Series(count, length - 10);
        TestNetwork.Running sending = new(() => SendPaced(farA, toB));
        SendPaced(farB, toA);
        sending.Join();
        List<byte[]> atB = farB.Take(count), atA = farA.Take(count);
        there.Stop();
        back.Stop();
        foreach (TestNetwork.Running one in forwarding) one.Join();
        Assert.Equal(toB, atB);
        Assert.Equal(toA, atA);
        Assert.True(there.Finish(Patience) && back.Finish(Patience));
        Sockets.AssertConserved(a, b, farA, farB);

        static void SendPaced(XskSocket socket, byte[][] frames)
        {
            for (int i = 0; i < frames.Length; i += 20)
            {
                socket.Send(frames[i..(i + 20)]);
                Thread.Sleep(1);
            }
        }
    }

    [KernelFact]
    public void Two_threads_send_the_frames_of_one_template_on_two_sockets() => WithoutResidue(() =>
    {
        const int Count = 2000;
        XskFrameTemplate template = new FrameBuilder
        {
            Protocol = FrameProtocol.Udp,
            SourceMac = Mac("02:00:00:00:00:01"),
            DestinationMac = Mac("02:00:00:00:00:02"),
            SourceAddress = Address("10.0.0.1"),
            DestinationAddress = Address("10.0.0.2"),
            SourcePort = Number("1-60000"),
            DestinationPort = Number("7"),
        }.BuildTemplate(Count);
        XskSocketOptions large = Sockets.Options(frames: 16384, rx: 8192, fill: 8192);
        using XskSocket near = XskSocket.Open(large), far = XskSocket.Open(large with { InterfaceName = TestNetwork.Far });
        TestNetwork.Running other = network.Spawn(() => SendTemplate(far));
        SendTemplate(near);
        other.Join();
        foreach (XskSocket socket in new[] { near, far })
            Assert.Equal(Enumerable.Range(1, Count), socket.Take(Count).Select(frame => (int)BinaryPrimitives.ReadUInt16BigEndian(frame.AsSpan(34))));
        Sockets.AssertConserved(near, far);

        void SendTemplate(XskSocket socket)
        {
            using XskSender sender = new(socket, 0, Patience);
            for (int i = 0; i < Count; i++)
            {
                Assert.True(sender.Send(template, i));
                sender.WakeSoon();
            }

            Assert.True(sender.Finish(Patience));
        }
    });

    private static void SendAll(XskSocket socket, byte[][] frames)
    {
        using XskSender sender = new(socket, 0, Patience);
        foreach (byte[] frame in frames) Give(sender, frame);
        Assert.True(sender.Finish(Patience));
        Assert.Equal(frames.Length, sender.GetResult().Completed);
    }

    /// <summary>As the cmdlet does with an input.</summary>
    private static void Give(XskSender sender, byte[] frame)
    {
        Assert.True(sender.Send(frame));
        sender.WakeSoon();
    }

    private void WithoutResidue(Action body) => network.Run(() =>
    {
        Sockets.Open().Dispose();
        Residue before = Residue.Now();
        body();
        Residue.AssertNoMoreThan(before);
        Assert.False(network.HasProgram());
    });
}
