using System.Globalization;
using System.Net;
using static XdpPS.Tests.FrameBuilderTests;

namespace XdpPS.Tests;

/// <summary>Templates: what their frames are, and that they arrive.</summary>
public sealed class FrameTemplateTests
{
    [KernelFact("tshark")]
    public void Fields_go_on_in_step_and_begin_anew_after_their_last_value()
    {
        XskFrameTemplate template = Udp("10.0.0.0/29", "1000-1002", vlan: "100-101", mac: "02:00:00:00:00:fe-02:00:00:00:01:01").BuildTemplate(50);
        List<string[]> seen = Seen(template, "ip.src", "udp.srcport", "vlan.id", "eth.src", "ip.checksum.status", "udp.checksum.status");
        Assert.Equal(
            Enumerable.Range(0, 50).Select(i => new[]
            {
                $"10.0.0.{1 + (i % 6)}", $"{1000 + (i % 3)}", $"{100 + (i % 2)}", new[] { "02:00:00:00:00:fe", "02:00:00:00:00:ff", "02:00:00:00:01:00", "02:00:00:00:01:01" }[i % 4], "1", "1",
            }),
            seen);
        Assert.Equal(["SourceMac", "Vlan", "SourceAddress", "SourcePort"], template.Fields.Select(field => field.Name));
        // As many as the longest field has values.
        Assert.Equal(6, Udp("10.0.0.0/29", "1000-1002").BuildTemplate().Count);
    }

    [KernelFact("tshark")]
    public void Combinations_come_each_once_the_first_field_fastest()
    {
        XskFrameTemplate template = Udp("10.0.0.1-10.0.0.3", "7-8").BuildTemplate(vary: FrameVariation.Combination);
        Assert.Equal(["10.0.0.1 7", "10.0.0.2 7", "10.0.0.3 7", "10.0.0.1 8", "10.0.0.2 8", "10.0.0.3 8"], Seen(template, "ip.src", "udp.srcport").Select(row => string.Join(' ', row)));
        Assert.Equal(Frame(template, 1), Frame(template, 7));
    }

    [KernelFact("tshark")]
    public void Ten_thousand_frames_have_values_that_were_asked_for_and_good_checksums()
    {
        // Two protocols of each version, with everything that can vary, odd and even lengths.
        FrameBuilder all = new()
        {
            SourceMac = Mac("02:00:00:00:00:00-02:00:00:ff:ff:ff"),
            DestinationMac = Mac("06:00:00:00:00:00-06:ff:ff:ff:ff:ff"),
            Vlans = [new FrameVlan(Number("10-20"))],
            TimeToLive = Number("1-255"),
            Identification = Number("0-65535"),
            FlowLabel = Number("0-1048575"),
            SourcePort = Number("0-65535"),
            DestinationPort = FieldSequence.FromNumbers(53, 80, 443),
            AcknowledgmentNumber = Number("0-4294967295"),
            Identifier = Number("0-65535"),
        };
        int frames = 0;
        HashSet<string> sources = [];
        foreach (FrameProtocol protocol in new[] { FrameProtocol.Udp, FrameProtocol.Tcp, FrameProtocol.IcmpEcho })
        {
            foreach (bool v6 in new[] { false, true })
            {
                XskFrameTemplate template = new FrameBuilder
                {
                    Protocol = protocol, SourceMac = all.SourceMac, DestinationMac = all.DestinationMac, Vlans = all.Vlans, TimeToLive = all.TimeToLive, Identification = all.Identification,
                    FlowLabel = all.FlowLabel, SourcePort = all.SourcePort, DestinationPort = all.DestinationPort, AcknowledgmentNumber = all.AcknowledgmentNumber, Identifier = all.Identifier,
                    SequenceNumber = Number(protocol == FrameProtocol.Tcp ? "0-4294967295" : "0-65535"),
                    SourceAddress = Address(v6 ? "2001:db8::/32" : "10.0.0.0/8"),
                    DestinationAddress = Address(v6 ? "2001:db8:1::/48" : "192.0.2.0/24"),
                    PayloadLength = v6 ? 11 : 10,
                }.BuildTemplate(1700, FrameVariation.Random, 1 + (int)protocol);
                foreach (string[] row in Seen(template, [v6 ? "ipv6.src" : "ip.src", v6 ? "ipv6.dst" : "ip.dst", "vlan.id", "udp.dstport", "tcp.dstport", "eth.dst", .. TsharkTable.ChecksumStatus]))
                {
                    Assert.StartsWith(v6 ? "2001:db8:" : "10.", row[0], StringComparison.Ordinal);
                    Assert.StartsWith(v6 ? "2001:db8:1:" : "192.0.2.", row[1], StringComparison.Ordinal);
                    Assert.InRange(int.Parse(row[2], CultureInfo.InvariantCulture), 10, 20);
                    if (protocol != FrameProtocol.IcmpEcho) Assert.Contains(row[3] + row[4], (string[])["53", "80", "443"]);
                    Assert.StartsWith("06:", row[5], StringComparison.Ordinal);
                    Assert.Equal(v6 ? "1" : "11", string.Concat(row[6..]));
                    sources.Add(row[0]);
                    frames++;
                }
            }
        }

        Assert.Equal(10_200, frames);
        Assert.InRange(sources.Count, 10_100, 10_200);
    }

