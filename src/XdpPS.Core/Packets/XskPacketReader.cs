namespace XdpPS;

/// <summary>Copies packets out of the UMEM into objects, numbers them from 1 and relates their times to the first.</summary>
/// <param name="snapLength">The most bytes to keep of a packet, at least 1.</param>
public sealed partial class XskPacketReader(int snapLength = int.MaxValue)
{
    /// <summary>Packets between the one that is copied and the one whose memory is fetched.</summary>
    private const int Ahead = 4;

    private long firstTimestamp;
    private XskSocket? latest;
    private PacketOrigin origin = PacketOrigin.None;

    /// <summary>Packets read up to now.</summary>
    public long Received { get; private set; }

    /// <summary>Takes one packet, without waiting.</summary>
    /// <returns>The packet, or null when none had arrived.</returns>
    /// <exception cref="XskException">As <see cref="XskSocket.Receive"/>.</exception>
    public XskPacket? ReadOne(XskSocket socket)
    {
        ArgumentNullException.ThrowIfNull(socket);
        if (socket.MultiBuffer) return ReadPacket(socket);
        using ReceiveBatch batch = socket.Receive(1);
        if (batch.Count == 0) return null;
        batch.Prefetch(1);
        return Copy(socket, batch[0]);
    }

    /// <summary>Takes up to as many packets as there is room for, without waiting.</summary>
    /// <returns>How many were put into <paramref name="packets"/>.</returns>
    /// <exception cref="XskException">As <see cref="XskSocket.Receive"/>.</exception>
    public int Read(XskSocket socket, Span<XskPacket> packets)
    {
        ArgumentNullException.ThrowIfNull(socket);
        if (packets.IsEmpty) return 0;
        if (socket.MultiBuffer) return ReadPackets(socket, packets);
        using ReceiveBatch batch = socket.Receive(packets.Length);
        for (int i = 0; i < batch.Count; i++)
        {
            batch.Prefetch(i + Ahead);
            packets[i] = Copy(socket, batch[i]);
        }

        return batch.Count;
    }

    private XskPacket Copy(XskSocket socket, ReceivedFrame frame)
    {
        int kept = Math.Min(frame.Data.Length, snapLength);
        return Make(socket, frame.Data[..kept].ToArray(), frame.Data.Length, frame.Timestamp, frame.IsKernelTimestamp);
    }

    private XskPacket Make(XskSocket socket, byte[] data, int length, long timestamp, bool fromKernel)
    {
        if (Received == 0) firstTimestamp = timestamp;
        XskTimestampSource source = fromKernel ? XskTimestampSource.Arrival : XskTimestampSource.Read;
        int? wireLength = data.Length < length ? length : null;
        if (latest != socket || origin.TimestampSource != source || origin.Length != wireLength)
        {
            latest = socket;
            origin = socket.Origin with { TimestampSource = source, FirstTimestamp = firstTimestamp, Length = wireLength };
        }

        return new XskPacket(data, origin, timestamp, ++Received);
    }
}
