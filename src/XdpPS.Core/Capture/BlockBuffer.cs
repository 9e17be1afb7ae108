namespace XdpPS;

/// <summary>Takes whole blocks, and nothing but whole blocks.</summary>
internal delegate void BlockSink(ReadOnlySpan<byte> blocks);

/// <summary>Collects blocks, so that many go out with one call: what is written ends where a block does.</summary>
internal sealed class BlockBuffer(int capacity, BlockSink sink)
{
    private byte[] buffer = GC.AllocateUninitializedArray<byte>(capacity);

    /// <summary>Bytes not yet given to the sink.</summary>
    internal int Pending { get; private set; }

    /// <summary>Room for a block, all of which the caller fills in.</summary>
    internal Span<byte> Add(int length)
    {
        if (length > buffer.Length - Pending)
        {
            Flush();
            if (length > buffer.Length) buffer = GC.AllocateUninitializedArray<byte>(length);
        }

        Span<byte> block = buffer.AsSpan(Pending, length);
        Pending += length;
        return block;
    }

    internal void Flush()
    {
        if (Pending == 0) return;
        int length = Pending;
        // Also where the sink fails: the same blocks are not tried again.
        Pending = 0;
        sink(buffer.AsSpan(0, length));
    }
}
