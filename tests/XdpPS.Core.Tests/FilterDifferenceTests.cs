using Xunit.Abstractions;

namespace XdpPS.Tests;

/// <summary>Our translation against libpcap's own interpreter, over a million pairs of expression and frame.</summary>
public sealed class FilterDifferenceTests(ITestOutputHelper output)
{
    private const int FramesOfEach = 5_600;

    [KernelFact("tcpdump")]
    public void Every_expression_gives_libpcaps_verdict_on_every_frame()
    {
        string[] expressions = File.ReadAllLines(Path.Combine(AppContext.BaseDirectory, "FilterExpressions.txt"));
        FrameZoo zoo = new(20_261_121);
        byte[][] frames = [.. Enumerable.Range(0, FramesOfEach).Select(_ => zoo.Next())];
        long pairs = 0, matching = 0, interpreted = 0;
        List<string> differences = [];
        foreach (string expression in expressions)
        {
            PacketFilter filter = PacketFilter.Compile(expression);
            BpfInstruction[] instructions = XdpProgram.Verdict(filter);
            using XdpProgram program = XdpProgram.Load("verdict", instructions);
            foreach (byte[] frame in frames)
            {
                bool expected = FilterOracle.Libpcap(filter, frame);
                bool inKernel = frame.Length >= FilterOracle.ShortestForKernel;
                bool actual = inKernel ? FilterOracle.Kernel(program, frame) : new BpfInterpreter(instructions).Matches(frame);
                pairs++;
                if (expected) matching++;
                if (!inKernel) interpreted++;
                if (expected != actual) differences.Add($"'{expression}' on {Convert.ToHexString(frame)}: libpcap {expected}, ours {actual}");
            }
        }

        output.WriteLine($"{pairs} pairs of {expressions.Length} expressions and {frames.Length} frames: {matching} match, {interpreted} interpreted, {differences.Count} differ");
        Assert.Empty(differences.Take(5));
        Assert.True(expressions.Length >= 150 && pairs >= 1_000_000);
        Assert.InRange((double)matching / pairs, 0.1, 0.9);
    }

    [KernelFact("tcpdump")]
    public void The_interpreter_of_the_tests_agrees_with_the_kernel()
    {
        FrameZoo zoo = new(7);
        byte[][] frames = [.. Enumerable.Range(0, 400).Select(_ => zoo.Next()).Where(frame => frame.Length >= FilterOracle.ShortestForKernel)];
        foreach (string expression in File.ReadAllLines(Path.Combine(AppContext.BaseDirectory, "FilterExpressions.txt")).Where((_, i) => i % 4 == 0))
        {
            BpfInstruction[] instructions = XdpProgram.Verdict(PacketFilter.Compile(expression));
            using XdpProgram program = XdpProgram.Load("verdict", instructions);
            foreach (byte[] frame in frames) Assert.Equal(FilterOracle.Kernel(program, frame), new BpfInterpreter(instructions).Matches(frame));
        }
    }
}
