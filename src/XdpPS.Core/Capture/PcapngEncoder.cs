using System.Buffers.Binary;
using System.Text;

namespace XdpPS;

/// <summary>pcapng, little endian, times in nanoseconds.</summary>
internal sealed class PcapngEncoder(BlockBuffer output, int snapLength) : CaptureEncoder(output, snapLength)
{
    private const int PacketHeader = 28;
    private const int QueueOption = 8;
    private const int LossOption = 12;
    private const int FlagsOption = 8;
    private const int EndOption = 4;

    internal override void Begin(string? comment)
    {
        byte[] text = Encoding.UTF8.GetBytes(comment ?? "");
        // The length of an option has 16 bits; a character is not cut in two.
        if (text.Length > ushort.MaxValue) text = Encoding.UTF8.GetBytes(comment![..(ushort.MaxValue / 3)]);
        ReadOnlySpan<byte> application = "XdpPS"u8;
        int options = OptionLength(text) + OptionLength(application) + EndOption;
        Span<byte> body = Block(Pcapng.SectionHeader, 16 + options);
        BinaryPrimitives.WriteUInt32LittleEndian(body, Pcapng.ByteOrderMagic);
        BinaryPrimitives.WriteUInt16LittleEndian(body[4..], 1);
        BinaryPrimitives.WriteUInt16LittleEndian(body[6..], 0);
        // How long the section will be is not known.
        BinaryPrimitives.WriteInt64LittleEndian(body[8..], -1);
        body = body[16..];
        Put(ref body, Pcapng.OptionComment, text);
        Put(ref body, Pcapng.SectionApplication, application);
        body.Clear();
    }

    internal override void Add(CaptureInterface described)
    {
        PacketOrigin origin = described.Origin;
        byte[] name = Encoding.UTF8.GetBytes(origin.InterfaceName);
        byte[] note = Encoding.UTF8.GetBytes(origin.NetworkNamespace is null ? "" : $"in network namespace {origin.NetworkNamespace}");
        byte[] mac = origin.MacAddress?.GetAddressBytes() is { Length: 6 } address ? address : [];
        // Before the text stands what it is: 0 for an expression of libpcap.
        byte[] filter = origin.Filter is null ? [] : [0, .. Encoding.UTF8.GetBytes(origin.Filter)];
        if (filter.Length > ushort.MaxValue) filter = [];
        ReadOnlySpan<byte> nanoseconds = [9];
        int options = OptionLength(name) + OptionLength(note) + OptionLength(mac) + OptionLength(nanoseconds) + OptionLength(filter) + EndOption;
        Span<byte> body = Block(Pcapng.InterfaceDescription, 8 + options);
        BinaryPrimitives.WriteUInt32LittleEndian(body, Pcapng.Ethernet);
        BinaryPrimitives.WriteInt32LittleEndian(body[4..], StatedSnapLength);
        body = body[8..];
        Put(ref body, Pcapng.InterfaceName, name);
        Put(ref body, Pcapng.InterfaceNote, note);
        Put(ref body, Pcapng.InterfaceMacAddress, mac);
        Put(ref body, Pcapng.InterfaceTimeResolution, nanoseconds);
        Put(ref body, Pcapng.InterfaceFilter, filter);
        body.Clear();
    }

    internal override int Room(int captured, PacketNotes? notes) => PacketHeader + Pcapng.Padded(captured) + Length(notes) + LossOption + QueueOption + EndOption + 4;

    internal override Span<byte> AddPacket(int number, int queue, long timestamp, int captured, int length, long lost, PacketNotes? notes)
    {
        int padded = Pcapng.Padded(captured);
        int size = Room(captured, notes) - (lost > 0 ? 0 : LossOption);
        Span<byte> block = Output.Add(size);
        ulong time = (ulong)Math.Max(0, timestamp);
        BinaryPrimitives.WriteUInt32LittleEndian(block, Pcapng.EnhancedPacket);
        BinaryPrimitives.WriteInt32LittleEndian(block[4..], size);
        BinaryPrimitives.WriteInt32LittleEndian(block[8..], number);
        BinaryPrimitives.WriteUInt32LittleEndian(block[12..], (uint)(time >> 32));
        BinaryPrimitives.WriteUInt32LittleEndian(block[16..], (uint)time);
        BinaryPrimitives.WriteInt32LittleEndian(block[20..], captured);
        BinaryPrimitives.WriteInt32LittleEndian(block[24..], length);
        block[(PacketHeader + captured)..(PacketHeader + padded)].Clear();
        Span<byte> options = block[(PacketHeader + padded)..];
        if (notes is not null) Put(ref options, notes);
        if (lost > 0)
        {
            PutHeader(options, Pcapng.PacketDropCount, 8);
            BinaryPrimitives.WriteInt64LittleEndian(options[4..], lost);
            options = options[LossOption..];
        }

        PutHeader(options, Pcapng.PacketQueue, 4);
        BinaryPrimitives.WriteInt32LittleEndian(options[4..], queue);
        PutHeader(options[QueueOption..], Pcapng.OptionEnd, 0);
        BinaryPrimitives.WriteInt32LittleEndian(options[(QueueOption + EndOption)..], size);
        return block.Slice(PacketHeader, captured);
    }

