using System.Diagnostics;
using XdpPS.Interop;

namespace XdpPS.Tests;

public sealed class StatisticsTests
{
    [KernelTheory]
    [InlineData(XdpAttachMode.Native)]
    [InlineData(XdpAttachMode.Generic)]
    public void A_starved_fill_ring_counts_every_lost_packet_once_as_dropped_and_names_the_reason(XdpAttachMode mode)
    {
        using TestNetwork network = new();
        network.Run(() =>
        {
            // 32 frames to receive with, and room on RX for more.
            using XskSocket far = XskSocket.Open(Sockets.Options(TestNetwork.Far, frames: 64, rx: 256, attach: mode));
            using XskSocket near = Sockets.Open();
            near.Send(Frames.Series(100));
            XskRingStats stats = Settled(far, s => s.RxDropped >= 68);
            Assert.Equal((68, 68, 0, 0), (stats.RxDropped, stats.FillRingEmpty, stats.RxRingFull, stats.RxInvalidDescriptors));
            Assert.Equal((32, 0), (stats.Rx!.Used, stats.Fill.Used));
            Sockets.AssertConserved(near, far);
            Assert.Equal(Frames.Series(32), far.Take(32));
            Sockets.AssertConserved(far);
            near.Send(Frames.Series(5));
            Assert.Equal(5, far.Take(5).Count);
            Assert.Equal(68, far.GetStatistics().RxDropped);
        });
    }

    [KernelTheory]
    [InlineData(XdpAttachMode.Native)]
    [InlineData(XdpAttachMode.Generic)]
    public void A_full_rx_ring_counts_every_lost_packet(XdpAttachMode mode)
    {
        using TestNetwork network = new();
        network.Run(() =>
        {
            using XskSocket far = XskSocket.Open(Sockets.Options(TestNetwork.Far, frames: 512, rx: 16, fill: 256, attach: mode));
            using XskSocket near = Sockets.Open();
            near.Send(Frames.Series(100));
            XskRingStats stats = Settled(far, s => s.RxRingFull >= 84);
            Assert.Equal((84, 0, 0), (stats.RxRingFull, stats.RxDropped, stats.FillRingEmpty));
            Assert.Equal((16, 0), (stats.Rx!.Used, stats.Rx.Free));
            Sockets.AssertConserved(near, far);
            Assert.Equal(Frames.Series(16), far.Take(16));
            near.Send(Frames.Series(10));
            Assert.Equal(Frames.Series(10), far.Take(10));
            Sockets.AssertConserved(near, far);
        });
    }

    [KernelFact]
    public void A_packet_too_long_for_the_frame_is_counted_as_dropped()
    {
        using TestNetwork network = new();
        network.Run(() =>
        {
            network.Batch($"link set {TestNetwork.Near} mtu 2000", $"link set {TestNetwork.Far} mtu 2000");
            using XskSocket far = Sockets.Open(TestNetwork.Far);
            using XskSocket near = Sockets.Open();
            Assert.Equal("MtuExceedsFrame", Assert.Single(far.Warnings).Id);
            near.Send(Frames.Make(1792), Frames.Make(1793), Frames.Make(2000), Frames.Make(1792, 2));
            XskRingStats stats = Settled(far, s => s.RxDropped >= 2);
            Assert.Equal(2, stats.RxDropped);
            Assert.Equal([Frames.Make(1792), Frames.Make(1792, 2)], far.Take(2));
            Sockets.AssertConserved(near, far);
        });
    }

    [KernelFact]
    public void What_was_sent_and_received_is_counted_in_packets_and_bytes()
    {
        using TestNetwork network = new();
        network.Run(() =>
        {
            using XskSocket far = Sockets.Open(TestNetwork.Far);
            using XskSocket near = Sockets.Open();
            XskRingStats zero = near.GetStatistics();
            Assert.Equal((0, 0, 0, 0, 0), (zero.TxPackets, zero.TxBytes, zero.TxCompleted, zero.RxPackets, zero.RxBytes));
            near.Send(Frames.Series(40, 250));
            far.Take(40);
            XskRingStats sent = near.GetStatistics(zero), received = far.GetStatistics();
            Assert.Equal((40, 10_000, 40, 0), (sent.TxPackets, sent.TxBytes, sent.TxCompleted, sent.DriverDropped));
            Assert.Equal((40, 10_000), (received.RxPackets, received.RxBytes));
            Assert.Equal((40, 40, 0), (sent.Tx!.Producer, sent.Tx.Consumer, sent.Tx.Used));
            Assert.True(sent.TxWakeups > 0);
            Assert.Equal(40 / sent.IntervalSeconds, sent.TxPacketsPerSecond, 6);
            Assert.Equal(10_000 / sent.IntervalSeconds, sent.TxBytesPerSecond, 6);
            Assert.Equal(40 / received.IntervalSeconds, received.RxPacketsPerSecond, 6);
            Thread.Sleep(50);
            XskRingStats idle = near.GetStatistics(sent);
            Assert.Equal((0, 40), (idle.TxPacketsPerSecond, idle.TxPackets));
            Assert.InRange(idle.IntervalSeconds, 0.05, 1);
        });
    }

