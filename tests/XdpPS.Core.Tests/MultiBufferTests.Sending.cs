using Xunit.Abstractions;

namespace XdpPS.Tests;

public sealed partial class MultiBufferTests
{
    [KernelFact("tcpdump")]
    public void A_program_builds_a_packet_in_place_and_one_without_an_end_is_not_sent() => network.Run(() =>
    {
        using XskSocket socket = XskSocket.Open(Jumbo());
        byte[] first = Frames.Make(14 + 2048 + 1), second = Frames.Make(100);
        using Capture capture = new(network, TestNetwork.Far, snapLength: 16_000);
        using (SendBatch batch = socket.ReserveSend(6))
        {
            Write(batch.Next, first.AsSpan(0, 14));
            batch.Add(14, continues: true);
            Write(batch.Next, first.AsSpan(14, 2048));
            batch.Add(2048, continues: true);
            Write(batch.Next, first.AsSpan(2062));
            batch.Add(1, continues: false);
            Assert.True(batch.TryAddPacket(second));
            Assert.False(batch.TryAddPacket(Frames.Make(3 * 2048)));
            batch.Add(2048, continues: true);
            batch.Add(2048, continues: true);
            Assert.Equal(6, batch.Count);
        }

        Assert.True(socket.Flush(TimeSpan.FromSeconds(5)));
        Assert.Equal([first, second], capture.Stop([first, second]));
        Assert.Equal((2L, 2L), (socket.GetStatistics().TxPackets, socket.GetStatistics().TxCompleted));
        Sockets.AssertConserved(socket);

        static void Write(Span<byte> buffer, ReadOnlySpan<byte> bytes) => bytes.CopyTo(buffer);
    });

    [KernelFact]
    public void What_cannot_be_a_part_of_a_packet_is_refused() => network.Run(() =>
    {
        using XskSocket jumbo = XskSocket.Open(Jumbo());
        using XskSocket plain = Sockets.Open(TestNetwork.Far);
        using (SendBatch batch = plain.ReserveSend(3))
        {
            Assert.True(Throws<InvalidOperationException>(batch, b => b.Add(100, continues: true)));
            Assert.True(Throws<InvalidOperationException>(batch, b => b.TryAddPacket(Frames.Make(3_000))));
        }

        using (SendBatch batch = jumbo.ReserveSend(40))
        {
            Assert.True(Throws<ArgumentOutOfRangeException>(batch, b => b.Add(13, continues: true)));
            Assert.True(Throws<ArgumentOutOfRangeException>(batch, b => b.Add(2049, continues: true)));
            Assert.True(Throws<InvalidOperationException>(batch, b => b.TryAddPacket(Frames.Make((17 * 2048) + 1))));
            for (int i = 0; i < 16; i++) batch.Add(100, continues: true);
            Assert.True(Throws<InvalidOperationException>(batch, b => b.Add(100, continues: true)));
            Assert.True(Throws<ArgumentOutOfRangeException>(batch, b => b.Add(0, continues: false)));
        }

        Sockets.AssertConserved(jumbo, plain);
        Assert.Equal(0, jumbo.GetStatistics().TxPackets);
    });

    [KernelFact]
    public void The_sender_sends_thousands_of_long_frames_and_counts_them_as_frames() => network.Run(() =>
    {
        using XskSocket near = XskSocket.Open(Jumbo());
        using XskSocket far = XskSocket.Open(Jumbo(TestNetwork.Far, rx: 1024, fill: 1024, frames: 2048));
        byte[] frame = Frames.Make(Longest);
        XskSendResult result;
        using (XskSender sender = new(near, 0, TimeSpan.FromSeconds(5)))
        {
            for (int i = 0; i < 2_000; i++) Assert.True(sender.Send(frame));
            Assert.True(sender.Finish(TimeSpan.FromSeconds(5)));
            result = sender.GetResult();
        }

        output.WriteLine($"{result.Frames} frames in {result.ElapsedSeconds:F3} s, {near.GetStatistics().TxWakeups} wake-ups");
        Assert.Equal((2_000L, 2_000L, 2_000L * Longest), (result.Frames, result.Completed, result.Bytes));
        Sockets.AssertConserved(near);
    });

    /// <summary>What one wake-up takes is 32 frames of the UMEM: the sender must not leave half a packet lying.</summary>
    [KernelFact]
    public void After_a_wake_up_nothing_is_left_on_the_ring() => network.Run(() =>
    {
        using XskSocket near = XskSocket.Open(Jumbo(tx: 256, completion: 256, frames: 512));
        using XskSocket far = XskSocket.Open(Jumbo(TestNetwork.Far, rx: 256, fill: 256, frames: 512));
        byte[][] frames = [.. Enumerable.Range(0, 30).Select(i => Frames.Make(Longest, i))];
        using XskSender sender = new(near, 0, TimeSpan.FromSeconds(5));
        foreach (byte[] frame in frames) Assert.True(sender.Send(frame));
        sender.Wake();
        Assert.Equal(frames, far.Take(30));
    });

    private delegate void Attempt(SendBatch batch);

    // A ref struct can't be captured; a copy adds nothing where the attempt fails.
    private static bool Throws<T>(SendBatch batch, Attempt attempt) where T : Exception
    {
        try
        {
            attempt(batch);
            return false;
        }
        catch (T)
        {
            return true;
        }
    }
}
