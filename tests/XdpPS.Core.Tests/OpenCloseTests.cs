using System.Diagnostics;
using System.Runtime.CompilerServices;
using XdpPS.Interop;

namespace XdpPS.Tests;

public sealed class OpenCloseTests
{
    [KernelFact]
    public void Opening_and_closing_300_times_leaves_no_descriptor_no_mapping_and_no_program()
    {
        using TestNetwork network = new();
        network.Run(() =>
        {
            Sockets.Open().Dispose();
            Residue before = Residue.Now();
            for (int i = 0; i < 300; i++)
            {
                XdpAttachMode mode = i % 10 == 9 ? XdpAttachMode.Generic : XdpAttachMode.Native;
                using XskSocket socket = XskSocket.Open(Sockets.Options(frames: 16, rx: 8, tx: 8, fill: 8, completion: 8, attach: mode));
                if (i % 100 == 0) Assert.True(network.HasProgram());
            }

            Residue.AssertNoMoreThan(before);
        });
        Assert.False(network.HasProgram());
    }

    [KernelFact]
    public void An_open_socket_holds_four_ring_mappings_its_umem_and_its_descriptors()
    {
        using TestNetwork network = new();
        network.Run(() =>
        {
            List<string> held = Residue.Targets();
            Residue before = Residue.Now();
            using XskSocket socket = Sockets.Open();
            Residue during = Residue.Now();
            Assert.Equal(4, during.RingMappings - before.RingMappings);
            Assert.Equal(256, during.UmemKilobytes - before.UmemKilobytes);
            IEnumerable<string> more = Residue.Targets().Except(held).Select(target => target.Split('[')[0]).Order(StringComparer.Ordinal);
            Assert.Equal(["anon_inode:bpf-map", "anon_inode:bpf-prog", "anon_inode:bpf_link", "net:", "socket:"], more);
            Assert.True(network.HasProgram());
        });
    }

    [KernelFact]
    public void Closing_twice_does_nothing_the_second_time()
    {
        using TestNetwork network = new();
        network.Run(() =>
        {
            XskSocket socket = Sockets.Open();
            Assert.Equal((true, "Open"), (socket.IsOpen, socket.State));
            socket.Close();
            Residue closed = Residue.Now();
            socket.Close();
            socket.Dispose();
            Residue.AssertNoMoreThan(closed);
            Assert.Equal((false, "Closed"), (socket.IsOpen, socket.State));
            Assert.Contains(TestNetwork.Near, socket.ToString(), StringComparison.Ordinal);
        });
    }

    [KernelFact]
    public void A_closed_socket_says_so_whatever_it_is_asked()
    {
        using TestNetwork network = new();
        network.Run(() =>
        {
            XskSocket socket = Sockets.Open();
            socket.Close();
            Action[] uses =
            [
                () => socket.Receive(1).Dispose(),
                () => socket.ReserveSend(1).Dispose(),
                () => socket.TrySend(Frames.Make(60)),
                socket.Pump,
                () => socket.Flush(TimeSpan.Zero),
                () => socket.GetStatistics(),
                () => socket.CountFrames(),
                socket.CheckHealth,
                () => new XskPoller([socket]).Dispose(),
            ];
            foreach (Action use in uses)
                Assert.Contains("is closed", Sockets.Fails(XskErrorId.SocketClosed, use).Message, StringComparison.Ordinal);
        });
    }

    [KernelFact]
    public void A_socket_reports_what_was_obtained()
    {
        using TestNetwork network = new();
        network.Run(() =>
        {
            using XskSocket socket = XskSocket.Open(Sockets.Options(rx: 32));
            XdpInterface nic = XdpInterface.Get(TestNetwork.Near);
            Assert.Equal((nic.Name, nic.Index, nic.MacAddress), (socket.InterfaceName, socket.InterfaceIndex, socket.MacAddress));
            Assert.Equal((0, XdpMode.Native, XskBindMode.Copy, true), (socket.QueueId, socket.AttachMode, socket.BindMode, socket.NeedWakeup));
            Assert.Equal((nic.XdpProgramId, XdpMode.Native), (socket.ProgramId, nic.XdpMode));
            Assert.Contains($"id {socket.ProgramId}", network.Ip("-d", "link", "show", "dev", TestNetwork.Near), StringComparison.Ordinal);
            Assert.Equal(
                $"{TestNetwork.Near} queue 0: native XDP, copy, 128 x 2048 B frames, rings RX 32 TX 64 FILL 64 COMPLETION 64, driver veth",
                socket.ToString());
            Assert.Empty(socket.Warnings);
            Sockets.AssertConserved(socket);
        });
    }

    [KernelFact]
    public void A_socket_that_was_forgotten_is_cleaned_up_by_the_garbage_collector()
    {
        using TestNetwork network = new();
        network.Run(() =>
        {
            Sockets.Open().Dispose();
            Residue before = Residue.Now();
            Forget();
            Assert.True(network.HasProgram());
            for (int i = 0; i < 20 && network.HasProgram(); i++)
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
            }

            Assert.False(network.HasProgram());
            Residue.AssertNoMoreThan(before);
            Sockets.Open().Dispose();
        });

