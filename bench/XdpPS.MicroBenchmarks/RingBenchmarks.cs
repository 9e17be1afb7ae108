using System.Runtime.InteropServices;
using BenchmarkDotNet.Attributes;
using XdpPS.Interop;

namespace XdpPS.MicroBenchmarks;

/// <summary>64 descriptors through a ring on plain memory, with the other side's index moved as the kernel would.</summary>
public unsafe class RingBenchmarks
{
    private const uint Size = 2048;
    private const uint Batch = 64;
    private const int Header = 256;

    private byte* memory;
    private uint* producer;
    private uint* consumer;
    private ProducerRing<XdpDescriptor> tx = null!;
    private ConsumerRing<XdpDescriptor> rx = null!;

    [GlobalSetup]
    public void Allocate()
    {
        nuint length = Header + (Size * (nuint)sizeof(XdpDescriptor));
        memory = (byte*)NativeMemory.AlignedAlloc(length, 64);
        NativeMemory.Clear(memory, length);
        producer = (uint*)memory;
        consumer = (uint*)(memory + 64);
        RingLayout layout = new()
        {
            Producer = producer,
            Consumer = consumer,
            Flags = (uint*)(memory + 128),
            Entries = memory + Header,
            Size = Size,
        };
        tx = new ProducerRing<XdpDescriptor>(layout);
        rx = new ConsumerRing<XdpDescriptor>(layout);
    }

    [GlobalCleanup]
    public void Free() => NativeMemory.AlignedFree(memory);

    [Benchmark(OperationsPerInvoke = (int)Batch)]
    public uint ReserveAndSubmit()
    {
        uint granted = tx.Reserve(Batch, out uint index);
        for (uint i = 0; i < granted; i++) tx[index + i] = new XdpDescriptor { Address = i, Length = 60 };
        tx.Submit(granted);
        Volatile.Write(ref *consumer, *consumer + granted);
        return granted;
    }

    [Benchmark(OperationsPerInvoke = (int)Batch)]
    public ulong PeekAndRelease()
    {
        Volatile.Write(ref *producer, *producer + Batch);
        uint found = rx.Peek(Batch, out uint index);
        ulong sum = 0;
        for (uint i = 0; i < found; i++) sum += rx[index + i].Length;
        rx.Release(found);
        return sum;
    }
}
