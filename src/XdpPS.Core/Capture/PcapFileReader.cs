namespace XdpPS;

/// <summary>The classic format (draft-ietf-opsawg-pcap): micro- or nanoseconds, either byte order, and the variant with longer record headers.</summary>
internal sealed class PcapFileReader : CaptureReader
{
    internal const uint Microseconds = 0xa1b2c3d4;
    internal const uint Nanoseconds = 0xa1b23c4d;

    /// <summary>That of an old Linux patch, whose records carry an interface index, a protocol and a packet type.</summary>
    internal const uint Patched = 0xa1b2cd34;

    internal const int FileHeaderLength = 24;
    internal const int RecordHeaderLength = 16;

    private const int PatchedHeaderLength = 24;

    /// <summary>In the upper bits stand the length of the FCS and reserved ones.</summary>
    private const uint LinkTypeMask = 0x03ff_ffff;

    private readonly int headerLength;
    private readonly bool oldOrder;

    /// <param name="source">Behind the magic number.</param>
    /// <param name="magic">The magic number, as it reads in the file's byte order.</param>
    /// <param name="bigEndian">The file's byte order.</param>
    /// <exception cref="XskException">Its header is cut short, or its packets are not Ethernet frames.</exception>
    internal PcapFileReader(CaptureSource source, uint magic, bool bigEndian) : base(source)
    {
        BigEndian = bigEndian;
        IsNanoseconds = magic == Nanoseconds;
        headerLength = magic == Patched ? PatchedHeaderLength : RecordHeaderLength;
        ReadOnlySpan<byte> rest = source.Read(FileHeaderLength - 4);
        if (rest.Length < FileHeaderLength - 4) throw source.Unreadable("truncated file header");
        if (Read16(rest) != 2) throw source.Unreadable($"unknown file format: pcap version {Read16(rest)}");
        oldOrder = Read16(rest[2..]) < 4;
        SnapLength = (int)Math.Min(Read32(rest[12..]), int.MaxValue);
        int linkType = (int)(Read32(rest[16..]) & LinkTypeMask);
        if (linkType != Pcapng.Ethernet) throw LinkTypes.NotEthernet(source.Path, linkType);
        WholeEnd = source.Position;
    }

    /// <summary>The times are in nanoseconds.</summary>
    internal bool IsNanoseconds { get; }

    internal override bool Read(out CapturedPacket packet)
    {
        packet = default;
        long start = Source.Position;
        ReadOnlySpan<byte> header = Source.Read(headerLength);
        if (header.IsEmpty) return false;
        if (header.Length < headerLength) throw Source.Cut(start, "a packet's header", header.Length, headerLength);
        uint seconds = Read32(header), fraction = Read32(header[4..]), captured = Read32(header[8..]), original = Read32(header[12..]);
        // Up to version 2.3 some wrote the two the other way round (libpcap, sf-pcap.c).
        if (oldOrder && captured > original) (captured, original) = (original, captured);
        if (captured > Math.Max(Pcapng.LongestPacket, (uint)Math.Min(SnapLength, PcapngFileReader.LongestBlock)))
            throw Source.Damaged(start, $"a packet of {captured} bytes cannot be");
        ReadOnlySpan<byte> data = Source.Read((int)captured);
        if (data.Length < captured) throw Source.Cut(start, "a packet", headerLength + data.Length, headerLength + captured);
        WholeEnd = Source.Position;
        packet = new CapturedPacket
        {
            Data = data,
            Length = WireLength(original, data.Length),
            Timestamp = (seconds * 1_000_000_000L) + (IsNanoseconds ? fraction : fraction * 1000L),
            Origin = PacketOrigin.None,
        };
        return true;
    }
}
