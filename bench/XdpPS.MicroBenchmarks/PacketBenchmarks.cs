using BenchmarkDotNet.Attributes;

namespace XdpPS.MicroBenchmarks;

/// <summary>What a list of packets shows of one, and all its layers.</summary>
public class PacketBenchmarks
{
    /// <summary>IPv4, UDP.</summary>
    private readonly XskPacket packet = new(
    [
        2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0x00,
        0x45, 0, 0, 46, 0, 1, 0x40, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2,
        0, 53, 0xc0, 0, 0, 26, 0, 0, .. new byte[18],
    ]);

    [Benchmark]
    public string Source() => packet.Source;

    [Benchmark]
    public string Protocol() => packet.Protocol;

    [Benchmark]
    public string Line() => packet.ToString();

    [Benchmark]
    public int Layers() => packet.GetLayers().Count;
}
