using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace XdpPS.Tests;

/// <summary>What others do at the same moment: threads, processes, the garbage collector.</summary>
public sealed class RaceTests : IDisposable
{
    private readonly TestNetwork network = new(queues: 2);

    public void Dispose()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        network.Dispose();
    }

    [KernelFact]
    public void Two_threads_open_and_close_two_queues_of_one_interface() => network.Run(() =>
    {
        TestNetwork.Running other = network.Spawn(() => OpenAndClose(1, 40));
        OpenAndClose(0, 40);
        other.Join();
        Assert.False(network.HasProgram());
    });

    [KernelFact]
    public void Two_processes_open_and_close_two_queues_of_one_interface_and_none_goes_deaf() => network.Run(() =>
    {
        using XskSocket far = XskSocket.Open(Sockets.Options(TestNetwork.Far, queue: 0));
        for (int i = 0; i < 10; i++)
        {
            using Process other = Holder.Start(network, TestNetwork.Near, "1");
            other.StandardInput.Close();
            // While the other closes.
            using XskSocket socket = XskSocket.Open(Sockets.Options());
            other.WaitForExit();
            Thread.Sleep(30);
            socket.CheckHealth();
            far.Send(Frames.Series(2));
            Assert.Equal(Frames.Series(2), socket.Take(2));
        }
    });

    [KernelFact]
    public void A_batch_keeps_its_memory_although_its_socket_was_forgotten() => network.Run(() =>
    {
        using XskSocket far = Sockets.Open(TestNetwork.Far);
        ReceiveBatch batch = ReceiveAndForget(far);
        for (int i = 0; i < 3; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.Equal(5, batch.Count);
        for (int i = 0; i < 5; i++) Assert.Equal(Frames.Series(5)[i], batch[i].Data.ToArray());
        batch.Dispose();
    });

    [KernelFact]
    public void A_queue_whose_socket_was_forgotten_can_be_opened_again() => network.Run(() =>
    {
        Forget();
        using XskSocket socket = Sockets.Open();
        using XskSocket far = Sockets.Open(TestNetwork.Far);
        far.Send(Frames.Series(5));
        Assert.Equal(Frames.Series(5), socket.Take(5));
    });

    [KernelFact]
    public void A_program_goes_with_its_last_socket_although_another_was_forgotten() => network.Run(() =>
    {
        Forget();
        using (XskSocket second = XskSocket.Open(Sockets.Options(queue: 1)))
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.False(network.HasProgram());
    });

    private static void OpenAndClose(int queue, int times)
    {
        for (int i = 0; i < times; i++)
        {
            using XskSocket socket = XskSocket.Open(Sockets.Options(queue: queue));
            socket.CheckHealth();
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Forget() => Sockets.Open();

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ReceiveBatch ReceiveAndForget(XskSocket far)
    {
        XskSocket socket = Sockets.Open();
        far.Send(Frames.Series(5));
        using (XskPoller poller = new([socket])) Assert.True(poller.Wait(TimeSpan.FromSeconds(5)));
        Thread.Sleep(100);
        return socket.Receive(64);
    }
}
