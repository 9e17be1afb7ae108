namespace XdpPS;

/// <summary>Turns packets into the blocks of a format.</summary>
internal abstract class CaptureEncoder(BlockBuffer output, int snapLength)
{
    protected BlockBuffer Output { get; } = output;

    /// <summary>The most bytes to keep of a packet.</summary>
    internal int SnapLength { get; } = Math.Min(snapLength, Pcapng.LongestPacket);

    /// <summary>What the file says of that: in one that is continued, what it said before, since libpcap wants all interfaces to have the same.</summary>
    internal required int StatedSnapLength { get; init; }

    internal static CaptureEncoder Create(XskCaptureFormat format, BlockBuffer output, int snapLength, int? stated = null)
    {
        int said = stated ?? Math.Min(snapLength, Pcapng.LongestPacket);
        return format == XskCaptureFormat.Pcap
            ? new PcapEncoder(output, snapLength) { StatedSnapLength = said }
            : new PcapngEncoder(output, snapLength) { StatedSnapLength = said };
    }

    /// <summary>The file's header, or that of a new section.</summary>
    internal abstract void Begin(string? comment);

    /// <summary>Describes an interface; they are numbered from 0.</summary>
    internal abstract void Add(CaptureInterface described);

    /// <summary>Bytes that a packet of which so many are kept takes, with all its options.</summary>
    internal abstract int Room(int captured, PacketNotes? notes);

    /// <summary>Begins a packet.</summary>
    /// <param name="number">Of its interface.</param>
    /// <param name="queue">The queue it came on.</param>
    /// <param name="timestamp">Nanoseconds since 1970 (UTC).</param>
    /// <param name="captured">How many bytes are kept.</param>
    /// <param name="length">Bytes on the wire.</param>
    /// <param name="lost">Packets that were lost since the one before.</param>
    /// <param name="notes">What else is to be said of it.</param>
    /// <returns>Where its bytes go: all of it is to be filled before anything else is called.</returns>
    internal abstract Span<byte> AddPacket(int number, int queue, long timestamp, int captured, int length, long lost, PacketNotes? notes);

    /// <summary>What is known of an interface at the end.</summary>
    internal abstract void AddStatistics(int number, CaptureInterface counted, long now);

    /// <summary>Bytes of the block at the beginning of what was written, all of which need not be there.</summary>
    internal abstract int LengthOf(ReadOnlySpan<byte> block);
}
