namespace XdpPS;

/// <content>Packets of several frames.</content>
public sealed partial class XskPacketReader
{
    private XskPacket? ReadPacket(XskSocket socket)
    {
        using PacketBatch batch = socket.ReceivePackets(1);
        foreach (ReceivedPacket packet in batch) return Copy(socket, packet);
        return null;
    }

    private int ReadPackets(XskSocket socket, Span<XskPacket> packets)
    {
        using PacketBatch batch = socket.ReceivePackets(packets.Length);
        int read = 0;
        foreach (ReceivedPacket packet in batch) packets[read++] = Copy(socket, packet);
        return read;
    }

    private XskPacket Copy(XskSocket socket, ReceivedPacket packet)
    {
        byte[] data = GC.AllocateUninitializedArray<byte>(Math.Min(packet.Length, snapLength));
        packet.CopyTo(data);
        return Make(socket, data, packet.Length, packet.Timestamp, packet.IsKernelTimestamp);
    }
}
