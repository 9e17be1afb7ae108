using System.Net;
using System.Text;

namespace XdpPS;

/// <summary>What an LLDP chassis identifier is.</summary>
public enum LldpChassisIdSubtype : byte
{
    /// <summary>Not a subtype.</summary>
    None = 0,

    /// <summary>A component of the chassis.</summary>
    ChassisComponent = 1,

    /// <summary>An interface's alias.</summary>
    InterfaceAlias = 2,

    /// <summary>A component of a port.</summary>
    PortComponent = 3,

    /// <summary>A MAC address.</summary>
    MacAddress = 4,

    /// <summary>A network address.</summary>
    NetworkAddress = 5,

    /// <summary>An interface's name.</summary>
    InterfaceName = 6,

    /// <summary>Assigned by the owner.</summary>
    LocallyAssigned = 7,
}

/// <summary>What an LLDP port identifier is.</summary>
public enum LldpPortIdSubtype : byte
{
    /// <summary>Not a subtype.</summary>
    None = 0,

    /// <summary>An interface's alias.</summary>
    InterfaceAlias = 1,

    /// <summary>A component of a port.</summary>
    PortComponent = 2,

    /// <summary>A MAC address.</summary>
    MacAddress = 3,

    /// <summary>A network address.</summary>
    NetworkAddress = 4,

    /// <summary>An interface's name.</summary>
    InterfaceName = 5,

    /// <summary>A circuit of a DHCP relay.</summary>
    AgentCircuitId = 6,

    /// <summary>Assigned by the owner.</summary>
    LocallyAssigned = 7,
}

/// <summary>What a system that speaks LLDP is, or can be.</summary>
[Flags]
public enum LldpCapabilities : ushort
{
    /// <summary>Nothing of the rest.</summary>
    None = 0,

    /// <summary>Something else.</summary>
    Other = 0x01,

    /// <summary>Repeater.</summary>
    Repeater = 0x02,

    /// <summary>Bridge.</summary>
    Bridge = 0x04,

    /// <summary>Wireless access point.</summary>
    AccessPoint = 0x08,

    /// <summary>Router.</summary>
    Router = 0x10,

    /// <summary>Telephone.</summary>
    Telephone = 0x20,

    /// <summary>DOCSIS cable device.</summary>
    CableDevice = 0x40,

    /// <summary>Station, and nothing else.</summary>
    StationOnly = 0x80,
}

/// <summary>An element of an LLDP message.</summary>
/// <param name="Type">Its type, 0 to 127.</param>
/// <param name="Data">What is in it.</param>
public sealed record LldpTlv(byte Type, byte[] Data)
{
    /// <returns>Type and data.</returns>
    public override string ToString() => $"{Type} {Convert.ToHexStringLower(Data)}";
}

/// <summary>Link Layer Discovery Protocol (IEEE 802.1AB), the elements that all send.</summary>
public sealed class LldpLayer : PacketLayer
{
    private const byte End = 0, Chassis = 1, Port = 2, Lifetime = 3, PortText = 4, SystemText = 5, SystemAbout = 6, Capabilities = 7, Management = 8;

    internal LldpLayer(LayerBytes bytes) : base(bytes)
    {
    }

    /// <summary>What <see cref="ChassisId"/> is.</summary>
    public LldpChassisIdSubtype? ChassisIdSubtype => Find(Chassis) is [var subtype, ..] ? (LldpChassisIdSubtype)subtype : null;

    /// <summary>Identifies the system: an address or a text, as <see cref="ChassisIdSubtype"/> says.</summary>
    public string? ChassisId => Find(Chassis) is [var subtype, .. var id]
        ? Identifier(id, subtype == (byte)LldpChassisIdSubtype.MacAddress, subtype == (byte)LldpChassisIdSubtype.NetworkAddress) : null;

    /// <summary>What <see cref="PortId"/> is.</summary>
    public LldpPortIdSubtype? PortIdSubtype => Find(Port) is [var subtype, ..] ? (LldpPortIdSubtype)subtype : null;

