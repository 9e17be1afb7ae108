namespace XdpPS.Tests;

/// <summary>Frames of any size, in whose descriptors the kernel puts the offset of the packet into the upper 16 bits.</summary>
public sealed class UnalignedTests : IDisposable
{
    private const int Mtu = 9_000;

    private readonly TestNetwork network = new(queues: 2);

    public UnalignedTests() => network.Batch($"link set {TestNetwork.Near} mtu {Mtu}", $"link set {TestNetwork.Far} mtu {Mtu}");

    public void Dispose() => network.Dispose();

    [KernelTheory("tcpdump")]
    [InlineData(XdpAttachMode.Native, 2048, 0)]
    [InlineData(XdpAttachMode.Native, 2049, 0)]
    [InlineData(XdpAttachMode.Native, 3000, 0)]
    [InlineData(XdpAttachMode.Generic, 3000, 64)]
    [InlineData(XdpAttachMode.Native, 3001, 100)]
    [InlineData(XdpAttachMode.Native, 3333, 7)]
    [InlineData(XdpAttachMode.Generic, 4095, 3)]
    [InlineData(XdpAttachMode.Native, 4096, 0)]
    public void Every_frame_size_carries_every_length_both_ways_and_loses_no_frame(XdpAttachMode mode, int frameSize, int headroom) => network.Run(() =>
    {
        XskSocketOptions options = Odd(frameSize, attach: mode) with { Headroom = headroom };
        using XskSocket socket = XskSocket.Open(options);
        Assert.True(socket.Unaligned);
        Assert.Equal((frameSize, (int)mode), (socket.FrameSize, (int)socket.AttachMode));
        Assert.Contains($"128 x {frameSize} B unaligned frames", socket.ToString(), StringComparison.Ordinal);
        int longest = frameSize - 256 - headroom;
        Assert.Equal(longest, options.MaximumReceiveLength);
        byte[][] frames = [.. Enumerable.Range(14, 8).Concat(Enumerable.Range(longest - 150, 151)).Select(length => Frames.Make(length, length))];
        foreach (byte[][] few in frames.Chunk(20))
        {
            Kernel.SendRaw(TestNetwork.Far, few);
            Assert.Equal(few, socket.Take(few.Length));
        }

        Sockets.AssertConserved(socket);
        frames = [.. Enumerable.Range(14, 8).Concat(Enumerable.Range(frameSize - 150, 151)).Select(length => Frames.Make(length, length))];
        using (Capture capture = new(network, TestNetwork.Far, snapLength: 16_000))
        {
            socket.Send(frames);
            Assert.Equal(frames, capture.Stop(frames));
        }

        Kernel.SendRaw(TestNetwork.Far, [Frames.Make(longest + 1)]);
        Assert.Empty(socket.Drain(50));
        Sockets.AssertConserved(socket);
        XskRingStats stats = socket.GetStatistics();
        Assert.Equal((1L, 0L, 0L), (stats.RxDropped, stats.RxInvalidDescriptors, stats.TxInvalidDescriptors));
    });

    [KernelTheory]
    [InlineData(XdpAttachMode.Native, 2500)]
    [InlineData(XdpAttachMode.Native, 3001)]
    [InlineData(XdpAttachMode.Generic, 3001)]
    public void Packets_of_several_frames_are_whole_there_too(XdpAttachMode mode, int frameSize) => network.Run(() =>
    {
        using XskSocket near = XskSocket.Open(Odd(frameSize, attach: mode) with { MultiBuffer = true });
        using XskSocket far = XskSocket.Open(Odd(frameSize, TestNetwork.Far, mode) with { MultiBuffer = true });
        int fragment = frameSize - 256;
        int[] lengths = [14, fragment - 1, fragment, fragment + 1, frameSize, frameSize + 1, 2 * frameSize, (3 * fragment) + 1, Mtu + 13, Mtu + 14];
        for (int round = 0; round < 20; round++)
        {
            foreach (byte[][] few in lengths.Select((length, i) => Frames.Make(length, (round * 10) + i)).Chunk(5))
            {
                near.Send(few);
                Assert.Equal(few, far.Take(few.Length));
                far.Send(few);
                Assert.Equal(few, near.Take(few.Length));
            }
        }

        Sockets.AssertConserved(near, far);
        Assert.Equal((200L, 200L, 200L), (near.GetStatistics().RxPackets, near.GetStatistics().TxPackets, near.GetStatistics().TxCompleted));
    });

    /// <summary>Such a frame may be two pages of a socket buffer, of which there are 17.</summary>
    [KernelFact]
    public void A_sent_packet_has_half_as_many_frames_where_these_lie_across_pages()
    {
        network.Batch($"link set {TestNetwork.Near} mtu 60000", $"link set {TestNetwork.Far} mtu 60000");
        network.Run(() =>
        {
            using XskSocket crossing = XskSocket.Open(Odd(3000) with { MultiBuffer = true });
            using XskSocket far = XskSocket.Open(Odd(2048, TestNetwork.Far) with { MultiBuffer = true });
            byte[] longest = Frames.Make(8 * 3000);
            crossing.Send(longest);
            Assert.Equal([longest], far.Take(1));
            Sockets.Fails(XskErrorId.FrameTooLong, () => crossing.TrySend(Frames.Make((8 * 3000) + 1)));
            far.Send(Frames.Make(17 * 2048));
            Assert.Equal([Frames.Make(17 * 2048)], crossing.Take(1));
            Sockets.AssertConserved(crossing, far);
        });
    }

