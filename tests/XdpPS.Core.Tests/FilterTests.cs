using System.Globalization;

namespace XdpPS.Tests;

/// <summary>A socket with a filter on a real interface: what it takes, what it leaves, what is refused.</summary>
public sealed class FilterTests : IDisposable
{
    private const string Udp53 = "020000000002 020000000001 0800 45000020 00000000 40110000 0a000001 0a000002 c000 0035 000c0000 01020304";
    private const string Udp54 = "020000000002 020000000001 0800 45000020 00000000 40110000 0a000001 0a000002 c000 0036 000c0000 01020304";

    private readonly TestNetwork network = new(queues: 2);

    public void Dispose() => network.Dispose();

    [KernelTheory("tcpdump")]
    [InlineData(XdpAttachMode.Native)]
    [InlineData(XdpAttachMode.Generic)]
    public void Only_what_matches_is_taken_and_with_its_time(XdpAttachMode mode) => network.Run(() =>
    {
        using XskSocket near = XskSocket.Open(Filtered("udp port 53", mode: mode));
        using XskSocket far = Sockets.Open(TestNetwork.Far);
        Assert.Equal("udp port 53", near.Filter);
        Assert.EndsWith(", filter udp port 53", near.ToString(), StringComparison.Ordinal);
        far.Send(Frames.Hex(Udp54), Frames.Hex(Udp53), Frames.Make(60), Frames.Hex(Udp53));
        using XskPoller poller = new([near]);
        Assert.True(poller.Wait(TimeSpan.FromSeconds(5)));
        Thread.Sleep(100);
        using ReceiveBatch batch = near.Receive(64);
        Assert.Equal(2, batch.Count);
        Assert.Equal(Frames.Hex(Udp53), batch[0].Data.ToArray());
        Assert.True(batch[1].IsKernelTimestamp);
    });

    [KernelFact("tcpdump", "ping")]
    public void Ping_goes_on_through_an_interface_with_a_filtered_socket()
    {
        using TestNetwork other = new();
        other.Ip("link", "delete", TestNetwork.Near);
        network.Ip("link", "set", TestNetwork.Far, "netns", other.Name);
        network.Ip("address", "add", "192.0.2.1/24", "dev", TestNetwork.Near);
        other.Ip("address", "add", "192.0.2.2/24", "dev", TestNetwork.Far);
        other.Ip("link", "set", TestNetwork.Far, "up");
        network.Run(() =>
        {
            using XskSocket socket = XskSocket.Open(Filtered("udp port 53"));
            Command.Result ping = other.Execute("ping", "-c", "3", "-i", "0.1", "-W", "2", "192.0.2.1");
            Assert.True(ping.ExitCode == 0, ping.Output);
            Assert.Empty(socket.Drain(100));
        });
    }

    [KernelFact("tcpdump")]
    public void All_queues_of_an_interface_have_one_filter() => network.Run(() =>
    {
        using XskSocket first = XskSocket.Open(Filtered("udp port 53"));
        XskException failure = Sockets.Fails(XskErrorId.FilterConflict, () => XskSocket.Open(Filtered("tcp", queue: 1)));
        Assert.Contains("'udp port 53'", failure.Message, StringComparison.Ordinal);
        Sockets.Fails(XskErrorId.FilterConflict, () => XskSocket.Open(Sockets.Options(queue: 1)));
        using XskSocket second = XskSocket.Open(Filtered(" udp   port 53 ", queue: 1));
        Assert.Equal(first.ProgramId, second.ProgramId);
    });

