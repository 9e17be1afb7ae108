using System.Buffers;
using System.Runtime.InteropServices;

namespace XdpPS.Tests;

/// <summary>Bytes that end, and others that begin, right at a page that nobody may touch: whoever reads outside ends the process.</summary>
internal sealed unsafe partial class GuardedMemory : IDisposable
{
    private const int PageSize = 4096;
    private readonly byte* mapping;
    private readonly int pages;

    internal GuardedMemory(int capacity)
    {
        pages = ((capacity + PageSize - 1) / PageSize) + 2;
        mapping = (byte*)Mmap(null, (nuint)(pages * PageSize), prot: 0, flags: 0x22, -1, 0);
        if ((nint)mapping == -1) throw new InvalidOperationException($"mmap: errno {Marshal.GetLastPInvokeError()}");
        if (Mprotect(mapping + PageSize, (nuint)((pages - 2) * PageSize), prot: 3) != 0) throw new InvalidOperationException($"mprotect: errno {Marshal.GetLastPInvokeError()}");
    }

    /// <returns>A copy of the bytes with the guard right behind, or right before them.</returns>
    internal ReadOnlyMemory<byte> Place(ReadOnlySpan<byte> bytes, bool atEnd)
    {
        byte* start = atEnd ? mapping + ((pages - 1) * PageSize) - bytes.Length : mapping + PageSize;
        bytes.CopyTo(new Span<byte>(start, bytes.Length));
        return new NativeMemory(start, bytes.Length).Memory;
    }

    public void Dispose() => _ = Munmap(mapping, (nuint)(pages * PageSize));

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial void* Mmap(void* address, nuint length, int prot, int flags, int descriptor, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect", SetLastError = true)]
    private static partial int Mprotect(void* address, nuint length, int prot);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Munmap(void* address, nuint length);

    private sealed class NativeMemory(byte* start, int length) : MemoryManager<byte>
    {
        public override Span<byte> GetSpan() => new(start, length);

        public override MemoryHandle Pin(int elementIndex = 0) => new(start + elementIndex);

        public override void Unpin()
        {
        }

        protected override void Dispose(bool disposing)
        {
        }
    }
}
