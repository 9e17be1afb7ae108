using Xunit.Abstractions;

namespace XdpPS.Tests;

/// <summary>Filters joined by "and" and "not", against what libpcap says of their parts.</summary>
public sealed class FilterAlgebraTests(ITestOutputHelper output)
{
    private static readonly byte[][] Zoo = Frames(600);

    /// <summary>No single expression is: libpcap has not the registers for so many loops.</summary>
    [KernelFact]
    public void What_the_verifier_refuses_is_said_with_its_words()
    {
        PacketFilter loops = PacketFilter.Compile(string.Join(" and ", Enumerable.Range(1, 14).Select(number => $"protochain {number}")));
        XskFilterProgram program = XskFilterProgram.From(Enumerable.Repeat(loops, 5).Aggregate((a, b) => a.And(b)));
        Assert.False(program.Verified);
        Assert.True(program.VerifierSteps > 1_000_000);
        Assert.Matches("^refused by this kernel's verifier: .*too large", program.VerifierMessage);
        Assert.True(program.Instructions.Length > 10_000);
    }

    [KernelFact("tcpdump")]
    public void Not_matches_every_packet_that_the_filter_does_not()
    {
        long pairs = 0;
        foreach (string expression in Expressions())
        {
            PacketFilter filter = PacketFilter.Compile(expression);
            pairs += Compare(filter.Not(), frame => !FilterOracle.Libpcap(filter, frame));
        }

        output.WriteLine($"{pairs} pairs");
        Assert.True(pairs > 100_000);
    }

    [KernelFact("tcpdump")]
    public void And_and_not_of_two_filters_match_as_their_parts_do()
    {
        PacketFilter[] filters = [.. Expressions().Select(PacketFilter.Compile)];
        long pairs = 0;
        for (int i = 0; i < filters.Length; i++)
        {
            PacketFilter a = filters[i], b = filters[(i * 31 + 17) % filters.Length], c = filters[(i * 7 + 3) % filters.Length];
            bool matchesA(byte[] frame) => FilterOracle.Libpcap(a, frame);
            bool matchesB(byte[] frame) => FilterOracle.Libpcap(b, frame);
            pairs += Compare(a.And(b), frame => matchesA(frame) && matchesB(frame));
            pairs += Compare(a.And(b.Not()), frame => matchesA(frame) && !matchesB(frame));
            pairs += Compare(a.And(b).Not().And(c.Not()).Not(), frame => (matchesA(frame) && matchesB(frame)) || FilterOracle.Libpcap(c, frame));
        }

        output.WriteLine($"{pairs} pairs");
        Assert.True(pairs > 300_000);
    }

    /// <summary>The verifier refuses code that nothing leads to: each of these leaves some out.</summary>
    [KernelFact("tcpdump")]
    public void What_matches_always_or_never_can_be_joined_too()
    {
        PacketFilter always = new("always", [Return(1)]), never = new("never", [Return(0)]), sometimes = PacketFilter.Compile("ip");
        PacketFilter beyond = PacketFilter.Compile("ether[70000] = 0");
        Compare(always, _ => true);
        Compare(never, _ => false);
        Compare(always.Not(), _ => false);
        Compare(never.Not(), _ => true);
        Compare(beyond.Not(), _ => true);
        Compare(never.And(sometimes), _ => false);
        Compare(sometimes.And(beyond).And(sometimes), _ => false);
        Compare(sometimes.And(never), _ => false);
        Compare(always.And(never).Not(), _ => true);
        Compare(always.And(sometimes).Not(), frame => !FilterOracle.Libpcap(sometimes, frame));
    }

    [KernelTheory("tcpdump")]
    [InlineData("udp port 53", "arp", "udp port 53 and arp", "udp port 53 and not arp", "not udp port 53")]
    [InlineData("tcp or udp", "not icmp", "(tcp or udp) and (not icmp)", "(tcp or udp) and not (not icmp)", "not (tcp or udp)")]
    [InlineData("ip[8] < 64", "src net 10.0.0.0/8", "(ip[8] < 64) and src net 10.0.0.0/8", "(ip[8] < 64) and not src net 10.0.0.0/8", "not (ip[8] < 64)")]
    public void The_expression_of_the_whole_reads_as_tcpdumps(string left, string right, string both, string without, string inverse)
    {
        PacketFilter a = PacketFilter.Compile(left), b = PacketFilter.Compile(right);
        Assert.Equal(both, a.And(b).Expression);
        Assert.Equal(without, a.And(b.Not()).ToString());
        Assert.Equal(inverse, a.Not().Expression);
        Assert.Equal(left, a.Not().Not().Expression);
        Assert.Equal($"not ({both})", a.And(b).Not().Expression);
    }

    [KernelFact("tcpdump")]
    public void Filters_of_the_same_structure_are_equal()
    {
        PacketFilter a = PacketFilter.Compile("udp port 53"), again = PacketFilter.Compile(" udp   port 53"), b = PacketFilter.Compile("tcp");
        Assert.Equal(a.And(b.Not()), again.And(b.Not()));
        Assert.Equal(a.And(b.Not()).GetHashCode(), again.And(b.Not()).GetHashCode());
        Assert.NotEqual(a.And(b), b.And(a));
        Assert.NotEqual(a, a.Not());
        Assert.Equal(a, a.Not().Not());
        Assert.False(a.Equals(null));
        Assert.True(PacketFilter.Compile("vlan 5").Not().And(a).LooksAtVlans);
        Assert.True(PacketFilter.Compile("ether proto 0x88A8").LooksAtVlans);
        Assert.True(PacketFilter.FromFields(new() { EtherTypes = [0x0800, 0x8100] }).LooksAtVlans);
        Assert.False(a.And(b).LooksAtVlans);
    }

    /// <summary>The instruction "ret #k".</summary>
    private static ClassicInstruction Return(uint k) => new() { Code = 0x06, K = k };

    private static string[] Expressions() => File.ReadAllLines(Path.Combine(AppContext.BaseDirectory, "FilterExpressions.txt"));

    private static byte[][] Frames(int count)
    {
        FrameZoo zoo = new(20_261_122);
        return [.. Enumerable.Range(0, count).Select(_ => zoo.Next())];
    }

    private static long Compare(PacketFilter filter, Func<byte[], bool> expected)
    {
        BpfInstruction[] instructions = XdpProgram.Verdict(filter);
        using XdpProgram program = XdpProgram.Load("verdict", instructions);
        foreach (byte[] frame in Zoo)
        {
            bool actual = frame.Length >= FilterOracle.ShortestForKernel ? FilterOracle.Kernel(program, frame) : new BpfInterpreter(instructions).Matches(frame);
            Assert.True(expected(frame) == actual, $"'{filter}' on {Convert.ToHexString(frame)}: {actual}");
        }

        return Zoo.Length;
    }
}
