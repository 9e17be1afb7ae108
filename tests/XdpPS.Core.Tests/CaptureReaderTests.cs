using System.Buffers.Binary;
using System.Globalization;

namespace XdpPS.Tests;

/// <summary>Capture files of other writers, whole and damaged. tshark and editcap say what is in them.</summary>
public sealed class CaptureReaderTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("xdpps-capture-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [KernelTheory("tshark", "editcap")]
    [InlineData("pcap")]
    [InlineData("nsecpcap")]
    [InlineData("modpcap")]
    [InlineData("pcapng")]
    public void Every_packet_of_a_file_that_editcap_wrote_is_as_tshark_has_it(string format)
    {
        int packets = 0;
        foreach (string original in Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "captures"), "*.pcap"))
        {
            string path = Path.Combine(folder, "written");
            // Half a microsecond later, so that the nanoseconds are seen, and cut, so that lengths differ.
            Command.Run("editcap", "-F", format, "-t", "0.000000500", "-s", "90", original, path);
            packets += AssertAsTshark(path);
        }

        Assert.True(packets > 900, $"{packets} packets");
    }

    [KernelTheory("tshark")]
    [InlineData(true)]
    [InlineData(false)]
    public void Both_byte_orders_and_every_kind_of_packet_block_are_read(bool bigEndian)
    {
        string path = Path.Combine(folder, "blocks.pcapng");
        File.WriteAllBytes(path, EveryKindOfBlock(bigEndian, out byte[][] frames));
        byte[] first = frames[0], second = frames[1], third = frames[2], fourth = frames[3];

        List<XskPacket> packets = ReadAll(path, out XskException? failure);
        Assert.Null(failure);
        Assert.Equal([first, second, third, fourth[..100]], packets.Select(packet => packet.Data));
        Assert.Equal([60, 1500, 62, 200], packets.Select(packet => packet.Length));
        Assert.Equal([1_000_500_000_000, 1_700_000_000_123_000_000, 5_000_000, 0], packets.Select(packet => packet.Timestamp));
        Assert.Equal([("eth7", 3), ("", 0), ("", 0), ("eth7", 0)], packets.Select(packet => (packet.InterfaceName, packet.QueueId)));
        AssertAsTshark(path, timesOf: 3);
    }

    [KernelTheory("tshark")]
    [InlineData(false)]
    [InlineData(true)]
    public void What_a_file_says_of_a_packet_is_said_again_in_the_next(bool bigEndian)
    {
        string path = Path.Combine(folder, "theirs"), next = Path.Combine(folder, "next");
        File.WriteAllBytes(path, EveryKindOfBlock(bigEndian, out _));
        using (XskCaptureWriter writer = new(new XskCaptureOptions { Path = next }))
        {
            foreach (XskPacket packet in ReadAll(path, out _)) writer.Write(packet);
            writer.Complete();
        }

        string Notes(string file) => Command.Run("tshark", "-r", file, "-T", "fields", "-e", "frame.comment", "-e", "frame.packet_flags");
        Assert.Equal(["a comment,änother\t0x80000005", "\t0x00000002", "\t", "\t"], Notes(path).TrimEnd('\n').Split('\n'));
        Assert.Equal(Notes(path), Notes(next));
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, false)]
    [InlineData(true, true)]
    public void A_file_cut_anywhere_yields_the_packets_before_and_says_where(bool pcapng, bool appended)
    {
        byte[][] frames = Frames.Series(5, 61);
        string path = Write(frames, pcapng ? XskCaptureFormat.Pcapng : XskCaptureFormat.Pcap, appended);
        byte[] whole = File.ReadAllBytes(path);
        Assert.Equal(frames, ReadAll(path, out XskException? none).Select(packet => packet.Data));
        Assert.Null(none);
        int last = 0;
        for (int length = 1; length <= whole.Length; length++)
        {
            File.WriteAllBytes(path, whole[..length]);
            List<XskPacket> packets = ReadAll(path, out XskException? failure);
            Assert.InRange(packets.Count, last, last + 1);
            last = packets.Count;
            Assert.Equal(frames[..last], packets.Select(packet => packet.Data));
            if (failure is null) continue;
            if (failure.ErrorId == XskErrorId.CaptureUnreadable) Assert.InRange(length, 1, 80);
            else Assert.Matches(@"is damaged at byte \d+: the file ends after \d+ of the \d+ bytes", failure.Message);
        }

        Assert.Equal(5, last);
    }

    [Fact]
    public void Damage_is_found_where_it_is()
    {
        byte[][] frames = Frames.Series(3, 60);
        string path = Write(frames, XskCaptureFormat.Pcap, appended: false);
        byte[] bytes = File.ReadAllBytes(path);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(24 + 76 + 8), -1);
        File.WriteAllBytes(path, bytes);
        Assert.Equal(frames[..1], ReadAll(path, out XskException? failure).Select(packet => packet.Data));
        Assert.Equal(XskErrorId.CaptureDamaged, failure!.ErrorId);
        Assert.Contains("at byte 100:", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(XskCaptureFormat.Pcapng)]
    [InlineData(XskCaptureFormat.Pcap)]
    public void Bytes_that_anything_happened_to_are_read_or_refused(XskCaptureFormat format)
    {
        byte[] whole = File.ReadAllBytes(Write(Frames.Series(20, 70), format, appended: false));
        Random random = new(5);
        int read = 0, refused = 0;
        for (int round = 0; round < 20_000; round++)
        {
            byte[] bytes = [.. whole];
            for (int i = random.Next(1, 6); i > 0; i--) bytes[random.Next(random.Next(2) == 0 ? 100 : bytes.Length)] = (byte)random.Next(256);
            try
            {
                using XskCaptureReader reader = XskCaptureReader.Open(new MemoryStream(bytes), "mutated");
                while (reader.Read() is { } packet) read += packet.Data.Length > 0 && packet.Length >= packet.Data.Length ? 1 : 0;
            }
            catch (XskException e)
            {
                Assert.DoesNotContain('\n', e.Message);
                refused++;
            }
        }

        Assert.InRange(read, 10_000, 20_000 * 20);
        Assert.InRange(refused, 1_000, 20_000);
    }

    /// <returns>A file of four packets, between blocks that are passed over.</returns>
    internal static byte[] EveryKindOfBlock(bool bigEndian, out byte[][] frames)
    {
        Blocks blocks = new(bigEndian);
        byte[] first = Frames.Make(60, 1), second = Frames.Make(61, 2), third = Frames.Make(62, 3), fourth = Frames.Make(200, 4);
        blocks.Section(comment: "by hand");
        blocks.Interface(snapLength: 100, (2, "eth7"u8.ToArray()), (9, [0x8a]), (14, blocks.Bytes64(1000)), (0x4bad, [1, 2, 3, 4, 5]));
        blocks.Interface(snapLength: 0, (9, [3]), (6, [2, 0, 0, 0, 0, 9]));
        blocks.Add(4, new byte[4]);
        blocks.Enhanced(0, 512, first, first.Length, (6, blocks.Bytes32(3)), (1, "a comment"u8.ToArray()), (2, blocks.Bytes32(0x80000005)), (1, "änother"u8.ToArray()));
        blocks.Add(0x0bad0bad, new byte[24]);
        blocks.Enhanced(1, 1_700_000_000_123, second, 1500, (2, blocks.Bytes32(2)));
        blocks.Obsolete(1, 5, third, third.Length);
        blocks.Simple(fourth, keep: 100);
        frames = [first, second, third, fourth];
        return blocks.ToArray();
    }

    private string Write(byte[][] frames, XskCaptureFormat format, bool appended)
    {
        string path = Path.Combine(folder, "ours");
        File.Delete(path);
        int half = appended ? 2 : frames.Length;
        foreach (byte[][] part in new[] { frames[..half], frames[half..] })
        {
            if (part.Length == 0) continue;
            using XskCaptureWriter writer = new(new XskCaptureOptions { Path = path, Format = format, Append = appended });
            foreach (byte[] frame in part) writer.Write(new XskPacket(frame));
            writer.Complete();
        }

        return path;
    }

    private static List<XskPacket> ReadAll(string path, out XskException? failure)
    {
        List<XskPacket> packets = [];
        failure = null;
        try
        {
            using XskCaptureReader reader = XskCaptureReader.Open(path);
            while (reader.Read() is { } packet) packets.Add(packet);
        }
        catch (XskException e)
        {
            failure = e;
        }

        return packets;
    }

    private static int AssertAsTshark(string path, int timesOf = int.MaxValue)
    {
        List<XskPacket> packets = ReadAll(path, out XskException? failure);
        Assert.Null(failure);
        string[] lines = Command.Run("tshark", "-r", path, "-T", "fields", "-e", "frame.time_epoch", "-e", "frame.len", "-e", "frame.cap_len").Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(lines.Length, packets.Count);
        for (int i = 0; i < lines.Length; i++)
        {
            string[] fields = lines[i].Split('\t');
            XskPacket packet = packets[i];
            Assert.Equal((fields[1], fields[2]), ($"{packet.Length}", $"{packet.Data.Length}"));
            if (i < timesOf) Assert.Equal(decimal.Parse(fields[0], CultureInfo.InvariantCulture), packet.Timestamp / 1_000_000_000m);
        }

        return packets.Count;
    }

    /// <summary>pcapng of either byte order, by the draft and not by our writer.</summary>
    private sealed class Blocks(bool bigEndian)
    {
        private readonly List<byte> bytes = [];

        internal byte[] ToArray() => [.. bytes];

        internal byte[] Bytes16(int value) => Ordered(BitConverter.GetBytes((ushort)value));

        internal byte[] Bytes32(long value) => Ordered(BitConverter.GetBytes((uint)value));

        internal byte[] Bytes64(long value) => Ordered(BitConverter.GetBytes(value));

        internal void Add(uint type, params byte[] body)
        {
            byte[] length = Bytes32(body.Length + 12);
            bytes.AddRange([.. Bytes32(type), .. length, .. body, .. length]);
        }

        internal void Section(string comment) => Add(
            0x0a0d0d0a, [.. Bytes32(0x1a2b3c4d), .. Bytes16(1), .. Bytes16(0), .. Bytes64(-1), .. Options((1, System.Text.Encoding.UTF8.GetBytes(comment)))]);

        internal void Interface(int snapLength, params (int, byte[])[] options) =>
            Add(1, [.. Bytes16(1), .. Bytes16(0), .. Bytes32(snapLength), .. Options(options)]);

        internal void Enhanced(int number, long time, byte[] data, int length, params (int, byte[])[] options) => Add(
            6, [.. Bytes32(number), .. Bytes32(time >> 32), .. Bytes32(time), .. Bytes32(data.Length), .. Bytes32(length), .. Padded(data), .. Options(options)]);

        internal void Obsolete(int number, long time, byte[] data, int length) => Add(
            2, [.. Bytes16(number), .. Bytes16(0xffff), .. Bytes32(time >> 32), .. Bytes32(time), .. Bytes32(data.Length), .. Bytes32(length), .. Padded(data)]);

        internal void Simple(byte[] data, int keep) => Add(3, [.. Bytes32(data.Length), .. Padded(data[..Math.Min(keep, data.Length)])]);

        private byte[] Options(params (int Code, byte[] Value)[] options) =>
            options.Length == 0 ? [] : [.. options.SelectMany(option => (byte[])[.. Bytes16(option.Code), .. Bytes16(option.Value.Length), .. Padded(option.Value)]), 0, 0, 0, 0];

        private static byte[] Padded(byte[] data) => [.. data, .. new byte[-data.Length & 3]];

        private byte[] Ordered(byte[] value)
        {
            if (bigEndian == BitConverter.IsLittleEndian) Array.Reverse(value);
            return value;
        }
    }
}
