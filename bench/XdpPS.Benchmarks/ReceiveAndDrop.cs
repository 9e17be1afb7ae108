namespace XdpPS.Benchmarks;

/// <summary>Takes packets and gives their frames back.</summary>
internal static class ReceiveAndDrop
{
    internal const int Batch = 64;

    private static readonly TimeSpan Wait = TimeSpan.FromMilliseconds(100);

    internal static void Run(XskSocket socket, Meter meter, bool spins)
    {
        using XskPoller poller = new([socket]);
        while (meter.Running)
        {
            int count;
            using (ReceiveBatch batch = socket.Receive(Batch)) count = batch.Count;
            meter.Packets += count;
            if (count == 0 && !spins) poller.Wait(Wait);
        }
    }
}
