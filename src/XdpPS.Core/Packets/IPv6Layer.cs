using System.Buffers.Binary;
using System.Net;

namespace XdpPS;

/// <summary>Internet Protocol version 6 (RFC 8200), with its extension headers.</summary>
public sealed class IPv6Layer : InternetLayer
{
    private const int FixedHeader = 40;
    private const int MostExtensions = 32;

    private readonly int headerLength = FixedHeader;
    private readonly int fragmentAt;
    private readonly bool malformedExtensions;

    internal IPv6Layer(LayerBytes bytes) : base(bytes)
    {
        if (Span.Length < FixedHeader) return;
        byte next = Span[6];
        ReadOnlySpan<byte> packet = Span[..Math.Min(Span.Length, Extent ?? Span.Length)];
        for (int count = 0; IsExtension(next); count++)
        {
            if (count == MostExtensions) malformedExtensions = true;
            if (malformedExtensions) return;
            if (packet.Length < headerLength + 2)
            {
                // What it would have been is not known, not even how long.
                headerLength = Math.Max(headerLength + 8, Span.Length + 1);
                malformedExtensions = Extent is { } extent && extent < headerLength;
                return;
            }

            int length = next == (byte)IPProtocol.Fragment ? 8 : (packet[headerLength + 1] + 1) * 8;
            if (next == (byte)IPProtocol.Fragment && fragmentAt == 0) fragmentAt = headerLength;
            next = packet[headerLength];
            headerLength += length;
            if (headerLength > packet.Length)
            {
                malformedExtensions = Extent is { } extent && headerLength > extent;
                return;
            }

            if (IsLaterFragment) break;
        }

        UpperLayerProtocol = (IPProtocol)next;
    }

    /// <summary>6.</summary>
    public byte? Version => UInt8(0) is { } value ? (byte)(value >> 4) : null;

    /// <summary>Differentiated services code point (RFC 2474), the upper six bits of the traffic class.</summary>
    public byte? DifferentiatedServicesCodePoint => UInt16(0) is { } value ? (byte)((value >> 6) & 0x3f) : null;

    /// <summary>Explicit congestion notification (RFC 3168), the lower two bits of the traffic class.</summary>
    public byte? ExplicitCongestionNotification => UInt16(0) is { } value ? (byte)((value >> 4) & 3) : null;

    /// <summary>Label of the flow, 20 bits.</summary>
    public uint? FlowLabel => UInt32(0) & 0xfffff;

    /// <summary>Bytes behind the fixed header of 40 bytes, extension headers included.</summary>
    public ushort? PayloadLength => UInt16(4);

    /// <summary>The first extension header, or what it carries.</summary>
    public IPProtocol? NextHeader => (IPProtocol?)UInt8(6);

    /// <summary>Hops that are left.</summary>
    public byte? HopLimit => UInt8(7);

    /// <summary>Where it comes from.</summary>
    public IPAddress? SourceAddress => IPv6Address(8);

    /// <summary>Where it goes.</summary>
    public IPAddress? DestinationAddress => IPv6Address(24);

    /// <summary>The extension headers, in order, up to where they are cut off.</summary>
    public IReadOnlyList<IPv6ExtensionHeader> ExtensionHeaders
    {
        get
        {
            List<IPv6ExtensionHeader> headers = [];
            byte next = UInt8(6) ?? 0;
            for (int offset = FixedHeader; offset + 2 <= Span.Length && offset < headerLength && IsExtension(next);)
            {
                int length = next == (byte)IPProtocol.Fragment ? 8 : (Span[offset + 1] + 1) * 8;
                headers.Add(new IPv6ExtensionHeader((IPProtocol)next, (IPProtocol)Span[offset], length, Copy(offset + 2, length - 2)));
                next = Span[offset];
                offset += length;
            }

            return headers;
        }
    }

    /// <summary>What follows the extension headers; null where they are cut off before.</summary>
    public IPProtocol? UpperLayerProtocol { get; }

    /// <summary>What the fragments of a packet have in common; null without a fragment header.</summary>
    public uint? Identification => fragmentAt > 0 ? UInt32(fragmentAt + 4) : null;

    /// <summary>More fragments follow; null without a fragment header.</summary>
    public bool? MoreFragments => fragmentAt > 0 ? Bit(fragmentAt + 3, 1) : null;