    /// <summary>Identifies the port: an address or a text, as <see cref="PortIdSubtype"/> says.</summary>
    public string? PortId => Find(Port) is [var subtype, .. var id]
        ? Identifier(id, subtype == (byte)LldpPortIdSubtype.MacAddress, subtype == (byte)LldpPortIdSubtype.NetworkAddress) : null;

    /// <summary>Seconds for which this is valid.</summary>
    public ushort? TimeToLive => Word(Find(Lifetime), 0);

    /// <summary>The port, in words.</summary>
    public string? PortDescription => Text(Find(PortText));

    /// <summary>The system's name.</summary>
    public string? SystemName => Text(Find(SystemText));

    /// <summary>The system, in words.</summary>
    public string? SystemDescription => Text(Find(SystemAbout));

    /// <summary>What the system can be.</summary>
    public LldpCapabilities? SystemCapabilities => (LldpCapabilities?)Word(Find(Capabilities), 0);

    /// <summary>What the system is.</summary>
    public LldpCapabilities? EnabledCapabilities => (LldpCapabilities?)Word(Find(Capabilities), 2);

    /// <summary>Addresses by which the system is managed, those of IP.</summary>
    public IReadOnlyList<IPAddress> ManagementAddresses =>
        [.. Tlvs.Where(tlv => tlv.Type == Management).Select(tlv => Address(tlv.Data)).OfType<IPAddress>()];

    /// <summary>All elements, in order, up to the end or where they are cut off.</summary>
    public IReadOnlyList<LldpTlv> Tlvs
    {
        get
        {
            List<LldpTlv> tlvs = [];
            for (int offset = 0; UInt16(offset) is { } head && head >> 9 != End;)
            {
                int length = head & 0x1ff;
                if (offset + 2 + length > Span.Length) break;
                tlvs.Add(new LldpTlv((byte)(head >> 9), Copy(offset + 2, length)));
                offset += 2 + length;
            }

            return tlvs;
        }
    }

    /// <inheritdoc/>
    public override string Name => "LLDP";

    /// <inheritdoc/>
    public override string Info => $"{SystemName ?? ChassisId} port {PortId}, valid {TimeToLive} s";

    /// <summary>The elements up to the end.</summary>
    public override int HeaderLength
    {
        get
        {
            int offset = 0;
            while (UInt16(offset) is { } head)
            {
                offset += 2 + (head & 0x1ff);
                if (head >> 9 == End) return offset;
            }

            // No end was met: at least its two bytes are missing.
            return Math.Max(offset, Span.Length) + 2;
        }
    }

    private byte[]? Find(byte type)
    {
        foreach (LldpTlv tlv in Tlvs)
        {
            if (tlv.Type == type) return tlv.Data;
        }

        return null;
    }

    private static ushort? Word(byte[]? data, int offset) => data is not null && data.Length >= offset + 2 ? (ushort)((data[offset] << 8) | data[offset + 1]) : null;

    private static string? Text(byte[]? data) => data is null ? null : Encoding.UTF8.GetString(data);

    private static string Identifier(byte[] id, bool isMac, bool isNetwork) => (isMac, isNetwork) switch
    {
        (true, _) => HexNotation.Colons(id),
        (_, true) when Address([(byte)id.Length, .. id]) is { } address => address.ToString(),
        (_, true) => Convert.ToHexStringLower(id),
        _ => Encoding.UTF8.GetString(id),
    };

    /// <summary>Length, family (IANA: 1 IPv4, 2 IPv6) and address.</summary>
    private static IPAddress? Address(byte[] data) => data switch
    {
        [5, 1, ..] when data.Length >= 6 => new IPAddress(data.AsSpan(2, 4)),
        [17, 2, ..] when data.Length >= 18 => new IPAddress(data.AsSpan(2, 16)),
        _ => null,
    };
}

public abstract partial class Packet
{
    /// <summary>Link Layer Discovery Protocol.</summary>
    public LldpLayer? Lldp => Find<LldpLayer>();
}

internal static partial class LayerRegistry
{
    private static readonly bool Lldp = Add(LayerKey.EtherType, static bytes => new LldpLayer(bytes), EthernetFrame.Lldp);
}
