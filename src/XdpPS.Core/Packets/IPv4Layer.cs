using System.Net;

namespace XdpPS;

/// <summary>Internet Protocol version 4 (RFC 791).</summary>
public sealed class IPv4Layer : InternetLayer
{
    private const int ShortestHeader = 20;

    internal IPv4Layer(LayerBytes bytes) : base(bytes)
    {
    }

    /// <summary>4.</summary>
    public byte? Version => UInt8(0) is { } value ? (byte)(value >> 4) : null;

    /// <summary>Length of the header in 32-bit words (IHL), 5 to 15.</summary>
    public byte? InternetHeaderLength => UInt8(0) is { } value ? (byte)(value & 15) : null;

    /// <summary>Differentiated services code point (RFC 2474), the upper six bits of the type of service.</summary>
    public byte? DifferentiatedServicesCodePoint => UInt8(1) is { } value ? (byte)(value >> 2) : null;

    /// <summary>Explicit congestion notification (RFC 3168), the lower two bits of the type of service.</summary>
    public byte? ExplicitCongestionNotification => UInt8(1) is { } value ? (byte)(value & 3) : null;

    /// <summary>Bytes of header and payload.</summary>
    public ushort? TotalLength => UInt16(2);

    /// <summary>What the fragments of a datagram have in common.</summary>
    public ushort? Identification => UInt16(4);

    /// <summary>Don't fragment (DF).</summary>
    public bool? DontFragment => Bit(6, 0x40);

    /// <summary>More fragments follow (MF).</summary>
    public bool? MoreFragments => Bit(6, 0x20);

    /// <summary>Place of this fragment in its datagram, in bytes.</summary>
    public int? FragmentOffset => UInt16(6) is { } value ? (value & 0x1fff) * 8 : null;

    /// <summary>Hops that are left (TTL).</summary>
    public byte? TimeToLive => UInt8(8);

    /// <summary>What it carries.</summary>
    public IPProtocol? Protocol => (IPProtocol?)UInt8(9);

    /// <summary>Checksum of the header.</summary>
    public ushort? HeaderChecksum => UInt16(10);

    /// <summary>Whether the header's checksum is right; null where the header is cut off or malformed.</summary>
    public bool? HeaderChecksumValid => IsHeaderCut || IsHeaderWrong ? null : InternetChecksum.IsValid(InternetChecksum.Sum(Span[..HeaderLength]));

    /// <summary>Where it comes from.</summary>
    public IPAddress? SourceAddress => IPv4Address(12);

    /// <summary>Where it goes.</summary>
    public IPAddress? DestinationAddress => IPv4Address(16);

    /// <summary>The options, in order, paddings included; up to where they are cut off or make no sense.</summary>
    public IReadOnlyList<IPv4Option> Options
    {
        get
        {
            List<IPv4Option> options = [];
            OptionReader reader = new(Span[Math.Min(ShortestHeader, Span.Length)..Math.Min(HeaderLength, Span.Length)]);
            while (reader.Read(out byte type, out ReadOnlySpan<byte> data)) options.Add(new IPv4Option((IPv4OptionType)type, data.ToArray()));
            return options;
        }
    }

    /// <inheritdoc/>
    public override bool IsFragment => MoreFragments == true || FragmentOffset is > 0;

    /// <inheritdoc/>
    public override string Name => "IPv4";

    /// <inheritdoc/>
    public override string Info => IsLaterFragment
        ? $"Fragment of {IPProtocolText.Of(Protocol!.Value)}, offset {FragmentOffset}, id {HexNotation.Number(Identification!.Value)}"
        : $"{SourceAddress} > {DestinationAddress}, {(Protocol is { } protocol ? IPProtocolText.Of(protocol) : "")}, {PayloadBytes.Length} bytes";

    /// <inheritdoc/>
    public override int HeaderLength => Math.Max(ShortestHeader, (InternetHeaderLength ?? 0) * 4);

    /// <inheritdoc/>
    public override bool Malformed => IsHeaderWrong || (TotalLength is { } total && total != 0 && total < HeaderLength);

    internal override string ProtocolText => IsHeaderCut || Malformed || IsLaterFragment ? Name : IPProtocolText.Of(Protocol!.Value);

    // A segment that the sending host leaves to its card to cut up may be too long for the field, which then is 0.
    private protected override int? Extent => TotalLength is { } total && total >= HeaderLength ? total : null;

    private bool IsHeaderWrong => Version is not (null or 4) || InternetHeaderLength is < 5;

    private bool IsLaterFragment => !IsHeaderCut && FragmentOffset is > 0;

    internal override ulong PseudoHeader(IPProtocol protocol, int length) =>
        InternetChecksum.Sum(Span.Slice(12, 4)) + InternetChecksum.Sum(FinalDestination) + (byte)protocol + (uint)length;

    /// <summary>The address the packet has when it arrives: a source route with hops left has it as its last (RFC 1122, 3.2.1.8).</summary>
    private ReadOnlySpan<byte> FinalDestination
    {
        get
        {
            OptionReader reader = new(Span[ShortestHeader..HeaderLength]);
            while (reader.Read(out byte type, out ReadOnlySpan<byte> data))
            {
                // The pointer counts from the option's first byte, from 1.
                if ((IPv4OptionType)type is IPv4OptionType.LooseSourceRoute or IPv4OptionType.StrictSourceRoute && data.Length >= 5 && data[0] <= data.Length)
                    return data[^4..];
            }

            return Span.Slice(16, 4);
        }
    }

    private protected override PacketLayer? FindNext() => IsLaterFragment ? null : Create(LayerKey.IPProtocol, (int)Protocol!.Value);

    private protected override IPAddress? From => IsHeaderCut ? null : SourceAddress;

    private protected override IPAddress? To => IsHeaderCut ? null : DestinationAddress;
}

/// <summary>Types of IPv4 option: copied flag, class and number in one byte.</summary>
public enum IPv4OptionType : byte
{
    /// <summary>End of options.</summary>
    EndOfOptions = 0,

    /// <summary>No operation: padding.</summary>
    NoOperation = 1,

    /// <summary>Record route.</summary>
    RecordRoute = 7,

    /// <summary>Timestamps of the hops.</summary>
    Timestamp = 68,

    /// <summary>Loose source route.</summary>
    LooseSourceRoute = 131,

    /// <summary>Strict source route.</summary>
    StrictSourceRoute = 137,

    /// <summary>Routers shall look at it (RFC 2113).</summary>
    RouterAlert = 148,
}

/// <summary>An IPv4 option.</summary>
/// <param name="Type">Its type.</param>
/// <param name="Data">What is in it, without type and length.</param>
public sealed record IPv4Option(IPv4OptionType Type, byte[] Data)
{
    /// <returns>Type and data.</returns>
    public override string ToString() => Data.Length == 0 ? $"{Type}" : $"{Type} {Convert.ToHexStringLower(Data)}";
}

public abstract partial class Packet
{
    /// <summary>Internet Protocol version 4.</summary>
    public IPv4Layer? IPv4 => Find<IPv4Layer>();
}

internal static partial class LayerRegistry
{
    private static readonly bool IPv4 = Add(LayerKey.EtherType, static bytes => new IPv4Layer(bytes), EthernetFrame.IPv4)
        && Add(LayerKey.IPProtocol, static bytes => new IPv4Layer(bytes), (int)IPProtocol.IPv4);
}