    internal override void AddStatistics(int number, CaptureInterface counted, long now)
    {
        int counters = counted.Lost is null ? 1 : 3;
        Span<byte> body = Block(Pcapng.InterfaceStatistics, 12 + ((2 + counters) * 12) + EndOption);
        BinaryPrimitives.WriteInt32LittleEndian(body, number);
        PutTime(body[4..], now);
        body = body[12..];
        // Times are in two halves, the upper one first; counters are not.
        PutHeader(body, Pcapng.StatisticsStart, 8);
        PutTime(body[4..], counted.Since);
        PutHeader(body[12..], Pcapng.StatisticsEnd, 8);
        PutTime(body[16..], now);
        body = body[24..];
        if (counted.Lost is { } lost)
        {
            PutCounter(ref body, Pcapng.StatisticsReceived, counted.Packets + lost);
            PutCounter(ref body, Pcapng.StatisticsSystemDropped, lost);
        }

        PutCounter(ref body, Pcapng.StatisticsDelivered, counted.Packets);
        body.Clear();
    }

    internal override int LengthOf(ReadOnlySpan<byte> block) => block.Length < 8 ? int.MaxValue : BinaryPrimitives.ReadInt32LittleEndian(block[4..]);

    /// <summary>A block around a body of so many bytes.</summary>
    private Span<byte> Block(uint type, int body)
    {
        int length = body + Pcapng.BlockOverhead;
        Span<byte> block = Output.Add(length);
        BinaryPrimitives.WriteUInt32LittleEndian(block, type);
        BinaryPrimitives.WriteInt32LittleEndian(block[4..], length);
        BinaryPrimitives.WriteInt32LittleEndian(block[^4..], length);
        return block[8..^4];
    }

    private static int Length(PacketNotes? notes)
    {
        if (notes is null) return 0;
        int length = notes.Flags is null ? 0 : FlagsOption;
        foreach (byte[] comment in notes.Comments) length += OptionLength(comment);
        return length;
    }

    private static void Put(ref Span<byte> options, PacketNotes notes)
    {
        foreach (byte[] comment in notes.Comments) Put(ref options, Pcapng.OptionComment, comment);
        if (notes.Flags is not { } flags) return;
        PutHeader(options, Pcapng.PacketFlags, 4);
        BinaryPrimitives.WriteUInt32LittleEndian(options[4..], flags);
        options = options[FlagsOption..];
    }

    private static int OptionLength(ReadOnlySpan<byte> value) => value.IsEmpty ? 0 : 4 + Pcapng.Padded(value.Length);

    private static void Put(ref Span<byte> options, ushort code, ReadOnlySpan<byte> value)
    {
        if (value.IsEmpty) return;
        PutHeader(options, code, value.Length);
        value.CopyTo(options[4..]);
        options[(4 + value.Length)..OptionLength(value)].Clear();
        options = options[OptionLength(value)..];
    }

    private static void PutCounter(ref Span<byte> options, ushort code, long value)
    {
        PutHeader(options, code, 8);
        BinaryPrimitives.WriteInt64LittleEndian(options[4..], value);
        options = options[12..];
    }

    private static void PutTime(Span<byte> place, long nanoseconds)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(place, (uint)(nanoseconds >> 32));
        BinaryPrimitives.WriteUInt32LittleEndian(place[4..], (uint)nanoseconds);
    }

    private static void PutHeader(Span<byte> option, ushort code, int length)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(option, code);
        BinaryPrimitives.WriteUInt16LittleEndian(option[2..], (ushort)length);
    }
}
