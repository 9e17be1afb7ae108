using System.Net.NetworkInformation;

namespace XdpPS;

/// <summary>Kinds of bridge protocol data unit.</summary>
public enum BpduType : byte
{
    /// <summary>Configuration, of STP.</summary>
    Configuration = 0x00,

    /// <summary>Rapid or multiple spanning tree.</summary>
    RapidSpanningTree = 0x02,

    /// <summary>Notification of a change of topology.</summary>
    TopologyChangeNotification = 0x80,
}

/// <summary>Spanning tree protocol (IEEE 802.1D): the bridge protocol data unit.</summary>
public sealed class StpLayer : PacketLayer
{
    internal StpLayer(LayerBytes bytes) : base(bytes)
    {
    }

    /// <summary>0 for the spanning tree.</summary>
    public ushort? ProtocolId => UInt16(0);

    /// <summary>Version: 0 STP, 2 RSTP, 3 MSTP.</summary>
    public byte? Version => UInt8(2);

    /// <summary>What it is.</summary>
    public BpduType? Type => (BpduType?)UInt8(3);

    /// <summary>The flags, as they are; bit 0 is topology change.</summary>
    public byte? Flags => HasBody ? UInt8(4) : null;

    /// <summary>Priority of the root bridge, its 12 bits of system extension included.</summary>
    public ushort? RootPriority => HasBody ? UInt16(5) : null;

    /// <summary>MAC address of the root bridge.</summary>
    public PhysicalAddress? RootAddress => HasBody ? Mac(7) : null;

    /// <summary>Cost of the path to the root.</summary>
    public uint? RootPathCost => HasBody ? UInt32(13) : null;

    /// <summary>Priority of the sending bridge, its 12 bits of system extension included.</summary>
    public ushort? BridgePriority => HasBody ? UInt16(17) : null;

    /// <summary>MAC address of the sending bridge.</summary>
    public PhysicalAddress? BridgeAddress => HasBody ? Mac(19) : null;

    /// <summary>Port of the sending bridge.</summary>
    public ushort? PortId => HasBody ? UInt16(25) : null;

    /// <summary>Age of what it says, as its field of 1/256 seconds has it.</summary>
    public TimeSpan? MessageAge => Time(27);

    /// <summary>Age at which it is no longer valid.</summary>
    public TimeSpan? MaximumAge => Time(29);

    /// <summary>Time between two of its kind.</summary>
    public TimeSpan? HelloTime => Time(31);

    /// <summary>Time a port spends in each of listening and learning.</summary>
    public TimeSpan? ForwardDelay => Time(33);

    /// <inheritdoc/>
    public override string Name => "STP";

    /// <inheritdoc/>
    public override string Info => HasBody
        ? $"{(Version >= 2 ? "RST" : "Conf")}. Root = {RootPriority}/{MacText(7)}  Cost = {RootPathCost}  Port = {(PortId is { } port ? HexNotation.Number(port) : "")}"
        : $"{Type}";

    /// <inheritdoc/>
    public override int HeaderLength => !HasBody ? 4 : Type == BpduType.RapidSpanningTree ? 36 : 35;

    /// <inheritdoc/>
    public override bool Malformed => ProtocolId is not (null or 0);

    private bool HasBody => ProtocolId == 0 && Type is BpduType.Configuration or BpduType.RapidSpanningTree;

    private TimeSpan? Time(int offset) => HasBody && UInt16(offset) is { } value ? TimeSpan.FromTicks(value * TimeSpan.TicksPerSecond / 256) : null;
}

public abstract partial class Packet
{
    /// <summary>The spanning tree's message.</summary>
    public StpLayer? Stp => Find<StpLayer>();
}

internal static partial class LayerRegistry
{
    private static readonly bool Stp = Add(LayerKey.ServiceAccessPoint, static bytes => new StpLayer(bytes), 0x42);
}
