using System.Net;
using System.Net.NetworkInformation;
using System.Text;

namespace XdpPS.Tests;

/// <summary>What edits make of recorded packets, as tshark reads it.</summary>
public sealed class FrameEditTests
{
    private static readonly PhysicalAddress Mac1 = PhysicalAddress.Parse("06-00-00-00-00-01"), Mac2 = PhysicalAddress.Parse("06-00-00-00-00-02");

    public static TheoryData<string> Edits => [.. Kinds.Keys];

    private static Dictionary<string, (FrameEdit Edit, string Field, string Value)> Kinds { get; } = new()
    {
        ["MAC addresses"] = (new FrameEdit { SourceMac = Mac1, DestinationMac = Mac2, SkipMissing = true }, "eth.src", "06:00:00:00:00:01"),
        ["IPv4 addresses"] = (new FrameEdit { SourceAddress = IPAddress.Parse("198.51.100.7"), DestinationAddress = IPAddress.Parse("203.0.113.255"), SkipMissing = true }, "ip.src", "198.51.100.7"),
        ["IPv6 addresses"] = (new FrameEdit { SourceAddress = IPAddress.Parse("2001:db8:ffff::1"), DestinationAddress = IPAddress.Parse("2001:db8:eeee::2"), SkipMissing = true }, "ipv6.src", "2001:db8:ffff::1"),
        ["time to live"] = (new FrameEdit { TimeToLive = 7, DifferentiatedServicesCodePoint = 12, Identification = 99, SkipMissing = true }, "ip.ttl", "7"),
        ["ports"] = (new FrameEdit { SourcePort = 40001, DestinationPort = 40002, SkipMissing = true }, "udp.srcport", "40001"),
        ["numbers of TCP"] = (new FrameEdit { SequenceNumber = 12345, AcknowledgmentNumber = 4_000_000_000, Flags = TcpControlBits.Rst, SkipMissing = true }, "tcp.ack_raw", "4000000000"),
        ["another tag"] = (new FrameEdit { PushVlan = [333], VlanPriority = 6, SourcePort = 40001, SkipMissing = true }, "vlan.id", "333"),
        ["two tags"] = (new FrameEdit { PushVlan = [5, 333], SkipMissing = true }, "ieee8021ad.id", "5"),
        ["the outermost tag"] = (new FrameEdit { Vlan = 77, VlanPriority = 1, SkipMissing = true }, "vlan.id", "77"),
        ["no tags"] = (new FrameEdit { PopVlan = int.MaxValue, TimeToLive = 9, SkipMissing = true }, "ip.ttl", "9"),
        ["an odd payload"] = (new FrameEdit { Payload = Encoding.ASCII.GetBytes("odd"), SkipMissing = true }, "udp.length", "11"),
        ["no payload"] = (new FrameEdit { Payload = ReadOnlyMemory<byte>.Empty, SkipMissing = true }, "udp.length", "8"),
        ["repair"] = (new FrameEdit { RepairChecksum = true, SkipMissing = true }, "udp.checksum.status", "1"),
    };

    [KernelTheory("tshark")]
    [MemberData(nameof(Edits))]
    public void Checksums_are_good_after_an_edit_where_they_were_good_before(string kind)
    {
        (FrameEdit edit, string field, string value) = Kinds[kind];
        List<CapturedFrame> frames = RecordedFrames.All();
        List<byte[]> before = [.. frames.Select(frame => frame.Data)];
        List<byte[]> after = [.. frames.Select(frame => edit.Apply(new XskPacket(frame.Data) { Length = frame.Length }).Data)];
        // Only the outermost headers are touched, and tshark lists all: of a tunnel it is the first that counts.
        string[] fields = [.. TsharkTable.ChecksumStatus, field];
        List<string[]> was = TsharkTable.Read(before, fields), now = TsharkTable.Read(after, fields);
        int checkedSums = 0, changed = 0;
        for (int i = 0; i < frames.Count; i++)
        {
            for (int f = 0; f < TsharkTable.ChecksumStatus.Length; f++)
            {
                string old = Status(was, i, f), status = Status(now, i, f);
                if (old != "1") continue;
                Assert.False(status == "0", $"frame {i}: {fields[f]} was good and is bad after {kind}: {Convert.ToHexString(after[i])}");
                if (status == "1") checkedSums++;
            }

            if (Status(now, i, 5) == value) changed++;
        }

        Assert.InRange(checkedSums, 300, int.MaxValue);
        Assert.InRange(changed, 10, int.MaxValue);
        Assert.All(frames.Zip(before), pair => Assert.Same(pair.First.Data, pair.Second));

        static string Status(List<string[]> rows, int row, int column) => column < rows[row].Length ? rows[row][column].Split(',')[0] : "";
    }