    /// <summary>Place of this fragment in what was divided, in bytes; null without a fragment header.</summary>
    public int? FragmentOffset => fragmentAt > 0 && UInt16(fragmentAt + 2) is { } value ? value & 0xfff8 : null;

    /// <inheritdoc/>
    public override bool IsFragment => MoreFragments == true || FragmentOffset is > 0;

    /// <inheritdoc/>
    public override string Name => "IPv6";

    /// <inheritdoc/>
    public override string Info => IsLaterFragment
        ? $"Fragment of {UpperText}, offset {FragmentOffset}, id {(Identification is { } id ? HexNotation.Number(id) : "")}"
        : $"{SourceAddress} > {DestinationAddress}, {UpperText}, {PayloadBytes.Length} bytes";

    /// <summary>The fixed header and all extension headers.</summary>
    public override int HeaderLength => headerLength;

    /// <inheritdoc/>
    public override bool Malformed => Version is not (null or 6) || malformedExtensions;

    internal override string ProtocolText => IsHeaderCut || Malformed || IsLaterFragment || UpperLayerProtocol == IPProtocol.NoNextHeader ? Name : UpperText;

    // The length is 0 in a jumbogram (RFC 2675), and where the sending host leaves a segment to its card to cut up.
    private protected override int? Extent => PayloadLength is { } payload and > 0 ? FixedHeader + payload : null;

    private bool IsLaterFragment => FragmentOffset is > 0;

    private string UpperText => UpperLayerProtocol is { } protocol ? IPProtocolText.Of(protocol) : Name;

    internal override ulong PseudoHeader(IPProtocol protocol, int length) =>
        InternetChecksum.Sum(Span.Slice(8, 16)) + InternetChecksum.Sum(FinalDestination) + (byte)protocol + (uint)length;

    private protected override PacketLayer? FindNext() =>
        IsLaterFragment || UpperLayerProtocol is not { } protocol ? null : Create(LayerKey.IPProtocol, (int)protocol);

    private protected override IPAddress? From => Span.Length < FixedHeader ? null : SourceAddress;

    private protected override IPAddress? To => Span.Length < FixedHeader ? null : DestinationAddress;

    /// <summary>The address the packet has when it arrives: a routing header of type 0 or 2 with segments left has it as its last, one of type 4 (RFC 8754) as its first.</summary>
    private ReadOnlySpan<byte> FinalDestination
    {
        get
        {
            byte next = Span[6];
            for (int offset = FixedHeader; offset < headerLength && IsExtension(next);)
            {
                int length = next == (byte)IPProtocol.Fragment ? 8 : (Span[offset + 1] + 1) * 8;
                if (next == (byte)IPProtocol.Routing && length >= 24 && Span[offset + 3] > 0)
                {
                    if (Span[offset + 2] is 0 or 2) return Span.Slice(offset + length - 16, 16);
                    // The segments are listed from the last to the first.
                    if (Span[offset + 2] == 4) return Span.Slice(offset + 8, 16);
                }

                next = Span[offset];
                offset += length;
            }

            return Span.Slice(24, 16);
        }
    }

    /// <summary>AH is a layer of its own, as in IPv4.</summary>
    private static bool IsExtension(byte protocol) => (IPProtocol)protocol
        is IPProtocol.HopByHop or IPProtocol.Routing or IPProtocol.Fragment or IPProtocol.DestinationOptions or IPProtocol.Mobility;
}

/// <summary>An IPv6 extension header.</summary>
/// <param name="Type">What it is.</param>
/// <param name="NextHeader">What follows it.</param>
/// <param name="Length">Its bytes, the first two included.</param>
/// <param name="Data">What is in it behind the first two bytes, as far as it is there.</param>
public sealed record IPv6ExtensionHeader(IPProtocol Type, IPProtocol NextHeader, int Length, byte[] Data)
{
    /// <returns>Type and data.</returns>
    public override string ToString() => $"{Type} {Convert.ToHexStringLower(Data)}";
}

public abstract partial class Packet
{
    /// <summary>Internet Protocol version 6.</summary>
    public IPv6Layer? IPv6 => Find<IPv6Layer>();
}

internal static partial class LayerRegistry
{
    private static readonly bool IPv6 = Add(LayerKey.EtherType, static bytes => new IPv6Layer(bytes), EthernetFrame.IPv6)
        && Add(LayerKey.IPProtocol, static bytes => new IPv6Layer(bytes), (int)IPProtocol.IPv6);
}
