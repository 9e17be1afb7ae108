namespace XdpPS.Tests;

/// <summary>A poller that sleeps by the clock under load: it misses nothing.</summary>
public sealed class CoalescingTests
{
    [KernelTheory]
    [InlineData(0)]
    [InlineData(50)]
    [InlineData(2000)]
    public void Every_packet_of_a_fast_sender_is_received_once_and_in_order(int microseconds)
    {
        const int Count = 20_000;
        using TestNetwork network = new();
        network.Run(() =>
        {
            using XskSocket near = XskSocket.Open(Sockets.Options(frames: 4096, rx: 2048, fill: 2048));
            using XskSocket far = XskSocket.Open(Sockets.Options(TestNetwork.Far, frames: 256));
            using XskPoller poller = new([near]) { Coalescing = TimeSpan.FromMicroseconds(microseconds) };
            long received = 0;
            bool failed = false;
            Thread sender = new(() =>
            {
                byte[] frame = Frames.Make(60);
                for (int i = 0; i < Count && !Volatile.Read(ref failed); i++)
                {
                    // Never more than the ring has room for.
                    while (i - Volatile.Read(ref received) > 1000 && !Volatile.Read(ref failed)) Thread.Yield();
                    BitConverter.TryWriteBytes(frame.AsSpan(20), i);
                    while (!far.TrySend(frame)) far.Pump();
                    if (i % 32 == 31) far.Pump();
                }

                far.Flush(TimeSpan.FromSeconds(5));
            });
            sender.Start();
            try
            {
                while (received < Count)
                {
                    Assert.True(poller.Wait(TimeSpan.FromSeconds(5)));
                    using ReceiveBatch batch = near.Receive(64);
                    for (int i = 0; i < batch.Count; i++) Assert.Equal(received + i, BitConverter.ToInt32(batch[i].Data[20..]));
                    Volatile.Write(ref received, received + batch.Count);
                }

                Assert.False(poller.Wait(TimeSpan.FromMilliseconds(20)));
            }
            finally
            {
                Volatile.Write(ref failed, true);
                sender.Join();
            }
        });
    }
}
