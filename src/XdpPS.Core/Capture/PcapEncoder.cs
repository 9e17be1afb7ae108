using System.Buffers.Binary;

namespace XdpPS;

/// <summary>The classic format with nanoseconds, little endian.</summary>
internal sealed class PcapEncoder(BlockBuffer output, int snapLength) : CaptureEncoder(output, snapLength)
{
    internal override void Begin(string? comment)
    {
        Span<byte> header = Output.Add(PcapFileReader.FileHeaderLength);
        header.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(header, PcapFileReader.Nanoseconds);
        BinaryPrimitives.WriteUInt16LittleEndian(header[4..], 2);
        BinaryPrimitives.WriteUInt16LittleEndian(header[6..], 4);
        BinaryPrimitives.WriteInt32LittleEndian(header[16..], StatedSnapLength);
        BinaryPrimitives.WriteInt32LittleEndian(header[20..], Pcapng.Ethernet);
    }

    internal override void Add(CaptureInterface described)
    {
    }

    internal override int Room(int captured, PacketNotes? notes) => PcapFileReader.RecordHeaderLength + captured;

    internal override Span<byte> AddPacket(int number, int queue, long timestamp, int captured, int length, long lost, PacketNotes? notes)
    {
        Span<byte> record = Output.Add(Room(captured, notes));
        (long seconds, long nanoseconds) = Math.DivRem(Math.Max(0, timestamp), 1_000_000_000);
        BinaryPrimitives.WriteUInt32LittleEndian(record, (uint)seconds);
        BinaryPrimitives.WriteUInt32LittleEndian(record[4..], (uint)nanoseconds);
        BinaryPrimitives.WriteInt32LittleEndian(record[8..], captured);
        BinaryPrimitives.WriteInt32LittleEndian(record[12..], length);
        return record[PcapFileReader.RecordHeaderLength..];
    }

    internal override void AddStatistics(int number, CaptureInterface counted, long now)
    {
    }

    internal override int LengthOf(ReadOnlySpan<byte> block) => block.Length < PcapFileReader.RecordHeaderLength
        ? int.MaxValue
        : BinaryPrimitives.ReadUInt32LittleEndian(block) == PcapFileReader.Nanoseconds && BinaryPrimitives.ReadUInt32LittleEndian(block[4..]) == 0x0004_0002
            // A time of this second and that many nanoseconds is in no record of ours before 2055.
            ? PcapFileReader.FileHeaderLength
            : PcapFileReader.RecordHeaderLength + BinaryPrimitives.ReadInt32LittleEndian(block[8..]);
}
