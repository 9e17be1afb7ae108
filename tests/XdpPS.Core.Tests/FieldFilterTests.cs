using System.Buffers.Binary;
using System.Net;
using Xunit.Abstractions;

namespace XdpPS.Tests;

/// <summary>Filters made from fields, against libpcap's program for the tcpdump expression that they say they equal.</summary>
public sealed class FieldFilterTests(ITestOutputHelper output)
{
    /// <summary>
    /// Longer expressions are compiled without libpcap's optimizer, which changes the order of loads, and with it the
    /// verdict on a few frames that end amid addresses or ports.
    /// </summary>
    private const int Unoptimized = 4_200;

    private static readonly PacketFields[] EtherTypes =
    [
        new() { EtherTypes = [0x0800] }, new() { EtherTypes = [0x0806] }, new() { EtherTypes = [0x86dd, 0x0800, 0x88cc] },
        new() { EtherTypes = [0x8864, 0x0806, 0x8035] },
    ];

    private static readonly PacketFields[] Protocols =
    [
        new() { IPProtocols = [6] }, new() { IPProtocols = [17] }, new() { IPProtocols = [1, 58] }, new() { IPProtocols = [132, 50, 6] },
        new() { IPProtocols = [44] }, new() { IPProtocols = [17, 44] }, new() { IPProtocols = [44, 58, 47] },
    ];

    private static readonly PacketFields[] Ports =
    [
        new() { Ports = [Range("53")] }, new() { Ports = [Range("80"), Range("22"), Range("443")] }, new() { Ports = [Range("1-1023")] },
        new() { Ports = [Range("8000-8100"), Range("50"), Range("51-53"), Range("40000-65535")] },
    ];

    private static readonly PacketFields[] Addresses =
    [
        new() { Addresses = [IPNetwork.Parse("10.0.0.1/32")] }, new() { Addresses = [IPNetwork.Parse("10.0.0.0/8")] },
        new() { Addresses = [IPNetwork.Parse("2001:db8::1/128")] }, new() { Addresses = [IPNetwork.Parse("2001:db8::/33")] },
        new() { Addresses = [IPNetwork.Parse("10.0.0.2/31"), IPNetwork.Parse("2001:db8::/120"), IPNetwork.Parse("192.0.2.1/32"), IPNetwork.Parse("ff00::/8")] },
        new() { Addresses = [IPNetwork.Parse("0.0.0.0/0")] }, new() { Addresses = [IPNetwork.Parse("::/0")] },
    ];

    private static readonly PacketFields[] Vlans =
    [
        new() { Vlans = [] }, new() { Vlans = [100] }, new() { Vlans = [100, 1, 10] }, new() { Vlans = [0, 4095, 200] },
    ];

    [KernelFact("tcpdump")]
    public void Every_combination_of_fields_gives_libpcaps_verdict_on_every_frame()
    {
        PacketFields none = new();
        FrameZoo zoo = new(20_261_123);
        byte[][] frames = [.. Enumerable.Range(0, 2_000).Select(_ => zoo.Next())];
        long pairs = 0, matching = 0, ambiguous = 0;
        int filters = 0;
        foreach (PacketFields type in EtherTypes.Append(none))
        foreach (PacketFields protocol in Protocols.Append(none))
        foreach (PacketFields port in Ports.Append(none))
        foreach (PacketFields address in Addresses.Append(none))
        foreach (PacketFields vlan in Vlans.Append(none))
        {
            int given = new[] { type, protocol, port, address, vlan }.Count(fields => !fields.IsEmpty);
            // Every field alone, every pair, every triple, and all of some.
            if (given == 0 || (given > 2 && (filters++ % 9) != 0)) continue;
            PacketFields all = new()
            {
                EtherTypes = type.EtherTypes, IPProtocols = protocol.IPProtocols, Ports = port.Ports, Addresses = address.Addresses, Vlans = vlan.Vlans,
            };
            if (TryCompile(all) is not { } ours) continue;
            PacketFilter optimized = PacketFilter.Compile(all.Expression), plain = PacketFilter.Compile(all.Expression.PadRight(Unoptimized));
            foreach (byte[] frame in frames)
            {
                bool expected = FilterOracle.Libpcap(optimized, frame), actual = FilterOracle.Libpcap(ours, frame);
                pairs++;
                if (expected) matching++;
                if (expected == actual) continue;
                Assert.True(actual == FilterOracle.Libpcap(plain, frame), $"'{ours}' on {Convert.ToHexString(frame)}: libpcap {expected}");
                ambiguous++;
            }
        }

        output.WriteLine($"{pairs} pairs: {matching} match, {ambiguous} differ and are as libpcap without its optimizer has them");
        Assert.True(pairs > 1_000_000);
        Assert.True(matching > pairs / 50);
        Assert.True(ambiguous < pairs / 10_000);
    }

