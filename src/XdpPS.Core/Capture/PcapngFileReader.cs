using System.Net.NetworkInformation;
using System.Text;

namespace XdpPS;

/// <summary>pcapng: sections of either byte order, interfaces, enhanced, simple and obsolete packet blocks; other blocks are passed over.</summary>
internal sealed class PcapngFileReader : CaptureReader
{
    /// <summary>A block that claims more is damage and not a packet.</summary>
    internal const int LongestBlock = 16 * 1024 * 1024;

    private readonly List<Interface> interfaces = [];
    private long leftOut;
    private int leftOutType;
    private bool any;
    private PacketNotes? lastNotes;

    /// <param name="source">Behind the four bytes that say what it is.</param>
    /// <exception cref="XskException">The first section's header is cut short or of another version.</exception>
    internal PcapngFileReader(CaptureSource source) : base(source) => ReadSectionHeader(0);

    private sealed class Interface
    {
        internal int LinkType { get; init; }

        internal uint SnapLength { get; init; }

        internal long UnitsPerSecond { get; set; } = 1_000_000;

        internal long OffsetSeconds { get; set; }

        internal PacketOrigin Origin { get; set; } = PacketOrigin.None;

        /// <summary>By queue, as they come up.</summary>
        internal Dictionary<uint, PacketOrigin> Queues { get; } = [];

        internal PacketOrigin OriginOf(uint queue)
        {
            if (queue is 0 or > int.MaxValue) return Origin;
            if (!Queues.TryGetValue(queue, out PacketOrigin? origin)) Queues.Add(queue, origin = Origin with { QueueId = (int)queue });
            return origin;
        }

        internal long Nanoseconds(ulong time)
        {
            Int128 nanoseconds = ((Int128)time * 1_000_000_000 / UnitsPerSecond) + ((Int128)OffsetSeconds * 1_000_000_000);
            return (long)Int128.Clamp(nanoseconds, 0, long.MaxValue);
        }
    }

    internal override bool Read(out CapturedPacket packet)
    {
        packet = default;
        while (true)
        {
            WholeEnd = Source.Position;
            long start = Source.Position;
            ReadOnlySpan<byte> head = Source.Read(8);
            if (head.IsEmpty) break;
            if (head.Length < 8) throw Source.Cut(start, "a block's header", head.Length, 8);
            uint type = Read32(head), length = Read32(head[4..]);
            if (type == Pcapng.SectionHeader)
            {
                ReadSectionHeader(start, head[4..].ToArray());
                continue;
            }

            if (length < Pcapng.BlockOverhead || length % 4 != 0) throw Source.Damaged(start, $"a block of {length} bytes cannot be");
            if (type is not (Pcapng.InterfaceDescription or Pcapng.EnhancedPacket or Pcapng.ObsoletePacket or Pcapng.SimplePacket))
            {
                PassOver(start, length);
                continue;
            }

            if (length > LongestBlock) throw Source.Damaged(start, $"a block of {length} bytes cannot be");
            ReadOnlySpan<byte> rest = Source.Read((int)length - 8);
            if (rest.Length < length - 8) throw Source.Cut(start, "a block", rest.Length + 8, length);
            CheckLength(start, length, Read32(rest[^4..]));
            ReadOnlySpan<byte> body = rest[..^4];
            if (type == Pcapng.InterfaceDescription) AddInterface(start, body);
            else if (ReadPacket(start, type, body, out packet)) return true;
        }

        if (leftOut == 0) return false;
        // Said once, at the end: what could be read has been.
        string types = LinkTypes.Name(leftOutType);
        long count = leftOut;
        leftOut = 0;
        throw any
            ? XskException.FromCheck(XskErrorId.CaptureNotEthernet, $"'{Source.Path}' holds, beside Ethernet frames, {count} packets of link type {types}, which were left out", "read these with another tool")
            : LinkTypes.NotEthernet(Source.Path, leftOutType);
    }

