using System.Net.NetworkInformation;

namespace XdpPS;

/// <summary>Who took a packet's time.</summary>
public enum XskTimestampSource
{
    /// <summary>The reader, when it took the packet from the RX ring.</summary>
    Read = 0,

    /// <summary>The XDP program, when the packet arrived.</summary>
    Arrival = 1,
}

/// <summary>A packet with bytes of its own: nothing of it lies in the UMEM. What <see cref="Packet"/> adds is read from <see cref="Data"/> when asked for.</summary>
public sealed class XskPacket : Packet
{
    // Four fields, since every packet has them: what many have in common is in the origin.
    private readonly PacketOrigin origin;

    /// <summary>A packet that did not come from a socket.</summary>
    /// <param name="data">Its bytes, from the destination address on, without FCS. They are not copied.</param>
    public XskPacket(byte[] data) : this(data, PacketOrigin.None, 0, 0)
    {
    }

    internal XskPacket(byte[] data, PacketOrigin origin, long timestamp, long number)
    {
        ArgumentNullException.ThrowIfNull(data);
        Data = data;
        this.origin = origin;
        Timestamp = timestamp;
        Number = number;
    }

    /// <summary>Place in this receive, from 1.</summary>
    public long Number { get; init; }

    /// <summary>Nanoseconds since 1970-01-01 UTC.</summary>
    public long Timestamp { get; init; }

    /// <summary>Whether the XDP program took <see cref="Timestamp"/> on arrival or the reader did later.</summary>
    public XskTimestampSource TimestampSource
    {
        get => origin.TimestampSource;
        init => origin = origin with { TimestampSource = value };
    }

    /// <summary><see cref="Timestamp"/> as local time, to 100 nanoseconds.</summary>
    public DateTime Time => DateTime.UnixEpoch.AddTicks(Timestamp / 100).ToLocalTime();

    /// <summary>Time since the first packet of this receive.</summary>
    public TimeSpan RelativeTime
    {
        get => origin.RelativeTime ?? TimeSpan.FromTicks((Timestamp - origin.FirstTimestamp) / 100);
        init => origin = origin with { RelativeTime = value };
    }

    /// <summary>Interface it arrived on; empty for a packet that did not come from a socket.</summary>
    public string InterfaceName
    {
        get => origin.InterfaceName;
        init => origin = origin with { InterfaceName = value };
    }

    /// <summary>Queue it arrived on.</summary>
    public int QueueId
    {
        get => origin.QueueId;
        init => origin = origin with { QueueId = value };
    }

    /// <summary>Network namespace of the interface, by the name or path the socket was opened with; null for the session's own.</summary>
    public string? NetworkNamespace
    {
        get => origin.NetworkNamespace;
        init => origin = origin with { NetworkNamespace = value };
    }

    /// <summary>Bytes on the wire, without FCS; more than <see cref="Data"/> has where the packet was truncated.</summary>
    public int Length
    {
        get => origin.Length ?? Data.Length;
        init => origin = origin with { Length = value };
    }

    /// <summary>The bytes, from the destination address on.</summary>
    public byte[] Data { get; }

    /// <summary>Only the first bytes were kept.</summary>
    public bool Truncated => Data.Length < Length;

    /// <returns>Source, destination, protocol and length.</returns>
    public override string ToString() => $"{Source} > {Destination} {Protocol} {Length} bytes";

    internal PacketOrigin Origin => origin;

    private protected override PacketLayer? First => Data.Length == 0 ? null : new EthernetLayer(new LayerBytes(Data, 0, null));
}

/// <summary>Where packets come from, and what else those that follow each other have in common; shared by them.</summary>
internal sealed record PacketOrigin(string InterfaceName, int QueueId, string? NetworkNamespace)
{
    internal static readonly PacketOrigin None = new("", 0, null) { RelativeTime = TimeSpan.Zero };

    internal XskTimestampSource TimestampSource { get; init; }

    /// <summary>Of the first packet of the receive.</summary>
    internal long FirstTimestamp { get; init; }

    /// <summary>Null for what <see cref="FirstTimestamp"/> makes it.</summary>
    internal TimeSpan? RelativeTime { get; init; }

    /// <summary>Bytes on the wire; null where they all were kept.</summary>
    internal int? Length { get; init; }

    /// <summary>The interface's, where it is known: for a capture file.</summary>
    internal PhysicalAddress? MacAddress { get; init; }

    /// <summary>The filter it was captured with, where that is known; null for none.</summary>
    internal string? Filter { get; init; }

    /// <summary>What a capture file says of this packet alone, to be said of it again in another.</summary>
    internal PacketNotes? Notes { get; init; }
}
