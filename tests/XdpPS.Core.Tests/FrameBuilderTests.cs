using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using System.Text;

namespace XdpPS.Tests;

/// <summary>Frames that are built, as tshark reads them.</summary>
public sealed class FrameBuilderTests
{
    private const string Here = "02:00:00:00:00:01", There = "02:00:00:00:00:02";

    internal static FieldSequence Mac(string text) => FieldSequence.TryParseMacs(text, out FieldSequence? macs) ? macs! : throw new FormatException(text);

    internal static FieldSequence Address(string text) => FieldSequence.TryParseAddresses(text, out FieldSequence? addresses) ? addresses! : throw new FormatException(text);

    internal static FieldSequence Number(string text) => FieldSequence.TryParseNumbers(text, out FieldSequence? numbers) ? numbers! : throw new FormatException(text);

    [KernelFact("tshark")]
    public void Tshark_reads_every_field_that_was_asked_for_with_and_without_tags()
    {
        string[] fields =
        [
            "eth.dst", "eth.src", "vlan.id", "vlan.priority", "frame.len", "ip.src", "ip.dst", "ip.ttl", "ip.id", "ip.dsfield.dscp", "ip.flags.df", "ip.len",
            "ipv6.src", "ipv6.dst", "ipv6.hlim", "ipv6.flow", "ipv6.tclass.dscp", "ipv6.plen", "udp.srcport", "udp.dstport", "udp.length", "tcp.srcport", "tcp.dstport",
            "tcp.seq_raw", "tcp.ack_raw", "tcp.flags", "tcp.window_size_value", "icmp.type", "icmp.ident", "icmp.seq", "icmpv6.type", "icmpv6.echo.identifier", "icmpv6.echo.sequence_number",
            "arp.opcode", "arp.src.hw_mac", "arp.src.proto_ipv4", "arp.dst.hw_mac", "arp.dst.proto_ipv4", .. TsharkTable.ChecksumStatus,
        ];
        List<byte[]> frames = [];
        List<Dictionary<string, string>> expected = [];
        foreach (ushort[] tags in new ushort[][] { [], [7], [100, 200], [1, 2, 4095] })
        {
            foreach (FrameProtocol protocol in Enum.GetValues<FrameProtocol>())
            {
                foreach (bool v6 in new[] { false, true })
                {
                    if (v6 && protocol is FrameProtocol.Ethernet or FrameProtocol.Arp) continue;
                    Add(protocol, v6, tags);
                }
            }
        }

        List<string[]> seen = TsharkTable.Read(frames, fields);
        Assert.Equal(frames.Count, seen.Count);
        for (int i = 0; i < seen.Count; i++)
        {
            for (int f = 0; f < fields.Length; f++)
                Assert.Equal($"{i} {fields[f]} {expected[i].GetValueOrDefault(fields[f], "")}", $"{i} {fields[f]} {Plain(f < seen[i].Length ? seen[i][f] : "")}");
        }

        void Add(FrameProtocol protocol, bool v6, ushort[] tags)
        {
            byte[] payload = Encoding.ASCII.GetBytes("odd length here");
            FrameBuilder builder = new()
            {
                Protocol = protocol,
                DestinationMac = Mac(There),
                SourceMac = Mac(Here),
                Vlans = [.. tags.Select(tag => new FrameVlan(FieldSequence.FromNumbers(tag), 5))],
                EtherType = 0x88b5,
                IPProtocol = IPProtocol.RSVP,
                SourceAddress = Address(v6 ? "2001:db8::1" : "192.0.2.1"),
                DestinationAddress = Address(v6 ? "2001:db8::2" : "192.0.2.2"),
                TimeToLive = Number("37"),
                Identification = Number("0x1234"),
                DontFragment = true,
                DifferentiatedServicesCodePoint = 46,
                FlowLabel = Number("0x12345"),
                SourcePort = Number("1234"),
                DestinationPort = Number("54321"),
                SequenceNumber = Number(protocol == FrameProtocol.Tcp ? "4000000000" : "77"),
                AcknowledgmentNumber = Number("3000000000"),
                Flags = TcpControlBits.Psh | TcpControlBits.Ack,
                Window = 4242,
                Identifier = Number("0xbeef"),
                Payload = protocol == FrameProtocol.Arp ? default : payload,
            };
            byte[] frame = builder.Build().Data;
            frames.Add(frame);
            int transport = protocol switch { FrameProtocol.Udp or FrameProtocol.IcmpEcho => 8, FrameProtocol.Tcp => 20, _ => 0 };
            int inside = transport + payload.Length;
            Dictionary<string, string> row = new()
            {
                ["eth.dst"] = There,
                ["eth.src"] = Here,
                ["vlan.id"] = string.Join(',', tags.TakeLast(1)),
                ["vlan.priority"] = tags.Length > 0 ? "5" : "",
                ["frame.len"] = Text(14 + (4 * tags.Length) + (protocol == FrameProtocol.Arp ? 28 : protocol == FrameProtocol.Ethernet ? payload.Length : (v6 ? 40 : 20) + inside)),
            };
            if (protocol == FrameProtocol.Arp)
                Set(row, ("arp.opcode", "1"), ("arp.src.hw_mac", Here), ("arp.src.proto_ipv4", "192.0.2.1"), ("arp.dst.hw_mac", "00:00:00:00:00:00"), ("arp.dst.proto_ipv4", "192.0.2.2"));
            else if (protocol != FrameProtocol.Ethernet && v6)
                Set(row, ("ipv6.src", "2001:db8::1"), ("ipv6.dst", "2001:db8::2"), ("ipv6.hlim", "37"), ("ipv6.flow", "0x012345"), ("ipv6.tclass.dscp", "46"), ("ipv6.plen", Text(inside)));
            else if (protocol != FrameProtocol.Ethernet)
                Set(row, ("ip.src", "192.0.2.1"), ("ip.dst", "192.0.2.2"), ("ip.ttl", "37"), ("ip.id", "0x1234"), ("ip.dsfield.dscp", "46"), ("ip.flags.df", "1"), ("ip.len", Text(20 + inside)), ("ip.checksum.status", "1"));
            if (protocol == FrameProtocol.Udp) Set(row, ("udp.srcport", "1234"), ("udp.dstport", "54321"), ("udp.length", Text(inside)), ("udp.checksum.status", "1"));
            if (protocol == FrameProtocol.Tcp)
                Set(row, ("tcp.srcport", "1234"), ("tcp.dstport", "54321"), ("tcp.seq_raw", "4000000000"), ("tcp.ack_raw", "3000000000"), ("tcp.flags", "0x0018"), ("tcp.window_size_value", "4242"), ("tcp.checksum.status", "1"));
            if (protocol == FrameProtocol.IcmpEcho && v6) Set(row, ("icmpv6.type", "128"), ("icmpv6.echo.identifier", "0xbeef"), ("icmpv6.echo.sequence_number", "77"), ("icmpv6.checksum.status", "1"));
            else if (protocol == FrameProtocol.IcmpEcho) Set(row, ("icmp.type", "8"), ("icmp.ident", "48879"), ("icmp.seq", "77"), ("icmp.checksum.status", "1"));
            expected.Add(row);
        }

        static void Set(Dictionary<string, string> row, params (string Name, string Value)[] values)
        {
            foreach ((string name, string value) in values) row[name] = value;
        }

        static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

        // Versions of tshark print a bit as 1 or True, and what of ICMP may be either byte order once or twice.
        static string Plain(string value) => value.Split(',')[0] is var first && first == "True" ? "1" : first;
    }