    private void ReadSectionHeader(long start, byte[]? lengthBytes = null)
    {
        // The byte order stands behind the length that is written in it.
        lengthBytes ??= Source.Read(4).ToArray();
        Span<byte> magic = Source.Read(4);
        if (lengthBytes.Length < 4 || magic.Length < 4)
            throw start == 0 ? Source.Unreadable("truncated file header") : Source.Cut(start, "a section's header", Source.Position - start, 28);
        BigEndian = false;
        if (Read32(magic) != Pcapng.ByteOrderMagic)
        {
            BigEndian = true;
            if (Read32(magic) != Pcapng.ByteOrderMagic) throw start == 0 ? Source.Unreadable("unknown file format") : Source.Damaged(start, "a section's byte order cannot be made out");
        }

        uint length = Read32(lengthBytes);
        if (length is < 28 or > LongestBlock || length % 4 != 0) throw Source.Damaged(start, $"a section's header of {length} bytes cannot be");
        ReadOnlySpan<byte> rest = Source.Read((int)length - 12);
        if (rest.Length < length - 12) throw Source.Cut(start, "a section's header", rest.Length + 12, length);
        CheckLength(start, length, Read32(rest[^4..]));
        if (Read16(rest) != 1) throw start == 0 ? Source.Unreadable($"unknown file format: pcapng version {Read16(rest)}") : Source.Damaged(start, $"a section of pcapng version {Read16(rest)}");
        interfaces.Clear();
        WholeEnd = Source.Position;
    }

    private void PassOver(long start, uint length)
    {
        long there = Source.Skip(length - Pcapng.BlockOverhead);
        ReadOnlySpan<byte> trailer = Source.Read(4);
        if (trailer.Length < 4) throw Source.Cut(start, "a block", 8 + there + trailer.Length, length);
        CheckLength(start, length, Read32(trailer));
    }

    private void CheckLength(long start, uint before, uint after)
    {
        if (before != after) throw Source.Damaged(start, $"a block says {before} bytes at its beginning and {after} at its end");
    }

    private void AddInterface(long start, ReadOnlySpan<byte> body)
    {
        if (body.Length < 8) throw Source.Damaged(start, "an interface's block is too short");
        Interface added = new() { LinkType = Read16(body), SnapLength = Read32(body[4..]) };
        string name = "";
        PhysicalAddress? mac = null;
        string? filter = null;
        for (ReadOnlySpan<byte> options = body[8..]; NextOption(ref options, out ushort code, out ReadOnlySpan<byte> value);)
        {
            switch (code)
            {
                case Pcapng.InterfaceName: name = Text(value); break;
                case Pcapng.InterfaceMacAddress when value.Length == 6: mac = new PhysicalAddress(value.ToArray()); break;
                case Pcapng.InterfaceTimeResolution when value.Length == 1: added.UnitsPerSecond = UnitsPerSecond(start, value[0]); break;
                case Pcapng.InterfaceFilter when value.Length > 1 && value[0] == 0: filter = Text(value[1..]); break;
                case Pcapng.InterfaceTimeOffset when value.Length == 8:
                    ulong offset = BigEndian ? System.Buffers.Binary.BinaryPrimitives.ReadUInt64BigEndian(value) : System.Buffers.Binary.BinaryPrimitives.ReadUInt64LittleEndian(value);
                    added.OffsetSeconds = (long)offset;
                    break;
            }
        }

        added.Origin = new PacketOrigin(name, 0, null) { MacAddress = mac, Filter = filter };
        if (interfaces.Count == 0 && SnapLength == 0) SnapLength = (int)Math.Min(added.SnapLength, int.MaxValue);
        interfaces.Add(added);
    }

    /// <summary>A power of ten, or with the highest bit one of two.</summary>
    private long UnitsPerSecond(long start, byte resolution)
    {
        int exponent = resolution & 0x7f;
        bool binary = resolution > 0x7f;
        if (exponent > (binary ? 62 : 18)) throw Source.Damaged(start, $"an interface's times have a resolution of {(binary ? 2 : 10)}^-{exponent} s");
        if (binary) return 1L << exponent;
        long units = 1;
        while (exponent-- > 0) units *= 10;
        return units;
    }

