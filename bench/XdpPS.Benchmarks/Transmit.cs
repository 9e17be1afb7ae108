namespace XdpPS.Benchmarks;

/// <summary>Sends frames as fast as the kernel takes them; one counts when the kernel has completed it.</summary>
internal static class Transmit
{
    private const int Batch = 64;

    /// <summary>From 02:00:00:00:00:01 to 02:00:00:00:00:02, local experimental EtherType.</summary>
    internal static ReadOnlySpan<byte> Header => [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xb5];

    internal static void Run(XskSocket socket, Meter meter, int length)
    {
        long sent = 0;
        while (meter.Running)
        {
            using (SendBatch batch = socket.ReserveSend(Batch))
            {
                for (int i = 0; i < batch.Capacity; i++)
                {
                    // The peer writes it once, before it begins; here nobody knows whether a frame has it already.
                    Header.CopyTo(batch.Next);
                    batch.Add(length);
                }

                sent += batch.Count;
            }

            socket.Pump();
            meter.Packets = sent - socket.PendingSends;
        }

        socket.Flush(TimeSpan.FromSeconds(1));
        meter.Packets = sent - socket.PendingSends;
    }
}