    [KernelFact("tcpdump")]
    public void The_program_of_another_process_takes_no_filter() => network.Run(() =>
    {
        using System.Diagnostics.Process owner = Holder.Start(network, TestNetwork.Near, "0");
        Refused(Filtered("tcp", queue: 1), "leave out the filter (with -Force");
        XskSocketOptions keeping = Sockets.Options(queue: 1) with { KeepKernelTraffic = true };
        Refused(keeping, "leave out -KeepKernelTraffic (with -Force");
        Refused(keeping with { Filter = PacketFilter.Compile("tcp") }, "leave out the filter and -KeepKernelTraffic (with -Force");

        // Where the host lives on the interface, what the message says does it.
        network.Ip("address", "add", "192.0.2.1/24", "dev", TestNetwork.Near);
        network.Ip("route", "add", "default", "via", "192.0.2.2");
        Sockets.Fails(XskErrorId.InterfaceInUse, () => XskSocket.Open(Sockets.Options(queue: 1)));
        using (XskSocket joiner = XskSocket.Open(Sockets.Options(queue: 1, force: true))) Assert.True(joiner.JoinedProgram);
        owner.StandardInput.Close();
        owner.WaitForExit();

        static void Refused(XskSocketOptions options, string remedy) => Assert.Contains(
            remedy, Sockets.Fails(XskErrorId.FilterConflict, () => XskSocket.Open(options)).Message, StringComparison.Ordinal);
    });

    [KernelFact("tcpdump")]
    public void A_filtered_socket_may_be_opened_where_the_host_lives() => network.Run(() =>
    {
        network.Ip("address", "add", "192.0.2.1/24", "dev", TestNetwork.Near);
        network.Ip("route", "add", "default", "via", "192.0.2.2");
        XskException failure = Sockets.Fails(XskErrorId.InterfaceInUse, () => Sockets.Open());
        string[] ways = ["-KeepKernelTraffic", "-Filter (such as 'not (tcp port 22 or arp or icmp6)'", "another interface", "-Force"];
        Assert.Equal(ways, ways.OrderBy(way => failure.Message.IndexOf(way, StringComparison.Ordinal)).Where(way => failure.Message.Contains(way, StringComparison.Ordinal)));
        using (XskSocket proposed = XskSocket.Open(Filtered("not (tcp port 22 or arp or icmp6)"))) Assert.DoesNotContain(proposed.Warnings, AboutAddresses);
        using (XskSocket deadly = XskSocket.Open(Filtered("not tcp port 22"))) Assert.Contains(deadly.Warnings, AboutAddresses);
        using (XskSocket kept = XskSocket.Open(Filtered("not tcp port 22") with { KeepKernelTraffic = true })) Assert.DoesNotContain(kept.Warnings, AboutAddresses);
        using (XskSocket elsewhere = XskSocket.Open(Filtered("arp") with { InterfaceName = TestNetwork.Far })) Assert.DoesNotContain(elsewhere.Warnings, AboutAddresses);
        // A filter that leaves nothing is none.
        PacketFilter nothing = new("nothing", [new ClassicInstruction { Code = 0x06 }]);
        foreach (PacketFilter all in (PacketFilter[])[PacketFilter.Compile(" "), PacketFilter.Compile("0 = 0"), nothing.Not()])
        {
            Sockets.Fails(XskErrorId.InterfaceInUse, () => XskSocket.Open(Sockets.Options() with { Filter = all }).Dispose());
            XskSocket.Open(Sockets.Options() with { Filter = all, KeepKernelTraffic = true }).Dispose();
            XskSocket.Open(Sockets.Options(force: true) with { Filter = all }).Dispose();
        }

        static bool AboutAddresses(XskWarning warning) => warning.Id == "AddressResolutionTaken";
    });

    [KernelFact("tcpdump")]
    public void A_filter_that_is_too_large_is_refused_and_a_large_one_is_not()
    {
        network.Run(() => XskSocket.Open(Filtered(Hosts(150))).Dispose());
        XskException failure = Sockets.Fails(XskErrorId.FilterTooLarge, () => network.Run(() => XskSocket.Open(Filtered(Hosts(700))).Dispose()));
        Assert.Contains("classic instructions", failure.Message, StringComparison.Ordinal);
        Sockets.Fails(XskErrorId.FilterTooLarge, () => PacketFilter.Compile(Hosts(2_000)));
        Assert.False(network.HasProgram());
    }

    [KernelTheory("tcpdump")]
    [InlineData("ip protochain 6 or ip6 protochain 6")]
    [InlineData("ether[0] & 1 = 1 or protochain 6")]
    [InlineData("tcp port 80 or ip6 protochain 17 or udp port 53")]
    public void A_loop_leaves_the_verifier_room_for_the_rest(string expression) => network.Run(() =>
    {
        XskSocket.Open(Filtered(expression)).Dispose();
    });

