using System.Runtime.InteropServices;

namespace XdpPS.Tests;

/// <summary>A ring in plain memory, of which the test is the other side.</summary>
internal sealed unsafe class PlainRing : IDisposable
{
    private readonly void* memory;

    /// <param name="size">Entries, of up to 16 bytes each.</param>
    /// <param name="start">What both indices begin with.</param>
    internal PlainRing(int size, uint start)
    {
        memory = NativeMemory.AlignedAlloc((nuint)(64 * 3) + ((nuint)size * 16), 64);
        NativeMemory.Clear(memory, (nuint)(64 * 3) + ((nuint)size * 16));
        byte* bytes = (byte*)memory;
        Layout = new RingLayout
        {
            Producer = (uint*)bytes,
            Consumer = (uint*)(bytes + 64),
            Flags = (uint*)(bytes + 128),
            Entries = bytes + 192,
            Size = (uint)size,
        };
        Producer = Consumer = start;
    }

    internal RingLayout Layout { get; }

    internal uint Producer
    {
        get => Volatile.Read(ref *Layout.Producer);
        set => Volatile.Write(ref *Layout.Producer, value);
    }

    internal uint Consumer
    {
        get => Volatile.Read(ref *Layout.Consumer);
        set => Volatile.Write(ref *Layout.Consumer, value);
    }

    public void Dispose() => NativeMemory.AlignedFree(memory);
}
