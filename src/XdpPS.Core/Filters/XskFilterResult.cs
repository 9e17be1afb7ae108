namespace XdpPS;

/// <summary>Whether a filter matches a packet.</summary>
public sealed class XskFilterResult
{
    /// <summary>The filter matches: a socket with it would take this packet.</summary>
    public bool Match { get; init; }

    /// <summary>Place among the packets that were tested, or in its capture file, from 1.</summary>
    public long Number { get; init; }

    /// <summary>The capture file it was read from; empty for a packet that was not.</summary>
    public string Path { get; init; } = "";

    /// <summary>The packet.</summary>
    public XskPacket Packet { get; init; } = new([]);

    /// <summary><see cref="XskPacket.Time"/> of the packet; 1970 where it has none.</summary>
    public DateTime Time => Packet.Time;

    /// <summary><see cref="XdpPS.Packet.Source"/> of the packet.</summary>
    public string Source => Packet.Source;

    /// <summary><see cref="XdpPS.Packet.Destination"/> of the packet.</summary>
    public string Destination => Packet.Destination;

    /// <summary><see cref="XdpPS.Packet.Protocol"/> of the packet.</summary>
    public string Protocol => Packet.Protocol;

    /// <summary><see cref="XskPacket.Length"/> of the packet.</summary>
    public int Length => Packet.Length;

    /// <returns>Match or no match, and the packet in one line.</returns>
    public override string ToString() => $"{(Match ? "match" : "no match")}: {Packet}";
}