    [KernelFact("tshark")]
    public void A_tag_before_another_is_a_service_tag_unless_a_type_is_given()
    {
        FrameVlan inner = new(Number("20"), 3), outer = new(Number("10"));
        byte[][] frames = [Tagged(outer, inner), Tagged(outer with { Type = 0x8100 }, inner), Tagged(inner with { Type = 0x88a8 })];
        List<string[]> seen = TsharkTable.Read(frames, "eth.type", "ieee8021ad.id", "vlan.id", "udp.dstport");
        Assert.Equal([["0x88a8", "10", "20", "2"], ["0x8100", "", "10,20", "2"], ["0x88a8", "20", "", "2"]], seen);
    }

    [KernelFact("tshark")]
    public void A_checksum_that_is_to_be_wrong_is_wrong_and_no_other()
    {
        List<byte[]> frames = [];
        List<string> expected = [];
        foreach (FrameProtocol protocol in new[] { FrameProtocol.Udp, FrameProtocol.Tcp, FrameProtocol.IcmpEcho })
        {
            foreach (bool v6 in new[] { false, true })
            {
                // All values of a word, so that the right checksum is every number once.
                foreach (int word in Enumerable.Range(0, 400).Select(i => i * 163))
                {
                    frames.Add(Bad(protocol, v6, word, header: false));
                    expected.Add(v6 ? "|0" : "1|0");
                }

                if (v6) continue;
                frames.Add(Bad(protocol, v6, 1, header: true));
                expected.Add("0|1");
            }
        }

        List<string> seen = [.. TsharkTable.Read(frames, TsharkTable.ChecksumStatus).Select(row => row[0] + "|" + string.Concat(row[1..]))];
        Assert.Equal(expected, seen);

        static byte[] Bad(FrameProtocol protocol, bool v6, int word, bool header) => Plain(protocol, v6, bad: !header, badHeader: header, payload: [(byte)(word >> 8), (byte)word]).Build().Data;
    }