    [Fact]
    public void A_frame_is_what_it_would_be_if_it_were_built_alone()
    {
        XskFrameTemplate template = Udp("10.0.0.0/24", "0-65535").BuildTemplate(1000);
        for (int i = 0; i < 1000; i += 37)
            Assert.Equal(Udp($"10.0.0.{1 + (i % 254)}", $"{i}").Build().Data, Frame(template, i));
    }

    [Fact]
    public void The_same_seed_draws_the_same_frames_in_any_order_and_another_one_others()
    {
        FrameBuilder builder = Udp("10.0.0.0/24", "1-254");
        XskFrameTemplate first = builder.BuildTemplate(1000, FrameVariation.Random, 42), same = builder.BuildTemplate(5, FrameVariation.Random, 42), other = builder.BuildTemplate(1000, FrameVariation.Random, 43);
        int alike = 0, inStep = 0;
        HashSet<string> ports = [];
        for (long i = 999; i >= 0; i--)
        {
            XskPacket packet = first.GetPacket(i);
            Assert.Equal(packet.Data, Frame(same, i));
            if (packet.Data.SequenceEqual(Frame(other, i))) alike++;
            if (packet.Source == $"10.0.0.{packet.SourcePort}") inStep++;
            ports.Add($"{packet.SourcePort}");
        }

        // Of 1000 draws of 254 values some 4 are alike by chance, and some 249 values come up.
        Assert.InRange(alike, 0, 3);
        Assert.InRange(inStep, 0, 25);
        Assert.InRange(ports.Count, 225, 254);
        Assert.NotEqual(builder.BuildTemplate(2, FrameVariation.Random).Seed, builder.BuildTemplate(2, FrameVariation.Random).Seed);
    }

    [Fact]
    public void The_mac_address_in_arp_varies_with_that_of_its_frame()
    {
        XskFrameTemplate template = new FrameBuilder
        {
            Protocol = FrameProtocol.Arp, SourceMac = Mac("02:00:00:00:00:00-02:00:00:00:ff:ff"), SourceAddress = Address("10.0.0.0/16"), DestinationAddress = Address("10.0.0.1"),
        }.BuildTemplate(100, FrameVariation.Random, 1);
        Assert.All(template.GetPackets(), packet => Assert.Equal(packet.Ethernet!.SourceAddress, packet.Arp!.SenderHardwareAddress));
        Assert.Equal(["SourceMac", "SourceAddress"], template.Fields.Select(field => field.Name));
    }

    [Fact]
    public void More_frames_than_can_be_meant_have_to_be_asked_for()
    {
        FrameBuilder builder = Udp("10.0.0.0/8", "0-65535");
        Assert.Equal(16_777_214, builder.BuildTemplate().Count);
        Assert.Equal(XskErrorId.FrameFieldInvalid, Assert.Throws<XskException>(() => builder.BuildTemplate(vary: FrameVariation.Combination)).ErrorId);
        Assert.Equal(long.MaxValue, builder.BuildTemplate(long.MaxValue, FrameVariation.Combination).Count);
        Frame(builder.BuildTemplate(long.MaxValue), long.MaxValue);
    }