    [KernelFact]
    public void The_rate_of_losses_is_over_the_interval()
    {
        using TestNetwork network = new();
        network.Run(() =>
        {
            using XskSocket far = XskSocket.Open(Sockets.Options(TestNetwork.Far, frames: 16, rx: 64));
            using XskSocket near = Sockets.Open();
            near.Send(Frames.Series(20));
            XskRingStats before = Settled(far, s => s.RxDropped >= 12);
            Assert.Equal(0, far.GetStatistics(before).RxLostPerSecond);
            near.Send(Frames.Series(30));
            Settled(far, s => s.RxDropped >= 42);
            XskRingStats after = far.GetStatistics(before);
            Assert.Equal(30 / after.IntervalSeconds, after.RxLostPerSecond, 6);
        });
    }

    [KernelFact]
    public void The_kernel_counts_a_tx_descriptor_outside_the_umem_as_invalid()
    {
        using TestNetwork network = new();
        network.Run(() =>
        {
            using Bare bare = new(TestNetwork.Near);
            Assert.Equal(3u, bare.Rings.Tx!.Reserve(3, out uint index));
            bare.Rings.Tx[index] = new XdpDescriptor { Address = 2048, Length = 60 };
            bare.Rings.Tx[index + 1] = new XdpDescriptor { Address = 1 << 30, Length = 60 };
            bare.Rings.Tx[index + 2] = new XdpDescriptor { Address = 2048, Length = 3000 };
            bare.Rings.Tx.Submit(3);
            bare.Kick();
            XdpStatistics statistics = bare.Statistics();
            Assert.Equal((2ul, 0ul), (statistics.TxInvalidDescriptors, statistics.RxInvalidDescriptors));
            // Whether the refused two complete as well differs between kernels; the sent one does everywhere, and first.
            Assert.InRange(bare.Completion.Peek(8, out uint completed), 1u, 3u);
            Assert.Equal(2048ul, bare.Completion[completed]);
        });
    }

    [KernelFact]
    public void A_driver_that_drops_what_it_is_given_is_counted()
    {
        using TestNetwork network = new();
        network.Run(() =>
        {
            using XskSocket near = Sockets.Open();
            network.Ip("link", "set", TestNetwork.Far, "mtu", "100");
            near.Send(Frames.Make(1514));
            XskRingStats stats = near.GetStatistics();
            Assert.Equal((1, 1, 1), (stats.TxPackets, stats.TxCompleted, stats.DriverDropped));
            Sockets.AssertConserved(near);
        });
    }

    private static XskRingStats Settled(XskSocket socket, Func<XskRingStats, bool> condition)
    {
        Stopwatch watch = Stopwatch.StartNew();
        while (!condition(socket.GetStatistics()) && watch.Elapsed < TimeSpan.FromSeconds(10)) Thread.Sleep(10);
        Thread.Sleep(50);
        return socket.GetStatistics();
    }

    /// <summary>A socket put together from its parts, so that a test can write descriptors that <see cref="XskSocket"/> never would.</summary>
    private sealed unsafe class Bare : IDisposable
    {
        private readonly FileDescriptor descriptor = Libc.socket(IfXdp.AF_XDP, Libc.SOCK_RAW | Libc.SOCK_CLOEXEC, 0);
        private readonly Umem umem = new(2048, 16, 0);

        internal Bare(string interfaceName)
        {
            umem.Register(descriptor);
            Rings = new XskRings(descriptor, Sockets.Options(interfaceName));
            Completion = new ConsumerRing<ulong>(Rings.OfQueue!.Completion.Layout);
            SockaddrXdp address = new()
            {
                Family = IfXdp.AF_XDP,
                Flags = IfXdp.XDP_COPY,
                InterfaceIndex = (uint)XdpInterface.Get(interfaceName).Index,
            };
            Assert.Equal(0, Libc.bind(descriptor, &address, sizeof(SockaddrXdp)));
        }

        internal XskRings Rings { get; }

        internal ConsumerRing<ulong> Completion { get; }

        internal void Kick()
        {
            for (int i = 0; i < 3; i++) _ = Libc.sendto(descriptor, null, 0, Libc.MSG_DONTWAIT, null, 0);
            Thread.Sleep(50);
        }

        internal XdpStatistics Statistics()
        {
            XdpStatistics statistics;
            int length = sizeof(XdpStatistics);
            Assert.Equal(0, Libc.getsockopt(descriptor, IfXdp.SOL_XDP, IfXdp.XDP_STATISTICS, &statistics, &length));
            Assert.Equal(48, length);
            return statistics;
        }

        public void Dispose()
        {
            Rings.Dispose();
            descriptor.Dispose();
            umem.Release();
        }
    }
}
