using BenchmarkDotNet.Attributes;

namespace XdpPS.MicroBenchmarks;

/// <summary>64 frames out of the pool and back.</summary>
public class FramePoolBenchmarks
{
    private const int Batch = 64;

    private readonly ulong[] taken = new ulong[Batch];
    private Umem umem = null!;
    private FramePool pool = null!;

    [GlobalSetup]
    public void Allocate()
    {
        umem = new Umem(XskSocketOptions.DefaultFrameSize, XskSocketOptions.DefaultFrameCount, 0);
        pool = umem.Lease(XskSocketOptions.DefaultFrameCount / 2);
    }

    [GlobalCleanup]
    public void Free() => umem.Release();

    [Benchmark(OperationsPerInvoke = Batch)]
    public void TakeAndGive()
    {
        for (int i = 0; i < Batch; i++) taken[i] = pool.Take();
        for (int i = 0; i < Batch; i++) pool.Give(taken[i]);
    }
}
