namespace XdpPS;

/// <summary>
/// The layers of a packet, outermost first. A property that is named after a protocol is the outermost layer of that
/// kind, or null; nothing is read or allocated before a property is asked for, and nothing is kept.
/// </summary>
public abstract partial class Packet
{
    private protected Packet()
    {
    }

    /// <summary>
    /// What sent it: the IP address, or for other protocols the MAC address; within tunnels the innermost. Empty where the frame ends before it.
    /// </summary>
    public string Source
    {
        get
        {
            string text = "";
            for (PacketLayer? layer = First; layer is not null; layer = layer.Next) text = layer.SourceText ?? text;
            return text;
        }
    }

    /// <summary>As <see cref="Source"/>, what it is sent to.</summary>
    public string Destination
    {
        get
        {
            string text = "";
            for (PacketLayer? layer = First; layer is not null; layer = layer.Next) text = layer.DestinationText ?? text;
            return text;
        }
    }

    /// <summary>The innermost protocol that is recognised: DNS, TCP, UDP, ICMP, ARP …, or the EtherType in hexadecimal.</summary>
    public string Protocol => Last?.ProtocolText ?? "";

    /// <summary>What the innermost layer says, in a line; and whether a layer is malformed or cut off.</summary>
    public string Info
    {
        get
        {
            PacketLayer? layer = Last;
            if (layer is null) return "";
            string mark = layer.Malformed ? " [malformed]" : layer.IsHeaderCut ? " [truncated]" : "";
            return layer.Info + mark;
        }
    }

    /// <summary>The source port of UDP or TCP, within tunnels the innermost; null for other protocols.</summary>
    public ushort? SourcePort => Transport?.SourcePort;

    /// <summary>As <see cref="SourcePort"/>, the destination port.</summary>
    public ushort? DestinationPort => Transport?.DestinationPort;

    private protected abstract PacketLayer? First { get; }

    private PacketLayer? Last
    {
        get
        {
            PacketLayer? last = null;
            for (PacketLayer? layer = First; layer is not null; layer = layer.Next) last = layer;
            return last;
        }
    }

    private TransportLayer? Transport
    {
        get
        {
            TransportLayer? transport = null;
            for (PacketLayer? layer = First; layer is not null; layer = layer.Next) transport = layer as TransportLayer ?? transport;
            return transport;
        }
    }

    /// <summary>All layers, outermost first; through tunnels to the innermost.</summary>
    public IReadOnlyList<PacketLayer> GetLayers()
    {
        List<PacketLayer> layers = [];
        for (PacketLayer? layer = First; layer is not null; layer = layer.Next) layers.Add(layer);
        return layers;
    }

    /// <returns>Source, destination, protocol and what it says.</returns>
    public override string ToString() => $"{Source} > {Destination} {Protocol} {Info}";

    private protected T? Find<T>()
        where T : PacketLayer
    {
        for (PacketLayer? layer = First; layer is not null; layer = layer.Next)
        {
            if (layer is T found) return found;
        }

        return null;
    }
}

/// <summary>The layers of a frame in any memory, or of the packet inside another.</summary>
public sealed class PacketView : Packet
{
    /// <summary>Looks into a frame. Nothing is copied: what is read later is what is there then.</summary>
    /// <param name="frame">Its bytes, from the destination address on, without FCS.</param>
    public PacketView(ReadOnlyMemory<byte> frame) => First = frame.IsEmpty ? null : new EthernetLayer(new LayerBytes(frame, 0, null));

    internal PacketView(PacketLayer first) => First = first;

    private protected override PacketLayer? First { get; }
}