    [Fact]
    public void A_udp_checksum_that_comes_to_zero_is_sent_as_its_other_zero_and_a_wrong_one_is_never_none()
    {
        int zeros = 0;
        for (int word = 0; word <= ushort.MaxValue; word++)
        {
            byte[] payload = [(byte)(word >> 8), (byte)word];
            byte[] right = Plain(FrameProtocol.Udp, v6: false, payload: payload).Build().Data, wrong = Plain(FrameProtocol.Udp, v6: false, bad: true, payload: payload).Build().Data;
            Assert.False(right[40] == 0 && right[41] == 0);
            Assert.False(wrong[40] == 0 && wrong[41] == 0);
            if (right[40] == 0xff && right[41] == 0xff) zeros++;
        }

        Assert.NotEqual(0, zeros);
    }

    [KernelFact("tshark")]
    public void Lengths_are_what_was_asked_for_and_padding_is_no_payload()
    {
        byte[][] frames =
        [
            Plain(FrameProtocol.Udp, v6: false, payload: [1, 2, 3], minimum: 60).Build().Data,
            Plain(FrameProtocol.Udp, v6: true, payload: [1, 2, 3], minimum: 60).Build().Data,
            Plain(FrameProtocol.Udp, v6: false, payload: [1, 2, 3], length: 50).Build().Data,
            Plain(FrameProtocol.Tcp, v6: false, payload: [0xab], payloadLength: 4).Build().Data,
            Plain(FrameProtocol.Udp, v6: false, payloadLength: 1472).Build().Data,
        ];
        List<string[]> seen = TsharkTable.Read(frames, "frame.len", "udp.length", "data.data", "eth.padding", "tcp.payload", "udp.checksum.status", "tcp.checksum.status");
        Assert.Equal(["60", "11", "010203", new string('0', 30), "", "1", ""], seen[0]);
        Assert.Equal(["65", "11", "010203", "", "", "1", ""], seen[1]);
        Assert.Equal(["50", "16", "0102030102030102", "", "", "1", ""], seen[2]);
        Assert.Equal(["58", "", "abababab", "", "abababab", "", "1"], seen[3][..7]);
        Assert.Equal(["1514", "1480", new string('0', 2944), "", "", "1", ""], seen[4]);
    }

    [Theory]
    [InlineData("224.1.2.3", "01:00:5e:01:02:03")]
    [InlineData("239.129.2.3", "01:00:5e:01:02:03")]
    [InlineData("255.255.255.255", "ff:ff:ff:ff:ff:ff")]
    [InlineData("ff02::1:ff00:7", "33:33:ff:00:00:07")]
    public void A_group_has_its_own_mac_address(string address, string expected)
    {
        FrameBuilder builder = new() { Protocol = FrameProtocol.IcmpEcho, SourceMac = Mac(Here), SourceAddress = Address(address.Contains(':') ? "fe80::1" : "10.0.0.1"), DestinationAddress = Address(address) };
        Assert.Equal(PhysicalAddress.Parse(expected), builder.Build().Ethernet!.DestinationAddress);
    }

    [Fact]
    public void What_contradicts_itself_is_refused_with_what_to_do()
    {
        FieldSequence mac = Mac(Here), v4 = Address("10.0.0.1"), v6 = Address("::1"), one = Number("1");
        Refused("not of one IP version", new() { Protocol = FrameProtocol.Udp, SourceMac = mac, DestinationMac = mac, SourceAddress = v4, DestinationAddress = v6, SourcePort = one, DestinationPort = one });
        Refused("no source MAC address", new() { Protocol = FrameProtocol.Ethernet, DestinationMac = mac });
        Refused("no destination MAC address", new() { Protocol = FrameProtocol.IcmpEcho, SourceMac = mac, SourceAddress = v4, DestinationAddress = v4 });
        Refused("no source port", new() { Protocol = FrameProtocol.Tcp, SourceMac = mac, DestinationMac = mac, SourceAddress = v4, DestinationAddress = v4 });
        Refused("ARP is for IPv4", new() { Protocol = FrameProtocol.Arp, SourceMac = mac, SourceAddress = v6, DestinationAddress = v6 });
        Refused("SourcePort cannot be 65536", new() { Protocol = FrameProtocol.Udp, SourceMac = mac, DestinationMac = mac, SourceAddress = v4, DestinationAddress = v4, SourcePort = Number("65536"), DestinationPort = one });
        Refused("SourceMac cannot be 10.0.0.1", new() { Protocol = FrameProtocol.Ethernet, SourceMac = v4, DestinationMac = mac });
        Refused("no room", new() { Protocol = FrameProtocol.Udp, SourceMac = mac, DestinationMac = mac, SourceAddress = v4, DestinationAddress = v4, SourcePort = one, DestinationPort = one, Length = 41 });
        Refused("65550 bytes would be longer than its headers can say", new() { Protocol = FrameProtocol.Udp, SourceMac = mac, DestinationMac = mac, SourceAddress = v4, DestinationAddress = v4, SourcePort = one, DestinationPort = one, PayloadLength = 65508 });
        Refused("IPv6 has no checksum", new() { Protocol = FrameProtocol.IcmpEcho, SourceMac = mac, DestinationMac = mac, SourceAddress = v6, DestinationAddress = v6, BadHeaderChecksum = true });
    }

