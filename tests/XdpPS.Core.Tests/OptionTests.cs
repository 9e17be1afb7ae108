namespace XdpPS.Tests;

/// <summary>What is refused before any system call: the error's id, and a message with the rule and the value.</summary>
public sealed class OptionTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(-2048)]
    [InlineData(1024)]
    [InlineData(2047)]
    [InlineData(3000)]
    [InlineData(1 << 20)]
    public void A_frame_size_out_of_range_is_refused(int size) =>
        Refused(XskErrorId.FrameSizeInvalid, Sockets.Options(frameSize: size), $"{size} bytes", "power of two", "2048", $"{Environment.SystemPageSize}");

    [Theory]
    [InlineData(2049)]
    [InlineData(3000)]
    public void A_frame_size_between_powers_of_two_is_refused_with_the_name_of_what_allows_it(int size)
    {
        Refused(XskErrorId.FrameSizeInvalid, Sockets.Options(frameSize: size), $"-Unaligned for frames of {size} bytes");
        (Sockets.Options(frameSize: size) with { Unaligned = true }).Validate();
    }

    [Theory]
    [InlineData(2047)]
    [InlineData(0)]
    [InlineData(-3000)]
    [InlineData(1 << 20)]
    public void An_unaligned_frame_has_a_size_from_the_least_to_a_page(int size) =>
        Refused(XskErrorId.FrameSizeInvalid, Sockets.Options(frameSize: size) with { Unaligned = true }, $"{size} bytes", $"must be from 2048 to the page size, {Environment.SystemPageSize}");

    /// <summary>The rule is what tests/vm saw of the driver: of 2,048 bytes it uses 1,024, and of 4,096 three times as many.</summary>
    [Theory]
    [InlineData("igb", 1500, 2048, true)]
    [InlineData("igb", 1007, 2048, true)]
    [InlineData("igb", 1006, 2048, false)]
    [InlineData("igb", 1500, 4096, false)]
    [InlineData("ixgbe", 1500, 2048, false)]
    public void Where_the_driver_would_cut_packets_zero_copy_is_not_asked_for(string driver, int mtu, int frameSize, bool cut)
    {
        XdpInterface nic = XdpInterface.Get("lo") with { Driver = driver, Mtu = mtu };
        XskSocketOptions options = new() { InterfaceName = "lo", FrameSize = frameSize };
        Assert.Equal(cut, options.WhyPacketsComeInPieces(nic) is not null);
        Assert.Null((options with { RxRingSize = 0 }).WhyPacketsComeInPieces(nic));
    }

    [Theory]
    [InlineData(2048, -1, 1791)]
    [InlineData(2048, 1792, 1791)]
    [InlineData(2048, int.MaxValue, 1791)]
    [InlineData(4096, 3840, 3839)]
    public void A_headroom_that_leaves_no_packet_is_refused(int frameSize, int headroom, int largest) =>
        Refused(
            XskErrorId.HeadroomInvalid,
            new XskSocketOptions { InterfaceName = "any", FrameSize = frameSize, Headroom = headroom },
            $"{headroom} bytes", "256", $"from 0 to {largest}");

    [Theory]
    [InlineData("RX", -1)]
    [InlineData("RX", 3)]
    [InlineData("RX", 1000)]
    [InlineData("RX", 1 << 28)]
    [InlineData("TX", -4)]
    [InlineData("TX", 2047)]
    [InlineData("FILL", 0)]
    [InlineData("FILL", 6)]
    [InlineData("FILL", int.MinValue)]
    [InlineData("COMPLETION", 0)]
    [InlineData("COMPLETION", 5)]
    public void A_ring_size_that_is_no_power_of_two_is_refused(string ring, int size)
    {
        XskSocketOptions options = Sockets.Options(
            rx: ring == "RX" ? size : 64, tx: ring == "TX" ? size : 64,
            fill: ring == "FILL" ? size : 64, completion: ring == "COMPLETION" ? size : 64);
        Refused(XskErrorId.RingSizeInvalid, options, $"{ring} ring of {size} entries", "power of two", "from 1 to 134217728", "RingSize");
    }

    [Fact]
    public void A_socket_without_any_direction_is_refused() =>
        Refused(XskErrorId.RingSizeInvalid, Sockets.Options(rx: 0, tx: 0), "0 entries", "-RxRingSize", "-TxRingSize");

    [Theory]
    [InlineData(-1)]
    [InlineData(0)]
    [InlineData(1)]
    public void A_frame_count_below_two_is_refused(int count) =>
        Refused(XskErrorId.FrameCountInvalid, Sockets.Options(frames: count), $"{count} frames", "at least 2");

    [Fact]
    public void A_umem_beyond_a_tebibyte_is_refused() =>
        Refused(XskErrorId.UmemTooLarge, Sockets.Options(frames: int.MaxValue), $"{int.MaxValue} frames", "2048 bytes", "1,024");

    [Fact]
    public void The_defaults_are_valid() => new XskSocketOptions { InterfaceName = "any" }.Validate();

    [Theory]
    [InlineData(2048, 0, 1792)]
    [InlineData(2048, 1791, 1)]
    [InlineData(4096, 0, 3840)]
    [InlineData(4096, 64, 3776)]
    public void The_longest_packet_of_a_frame_leaves_room_for_both_headrooms(int frameSize, int headroom, int longest)
    {
        XskSocketOptions options = new() { InterfaceName = "any", FrameSize = frameSize, Headroom = headroom };
        options.Validate();
        Assert.Equal(longest, options.MaximumReceiveLength);
    }

    /// <summary>What is least: places on RX, places on FILL, frames.</summary>
    [Theory]
    [InlineData(64, 64, 128, 64 * 1792)]
    [InlineData(8, 64, 128, 8 * 1792)]
    [InlineData(64, 4, 128, 4 * 1792)]
    [InlineData(64, 64, 10, 5 * 1792)]
    [InlineData(1 << 27, 1 << 27, 1 << 27, int.MaxValue)]
    public void The_longest_packet_of_several_frames_is_what_the_rings_hold(int rx, int fill, int frames, int longest)
    {
        XskSocketOptions options = Sockets.Options(rx: rx, fill: fill, frames: frames) with { MultiBuffer = true };
        options.Validate();
        Assert.Equal(longest, options.MaximumReceiveLength);
    }

    [Theory]
    [InlineData(1, 0)]
    [InlineData(0, 1)]
    [InlineData(1 << 27, 1 << 27)]
    public void The_smallest_and_the_largest_rings_are_valid(int rx, int tx) => Sockets.Options(rx: rx, tx: tx).Validate();

    [Theory]
    [InlineData(64, 64, 2048, 2048)]
    [InlineData(4096, 64, 4096, 2048)]
    [InlineData(64, 8192, 2048, 8192)]
    public void Fill_and_completion_are_never_smaller_than_their_partners_by_default(int rx, int tx, int fill, int completion)
    {
        XskSocketOptions options = new() { InterfaceName = "any", RxRingSize = rx, TxRingSize = tx };
        Assert.Equal((fill, completion), (options.EffectiveFillRingSize, options.EffectiveCompletionRingSize));
    }

    [KernelTheory]
    [InlineData(-1)]
    [InlineData(1)]
    [InlineData(int.MaxValue)]
    public void A_queue_that_one_queue_interfaces_lack_is_refused_with_the_range(int queue)
    {
        using TestNetwork network = new();
        network.Run(() =>
        {
            XskException failure = Sockets.Fails(
                XskErrorId.QueueOutOfRange, () => XskSocket.Open(Sockets.Options(queue: queue)).Dispose());
            Contains(failure, $"queue {queue}", "1 queue (0)", TestNetwork.Near, $"ethtool -l {TestNetwork.Near}");
        });
    }

    [KernelFact]
    public void A_queue_that_two_queue_interfaces_lack_is_refused_with_the_range()
    {
        using TestNetwork network = new(queues: 2);
        network.Run(() =>
        {
            XskException failure = Sockets.Fails(
                XskErrorId.QueueOutOfRange, () => XskSocket.Open(Sockets.Options(queue: 2)).Dispose());
            Contains(failure, "queue 2", "2 queues (0-1)");
        });
    }

    [KernelTheory]
    [InlineData("nosuchnic")]
    [InlineData("XNEAR")]
    [InlineData("a-name-much-longer-than-the-kernel-allows")]
    public void An_unknown_interface_is_refused_with_those_there_are(string name)
    {
        using TestNetwork network = new();
        network.Run(() =>
        {
            XskException failure = Sockets.Fails(XskErrorId.InterfaceNotFound, () => Sockets.Open(name).Dispose());
            Contains(failure, $"'{name}'", TestNetwork.Near, TestNetwork.Far, "lo");
        });
    }

    [KernelFact]
    public void Zero_copy_on_a_veth_is_refused_and_never_becomes_copy()
    {
        using TestNetwork network = new();
        network.Run(() =>
        {
            XskSocketOptions options = new() { InterfaceName = TestNetwork.Near, FrameCount = 16, BindMode = XskBindMode.ZeroCopy };
            XskException failure = Sockets.Fails(XskErrorId.ZeroCopyNotSupported, () => XskSocket.Open(options).Dispose());
            Contains(failure, "veth", "XDP_ZEROCOPY", "EOPNOTSUPP", "-BindMode Copy");
        });
        Assert.False(network.HasProgram());
    }

    [KernelTheory]
    [InlineData(XskBindMode.Auto)]
    [InlineData(XskBindMode.Copy)]
    public void On_a_veth_the_kernel_copies(XskBindMode mode)
    {
        using TestNetwork network = new();
        network.Run(() =>
        {
            using XskSocket socket = XskSocket.Open(new XskSocketOptions { InterfaceName = TestNetwork.Near, FrameCount = 16, BindMode = mode });
            Assert.Equal(XskBindMode.Copy, socket.BindMode);
            Assert.Equal("veth", socket.Driver);
        });
    }

    private static void Refused(XskErrorId id, XskSocketOptions options, params string[] words)
    {
        XskException failure = Sockets.Fails(id, options.Validate);
        Assert.Null(failure.Call);
        Contains(failure, words);
    }

    private static void Contains(XskException failure, params string[] words)
    {
        foreach (string word in words) Assert.Contains(word, failure.Message, StringComparison.Ordinal);
    }
}