    [KernelFact]
    public void A_shared_umem_is_unaligned_for_all_who_share_it() => network.Run(() =>
    {
        Residue before = Residue.Now();
        using (XskSocket owner = XskSocket.Open(Odd(2600) with { FrameCount = 1024 }))
        using (XskSocket sameQueue = owner.Share())
        using (XskSocket far = owner.Share(TestNetwork.Far))
        {
            Assert.All([sameQueue, far], socket => Assert.Equal((true, 2600), (socket.Unaligned, socket.FrameSize)));
            byte[][] frames = Frames.Series(20, 2_300);
            far.Send(frames);
            Assert.Equal(frames, owner.Take(20));
            owner.Send(frames[..10]);
            sameQueue.Send(frames[10..]);
            Assert.Equal(frames, far.Take(20));
            Sockets.AssertConserved(owner, sameQueue, far);
            Kernel.SendRaw(TestNetwork.Far, Frames.Series(5, 2_300));
            SpinWait.SpinUntil(() => owner.GetStatistics().Rx!.Used == 5, TimeSpan.FromSeconds(5));
            owner.Close();
            Sockets.AssertConserved(sameQueue, far);
            far.Send(frames);
            Assert.Equal(frames, sameQueue.Take(20));
            Sockets.AssertConserved(sameQueue, far);
        }

        Residue.AssertNoMoreThan(before);
    });

    [KernelFact]
    public void Zero_copy_is_not_asked_for_where_frames_lie_across_pages() => network.Run(() =>
    {
        XskException failure = Sockets.Fails(XskErrorId.ZeroCopyNotSupported, () => XskSocket.Open(Odd(3000) with { BindMode = XskBindMode.ZeroCopy }));
        Assert.Contains("across pages", failure.Message, StringComparison.Ordinal);
        Assert.False(network.HasProgram());
        Assert.Contains("XDP_ZEROCOPY", Sockets.Fails(XskErrorId.ZeroCopyNotSupported, () => XskSocket.Open(Odd(2048) with { BindMode = XskBindMode.ZeroCopy })).Message, StringComparison.Ordinal);
    });

    [Theory]
    [InlineData(2048, false)]
    [InlineData(4096, false)]
    [InlineData(2048, true)]
    [InlineData(2049, true)]
    [InlineData(3000, true)]
    [InlineData(3001, true)]
    [InlineData(4095, true)]
    [InlineData(4096, true)]
    public void A_frame_is_found_by_every_address_in_it_and_no_other(int frameSize, bool unaligned)
    {
        const int count = 200;
        Umem umem = new(frameSize, count, 0, unaligned);
        try
        {
            FramePool pool = umem.Lease(count);
            ulong[] starts = [.. pool.Free.ToArray().Order()];
            Assert.Equal(count, starts.Length);
            for (int i = 0; i < count; i++)
            {
                ulong end = i + 1 < count ? starts[i + 1] : starts[i] + (ulong)frameSize;
                Assert.True(end - starts[i] >= (ulong)frameSize && starts[i] % 64 == 0);
                for (ulong address = starts[i]; address < end; address++)
                {
                    Assert.Equal(starts[i], umem.FrameStart(address));
                    Assert.Equal((ulong)i, umem.IndexOf(address));
                    Assert.Same(pool, umem.OwnerOf(address));
                }
            }
        }
        finally
        {
            umem.Release();
        }
    }

    /// <summary>Division by multiplication, against division, up to the largest UMEM there can be.</summary>
    [Fact]
    public void The_frame_of_an_address_is_exact_up_to_the_largest_umem()
    {
        foreach (int frameSize in new[] { 2048, 2112, 3008, 3072, 4032, 4096, 65_536 })
        {
            Umem umem = new(frameSize, 1, 0, unaligned: true);
            try
            {
                for (ulong power = 1UL << 20; power <= 1UL << 41; power <<= 1)
                {
                    ulong multiple = power / (ulong)frameSize * (ulong)frameSize;
                    foreach (ulong address in new[] { multiple - 1, multiple, multiple + 1, multiple + (ulong)frameSize - 1, power - 1, power })
                        Assert.Equal(address / (ulong)frameSize, umem.IndexOf(address));
                }
            }
            finally
            {
                umem.Release();
            }
        }
    }

    [Theory]
    [InlineData(0x1234UL, 0x1234UL)]
    [InlineData((256UL << 48) + 0x3000UL, 0x3100UL)]
    [InlineData((0xffffUL << 48) + 1UL, 0x10000UL)]
    public void An_address_with_an_offset_becomes_plain_once_and_for_all(ulong address, ulong plain)
    {
        Assert.Equal(plain, Umem.Flatten(address));
        Assert.Equal(plain, Umem.Flatten(Umem.Flatten(address)));
    }

    private static XskSocketOptions Odd(int frameSize, string interfaceName = TestNetwork.Near, XdpAttachMode attach = XdpAttachMode.Auto) =>
        Sockets.Options(interfaceName, frameSize: frameSize, attach: attach) with { Unaligned = true };
}
