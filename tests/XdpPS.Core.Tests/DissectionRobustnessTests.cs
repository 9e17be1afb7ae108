using System.Globalization;
using Xunit.Abstractions;

namespace XdpPS.Tests;

/// <summary>
/// Random, mutated and cut frames, every property read, between pages that may not be touched.
/// XDPPS_DISSECTION_FRAMES says how many, for a longer run.
/// </summary>
public sealed class DissectionRobustnessTests(ITestOutputHelper output)
{
    private const int LongestFrame = 2_048;

    [Fact]
    public void No_frame_makes_it_throw_or_read_outside()
    {
        long total = long.Parse(Environment.GetEnvironmentVariable("XDPPS_DISSECTION_FRAMES") ?? "100000", CultureInfo.InvariantCulture);
        byte[][] recorded = [.. RecordedFrames.All().Where(frame => frame.Data.Length <= LongestFrame).Select(frame => frame.Data)];
        const int Workers = 2;
        long[] values = new long[Workers], layers = new long[Workers], marked = new long[Workers];
        Parallel.For(0, Workers, new ParallelOptions { MaxDegreeOfParallelism = Workers }, worker =>
        {
            Random random = new(20_261_121 + worker);
            FrameZoo zoo = new(20_261_121 + worker);
            using GuardedMemory memory = new(LongestFrame);
            for (long i = worker; i < total; i += Workers)
            {
                byte[] frame = Make(random, zoo, recorded);
                try
                {
                    (long read, int found, int wrong) = Read(memory, frame, atEnd: random.Next(4) > 0);
                    values[worker] += read;
                    layers[worker] += found;
                    marked[worker] += wrong;
                }
                catch (Exception failure)
                {
                    throw new InvalidOperationException($"frame {Convert.ToHexString(frame)}", failure);
                }
            }
        });
        output.WriteLine($"{total} frames: {layers.Sum()} layers, {marked.Sum()} of them marked as truncated or malformed, {values.Sum()} values read");
        Assert.InRange(marked.Sum(), layers.Sum() / 20, layers.Sum());
    }

    [Fact]
    public void Every_recorded_frame_can_be_cut_anywhere()
    {
        using GuardedMemory memory = new(LongestFrame);
        foreach (CapturedFrame frame in RecordedFrames.All().Where(frame => frame.Data.Length <= LongestFrame).DistinctBy(frame => string.Join(' ', new XskPacket(frame.Data).GetLayers().Select(layer => layer.Name))))
        {
            for (int length = 0; length <= frame.Data.Length; length++) PropertyReader.ReadAll(new PacketView(memory.Place(frame.Data.AsSpan(0, length), atEnd: true)));
        }
    }

    [Fact]
    public void Nesting_without_end_is_left_as_payload()
    {
        byte[] tags = [.. new byte[12], .. Enumerable.Repeat(new byte[] { 0x81, 0, 0, 1 }, 500).SelectMany(tag => tag)];
        IReadOnlyList<PacketLayer> layers = new XskPacket(tags).GetLayers();
        Assert.Equal(32, layers.Count);
        Assert.Equal(tags.Length - layers[^1].Offset - 4, layers[^1].Payload.Length);
        byte[] headers = Frames.Hex("020000000002 020000000001 86dd 60000000 ffff 00 40" + new string('0', 64) + string.Concat(Enumerable.Repeat("00ff000000000000", 40)));
        Assert.Equal("IPv6", new XskPacket(headers).Protocol);
    }

    /// <summary>Dissects a frame beside a guard page, and looks whether every layer lies inside of it.</summary>
    internal static (long Values, int Layers, int Marked) Read(GuardedMemory memory, byte[] frame, bool atEnd)
    {
        PacketView packet = new(memory.Place(frame, atEnd));
        long values = PropertyReader.ReadAll(packet);
        int layers = 0, marked = 0;
        foreach (PacketLayer layer in packet.GetLayers())
        {
            layers++;
            if (layer.Truncated || layer.Malformed) marked++;
            Assert.InRange(layer.Offset, 0, frame.Length - 1);
            Assert.InRange(layer.Payload.Length, 0, frame.Length - layer.Offset);
        }

        return (values, layers, marked);
    }

    private static byte[] Make(Random random, FrameZoo zoo, byte[][] recorded)
    {
        byte[] frame = random.Next(3) == 0 ? zoo.Next() : [.. recorded[random.Next(recorded.Length)]];
        int changes = random.Next(4) == 0 ? 0 : random.Next(1, 9);
        for (int i = 0; i < changes && frame.Length > 0; i++)
        {
            // Most mistakes that matter are in headers, and in lengths: extremes and small steps.
            int at = random.Next(3) == 0 ? random.Next(frame.Length) : random.Next(Math.Min(frame.Length, 100));
            frame[at] = random.Next(4) switch
            {
                0 => (byte)random.Next(256),
                1 => (byte)(frame[at] ^ (1 << random.Next(8))),
                2 => (byte)(frame[at] + random.Next(-2, 3)),
                _ => random.Next(2) == 0 ? (byte)0 : (byte)0xff,
            };
        }

        return random.Next(2) == 0 ? frame[..random.Next(frame.Length + 1)] : frame;
    }
}
