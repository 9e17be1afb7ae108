using Xunit.Abstractions;

namespace XdpPS.Tests;

/// <summary>Filters over frames longer than one page, of which the kernel makes fragments, against libpcap's interpreter.</summary>
public sealed class FragmentDifferenceTests(ITestOutputHelper output)
{
    /// <summary>What the first page holds beside headroom and tailroom: some 3,500 bytes (bpf_prog_test_run_xdp).</summary>
    private const int ShortestFrame = 3_500, LongestFrame = 9_014;

    /// <summary>What is looked for lies beyond the first fragment, or across two.</summary>
    private static readonly string[] FarAway =
    [
        "ether[5000] == 0x5a", "ether[5000] != 0x5a", "len > 4000", "len = 8000", "udp[4500] = 0x5a", "ether[8190:4] & 0x5a000000 != 0", "ether[len - 1] = 0x5a",
        "ether[3518:4] = 0x5a5a5a5a", "ether[3519:4] > 0x5a000000", "ether[3520:2] = 0x5a00", "ether[3521] = 1", "ip[4000:4] & 1 = 1 and tcp",
        "ether[ether[3600] + 4000] = 1", "tcp[(tcp[12] & 0xf0) << 4:2] = 0x0100 or udp", "vlan and ether[6000] = 0", "ether[7615] = 0x5a and ether[7616] = 0x5a",
        "ip6[5000] = 0x5a", "not (len > 6000)", "len - 5000 < 100", "ether[8500] = 0",
    ];

    [KernelFact("tcpdump")]
    public void Every_expression_gives_libpcaps_verdict_on_every_long_frame()
    {
        string[] expressions = [.. File.ReadAllLines(Path.Combine(AppContext.BaseDirectory, "FilterExpressions.txt")), .. FarAway];
        byte[][] frames = [.. Frames(new Random(5), new FrameZoo(20_261_125), 300)];
        long pairs = 0, matching = 0;
        // A program that knows no fragments sees the first one only: there are several, then.
        using (XdpProgram linear = XdpProgram.Load("verdict", XdpProgram.Verdict(PacketFilter.Compile("len > 3600"))))
            Assert.DoesNotContain(frames, frame => FilterOracle.Kernel(linear, frame));
        foreach (string expression in expressions)
        {
            PacketFilter filter = PacketFilter.Compile(expression);
            using XdpProgram program = XdpProgram.Load("verdict", XdpProgram.Verdict(filter, fragments: true), fragments: true);
            int matches = 0;
            foreach (byte[] frame in frames)
            {
                bool expected = FilterOracle.Libpcap(filter, frame);
                Assert.True(expected == FilterOracle.Kernel(program, frame), $"'{expression}' on {frame.Length} bytes, {Convert.ToHexString(frame[..80])}: libpcap {expected}");
                if (expected) matches++;
            }

            if (FarAway.Contains(expression)) Assert.True(matches > 0 && matches < frames.Length, $"'{expression}' matches {matches}");
            pairs += frames.Length;
            matching += matches;
        }

        output.WriteLine($"{pairs} pairs of {expressions.Length} expressions and {frames.Length} frames of {ShortestFrame} to {LongestFrame} bytes: {matching} match, 0 differ");
        Assert.InRange((double)matching / pairs, 0.1, 0.9);
    }

    [KernelFact("tcpdump")]
    public void Short_frames_are_judged_alike()
    {
        FrameZoo zoo = new(20_261_126);
        byte[][] frames = [.. Enumerable.Range(0, 700).Select(_ => zoo.Next()).Where(frame => frame.Length >= FilterOracle.ShortestForKernel)];
        string[] expressions = File.ReadAllLines(Path.Combine(AppContext.BaseDirectory, "FilterExpressions.txt"));
        foreach (string expression in expressions)
        {
            PacketFilter filter = PacketFilter.Compile(expression);
            using XdpProgram program = XdpProgram.Load("verdict", XdpProgram.Verdict(filter, fragments: true), fragments: true);
            foreach (byte[] frame in frames) Assert.Equal(FilterOracle.Libpcap(filter, frame), FilterOracle.Kernel(program, frame));
        }

        output.WriteLine($"{(long)frames.Length * expressions.Length} pairs, 0 differ");
    }

    /// <summary>Headers of all kinds, then bytes of three values, so that what is looked for is often there.</summary>
    private static IEnumerable<byte[]> Frames(Random random, FrameZoo zoo, int count)
    {
        byte[] values = [0x5a, 0, 1];
        for (int i = 0; i < count; i++)
        {
            byte[] frame = new byte[i % 10 == 0 ? 8_000 : random.Next(ShortestFrame, LongestFrame + 1)];
            byte[] head = zoo.Next();
            for (int at = 0; at < frame.Length; at++) frame[at] = values[random.Next(values.Length)];
            head.CopyTo(frame, 0);
            // One value where the first fragment ends, on some.
            if (random.Next(3) == 0) frame.AsSpan(3_400, Math.Min(200, frame.Length - 3_400)).Fill(0x5a);
            yield return frame;
        }
    }
}