    [Theory]
    [InlineData("10.0.0.0/24", "254", "10.0.0.1", "10.0.0.254")]
    [InlineData("10.0.0.0/31", "2", "10.0.0.0", "10.0.0.1")]
    [InlineData("10.0.0.9/32", "1", "10.0.0.9", "10.0.0.9")]
    [InlineData("10.0.0.250-10.0.1.5", "12", "10.0.0.250", "10.0.1.5")]
    [InlineData("0.0.0.0/0", "4294967294", "0.0.0.1", "255.255.255.254")]
    [InlineData("2001:db8::/64", "18446744073709551615", "2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff")]
    [InlineData("2001:db8::/126", "3", "2001:db8::1", "2001:db8::3")]
    [InlineData("::/0", "340282366920938463463374607431768211455", "::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")]
    public void A_prefix_stands_for_its_hosts_and_a_range_for_all_of_it(string text, string count, string first, string last)
    {
        FieldSequence values = Address(text);
        Assert.Equal(count, values.Count.ToString(CultureInfo.InvariantCulture));
        Assert.Equal(first == last ? first : $"{first}-{last}", values.ToString());
    }

    [Theory]
    [InlineData("10.0.0.1/24")]
    [InlineData("10.1")]
    [InlineData("010.0.0.1")]
    [InlineData("10.0.0.9-10.0.0.1")]
    [InlineData("10.0.0.1-::1")]
    [InlineData("10.0.0.0/33")]
    [InlineData("[::1]:80")]
    [InlineData("")]
    public void What_is_no_address_is_not_taken_for_one(string text) => Assert.False(FieldSequence.TryParseAddresses(text, out _));

    [Fact]
    public void Mac_addresses_are_read_in_every_notation_and_as_ranges()
    {
        foreach (string text in new[] { "02:00:00:00:0a:01", "02-00-00-00-0a-01", "020000000a01", "0200.0000.0a01", "02-00-00-00-0A-01" }) Assert.Equal("02:00:00:00:0a:01", Mac(text).ToString());
        Assert.Equal((256, "02:00:00:00:00:00-02:00:00:00:00:ff"), ((int)Mac("02-00-00-00-00-00-02-00-00-00-00-ff").Count, Mac("02:00:00:00:00:00-02:00:00:00:00:ff").ToString()));
        foreach (string text in new[] { "", "02:00", "02:00:00:00:00:02-02:00:00:00:00:01", "zz:00:00:00:00:00" }) Assert.False(FieldSequence.TryParseMacs(text, out _));
        Assert.Equal("1000-2000, 5, 7", FieldSequence.FromNumbers([.. Enumerable.Range(1000, 1001).Select(i => (uint)i), 5, 7]).ToString());
        Assert.Throws<ArgumentException>(() => FieldSequence.FromAddresses(IPAddress.Loopback, IPAddress.IPv6Loopback));
    }

    internal static FrameBuilder Plain(
        FrameProtocol protocol, bool v6, bool bad = false, bool badHeader = false, byte[]? payload = null, int minimum = 0, int? length = null, int? payloadLength = null) => new()
        {
            Protocol = protocol,
            DestinationMac = Mac(There),
            SourceMac = Mac(Here),
            SourceAddress = Address(v6 ? "2001:db8::1" : "192.0.2.1"),
            DestinationAddress = Address(v6 ? "2001:db8::2" : "192.0.2.2"),
            SourcePort = Number("1"),
            DestinationPort = Number("2"),
            BadChecksum = bad,
            BadHeaderChecksum = badHeader,
            Payload = payload,
            MinimumLength = minimum,
            Length = length,
            PayloadLength = payloadLength,
        };

    private static byte[] Tagged(params FrameVlan[] tags) => new FrameBuilder
    {
        Protocol = FrameProtocol.Udp,
        DestinationMac = Mac(There),
        SourceMac = Mac(Here),
        Vlans = tags,
        SourceAddress = Address("192.0.2.1"),
        DestinationAddress = Address("192.0.2.2"),
        SourcePort = Number("1"),
        DestinationPort = Number("2"),
    }.Build().Data;

    private static void Refused(string words, FrameBuilder builder)
    {
        XskException e = Assert.Throws<XskException>(builder.Build);
        Assert.Equal(XskErrorId.FrameFieldInvalid, e.ErrorId);
        Assert.Contains(words, e.Message, StringComparison.Ordinal);
    }
}