    [KernelFact("tcpdump")]
    public void A_syntax_error_has_libpcaps_words_and_the_expression()
    {
        XskException failure = Sockets.Fails(XskErrorId.FilterSyntax, () => PacketFilter.Compile("udp prot 53"));
        Assert.Contains("'udp prot 53'", failure.Message, StringComparison.Ordinal);
        Assert.Contains("syntax error", failure.Message, StringComparison.Ordinal);
    }

    /// <summary>tcpdump, which reads these from the kernel, says so in its listing: what is loaded is no byte of the frame.</summary>
    [KernelTheory("tcpdump")]
    [InlineData("inbound", "[type]")]
    [InlineData("outbound", "[type]")]
    [InlineData("udp and not outbound", "[type]")]
    [InlineData("ifindex 3", "[ifidx]")]
    public void What_only_a_packet_socket_knows_is_refused(string expression, string loaded)
    {
        Assert.Contains(loaded, Command.Run("tcpdump", "-d", "-y", "EN10MB", expression), StringComparison.Ordinal);
        XskException failure = Sockets.Fails(XskErrorId.FilterSyntax, () => PacketFilter.Compile(expression));
        Assert.Contains($"'{expression}' asks for what the kernel knows of a packet beside its bytes", failure.Message, StringComparison.Ordinal);
    }

    [KernelFact("tcpdump")]
    public void What_matches_no_packet_is_said_of_what_was_written()
    {
        Assert.Contains("'tcp and udp' matches no packet", Sockets.Fails(XskErrorId.FilterSyntax, () => PacketFilter.Compile("tcp and udp")).Message, StringComparison.Ordinal);
        PacketFields fields = new() { Vlans = [5], Ports = [new PortRange(53, 53)] };
        XskException failure = Sockets.Fails(XskErrorId.FilterSyntax, () => PacketFilter.Compile("arp", fields));
        Assert.StartsWith($"No packet can match both 'arp' and '{fields.Expression}'", failure.Message, StringComparison.Ordinal);
    }

    [KernelFact("tcpdump")]
    public void A_null_character_does_not_cut_an_expression() => Assert.Contains(
        "'udp? and port 53' has a null character", Sockets.Fails(XskErrorId.FilterSyntax, () => PacketFilter.Compile("udp\0 and port 53")).Message, StringComparison.Ordinal);

    [KernelFact("tcpdump")]
    public void The_same_words_in_other_instructions_are_explained() => network.Run(() =>
    {
        using XskSocket first = XskSocket.Open(Filtered("port 53"));
        PacketFilter fields = PacketFilter.FromFields(new PacketFields { Ports = [new PortRange(53, 53)] });
        Assert.Equal(first.Filter, fields.Expression);
        XskException failure = Sockets.Fails(XskErrorId.FilterConflict, () => XskSocket.Open(Sockets.Options(queue: 1) with { Filter = fields }));
        Assert.Contains("'port 53' in other instructions: made by -Filter", failure.Message, StringComparison.Ordinal);
    });

    [KernelFact("tcpdump")]
    public void A_filter_needs_a_program() =>
        Sockets.Fails(XskErrorId.FilterConflict, new XskSocketOptions { InterfaceName = "any", Filter = PacketFilter.Compile("udp"), AttachProgram = false }.Validate);

    private static string Hosts(int count) => string.Join(" or ", Enumerable.Range(0, count)
        .Select(i => string.Create(CultureInfo.InvariantCulture, $"host 10.{i >> 16}.{(i >> 8) & 255}.{i & 255}")));

    private static XskSocketOptions Filtered(string expression, int queue = 0, XdpAttachMode mode = XdpAttachMode.Auto) => new()
    {
        InterfaceName = TestNetwork.Near,
        QueueId = queue,
        Filter = PacketFilter.Compile(expression),
        AttachMode = mode,
        FrameCount = 128,
        RxRingSize = 64,
        TxRingSize = 64,
        FillRingSize = 64,
        CompletionRingSize = 64,
    };
}
