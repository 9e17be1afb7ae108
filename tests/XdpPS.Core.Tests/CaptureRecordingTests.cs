using System.Diagnostics;
using System.Globalization;

namespace XdpPS.Tests;

/// <summary>Packets that go from sockets into files without objects; tshark and capinfos read what was written.</summary>
public sealed class CaptureRecordingTests : IDisposable
{
    private readonly TestNetwork network = new();
    private readonly string folder = Directory.CreateTempSubdirectory("xdpps-capture-").FullName;

    public void Dispose()
    {
        network.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    [KernelTheory("tshark", "capinfos")]
    [InlineData(XskCaptureFormat.Pcapng, false)]
    [InlineData(XskCaptureFormat.Pcapng, true)]
    [InlineData(XskCaptureFormat.Pcap, false)]
    public void What_was_sent_is_in_the_file(XskCaptureFormat format, bool multiBuffer) => network.Run(() =>
    {
        if (multiBuffer) network.Batch($"link set {TestNetwork.Near} mtu 9000", $"link set {TestNetwork.Far} mtu 9000");
        byte[][] frames = [.. Enumerable.Range(0, 40).Select(i => Frames.Make(multiBuffer ? 60 + (200 * i) : 60 + i, i))];
        string path = Path.Combine(folder, "recorded");
        using XskSocket socket = XskSocket.Open(Sockets.Options() with { MultiBuffer = multiBuffer });
        using (XskCaptureWriter writer = new(new XskCaptureOptions { Path = path, Format = format, SnapLength = 5000 }))
        {
            Record(socket, writer, frames);
            writer.Complete();
        }

        Assert.Equal(frames.Select(frame => frame[..Math.Min(5000, frame.Length)]), Read(path).Select(packet => packet.Data));
        Assert.Equal(frames.Select(frame => frame.Length), Read(path).Select(packet => packet.Length));
        string[] hex = Command.Run("tshark", "-r", path, "-T", "fields", "-e", "frame.len", "-e", "data.data").Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(frames.Select(frame => $"{frame.Length}\t{Convert.ToHexString(frame[14..Math.Min(5000, frame.Length)])}"), hex.Select(line => line.ToUpperInvariant()));
        Sockets.AssertConserved(socket);
    });

    [KernelFact("tshark")]
    public void The_file_tells_the_interface_the_queue_and_what_was_lost() => network.Run(() =>
    {
        string path = Path.Combine(folder, "lost.pcapng");
        // Of a ring of 8 and no more frames, most of a burst is lost.
        XskSocketOptions options = Sockets.Options(frames: 16, rx: 8, fill: 8);
        using XskSocket socket = XskSocket.Open(options with { Filter = PacketFilter.Compile("ether proto 0x88b5") });
        using (XskCaptureWriter writer = new(new XskCaptureOptions { Path = path, Comment = "a test" }))
        {
            writer.Declare(socket);
            Kernel.SendRaw(TestNetwork.Far, Frames.Series(100));
            while (writer.Write(socket, 64) > 0) { }
            Kernel.SendRaw(TestNetwork.Far, Frames.Series(1));
            Assert.True(SpinWait.SpinUntil(() => writer.Write(socket, 64) > 0, TimeSpan.FromSeconds(5)));
            writer.Complete();
        }

        XskRingStats stats = socket.GetStatistics();
        long lost = stats.RxDropped + stats.RxRingFull;
        Assert.InRange(lost, 50, 99);
        long[] told = [.. Tshark(path, "-T", "fields", "-e", "frame.number", "-e", "frame.drop_count").Select(line => line.Split('\t')[1] is { Length: > 0 } text ? long.Parse(text, CultureInfo.InvariantCulture) : 0)];
        Assert.Equal(stats.RxPackets, told.Length);
        Assert.Equal(lost, told.Sum());
        Assert.Equal(TestNetwork.Near, Tshark(path, "-T", "fields", "-e", "frame.interface_name", "-c", "1")[0]);
        string report = Command.Run("capinfos", "-M", path);
        foreach (string fact in new[] { $"Name = {TestNetwork.Near}", "Filter string = ether proto 0x88b5", "Time precision = nanoseconds (9)", "Capture comment:     a test", "Number of stat entries = 1" })
            Assert.Contains(fact, report, StringComparison.Ordinal);
        XskPacket packet = Read(path)[0];
        Assert.Equal((TestNetwork.Near, 0), (packet.InterfaceName, packet.QueueId));
    });

    [KernelFact]
    public void Nothing_is_allocated_for_a_packet() => network.Run(() =>
    {
        using XskSocket socket = XskSocket.Open(Sockets.Options());
        using XskCaptureWriter writer = new(new XskCaptureOptions { Path = Path.Combine(folder, "many.pcapng") });
        byte[][] frames = Frames.Series(20);
        Record(socket, writer, frames);
        for (int round = 0; round < 3; round++)
        {
            Kernel.SendRaw(TestNetwork.Far, frames);
            long before = GC.GetAllocatedBytesForCurrentThread();
            int taken = 0;
            for (long start = Stopwatch.GetTimestamp(); taken < frames.Length && Stopwatch.GetElapsedTime(start).TotalSeconds < 5;) taken += writer.Write(socket, 64);
            writer.Flush();
            Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        }

        Assert.Equal(80, writer.Packets);
    });

    private static void Record(XskSocket socket, XskCaptureWriter writer, byte[][] frames)
    {
        foreach (byte[][] few in frames.Chunk(6))
        {
            long until = writer.Packets + few.Length;
            Kernel.SendRaw(TestNetwork.Far, few);
            Assert.True(SpinWait.SpinUntil(() => writer.Write(socket, 64) >= 0 && writer.Packets >= until, TimeSpan.FromSeconds(5)));
        }
    }

    private static List<XskPacket> Read(string path)
    {
        List<XskPacket> packets = [];
        using XskCaptureReader reader = XskCaptureReader.Open(path);
        while (reader.Read() is { } packet) packets.Add(packet);
        return packets;
    }

    private static string[] Tshark(string path, params string[] arguments) => Command.Run("tshark", ["-r", path, .. arguments]).TrimEnd('\n').Split('\n');
}
