using XdpPS.Interop;

namespace XdpPS.Tests;

/// <summary>
/// What a socket makes of a packet of which the kernel has written only a part. In copy mode it always publishes whole
/// ones, so that the test writes to the rings in its place, on a socket that no program sends packets to.
/// </summary>
public sealed unsafe class PartialPacketTests : IDisposable
{
    private readonly TestNetwork network = new();

    public void Dispose() => network.Dispose();

    [KernelFact]
    public void A_packet_stays_on_the_ring_until_its_end_is_there() => network.Run(() =>
    {
        using XskSocket socket = Open(rx: 8);
        using KernelSide kernel = new(socket, 8);
        kernel.Write(length: 100, continues: true);
        kernel.Publish();
        Assert.Empty(Read(socket, 64));
        kernel.Write(length: 50, continues: true);
        kernel.Publish();
        Assert.Empty(Read(socket, 1));
        kernel.Write(length: 7, continues: false);
        kernel.Write(length: 60, continues: false);
        kernel.Write(length: 300, continues: true);
        kernel.Publish();
        Assert.Equal([157, 60], Read(socket, 64));
        Assert.Empty(Read(socket, 64));
        kernel.Write(length: 1, continues: false);
        kernel.Publish();
        Assert.Equal([301], Read(socket, 64));
        Sockets.AssertConserved(socket);
        XskRingStats stats = socket.GetStatistics();
        Assert.Equal((3L, 157L + 60 + 301), (stats.RxPackets, stats.RxBytes));
    });

    /// <summary>Whatever is cut where, across the wrap of a small ring.</summary>
    [KernelFact]
    public void However_the_kernel_publishes_and_whatever_is_asked_for_packets_come_out_whole_and_in_order() => network.Run(() =>
    {
        using XskSocket socket = Open(rx: 16);
        using KernelSide kernel = new(socket, 16);
        Random random = new(3);
        List<int> expected = [], read = [];
        int left = 0, length = 0;
        for (int round = 0; round < 5_000; round++)
        {
            for (int burst = random.Next(6); burst > 0 && kernel.Used < 16; burst--)
            {
                if (left == 0) left = random.Next(1, 8);
                int part = random.Next(1, 1_792);
                length += part;
                kernel.Write(part, continues: --left > 0);
                if (left > 0) continue;
                expected.Add(length);
                length = 0;
            }

            kernel.Publish();
            read.AddRange(Read(socket, random.Next(1, 9)));
        }

        read.AddRange(Read(socket, 64));
        Assert.True(expected.Count > 1_000);
        Assert.Equal(expected, read);
        Sockets.AssertConserved(socket);
        Assert.Equal(expected.Count, socket.GetStatistics().RxPackets);
    });

    [KernelFact]
    public void A_ring_full_of_one_packet_without_an_end_is_an_error_and_not_a_wait_for_ever() => network.Run(() =>
    {
        using XskSocket socket = Open(rx: 4);
        using KernelSide kernel = new(socket, 4);
        for (int i = 0; i < 4; i++) kernel.Write(length: 100, continues: true);
        kernel.Publish();
        XskException failure = Sockets.Fails(XskErrorId.RingCorrupted, () => socket.ReceivePackets(64).Dispose());
        Assert.Contains("-RxRingSize", failure.Message, StringComparison.Ordinal);
        // The gate is free again.
        Sockets.Fails(XskErrorId.RingCorrupted, () => socket.ReceivePackets(64).Dispose());
    });

    [KernelTheory]
    [InlineData(ulong.MaxValue, 100u)]
    [InlineData(128UL * 2048, 1u)]
    [InlineData(0UL, uint.MaxValue)]
    public void A_descriptor_that_names_memory_outside_the_umem_is_refused(ulong address, uint length) => network.Run(() =>
    {
        using XskSocket socket = Open(rx: 4);
        using KernelSide kernel = new(socket, 4);
        kernel.Write(length: 100, continues: true);
        kernel.WriteRaw(address, length, continues: false);
        kernel.Publish();
        Sockets.Fails(XskErrorId.RingCorrupted, () => Read(socket, 64));
    });

    private static XskSocket Open(int rx) => XskSocket.Open(Sockets.Options(rx: rx, attachProgram: false) with { MultiBuffer = true });

    private static List<int> Read(XskSocket socket, int maximum)
    {
        List<int> lengths = [];
        using PacketBatch batch = socket.ReceivePackets(maximum);
        foreach (ReceivedPacket packet in batch) lengths.Add(packet.Length);
        Assert.Equal(batch.Count, lengths.Count);
        return lengths;
    }

    /// <summary>The kernel's side of RX and FILL, through mappings of their own.</summary>
    private sealed class KernelSide : IDisposable
    {
        private readonly RingMapping rx;
        private readonly RingMapping fill;
        private uint produced;

        internal KernelSide(XskSocket socket, uint rxSize)
        {
            byte* value = stackalloc byte[sizeof(XdpMmapOffsets)];
            int length = sizeof(XdpMmapOffsets);
            Assert.Equal(0, Libc.getsockopt(socket.Descriptor, IfXdp.SOL_XDP, IfXdp.XDP_MMAP_OFFSETS, value, &length));
            XdpMmapOffsets offsets = XdpMmapOffsets.Parse(new ReadOnlySpan<byte>(value, length));
            rx = new RingMapping(socket.Descriptor, RingKind.Rx, rxSize, offsets);
            fill = new RingMapping(socket.Descriptor, RingKind.Fill, 64, offsets);
        }

        internal uint Used => produced - *rx.Layout.Consumer;

        /// <summary>Takes a frame from FILL and writes a descriptor of it.</summary>
        internal void Write(uint length, bool continues)
        {
            RingLayout from = fill.Layout;
            uint at = *from.Consumer;
            Assert.NotEqual(at, *from.Producer);
            ulong frame = ((ulong*)from.Entries)[at & (from.Size - 1)];
            Volatile.Write(ref *from.Consumer, at + 1);
            WriteRaw(frame + 256, length, continues);
        }

        internal void Write(int length, bool continues) => Write((uint)length, continues);

        internal void WriteRaw(ulong address, uint length, bool continues) =>
            ((XdpDescriptor*)rx.Layout.Entries)[produced++ & (rx.Layout.Size - 1)] =
                new XdpDescriptor { Address = address, Length = length, Options = continues ? IfXdp.XDP_PKT_CONTD : 0 };

        internal void Publish() => Volatile.Write(ref *rx.Layout.Producer, produced);

        public void Dispose()
        {
            rx.Dispose();
            fill.Dispose();
        }
    }
}