    [KernelFact("tshark")]
    public void A_repair_makes_good_what_was_left_to_a_card()
    {
        // Partial checksums, since the card was to finish them.
        List<CapturedFrame> frames = RecordedFrames.Read(Path.Combine(AppContext.BaseDirectory, "captures", "offloads-on.pcap"));
        FrameEdit edit = new() { RepairChecksum = true };
        List<byte[]> after = [.. frames.Where(frame => frame.IsWhole).Select(frame => edit.Apply(new XskPacket(frame.Data)).Data)];
        string[] was = Status(frames.Where(frame => frame.IsWhole).Select(frame => frame.Data)), now = Status(after);
        Assert.Contains("0", was);
        Assert.DoesNotContain("0", now);
        Assert.Contains("1", now);

        static string[] Status(IEnumerable<byte[]> frames) => [.. TsharkTable.Read(frames, "tcp.checksum.status").Select(row => row[0])];
    }

    [Fact]
    public void Fragments_and_cut_packets_keep_a_good_checksum_good()
    {
        FrameEdit edit = new() { SourceAddress = IPAddress.Parse("172.31.255.1"), SourcePort = 65000 };
        for (int seed = 0; seed < 200; seed++)
        {
            byte[] payload = new byte[201];
            new Random(seed).NextBytes(payload);
            foreach (FrameProtocol protocol in new[] { FrameProtocol.Udp, FrameProtocol.Tcp })
            {
                byte[] whole = FrameBuilderTests.Plain(protocol, v6: false, payload: payload).Build().Data;
                byte[] expected = edit.Apply(new XskPacket(whole)).Data;
                // Cut: the same bytes as far as they are there.
                XskPacket cut = edit.Apply(new XskPacket(whole[..60]) { Length = whole.Length });
                Assert.Equal(expected[..60], cut.Data);
                Assert.Equal((whole.Length, true), (cut.Length, cut.Truncated));
                // The first fragment: the datagram's checksum, over bytes of which many are elsewhere.
                byte[] first = whole[..(14 + 20 + 64)];
                first[20] = 0x20;
                first[16] = 0;
                first[17] = 84;
                byte[] edited = edit.Apply(new XskPacket(first)).Data;
                Assert.Equal(expected[34..98], edited[34..]);
            }
        }
    }

    [Fact]
    public void A_udp_checksum_of_none_stays_none()
    {
        byte[] frame = FrameBuilderTests.Plain(FrameProtocol.Udp, v6: false, payload: [1]).Build().Data;
        frame[40] = frame[41] = 0;
        XskPacket edited = new FrameEdit { SourceAddress = IPAddress.Parse("10.1.2.3"), Payload = new byte[] { 7, 8 }, RepairChecksum = true }.Apply(new XskPacket(frame));
        Assert.Equal((ushort?)0, edited.Udp!.Checksum);
        Assert.True(edited.IPv4!.HeaderChecksumValid);
    }

    [Fact]
    public void A_wrong_checksum_that_covers_nothing_that_changed_stays_wrong_unless_it_is_to_be_repaired()
    {
        XskPacket packet = FrameBuilderTests.Plain(FrameProtocol.Tcp, v6: false, bad: true).Build();
        Assert.False(new FrameEdit { TimeToLive = 3, SourceMac = Mac1 }.Apply(packet).Tcp!.ChecksumValid);
        Assert.True(new FrameEdit { TimeToLive = 3, RepairChecksum = true }.Apply(packet).Tcp!.ChecksumValid);
        Assert.True(new FrameEdit { DestinationPort = 3 }.Apply(packet).Tcp!.ChecksumValid);
    }

