namespace XdpPS;

/// <summary>A packet in a capture file, readable until the next is read.</summary>
internal readonly ref struct CapturedPacket
{
    internal required ReadOnlySpan<byte> Data { get; init; }

    /// <summary>Bytes on the wire.</summary>
    internal required int Length { get; init; }

    /// <summary>Nanoseconds since 1970 (UTC).</summary>
    internal required long Timestamp { get; init; }

    internal required PacketOrigin Origin { get; init; }

    internal PacketNotes? Notes { get; init; }
}

/// <summary>Reads the packets of a capture in one format.</summary>
internal abstract class CaptureReader(CaptureSource source)
{
    protected CaptureSource Source { get; } = source;

    /// <summary>The end of the last whole block: where what is damaged begins, or the file's end.</summary>
    internal long WholeEnd { get; private protected set; }

    /// <summary>What the file says to be the longest of its packets; 0 without a limit.</summary>
    internal int SnapLength { get; private protected set; }

    /// <summary>The numbers are in the order of network protocols.</summary>
    internal bool BigEndian { get; private protected set; }

    /// <returns>False at the end.</returns>
    /// <exception cref="XskException">The file is damaged from here on, or has packets that are not Ethernet frames.</exception>
    internal abstract bool Read(out CapturedPacket packet);

    /// <summary>What came from elsewhere may say anything: a length on the wire is at least what was kept of it.</summary>
    private protected static int WireLength(uint original, int captured) => (int)Math.Clamp(original, (uint)captured, int.MaxValue);

    private protected ushort Read16(ReadOnlySpan<byte> bytes) => BigEndian
        ? System.Buffers.Binary.BinaryPrimitives.ReadUInt16BigEndian(bytes)
        : System.Buffers.Binary.BinaryPrimitives.ReadUInt16LittleEndian(bytes);

    private protected uint Read32(ReadOnlySpan<byte> bytes) => BigEndian
        ? System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(bytes)
        : System.Buffers.Binary.BinaryPrimitives.ReadUInt32LittleEndian(bytes);
}
