using System.Buffers.Binary;

namespace XdpPS.Tests;

/// <summary>A frame as a capture has it.</summary>
/// <param name="Data">The captured bytes.</param>
/// <param name="Length">Bytes on the wire.</param>
internal sealed record CapturedFrame(byte[] Data, int Length)
{
    internal CapturedFrame(byte[] data) : this(data, data.Length)
    {
    }

    internal bool IsWhole => Data.Length == Length;

    public override string ToString() => $"{Convert.ToHexString(Data)} ({Length} bytes on the wire)";
}

/// <summary>The captures of tests/captures, which say in their README how they were made.</summary>
internal static class RecordedFrames
{
    internal static List<CapturedFrame> All() =>
        [.. Directory.EnumerateFiles(Path.Combine(AppContext.BaseDirectory, "captures"), "*.pcap").Order(StringComparer.Ordinal).SelectMany(Read)];

    internal static List<CapturedFrame> Read(string path)
    {
        List<CapturedFrame> frames = [];
        byte[] file = File.ReadAllBytes(path);
        Assert.Equal(0xa1b2c3d4u, BinaryPrimitives.ReadUInt32LittleEndian(file));
        for (int offset = 24; offset + 16 <= file.Length;)
        {
            int captured = BinaryPrimitives.ReadInt32LittleEndian(file.AsSpan(offset + 8));
            int length = BinaryPrimitives.ReadInt32LittleEndian(file.AsSpan(offset + 12));
            frames.Add(new CapturedFrame(file[(offset + 16)..(offset + 16 + captured)], length));
            offset += 16 + captured;
        }

        return frames;
    }
}
