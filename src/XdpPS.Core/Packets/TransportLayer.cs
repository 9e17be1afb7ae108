namespace XdpPS;

/// <summary>UDP or TCP.</summary>
public abstract class TransportLayer : PacketLayer
{
    private protected TransportLayer(LayerBytes bytes) : base(bytes)
    {
    }

    /// <summary>Port of the sender.</summary>
    public ushort? SourcePort => UInt16(0);

    /// <summary>Port of the receiver.</summary>
    public ushort? DestinationPort => UInt16(2);

    /// <returns>The layer registered for one of the ports; the lower one, which is more often the service's, goes first.</returns>
    private protected PacketLayer? CreateByPort(LayerKey key)
    {
        int source = SourcePort ?? 0, destination = DestinationPort ?? 0;
        return Create(key, Math.Min(source, destination)) ?? Create(key, Math.Max(source, destination));
    }
}