        [MethodImpl(MethodImplOptions.NoInlining)]
        static void Forget() => Assert.True(Sockets.Open().IsOpen);
    }

    [KernelFact]
    public void A_process_that_is_killed_leaves_no_program_and_a_free_queue()
    {
        using TestNetwork network = new();
        using Process holder = Holder.Start(network, TestNetwork.Near, "0");
        Assert.True(network.HasProgram());
        holder.Kill();
        holder.WaitForExit();
        Stopwatch watch = Stopwatch.StartNew();
        while (network.HasProgram() && watch.Elapsed < TimeSpan.FromSeconds(10)) Thread.Sleep(20);
        Assert.False(network.HasProgram());
        network.Run(() => Sockets.Open().Dispose());
    }

    [KernelFact]
    public void A_queue_that_another_process_holds_is_busy_and_free_once_it_ends()
    {
        using TestNetwork network = new();
        using Process holder = Holder.Start(network, TestNetwork.Near, "0", Holder.WithoutProgram);
        network.Run(() =>
        {
            Residue before = Residue.Now();
            Stopwatch watch = Stopwatch.StartNew();
            XskException failure = Sockets.Fails(XskErrorId.QueueBusy, () => Sockets.Open().Dispose());
            Assert.True(watch.Elapsed.TotalSeconds >= 0.9, "it was not waited for");
            Assert.Contains($"Queue 0 of {TestNetwork.Near}", failure.Message, StringComparison.Ordinal);
            Assert.Equal(Errno.EBUSY, failure.ErrorNumber);
            Residue.AssertNoMoreThan(before);
            Assert.False(network.HasProgram());
            holder.StandardInput.Close();
            holder.WaitForExit();
            Sockets.Open().Dispose();
        });
    }

    [KernelFact]
    public void A_queue_that_becomes_free_within_the_second_is_waited_for()
    {
        using TestNetwork network = new();
        network.Run(() =>
        {
            XskSocket first = Sockets.Open();
            TestNetwork.Running closing = network.Spawn(() =>
            {
                Thread.Sleep(400);
                first.Close();
            });
            using XskSocket second = Sockets.Open();
            closing.Join();
            Assert.True(second.IsOpen);
            Assert.True(network.HasProgram());
        });
    }

    [KernelFact]
    public void Waiting_for_a_busy_queue_can_be_cancelled_and_leaves_nothing()
    {
        using TestNetwork network = new();
        network.Run(() =>
        {
            using XskSocket first = Sockets.Open();
            Residue before = Residue.Now();
            using CancellationTokenSource cancellation = new(200);
            Assert.Throws<OperationCanceledException>(() => XskSocket.Open(Sockets.Options(), cancellation.Token));
            Assert.InRange(Residue.Now().RingMappings, 0, before.RingMappings);
            // Less where the wait collected what an earlier test had forgotten.
            Assert.InRange(Residue.Now().UmemKilobytes, 0, before.UmemKilobytes);
            first.CheckHealth();
        });
    }

    [KernelFact]
    public void A_socket_made_elsewhere_is_taken_over()
    {
        using TestNetwork network = new();
        network.Run(() =>
        {
            FileDescriptor descriptor = MakeXdp();
            XskSocket socket = XskSocket.Open(Adopting(descriptor));
            Assert.True(descriptor.IsClosed);
            using XskSocket far = Sockets.Open(TestNetwork.Far);
            far.Send(Frames.Series(3));
            Assert.Equal(Frames.Series(3), socket.Take(3));
            Sockets.AssertConserved(socket, far);
            socket.Close();
            Sockets.Open().Dispose();
        });
    }

    [KernelFact]
    public void A_socket_made_elsewhere_stays_the_callers_when_opening_fails()
    {
        using TestNetwork network = new();
        network.Run(() =>
        {
            using XskSocket holder = Sockets.Open();
            using FileDescriptor descriptor = MakeXdp();
            Sockets.Fails(XskErrorId.QueueBusy, () => XskSocket.Open(Adopting(descriptor)).Dispose());
            Assert.False(descriptor.IsClosed);
            Assert.Contains("socket:", new FileInfo($"/proc/self/fd/{descriptor.Number}").LinkTarget, StringComparison.Ordinal);
        });
    }

    [KernelFact]
    public void A_descriptor_that_is_no_xdp_socket_is_refused()
    {
        using TestNetwork network = new();
        network.Run(() =>
        {
            using FileDescriptor other = Libc.socket(Libc.AF_INET, Libc.SOCK_DGRAM | Libc.SOCK_CLOEXEC, 0);
            XskException failure = Sockets.Fails(XskErrorId.NotSupported, () => XskSocket.Open(Adopting(other)).Dispose());
            Assert.Contains($"Descriptor {other.Number}", failure.Message, StringComparison.Ordinal);
            Assert.False(other.IsClosed);
        });
    }

    [KernelFact]
    public void A_descriptor_with_a_umem_already_is_refused()
    {
        using TestNetwork network = new();
        network.Run(() =>
        {
            using FileDescriptor descriptor = MakeXdp();
            Umem umem = new(2048, 16, 0);
            umem.Register(descriptor);
            XskException failure = Sockets.Fails(XskErrorId.SystemCallFailed, () => XskSocket.Open(Adopting(descriptor)).Dispose());
            umem.Release();
            Assert.Contains("has a UMEM already", failure.Message, StringComparison.Ordinal);
            Assert.Equal(Errno.EBUSY, failure.ErrorNumber);
        });
    }

    private static FileDescriptor MakeXdp() => Libc.socket(IfXdp.AF_XDP, Libc.SOCK_RAW | Libc.SOCK_CLOEXEC, 0);

    private static XskSocketOptions Adopting(FileDescriptor descriptor) => new()
    {
        InterfaceName = TestNetwork.Near,
        FrameCount = 64,
        Descriptor = descriptor,
    };
}