    [KernelFact("tcpdump", "tshark")]
    public void What_arrives_is_what_the_template_says_whatever_the_size_of_the_ring()
    {
        XskFrameTemplate template = new FrameBuilder
        {
            SourceMac = Mac("02:00:00:00:00:01-02:00:00:00:00:07"), DestinationMac = Mac("02:00:00:00:00:02"), EtherType = Frames.Experimental, Vlans = [], PayloadLength = 50,
        }.BuildTemplate(1000);
        byte[][] expected = [.. Enumerable.Range(0, 1500).Select(i => Frame(template, i))];
        using TestNetwork network = new();
        using Capture capture = new(network, TestNetwork.Far);
        network.Run(() =>
        {
            using XskSocket socket = Sockets.Open();
            using XskSender sender = new(socket, 0, TimeSpan.FromSeconds(5));
            for (long i = 0; i < 1500; i++) Assert.True(sender.Send(template, i));
            Assert.True(sender.Finish(TimeSpan.FromSeconds(5)));
            Assert.Equal((1500, 1500 * 64), (sender.GetResult().Frames, sender.GetResult().Bytes));
            Sockets.AssertConserved(socket);
        });
        List<byte[]> arrived = capture.Stop(expected);
        Assert.Equal(expected, arrived);
        Assert.Equal(Enumerable.Range(0, 1500).Select(i => $"02:00:00:00:00:0{1 + (i % 7)}"), TsharkTable.Read(arrived, "eth.src").Select(row => row[0]));
    }

    [KernelFact]
    public void Expanding_and_sending_allocate_nothing()
    {
        XskFrameTemplate[] templates =
        [
            Udp("10.0.0.0/8", "1-65535").BuildTemplate(1_000_000),
            Udp("2001:db8::/32", "1-65535").BuildTemplate(1_000_000, FrameVariation.Random, 1),
            Udp("10.0.0.1-10.0.0.3", "1-9").BuildTemplate(1_000_000, FrameVariation.Combination),
        ];
        using TestNetwork network = new();
        network.Run(() =>
        {
            using XskSocket socket = Sockets.Open();
            using XskSender sender = new(socket, 0, TimeSpan.FromSeconds(5));
            byte[] buffer = new byte[2048];
            Round(0);
            long before = GC.GetAllocatedBytesForCurrentThread();
            Round(1000);
            Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

            void Round(long first)
            {
                foreach (XskFrameTemplate template in templates)
                {
                    for (long i = first; i < first + 1000; i++)
                    {
                        template.Write(buffer, i);
                        sender.Send(template, i);
                    }
                }
            }
        });
    }

    [KernelFact("tcpdump")]
    public void A_template_longer_than_a_umem_frame_goes_out_in_several()
    {
        XskFrameTemplate template = new FrameBuilder
        {
            SourceMac = Mac("02:00:00:00:00:01-02:00:00:00:00:03"), DestinationMac = Mac("02:00:00:00:00:02"), EtherType = Frames.Experimental, PayloadLength = 5000,
        }.BuildTemplate();
        using TestNetwork network = new();
        network.Batch($"link set {TestNetwork.Near} mtu 6000", $"link set {TestNetwork.Far} mtu 6000");
        byte[][] expected = [.. template.GetPackets().Select(packet => packet.Data)];
        using Capture capture = new(network, TestNetwork.Far, 6000);
        network.Run(() =>
        {
            using XskSocket socket = XskSocket.Open(new XskSocketOptions
            {
                InterfaceName = TestNetwork.Near, FrameCount = 128, RxRingSize = 0, TxRingSize = 64, CompletionRingSize = 64, MultiBuffer = true, AttachProgram = false,
            });
            using XskSender sender = new(socket, 0, TimeSpan.FromSeconds(5));
            for (long i = 0; i < 3; i++) Assert.True(sender.Send(template, i));
            Assert.True(sender.Finish(TimeSpan.FromSeconds(5)));
        });
        Assert.Equal(expected, capture.Stop(expected));
    }

    private static FrameBuilder Udp(string source, string port, string? vlan = null, string mac = "02:00:00:00:00:01") => new()
    {
        Protocol = FrameProtocol.Udp,
        SourceMac = Mac(mac),
        DestinationMac = Mac("02:00:00:00:00:02"),
        Vlans = vlan is null ? [] : [new FrameVlan(Number(vlan))],
        SourceAddress = Address(source),
        DestinationAddress = Address(source.Contains(':', StringComparison.Ordinal) ? "2001:db8::2" : "192.0.2.2"),
        SourcePort = Number(port),
        DestinationPort = Number("9"),
        Payload = new byte[] { 1, 2, 3 },
    };

    private static byte[] Frame(XskFrameTemplate template, long index)
    {
        byte[] frame = new byte[template.Length];
        Assert.Equal(frame.Length, template.Write(frame, index));
        return frame;
    }

    private static List<string[]> Seen(XskFrameTemplate template, params string[] fields) => TsharkTable.Read(template.GetPackets().Select(packet => packet.Data), fields);
}
