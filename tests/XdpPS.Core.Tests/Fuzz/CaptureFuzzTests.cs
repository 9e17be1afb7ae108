using Xunit.Abstractions;

namespace XdpPS.Tests;

/// <summary>Hostile capture files: read, and continued.</summary>
public sealed class CaptureFuzzTests(ITestOutputHelper output) : IDisposable
{
    private const int LongestFile = 8_192;

    private readonly string folder = Directory.CreateTempSubdirectory("xdpps-fuzz-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void Reading()
    {
        Fuzzer fuzzer = new("capture", LongestFile, output) { Dictionary = Dictionary };
        fuzzer.Run(Seeds(), 30_000, file =>
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            List<XskPacket> packets = Read(new MemoryStream(file), out _);
            // What a length claims is not allocated before it is there.
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, (1 << 20) + (100L * file.Length));
            Assert.InRange(packets.Sum(packet => (long)packet.Data.Length), 0, file.Length);
            Assert.All(packets, packet => Assert.True(packet.Length >= packet.Data.Length && packet.Timestamp >= 0));
        });
    }

    [Fact]
    public void Continuing()
    {
        Fuzzer fuzzer = new("continuing", LongestFile, output) { Dictionary = Dictionary };
        string path = Path.Combine(folder, "continued");
        XskPacket added = new(Frames.Make(60, 6));
        fuzzer.Run(Seeds(), 2_000, file =>
        {
            List<XskPacket> before = Read(new MemoryStream(file), out XskException? damage);
            foreach (XskCaptureFormat format in Enum.GetValues<XskCaptureFormat>())
            {
                File.WriteAllBytes(path, file);
                try
                {
                    using XskCaptureWriter writer = new(new XskCaptureOptions { Path = path, Format = format, Append = true });
                    writer.Write(added);
                    writer.Complete();
                }
                catch (XskException e) when (e.ErrorId == XskErrorId.CaptureNotAppendable)
                {
                    Assert.DoesNotContain('\n', e.Message);
                    Assert.Equal(file, File.ReadAllBytes(path));
                    continue;
                }

                List<XskPacket> after = Read(File.OpenRead(path), out XskException? failure);
                Assert.True(failure is null or { ErrorId: XskErrorId.CaptureNotEthernet }, failure?.Message);
                Assert.True(file.Length == 0 || damage is null or { ErrorId: XskErrorId.CaptureNotEthernet or XskErrorId.CaptureDamaged }, damage?.Message);
                Assert.Equal(before.Append(added).Select(packet => packet.Data), after.Select(packet => packet.Data));
            }
        });
    }

    private static byte[][] Dictionary =>
    [
        [0x0a, 0x0d, 0x0d, 0x0a], [0x4d, 0x3c, 0x2b, 0x1a], [0x1a, 0x2b, 0x3c, 0x4d], [0xd4, 0xc3, 0xb2, 0xa1], [0x4d, 0x3c, 0xb2, 0xa1], [0x34, 0xcd, 0xb2, 0xa1], [0xa1, 0xb2, 0xc3, 0xd4],
        [1, 0, 0, 0], [2, 0, 0, 0], [3, 0, 0, 0], [5, 0, 0, 0], [6, 0, 0, 0], [0, 0, 0, 6], [9, 0, 1, 0], [14, 0, 8, 0], [6, 0, 4, 0], [2, 0, 4, 0, 0x65, 0x74, 0x68, 0x30], [0, 0, 0, 0],
    ];

    /// <summary>Of both formats and of other writers; one that is empty.</summary>
    private IEnumerable<byte[]> Seeds()
    {
        yield return [];
        string path = Path.Combine(folder, "seed");
        foreach (XskCaptureFormat format in Enum.GetValues<XskCaptureFormat>())
        {
            foreach (bool twice in new[] { false, true })
            {
                File.Delete(path);
                for (int part = twice ? 2 : 1; part > 0; part--)
                {
                    using XskCaptureWriter writer = new(new XskCaptureOptions { Path = path, Format = format, Append = twice, Comment = format == XskCaptureFormat.Pcapng ? "seed" : null });
                    foreach (byte[] frame in Frames.Series(5, 61)) writer.Write(new XskPacket(frame));
                    writer.Complete();
                }

                yield return File.ReadAllBytes(path);
            }
        }

        foreach (bool bigEndian in new[] { false, true }) yield return CaptureReaderTests.EveryKindOfBlock(bigEndian, out _);
        foreach (string recorded in Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "captures"), "*.pcap")) yield return [.. File.ReadAllBytes(recorded).Take(LongestFile)];
    }

    private static List<XskPacket> Read(Stream stream, out XskException? failure)
    {
        List<XskPacket> packets = [];
        failure = null;
        try
        {
            using XskCaptureReader reader = XskCaptureReader.Open(stream, "fuzz");
            while (reader.Read() is { } packet) packets.Add(packet);
        }
        catch (XskException e) when (e.ErrorId is XskErrorId.CaptureUnreadable or XskErrorId.CaptureDamaged or XskErrorId.CaptureNotEthernet)
        {
            Assert.DoesNotContain('\n', e.Message);
            failure = e;
        }

        return packets;
    }
}
