using BenchmarkDotNet.Attributes;

namespace XdpPS.MicroBenchmarks;

/// <summary>
/// A filter from expression to eBPF, and run by our interpreter, which Test-XskFilter uses, and as the machine code that a
/// forwarder's drop filter is; the kernel runs it compiled.
/// </summary>
public class FilterBenchmarks
{
    private const string Expression = "udp port 53 or tcp port 443";

    /// <summary>IPv4, UDP, from port 53; no checksums, which the filter does not look at.</summary>
    private static readonly byte[] Matching =
    [
        2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0x00,
        0x45, 0, 0, 46, 0, 1, 0x40, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2,
        0, 53, 0xc0, 0, 0, 26, 0, 0, .. new byte[18],
    ];

    private PacketFilter filter = null!;
    private BpfInterpreter interpreter = null!;
    private CompiledFilter compiled = null!;

    [GlobalSetup]
    public void Compile()
    {
        filter = PacketFilter.Compile(Expression);
        interpreter = new BpfInterpreter(XdpProgram.Verdict(filter));
        compiled = new CompiledFilter(filter);
        if (!interpreter.Matches(Matching) || !compiled.Matches(Matching)) throw new InvalidOperationException("The frame does not match.");
    }

    [Benchmark]
    public object CompileByLibpcap() => PacketFilter.Compile(Expression);

    [Benchmark]
    public object Translate() => XdpProgram.Verdict(filter);

    [Benchmark]
    public bool Interpret() => interpreter.Matches(Matching);

    [Benchmark]
    public bool RunCompiled() => compiled.Matches(Matching);
}
