using System.Runtime.InteropServices;
using XdpPS.Interop;

namespace XdpPS;

/// <summary>
/// Both ends of a measurement looped in memory: what one writes and puts on a ring, the other takes from that very ring,
/// without a kernel in between. The latency found so is what measuring adds of its own.
/// </summary>
internal sealed unsafe class MemoryLoop : IDisposable
{
    private const uint Size = 64;
    private const int MostFrames = 4096;
    private const int LineLength = 64;

    private static readonly TimeSpan Limit = TimeSpan.FromMilliseconds(30);

    private readonly NumberedFrames frames;
    private readonly int stride;
    private readonly byte* memory;
    private readonly byte* buffers;
    private readonly ProducerRing<XdpDescriptor> producer;
    private readonly ConsumerRing<XdpDescriptor> consumer;
    private long sent;
    private long end;

    internal MemoryLoop(NumberedFrames frames)
    {
        this.frames = frames;
        stride = (frames.Length + LineLength - 1) & -LineLength;
        nuint header = 3 * LineLength, entries = Size * (nuint)sizeof(XdpDescriptor), length = header + entries + ((nuint)stride * Size);
        memory = (byte*)NativeMemory.AlignedAlloc(length, LineLength);
        NativeMemory.Clear(memory, length);
        buffers = memory + header + entries;
        RingLayout layout = new()
        {
            Producer = (uint*)memory,
            Consumer = (uint*)(memory + LineLength),
            Flags = (uint*)(memory + (2 * LineLength)),
            Entries = memory + header,
            Size = Size,
        };
        producer = new ProducerRing<XdpDescriptor>(layout);
        consumer = new ConsumerRing<XdpDescriptor>(layout);
    }

    /// <summary>Sends and receives on two threads, or in turn on the caller's.</summary>
    /// <param name="receiver">What takes account: of the frames' run, one way.</param>
    /// <param name="batch">Frames at once: those before the last wait for it.</param>
    /// <param name="oneThread">In turn.</param>
    internal void Run(PathReceiver receiver, int batch, bool oneThread)
    {
        long origin = KernelClock.Monotonic;
        Thread? other = null;
        if (!oneThread)
        {
            other = new Thread(() =>
            {
                while (Send(batch, origin))
                {
                    for (SpinWait wait = default; producer.Pending > 0;) wait.SpinOnce(sleep1Threshold: -1);
                }
            })
            { IsBackground = true, Name = "XdpPS loop" };
            other.Start();
        }

        SpinWait idle = default;
        while (true)
        {
            // Asked before it is looked for the last time.
            bool over = oneThread ? !Send(batch, origin) : !other!.IsAlive;
            if (Receive(receiver, origin)) idle.Reset();
            else if (over) return;
            else if (!oneThread) idle.SpinOnce(sleep1Threshold: -1);
        }
    }

    public void Dispose() => NativeMemory.AlignedFree(memory);

    private bool Send(int batch, long origin)
    {
        // From the first batch on: on a busy machine it may be long until this thread runs.
        if (end == 0) end = KernelClock.Monotonic + (long)Limit.TotalNanoseconds;
        else if (sent >= MostFrames || KernelClock.Monotonic >= end) return false;
        uint room = producer.Reserve((uint)batch, out uint index);
        for (uint i = 0; i < room; i++)
        {
            uint slot = (index + i) % Size;
            frames.Write(new Span<byte>(buffers + (slot * stride), frames.Length), (uint)sent++, KernelClock.Monotonic - origin);
            producer[index + i] = new XdpDescriptor { Address = slot * (ulong)stride, Length = (uint)frames.Length };
        }

        producer.Submit(room);
        return true;
    }

    private bool Receive(PathReceiver receiver, long origin)
    {
        uint found = consumer.Peek(Size, out uint index);
        long now = KernelClock.Monotonic;
        for (uint i = 0; i < found; i++)
        {
            XdpDescriptor descriptor = consumer[index + i];
            receiver.Add(new ReadOnlySpan<byte>(buffers + descriptor.Address, (int)descriptor.Length), MostFrames, origin, now, byArrival: false);
        }

        if (found > 0) consumer.Release(found);
        return found > 0;
    }
}
