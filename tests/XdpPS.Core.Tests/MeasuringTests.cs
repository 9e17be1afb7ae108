using System.Buffers.Binary;

namespace XdpPS.Tests;

/// <summary>The parts of a measurement, without a kernel: what they say is compared with definitions written down again here.</summary>
public sealed class MeasuringTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Arrivals_are_accounted_for_as_the_definitions_have_it(int seed)
    {
        Random random = new(seed);
        // Past the first two million numbers, so that the account has to grow.
        List<uint> arrivals = [.. Enumerable.Range(0, 3000).Select(i => (uint)(i * 1000)).Where(_ => random.Next(10) > 0)];
        for (int i = 0; i < 200; i++) arrivals.Insert(random.Next(arrivals.Count), arrivals[random.Next(arrivals.Count)]);
        for (int i = 0; i < 200; i++)
        {
            (int a, int b) = (random.Next(arrivals.Count), random.Next(arrivals.Count));
            (arrivals[a], arrivals[b]) = (arrivals[b], arrivals[a]);
        }

        SequenceAccount account = new();
        foreach (uint number in arrivals) account.Add(number);
        List<uint> firsts = [.. arrivals.Distinct()];
        Assert.Equal(firsts.Count, account.Received);
        Assert.Equal(arrivals.Count - firsts.Count, account.Duplicates);
        Assert.Equal(firsts.Where((number, i) => firsts.Take(i).Any(earlier => earlier > number)).Count(), account.Reordered);
        Assert.True(account.Reordered > 0 && account.Duplicates > 0);
    }

    [Fact]
    public void The_highest_number_has_a_place_too()
    {
        SequenceAccount account = new();
        Assert.True(account.Add(uint.MaxValue));
        Assert.False(account.Add(uint.MaxValue));
        Assert.True(account.Add(0));
        Assert.Equal((2, 1, 1), (account.Received, account.Duplicates, account.Reordered));
    }

    [Fact]
    public void A_time_that_comes_round_after_78_hours_makes_no_latency_long()
    {
        NumberedFrames frames = new(Frame("Ethernet", 60), 5);
        PathReceiver receiver = new([], 5, roundTrip: false);
        byte[] buffer = new byte[60];
        const long Round = 1L << 48;
        foreach ((uint number, long sent) in new (uint, long)[] { (0, Round - 100), (1, Round + 1000), (2, (3 * Round) + 7) })
        {
            frames.Write(buffer, number, sent);
            receiver.Add(buffer, 3, origin: 123, arrived: 123 + sent + 2500, byArrival: false);
        }

        Assert.Equal((2500, 2500, 3), (receiver.Latencies.Least, receiver.Latencies.Most, receiver.Latencies.Total));
    }

    [Fact]
    public void A_copy_that_comes_late_makes_no_rate_lower()
    {
        NumberedFrames frames = new(Frame("Ethernet", 60), 5);
        PathReceiver receiver = new([], 5, roundTrip: false);
        byte[] buffer = new byte[60];
        foreach ((uint number, long arrived) in new (uint, long)[] { (0, 1000), (1, 2000), (0, 9000) })
        {
            frames.Write(buffer, number, number);
            receiver.Add(buffer, 2, origin: 0, arrived, byArrival: false);
        }

        Assert.Equal((1000, 2000, 9000), (receiver.First, receiver.Last, receiver.LastCopy));
    }

    [Fact]
    public void Percentiles_are_those_of_the_sorted_values_or_at_most_a_128th_more()
    {
        Random random = new(7);
        LogLinearHistogram histogram = new(bits: 7);
        long[] values = [.. Enumerable.Range(0, 4_000).Select(_ => (long)Math.Exp(random.NextDouble() * 30))];
        foreach (long value in values) histogram.Add(value);
        Array.Sort(values);
        foreach (double percent in new[] { 0.1, 50, 90, 99, 99.9, 100 })
        {
            long exact = values[(int)Math.Ceiling(values.Length * percent / 100) - 1];
            Assert.InRange(histogram.Percentile(percent), exact, exact + (exact / 128));
        }

        Assert.Equal((values[0], values[^1], values.Length), (histogram.Least, histogram.Most, histogram.Total));
        (long Last, long Count)[] classes = [.. histogram.Classes()];
        Assert.Equal(values.Length, classes.Sum(one => one.Count));
        long before = -1;
        foreach ((long last, long count) in classes)
        {
            Assert.Equal(values.Count(value => value > before && value <= last), count);
            before = last;
        }
    }

    [Fact]
    public void A_histogram_takes_the_longest_time_there_is()
    {
        LogLinearHistogram histogram = new(bits: 7);
        histogram.Add(long.MaxValue);
        histogram.Add(-1);
        Assert.Equal((long.MaxValue, 0), (histogram.Percentile(100), histogram.Percentile(1)));
    }

    [Theory]
    [InlineData("Ethernet", 60)]
    [InlineData("198.18.0.1", 60)]
    [InlineData("198.18.0.1", 301)]
    [InlineData("2001:2::1", 80)]
    [InlineData("2001:2::1", 1514)]
    public void Every_frame_of_a_run_is_whole_and_so_is_the_reply_to_it(string source, int length)
    {
        bool udp = source != "Ethernet";
        NumberedFrames frames = new(Frame(source, length), run: 0xfedcba98);
        byte[] buffer = new byte[2048];
        foreach ((uint number, long time) in new (uint, long)[] { (0, 0), (1, 12_345_678_901), (uint.MaxValue, (1L << 48) - 1), (0x8000_0000, 1) })
        {
            frames.Write(buffer, number, time);
            byte[] frame = buffer[..length];
            Assert.True(FrameTag.IsRequest(frame));
            CheckTag(frame, "XskQ", number, time);
            XskPacket request = new((byte[])frame.Clone());
            FrameTag.TurnAround(frame);
            Assert.False(FrameTag.IsRequest(frame));
            CheckTag(frame, "XskR", number, time);
            XskPacket reply = new(frame);
            Assert.Equal((request.Ethernet!.SourceAddress, request.Ethernet.DestinationAddress), (reply.Ethernet!.DestinationAddress, reply.Ethernet.SourceAddress));
            if (!udp) continue;
            foreach (XskPacket packet in new[] { request, reply }) Assert.True(packet.Udp!.ChecksumValid, $"{packet}");
            Assert.Equal((request.SourcePort, request.DestinationPort), (reply.DestinationPort, reply.SourcePort));
            Assert.Equal((request.Source, request.Destination), (reply.Destination, reply.Source));
        }

        void CheckTag(byte[] frame, string kind, uint number, long time)
        {
            int at = !udp ? 14 : source.Contains(':', StringComparison.Ordinal) ? 62 : 42;
            Assert.Equal(kind, System.Text.Encoding.ASCII.GetString(frame, at, 4));
            Assert.Equal(0xfedcba98, BinaryPrimitives.ReadUInt32BigEndian(frame.AsSpan(at + 4)));
            Assert.Equal(number, BinaryPrimitives.ReadUInt32BigEndian(frame.AsSpan(at + 8)));
            Assert.Equal($"{time:x12}", Convert.ToHexStringLower(frame, at + 12, 6));
        }
    }

    [Fact]
    public void Any_bytes_are_looked_at_without_harm()
    {
        Random random = new(3);
        byte[][] seeds = [Frame("Ethernet", 60), Frame("198.18.0.1", 70), Frame("2001:2::1", 90)];
        foreach (byte[] seed in seeds) _ = new NumberedFrames(seed, 5).Into(seed);
        for (int i = 0; i < 20_000; i++)
        {
            byte[] frame = (byte[])seeds[i % 3].Clone();
            for (int changes = random.Next(4); changes > 0; changes--) frame[12 + random.Next(frame.Length - 12)] = (byte)random.Next(256);
            Array.Resize(ref frame, random.Next(frame.Length + 1));
            if (!FrameTag.IsRequest(frame)) continue;
            FrameTag.TurnAround(frame);
            Assert.False(FrameTag.IsRequest(frame));
        }
    }

    [Fact]
    public void A_tag_is_found_behind_vlan_tags_and_not_in_fragments()
    {
        byte[] frame = Frame("198.18.0.1", 60);
        _ = new NumberedFrames(frame, 5).Into(frame);
        byte[] tagged = [.. frame[..12], 0x81, 0, 0, 5, .. frame[12..]];
        Assert.Equal(46, FrameTag.Find(tagged, out int internet, out int transport));
        Assert.Equal((18, 38), (internet, transport));
        frame[20] |= 0x20;
        Assert.Equal(-1, FrameTag.Find(frame, out _, out _));
    }

    [Fact]
    public void What_measuring_adds_is_found_on_two_threads_and_on_one()
    {
        foreach (bool oneThread in new[] { false, true })
        {
            PathReceiver receiver = new([], 9, roundTrip: false);
            using MemoryLoop loop = new(new NumberedFrames(Frame("Ethernet", 60), 9));
            loop.Run(receiver, 8, oneThread);
            Assert.True(receiver.Account.Received > 0);
            Assert.Equal((0, 0, 0), (receiver.Account.Duplicates, receiver.Account.Reordered, receiver.Foreign));
            Assert.InRange(receiver.Latencies.Least, 1, long.MaxValue - 1);
        }
    }

    private static byte[] Frame(string source, int length)
    {
        bool udp = source != "Ethernet";
        bool six = source.Contains(':', StringComparison.Ordinal);
        return new FrameBuilder
        {
            Protocol = udp ? FrameProtocol.Udp : FrameProtocol.Ethernet,
            SourceMac = Sequence("02:00:00:00:00:01"),
            DestinationMac = Sequence("02:00:00:00:00:02"),
            EtherType = udp ? (ushort)0 : Frames.Experimental,
            SourceAddress = udp ? FieldSequence.FromAddresses(System.Net.IPAddress.Parse(source)) : null,
            DestinationAddress = udp ? FieldSequence.FromAddresses(System.Net.IPAddress.Parse(six ? "2001:2::2" : "198.19.0.1")) : null,
            SourcePort = udp ? FieldSequence.FromNumbers(49184) : null,
            DestinationPort = udp ? FieldSequence.FromNumbers(7) : null,
            PayloadLength = length - (!udp ? 14 : six ? 62 : 42),
        }.Build().Data;
    }

    private static FieldSequence Sequence(string mac)
    {
        Assert.True(FieldSequence.TryParseMacs(mac, out FieldSequence? sequence));
        return sequence!;
    }
}
