using System.Net.NetworkInformation;

namespace XdpPS;

/// <summary>What a forwarder does with the packets besides forwarding them.</summary>
public sealed record XskForwarderOptions
{
    /// <summary>Forward the other way as well.</summary>
    public bool Bidirectional { get; init; }

    /// <summary>How many packets to forward, both ways together. What is dropped does not count.</summary>
    public long Count { get; init; } = long.MaxValue;

    /// <summary>Packets that match are dropped. It is evaluated in this process, as machine code, on every packet.</summary>
    public PacketFilter? DropFilter { get; init; }

    /// <summary>Swap source and destination MAC address, as for sending packets back.</summary>
    public bool SwapMac { get; init; }

    /// <summary>The source MAC address that packets get, of 6 bytes.</summary>
    public PhysicalAddress? RewriteSource { get; init; }

    /// <summary>The destination MAC address that packets get, of 6 bytes.</summary>
    public PhysicalAddress? RewriteDestination { get; init; }

    /// <summary>Make of the requests of a measurement the replies to them, and drop all else.</summary>
    internal bool Reflects { get; init; }

    /// <summary>How long packets wait on the RX ring while there is no room to send them. After that they are dropped, until there is room again.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromMilliseconds(100);
}
