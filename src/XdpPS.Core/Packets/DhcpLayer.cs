using System.Buffers.Binary;
using System.Net;
using System.Net.NetworkInformation;
using System.Text;

namespace XdpPS;

/// <summary>What a DHCP message is (option 53, RFC 2132).</summary>
public enum DhcpMessageType : byte
{
    /// <summary>Not a type.</summary>
    None = 0,

    /// <summary>Looks for servers.</summary>
    Discover = 1,

    /// <summary>Offers an address.</summary>
    Offer = 2,

    /// <summary>Asks for an offered address, or to keep one.</summary>
    Request = 3,

    /// <summary>An offered address is taken.</summary>
    Decline = 4,

    /// <summary>Gives the address.</summary>
    Ack = 5,

    /// <summary>Does not.</summary>
    Nak = 6,

    /// <summary>Gives an address back.</summary>
    Release = 7,

    /// <summary>Asks for settings other than an address.</summary>
    Inform = 8,
}

/// <summary>An option of DHCP.</summary>
/// <param name="Code">Its number (RFC 2132).</param>
/// <param name="Data">What is in it, without code and length.</param>
public sealed record DhcpOption(byte Code, byte[] Data)
{
    /// <returns>Code and data.</returns>
    public override string ToString() => $"{Code} {Convert.ToHexStringLower(Data)}";
}

/// <summary>Dynamic Host Configuration Protocol for IPv4 (RFC 2131), and BOOTP.</summary>
public sealed class DhcpLayer : PacketLayer
{
    private const int OptionsAt = 240;
    private const uint MagicCookie = 0x63825363;
    private const byte HostNameOption = 12, RequestedAddressOption = 50, LeaseTimeOption = 51, MessageTypeOption = 53, ServerOption = 54;

    internal DhcpLayer(LayerBytes bytes) : base(bytes)
    {
    }

    /// <summary>1 from client to server, 2 back (op).</summary>
    public byte? Operation => UInt8(0);

    /// <summary>Hardware type (htype): 1 is Ethernet.</summary>
    public byte? HardwareType => UInt8(1);

    /// <summary>Bytes of a hardware address (hlen).</summary>
    public byte? HardwareLength => UInt8(2);

    /// <summary>Relays it came through.</summary>
    public byte? Hops => UInt8(3);

    /// <summary>Ties a reply to its request (xid).</summary>
    public uint? TransactionId => UInt32(4);

    /// <summary>Seconds since the client began (secs).</summary>
    public ushort? Seconds => UInt16(8);

    /// <summary>The server shall answer by broadcast (the one flag of flags).</summary>
    public bool? Broadcast => UInt16(10) is { } flags ? (flags & 0x8000) != 0 : null;

    /// <summary>Address the client has (ciaddr).</summary>
    public IPAddress? ClientAddress => IPv4Address(12);

    /// <summary>Address the client gets (yiaddr).</summary>
    public IPAddress? YourAddress => IPv4Address(16);

    /// <summary>Address of the next server (siaddr).</summary>
    public IPAddress? ServerAddress => IPv4Address(20);

    /// <summary>Address of the relay (giaddr).</summary>
    public IPAddress? GatewayAddress => IPv4Address(24);

    /// <summary>Hardware address of the client (chaddr), its first bytes as <see cref="HardwareLength"/> says.</summary>
    public PhysicalAddress? ClientHardwareAddress =>
        HardwareLength is { } length and > 0 and <= 16 && Span.Length >= 28 + length ? new PhysicalAddress(Copy(28, length)) : null;

    /// <summary>What it is; null for BOOTP.</summary>
    public DhcpMessageType? MessageType => Find(MessageTypeOption) is [var type, ..] ? (DhcpMessageType)type : null;

    /// <summary>The client's name, in option 12.</summary>
    public string? HostName => Find(HostNameOption) is { } name ? Encoding.UTF8.GetString(name) : null;

    /// <summary>The address the client would like, in option 50.</summary>
    public IPAddress? RequestedAddress => Find(RequestedAddressOption) is { Length: 4 } address ? new IPAddress(address) : null;

    /// <summary>For how long the address is given, in option 51.</summary>
    public TimeSpan? LeaseTime => Find(LeaseTimeOption) is { Length: 4 } time ? TimeSpan.FromSeconds((long)BinaryPrimitives.ReadUInt32BigEndian(time)) : null;

    /// <summary>Which server is meant, in option 54.</summary>
    public IPAddress? ServerIdentifier => Find(ServerOption) is { Length: 4 } address ? new IPAddress(address) : null;

    /// <summary>The options, in order, without padding and end; up to where they are cut off.</summary>
    public IReadOnlyList<DhcpOption> Options
    {
        get
        {
            List<DhcpOption> options = [];
            for (int offset = OptionsAt; UInt32(OptionsAt - 4) == MagicCookie && offset < Span.Length && Span[offset] != 0xff;)
            {
                if (Span[offset] == 0)
                {
                    offset++;
                    continue;
                }

                if (offset + 2 > Span.Length || offset + 2 + Span[offset + 1] > Span.Length) break;
                options.Add(new DhcpOption(Span[offset], Copy(offset + 2, Span[offset + 1])));
                offset += 2 + Span[offset + 1];
            }

            return options;
        }
    }

    /// <inheritdoc/>
    public override string Name => MessageType is null ? "BOOTP" : "DHCP";

    /// <inheritdoc/>
    public override string Info => TransactionId is { } id
        ? $"{(MessageType is { } type ? $"DHCP {type}" : Operation == 1 ? "Boot request" : "Boot reply")} {HexNotation.Number(id)}{Details}"
        : "";

    /// <inheritdoc/>
    public override int HeaderLength => OptionsAt - 4;

    private string Details
    {
        get
        {
            string client = HexNotation.Colons(ClientHardwareAddress?.GetAddressBytes());
            return YourAddress is { } address && !address.Equals(IPAddress.Any) ? $" {address} for {client}" : $" from {client}";
        }
    }

    private byte[]? Find(byte code)
    {
        foreach (DhcpOption option in Options)
        {
            if (option.Code == code) return option.Data;
        }

        return null;
    }
}

public abstract partial class Packet
{
    /// <summary>Dynamic Host Configuration Protocol for IPv4.</summary>
    public DhcpLayer? Dhcp => Find<DhcpLayer>();
}

internal static partial class LayerRegistry
{
    private static readonly bool Dhcp = Add(LayerKey.UdpPort, static bytes => new DhcpLayer(bytes), 67, 68);
}
