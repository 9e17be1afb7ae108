namespace XdpPS;

/// <summary>Copies packets out of the UMEM into objects, numbers them from 1 and relates their times to the first.</summary>
/// <param name="snapLength">The most bytes to keep of a packet, at least 1.</param>
public sealed class XskPacketReader(int snapLength = int.MaxValue)
{
    private long firstTimestamp;

    /// <summary>Packets read up to now.</summary>
    public long Received { get; private set; }

    /// <summary>Takes one packet, without waiting.</summary>
    /// <returns>The packet, or null when none had arrived.</returns>
    /// <exception cref="XskException">As <see cref="XskSocket.Receive"/>.</exception>
    public XskPacket? ReadOne(XskSocket socket)
    {
        ArgumentNullException.ThrowIfNull(socket);
        using ReceiveBatch batch = socket.Receive(1);
        return batch.Count == 0 ? null : Copy(socket, batch[0]);
    }

    /// <summary>Takes up to as many packets as there is room for, without waiting.</summary>
    /// <returns>How many were put into <paramref name="packets"/>.</returns>
    /// <exception cref="XskException">As <see cref="XskSocket.Receive"/>.</exception>
    public int Read(XskSocket socket, Span<XskPacket> packets)
    {
        ArgumentNullException.ThrowIfNull(socket);
        if (packets.IsEmpty) return 0;
        using ReceiveBatch batch = socket.Receive(packets.Length);
        for (int i = 0; i < batch.Count; i++) packets[i] = Copy(socket, batch[i]);
        return batch.Count;
    }

    private XskPacket Copy(XskSocket socket, ReceivedFrame frame)
    {
        if (Received == 0) firstTimestamp = frame.Timestamp;
        int kept = Math.Min(frame.Data.Length, snapLength);
        return new XskPacket(frame.Data[..kept].ToArray(), socket.Origin, frame.Timestamp, firstTimestamp)
        {
            Number = ++Received,
            Length = frame.Data.Length,
            TimestampSource = frame.IsKernelTimestamp ? XskTimestampSource.Arrival : XskTimestampSource.Read,
        };
    }
}
