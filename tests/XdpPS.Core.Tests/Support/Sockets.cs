using System.Diagnostics;

namespace XdpPS.Tests;

/// <summary>What most tests do with a socket.</summary>
internal static class Sockets
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>A small socket: 128 frames, four rings of 64.</summary>
    internal static XskSocketOptions Options(
        string interfaceName = TestNetwork.Near,
        int queue = 0,
        int frames = 128,
        int frameSize = 2048,
        int rx = 64,
        int tx = 64,
        int fill = 64,
        int completion = 64,
        XdpAttachMode attach = XdpAttachMode.Auto,
        bool attachProgram = true,
        bool needWakeup = true,
        bool force = false,
        string? networkNamespace = null) => new()
        {
            InterfaceName = interfaceName,
            NetworkNamespace = networkNamespace,
            QueueId = queue,
            FrameCount = frames,
            FrameSize = frameSize,
            RxRingSize = rx,
            TxRingSize = tx,
            FillRingSize = fill,
            CompletionRingSize = completion,
            AttachMode = attach,
            AttachProgram = attachProgram,
            NeedWakeup = needWakeup,
            Force = force,
        };

    internal static XskSocket Open(string interfaceName = TestNetwork.Near) => XskSocket.Open(Options(interfaceName));

    /// <summary>A small socket on the UMEM of another.</summary>
    internal static XskSocket Share(
        this XskSocket owner,
        string interfaceName = TestNetwork.Near,
        int queue = 0,
        XskBindMode bind = XskBindMode.Auto,
        int rx = 64,
        int tx = 64,
        bool attachProgram = true) => XskSocket.Open(new XskSocketOptions
        {
            InterfaceName = interfaceName,
            QueueId = queue,
            ShareUmemWith = owner,
            BindMode = bind,
            RxRingSize = rx,
            TxRingSize = tx,
            FillRingSize = 64,
            CompletionRingSize = 64,
            AttachProgram = attachProgram,
        });

    /// <summary>Sends all and waits until the kernel has completed them.</summary>
    internal static void Send(this XskSocket socket, params IReadOnlyList<byte[]> frames)
    {
        Stopwatch watch = Stopwatch.StartNew();
        foreach (byte[] frame in frames)
        {
            while (!socket.TrySend(frame))
            {
                socket.Pump();
                Assert.True(watch.Elapsed < Patience, $"the TX ring stays full, {socket.PendingSends} pending");
            }
        }

        Assert.True(socket.Flush(Patience), $"{socket.PendingSends} frames were not completed");
    }

    /// <summary>Receives until <paramref name="count"/> packets have come, or for five seconds.</summary>
    internal static List<byte[]> Take(this XskSocket socket, int count)
    {
        List<byte[]> packets = [];
        using XskPoller poller = new([socket]);
        Stopwatch watch = Stopwatch.StartNew();
        while (packets.Count < count && watch.Elapsed < Patience)
        {
            if (!poller.Wait(TimeSpan.FromMilliseconds(200))) continue;
            Read(socket, count - packets.Count, packets);
        }

        return packets;
    }

    /// <summary>What has arrived by now and a moment later: for tests in which nothing more may come.</summary>
    internal static List<byte[]> Drain(this XskSocket socket, int milliseconds = 200)
    {
        List<byte[]> packets = [];
        using XskPoller poller = new([socket]);
        while (poller.Wait(TimeSpan.FromMilliseconds(milliseconds)))
        {
            Read(socket, 64, packets);
        }

        return packets;
    }

    internal static void Read(this XskSocket socket, int maximum, List<byte[]> packets)
    {
        if (socket.MultiBuffer)
        {
            using PacketBatch whole = socket.ReceivePackets(maximum);
            foreach (ReceivedPacket packet in whole) packets.Add(packet.ToArray());
            return;
        }

        using ReceiveBatch batch = socket.Receive(maximum);
        for (int i = 0; i < batch.Count; i++) packets.Add(batch[i].Data.ToArray());
    }

    internal static byte[] ToArray(this ReceivedPacket packet)
    {
        byte[] data = new byte[packet.Length];
        Assert.Equal(data.Length, packet.CopyTo(data));
        return data;
    }

    internal static void AssertConserved(params IEnumerable<XskSocket> sockets)
    {
        foreach (XskSocket socket in sockets)
        {
            FrameCensus census = socket.CountFrames();
            Assert.True(census.IsConserved, $"{socket}: {census}");
            Assert.Equal(0, census.Duplicates);
            Assert.Equal(0, census.Caller);
        }
    }

    internal static XskException Fails(XskErrorId expected, Action action)
    {
        XskException failure = Assert.Throws<XskException>(action);
        Assert.True(failure.ErrorId == expected, $"expected {expected}, got {failure.ErrorId}: {failure.Message}");
        Assert.DoesNotContain('\n', failure.Message);
        return failure;
    }
}