    private bool ReadPacket(long start, uint type, ReadOnlySpan<byte> body, out CapturedPacket packet)
    {
        int header = type == Pcapng.SimplePacket ? 4 : 20;
        packet = default;
        if (body.Length < header) throw Source.Damaged(start, "a packet's block is too short");
        uint number = type switch { Pcapng.EnhancedPacket => Read32(body), Pcapng.ObsoletePacket => Read16(body), _ => 0 };
        if (number >= interfaces.Count) throw Source.Damaged(start, $"a packet is of interface {number}, and only {interfaces.Count} were described");
        Interface from = interfaces[(int)number];
        uint original = Read32(body[(header - 4)..]);
        uint captured = type == Pcapng.SimplePacket
            // Its length is that of the block, less the padding: the packet's own or the interface's limit.
            ? Math.Min(original, from.SnapLength == 0 ? uint.MaxValue : from.SnapLength)
            : Read32(body[12..]);
        if (captured > body.Length - header) throw Source.Damaged(start, $"a packet of {captured} bytes is longer than its block");
        if (from.LinkType != Pcapng.Ethernet)
        {
            leftOut++;
            leftOutType = from.LinkType;
            return false;
        }

        any = true;
        ulong time = type == Pcapng.SimplePacket ? 0 : ((ulong)Read32(body[4..]) << 32) | Read32(body[8..]);
        uint queue = 0;
        PacketNotes? notes = type == Pcapng.SimplePacket
            ? null
            : ReadOptions(body[Math.Min(body.Length, header + Pcapng.Padded((int)captured))..], out queue);
        packet = new CapturedPacket
        {
            Data = body.Slice(header, (int)captured),
            Length = WireLength(original, (int)captured),
            Timestamp = type == Pcapng.SimplePacket ? 0 : from.Nanoseconds(time),
            Origin = type == Pcapng.EnhancedPacket ? from.OriginOf(queue) : from.Origin,
            Notes = notes,
        };
        return true;
    }

    /// <returns>Null where the packet has nothing of the kind; the same object again for flags alone that are those of the packet before.</returns>
    private PacketNotes? ReadOptions(ReadOnlySpan<byte> options, out uint queue)
    {
        queue = 0;
        uint? flags = null;
        List<byte[]>? comments = null;
        while (NextOption(ref options, out ushort code, out ReadOnlySpan<byte> value))
        {
            switch (code)
            {
                case Pcapng.PacketQueue when value.Length == 4: queue = Read32(value); break;
                case Pcapng.PacketFlags when value.Length == 4: flags = Read32(value); break;
                case Pcapng.OptionComment when !value.IsEmpty && (comments?.Count ?? 0) < PacketNotes.MostComments: (comments ??= []).Add(value.ToArray()); break;
            }
        }

        if (comments is not null) return new PacketNotes(comments, flags);
        if (flags is null) return null;
        if (lastNotes?.Flags != flags) lastNotes = new PacketNotes([], flags);
        return lastNotes;
    }

    /// <summary>Options that make no sense are left: the packet before them is none the worse for it.</summary>
    private bool NextOption(ref ReadOnlySpan<byte> options, out ushort code, out ReadOnlySpan<byte> value)
    {
        code = 0;
        value = default;
        if (options.Length < 4) return false;
        code = Read16(options);
        int length = Read16(options[2..]);
        if (code == Pcapng.OptionEnd || length > options.Length - 4) return false;
        value = options.Slice(4, length);
        options = options[Math.Min(options.Length, 4 + Pcapng.Padded(length))..];
        return true;
    }

    private static string Text(ReadOnlySpan<byte> value) => Encoding.UTF8.GetString(value).TrimEnd('\0');
}