    /// <summary>A classic jump reaches 255 instructions: the program for so many ports needs longer ones.</summary>
    [KernelFact("tcpdump")]
    public void A_program_longer_than_a_classic_jump_runs_in_the_kernel_as_libpcaps_does()
    {
        PacketFields fields = new() { Ports = [.. Enumerable.Range(0, 300).Select(i => new PortRange((ushort)(i * 200), (ushort)(i * 200)))], Vlans = [] };
        PacketFilter ours = PacketFilter.FromFields(fields), theirs = PacketFilter.Compile(fields.Expression);
        Assert.True(ours.Leaves.Single().Instructions.Length > 1_000);
        using XdpProgram program = XdpProgram.Load("verdict", XdpProgram.Verdict(ours));
        byte[] frame = Frames.Hex("020000000002 020000000001 8100 0001 0800 45000020 00000000 40110000 0a000001 0a000002 0001 0000 000c0000 01020304");
        int matching = 0;
        for (int port = 1; port < 65536; port += 7)
        {
            BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(40), (ushort)port);
            bool expected = FilterOracle.Libpcap(theirs, frame);
            Assert.Equal(expected, FilterOracle.Kernel(program, frame));
            if (expected) matching++;
        }

        Assert.InRange(matching, 20, 300);
    }

    [KernelFact("tcpdump")]
    public void The_same_fields_in_another_order_are_the_same_filter()
    {
        PacketFilter one = PacketFilter.FromFields(new() { Ports = [Range("80"), Range("53"), Range("81-90")], IPProtocols = [17, 6] });
        PacketFilter other = PacketFilter.FromFields(new() { Ports = [Range("53"), Range("85-90"), Range("80-86"), Range("53")], IPProtocols = [6, 17, 6] });
        Assert.Equal(one, other);
        Assert.Equal("(tcp or udp) and (port 53 or portrange 80-90)", one.Expression);
        Assert.Equal(one.Expression, other.Expression);
        Assert.True(PacketFilter.FromFields(new() { Vlans = [5] }).LooksAtVlans);
        Assert.False(one.LooksAtVlans);
    }

    [Theory]
    [InlineData("53", true)]
    [InlineData("0", true)]
    [InlineData("1-65535", true)]
    [InlineData(" 20 - 25 ", true)]
    [InlineData("", false)]
    [InlineData("-1", false)]
    [InlineData("25-20", false)]
    [InlineData("65536", false)]
    [InlineData("1-2-3", false)]
    [InlineData("http", false)]
    public void A_port_range_is_read_or_refused(string text, bool valid) => Assert.Equal(valid, PortRange.TryParse(text, out _));

    [Fact]
    public void No_field_at_all_is_refused() => Sockets.Fails(XskErrorId.FilterSyntax, () => PacketFilter.FromFields(new PacketFields()));

    private static PacketFilter? TryCompile(PacketFields fields)
    {
        try
        {
            return PacketFilter.FromFields(fields);
        }
        catch (XskException e) when (e.ErrorId == XskErrorId.FilterSyntax)
        {
            Assert.Contains(fields.Expression[..Math.Min(60, fields.Expression.Length)], e.Message, StringComparison.Ordinal);
            XskException libpcaps = Sockets.Fails(XskErrorId.FilterSyntax, () => PacketFilter.Compile(fields.Expression));
            Assert.Contains("matches no packet", libpcaps.Message, StringComparison.Ordinal);
            return null;
        }
    }

    private static PortRange Range(string text) => PortRange.TryParse(text, out PortRange range) ? range : throw new FormatException(text);
}
