using System.Buffers.Binary;
using System.Diagnostics;

namespace XdpPS.Tests;

/// <summary>The classic pcap format, little-endian, as tcpdump writes and tcpreplay reads it.</summary>
internal static class Pcap
{
    internal static List<byte[]> Read(byte[] file)
    {
        List<byte[]> packets = [];
        Assert.Equal(0xa1b2c3d4u, BinaryPrimitives.ReadUInt32LittleEndian(file));
        for (int offset = 24; offset + 16 <= file.Length;)
        {
            int length = BinaryPrimitives.ReadInt32LittleEndian(file.AsSpan(offset + 8));
            packets.Add(file[(offset + 16)..(offset + 16 + length)]);
            offset += 16 + length;
        }

        return packets;
    }

    internal static byte[] Write(IEnumerable<byte[]> packets)
    {
        using MemoryStream stream = new();
        using BinaryWriter writer = new(stream);
        writer.Write(0xa1b2c3d4u);
        writer.Write((ushort)2);
        writer.Write((ushort)4);
        writer.Write(0L);
        writer.Write(65535u);
        writer.Write(1u);
        uint microseconds = 0;
        foreach (byte[] packet in packets)
        {
            writer.Write(0u);
            writer.Write(microseconds++);
            writer.Write(packet.Length);
            writer.Write(packet.Length);
            writer.Write(packet);
        }

        return stream.ToArray();
    }
}

/// <summary>tcpdump on an interface of a namespace.</summary>
internal sealed class Capture : IDisposable
{
    private readonly Process process;
    private readonly MemoryStream bytes = new();
    private readonly Task copying;

    internal Capture(TestNetwork network, string interfaceName, int snapLength = 2_000)
    {
        process = network.Start(
            "tcpdump", "-i", interfaceName, "-n", "-s", $"{snapLength}", "-B", "8192", "--immediate-mode", "-U", "-w", "-", "ether", "proto", "0x88b5");
        string? line;
        while ((line = process.StandardError.ReadLine()) is not null && !line.Contains("listening on", StringComparison.Ordinal))
        {
        }

        if (line is null) throw new InvalidOperationException("tcpdump did not start to listen");
        copying = process.StandardOutput.BaseStream.CopyToAsync(bytes);
    }

    /// <summary>Waits until tcpdump has seen as much as is expected, and a moment for what is not; then reads what it saw.</summary>
    internal List<byte[]> Stop(IReadOnlyCollection<byte[]> expected)
    {
        int length = 24 + expected.Sum(frame => 16 + frame.Length);
        SpinWait.SpinUntil(() => bytes.Length >= length, TimeSpan.FromSeconds(5));
        Thread.Sleep(200);
        Kernel.Signal(process.Id, Kernel.SIGINT);
        Assert.True(copying.Wait(TimeSpan.FromSeconds(10)), "tcpdump did not end");
        string report = process.StandardError.ReadToEnd();
        Assert.True(report.Contains("\n0 packets dropped by kernel", StringComparison.Ordinal), report);
        return Pcap.Read(bytes.ToArray());
    }

    public void Dispose()
    {
        if (!process.HasExited) process.Kill();
        process.Dispose();
        bytes.Dispose();
    }
}