    [Fact]
    public void A_copy_keeps_what_is_known_of_the_packet_and_the_packet_its_bytes()
    {
        byte[] bytes = FrameBuilderTests.Plain(FrameProtocol.Udp, v6: false, payload: [1, 2, 3], minimum: 60).Build().Data;
        byte[] given = [.. bytes];
        XskPacket packet = new(given) { Number = 17, Timestamp = 1_234_567_890_123_456_789, TimestampSource = XskTimestampSource.Arrival, InterfaceName = "eth1", QueueId = 3, NetworkNamespace = "lab", RelativeTime = TimeSpan.FromSeconds(2) };
        XskPacket copy = new FrameEdit { PushVlan = [9], SourcePort = 5 }.Apply(packet);
        Assert.Equal(bytes, given);
        Assert.Equal(
            (packet.Number, packet.Timestamp, packet.TimestampSource, packet.InterfaceName, packet.QueueId, packet.NetworkNamespace, packet.RelativeTime),
            (copy.Number, copy.Timestamp, copy.TimestampSource, copy.InterfaceName, copy.QueueId, copy.NetworkNamespace, copy.RelativeTime));
        Assert.Equal((64, (ushort?)9, (ushort?)5), (copy.Length, copy.Vlan, copy.SourcePort));
        // And back again, byte for byte.
        Assert.Equal(bytes, new FrameEdit { PopVlan = 1, SourcePort = 1 }.Apply(copy).Data);
    }

    [Fact]
    public void What_a_packet_does_not_have_cannot_be_changed_unless_that_is_to_be_left_out()
    {
        XskPacket arp = new FrameBuilder
        {
            Protocol = FrameProtocol.Arp, SourceMac = FieldSequence.FromMacs(Mac1), SourceAddress = FrameBuilderTests.Address("10.0.0.1"), DestinationAddress = FrameBuilderTests.Address("10.0.0.2"),
        }.Build();
        XskPacket udp = FrameBuilderTests.Plain(FrameProtocol.Udp, v6: true).Build();
        Refused("no UDP or TCP header", new FrameEdit { SourcePort = 1 }, arp);
        Refused("no IP header", new FrameEdit { TimeToLive = 1 }, arp);
        Refused("ARP has no payload", new FrameEdit { Payload = new byte[1] }, arp);
        Refused("no address of IPv6", new FrameEdit { SourceAddress = IPAddress.IPv6Loopback }, arp);
        Refused("no address of IPv4", new FrameEdit { SourceAddress = IPAddress.Loopback }, udp);
        Refused("no IPv4 header", new FrameEdit { Identification = 1 }, udp);
        Refused("no TCP header", new FrameEdit { SequenceNumber = 1 }, udp);
        Refused("no VLAN tag", new FrameEdit { Vlan = 1 }, udp);
        Refused("0 VLAN tags", new FrameEdit { PopVlan = 1 }, udp);
        Refused("Only a part", new FrameEdit { Payload = new byte[1] }, new XskPacket(udp.Data[..60]) { Length = 62 });
        Refused("cannot be computed", new FrameEdit { RepairChecksum = true }, new XskPacket(udp.Data[..60]) { Length = 62 });
        Assert.Equal(arp.Data[12..], new FrameEdit { SourceMac = Mac2, SourcePort = 1, TimeToLive = 1, SkipMissing = true }.Apply(arp).Data[12..]);
        Assert.Equal((IPAddress.Parse("10.9.9.9"), IPAddress.Parse("10.0.0.2")), Addresses(new FrameEdit { SourceAddress = IPAddress.Parse("10.9.9.9") }.Apply(arp).Arp!));

        static (IPAddress?, IPAddress?) Addresses(ArpLayer layer) => (layer.SenderProtocolAddress, layer.TargetProtocolAddress);

        static void Refused(string words, FrameEdit edit, XskPacket packet)
        {
            XskException e = Assert.Throws<XskException>(() => edit.Apply(packet));
            Assert.Equal(XskErrorId.FrameNotEditable, e.ErrorId);
            Assert.Contains(words, e.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void No_edit_of_a_damaged_packet_throws_anything_else_or_touches_the_original()
    {
        Random random = new(11);
        List<CapturedFrame> frames = RecordedFrames.All();
        FrameEdit[] edits = [.. Kinds.Values.Select(kind => kind.Edit)];
        int refused = 0;
        for (int i = 0; i < 30_000; i++)
        {
            byte[] data = [.. frames[random.Next(frames.Count)].Data];
            for (int changes = random.Next(6); changes > 0 && data.Length > 0; changes--) data[random.Next(Math.Min(data.Length, 80))] = (byte)random.Next(256);
            data = data[..random.Next(data.Length + 1)];
            byte[] before = [.. data];
            FrameEdit edit = edits[random.Next(edits.Length)];
            try
            {
                edit.Apply(new XskPacket(data) { Length = data.Length + random.Next(3) });
            }
            catch (XskException e) when (e.ErrorId == XskErrorId.FrameNotEditable)
            {
                refused++;
            }

            Assert.Equal(before, data);
        }

        Assert.InRange(refused, 0, 29_999);
    }
}
