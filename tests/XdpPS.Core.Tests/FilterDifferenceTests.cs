using Xunit.Abstractions;

namespace XdpPS.Tests;

/// <summary>
/// Our translation against libpcap's own interpreter, over a million pairs of expression and frame: run by the kernel
/// where its test run takes the frame, and by our interpreter always.
/// </summary>
public sealed class FilterDifferenceTests(ITestOutputHelper output)
{
    private const int GeneratedFrames = 4_900;

    [KernelFact("tcpdump")]
    public void Every_expression_gives_libpcaps_verdict_on_every_frame()
    {
        List<CapturedFrame> recorded = RecordedFrames.All();
        FrameZoo zoo = new(20_261_121);
        CapturedFrame[] frames = [.. recorded, .. Enumerable.Range(0, GeneratedFrames).Select(_ => new CapturedFrame(zoo.Next()))];
        long pairs = 0, matching = 0, byKernel = 0, recordedMatching = 0;
        List<string> differences = [];
        foreach (string expression in FilterOracle.Expressions)
        {
            PacketFilter filter = PacketFilter.Compile(expression);
            BpfInstruction[] instructions = XdpProgram.Verdict(filter);
            BpfInterpreter interpreter = new(instructions);
            using XdpProgram program = XdpProgram.Load("verdict", instructions);
            for (int i = 0; i < frames.Length; i++)
            {
                CapturedFrame frame = frames[i];
                bool expected = FilterOracle.Libpcap(filter, frame.Data, frame.Length);
                bool interpreted = interpreter.Matches(frame.Data, frame.Length);
                bool inKernel = frame.IsWhole && frame.Length is >= FilterOracle.ShortestForKernel and <= FilterOracle.LongestForKernel;
                bool actual = inKernel ? FilterOracle.Kernel(program, frame.Data) : interpreted;
                pairs++;
                if (inKernel) byKernel++;
                if (expected) matching++;
                if (expected && i < recorded.Count) recordedMatching++;
                if (expected != actual || expected != interpreted)
                    differences.Add($"'{expression}' on {frame}: libpcap {expected}, kernel {(inKernel ? actual : null)}, interpreter {interpreted}");
            }
        }

        output.WriteLine(
            $"{pairs} pairs compared with libpcap ({FilterOracle.Expressions.Length} expressions, {recorded.Count} recorded and {GeneratedFrames} generated frames), "
            + $"{matching} of them matching, {byKernel} run by the kernel and all by the interpreter: {differences.Count} differences");
        Assert.Empty(differences.Take(5));
        Assert.True(FilterOracle.Expressions.Length >= 150 && pairs >= 1_000_000);
        Assert.InRange((double)matching / pairs, 0.1, 0.9);
        Assert.InRange((double)recordedMatching / (FilterOracle.Expressions.Length * recorded.Count), 0.1, 0.9);
    }

    [KernelFact("tcpdump")]
    public void Every_expression_gives_libpcaps_verdict_on_recorded_frames_that_were_cut()
    {
        List<CapturedFrame> recorded = RecordedFrames.All();
        Random random = new(20_261_121);
        foreach (string expression in FilterOracle.Expressions)
        {
            PacketFilter filter = PacketFilter.Compile(expression);
            BpfInterpreter interpreter = new(XdpProgram.Verdict(filter)), inverse = new(XdpProgram.Verdict(filter.Not()));
            foreach (CapturedFrame frame in recorded)
            {
                ReadOnlySpan<byte> cut = frame.Data.AsSpan(0, random.Next(Math.Min(frame.Data.Length, 80) + 1));
                bool expected = FilterOracle.Libpcap(filter, cut, frame.Length);
                if (expected != interpreter.Matches(cut, frame.Length) || expected == inverse.Matches(cut, frame.Length))
                    Assert.Fail($"'{expression}', or its inverse, on the first {cut.Length} bytes of {frame}: libpcap {expected}");
            }
        }
    }
}
