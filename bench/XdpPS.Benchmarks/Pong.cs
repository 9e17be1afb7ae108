namespace XdpPS.Benchmarks;

/// <summary>Answers each frame with itself, the MAC addresses exchanged. It never sleeps.</summary>
internal static class Pong
{
    private const int AddressLength = 6;

    internal static void Run(XskSocket socket, Meter meter)
    {
        long sent = 0;
        while (meter.Running)
        {
            int count = 0;
            using (ReceiveBatch received = socket.Receive(ReceiveAndDrop.Batch))
            {
                while (count < received.Count)
                {
                    using (SendBatch room = socket.ReserveSend(received.Count - count))
                    {
                        while (room.Count < room.Capacity)
                        {
                            ReadOnlySpan<byte> frame = received[count++].Data;
                            Exchange(frame, room.Next);
                            room.Add(frame.Length);
                        }
                    }

                    socket.Pump();
                }
            }

            sent += count;
            meter.Packets = sent - socket.PendingSends;
            if (count == 0 && socket.PendingSends > 0) socket.Pump();
        }

        socket.Flush(TimeSpan.FromSeconds(1));
        meter.Packets = sent - socket.PendingSends;
    }

    private static void Exchange(ReadOnlySpan<byte> frame, Span<byte> copy)
    {
        frame[..AddressLength].CopyTo(copy[AddressLength..]);
        frame[AddressLength..(2 * AddressLength)].CopyTo(copy);
        frame[(2 * AddressLength)..].CopyTo(copy[(2 * AddressLength)..]);
    }
}
