using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace XdpPS;

/// <summary>
/// What makes a frame one of a measurement, at the beginning of its payload: 4 bytes that say so, 4 of the run, 4 of the
/// frame's number and 6 of its time, in nanoseconds from the beginning of the run, all big-endian. With that, UDP over
/// IPv4 fills the smallest frame.
/// </summary>
internal static class FrameTag
{
    internal const int Length = 18;

    /// <summary>"XskQ": a frame on its way to whoever is to receive it, or to a reflector.</summary>
    internal const uint Request = 0x58736b51;

    /// <summary>"XskR": a reflector has sent it back. Another reflector leaves it alone.</summary>
    internal const uint Reply = 0x58736b52;

    /// <summary>For experiments of whoever has a network of his own (IEEE 802, local experimental EtherType 1).</summary>
    internal const ushort EtherType = 0x88b5;

    private const int Mac = 6;
    private const int UdpHeader = 8;
    private const byte Udp = (byte)IPProtocol.UDP;
    private const ulong LongestTime = (1UL << 48) - 1;

    internal static void Write(Span<byte> tag, uint kind, uint run, uint sequence, long time)
    {
        BinaryPrimitives.WriteUInt32BigEndian(tag, kind);
        BinaryPrimitives.WriteUInt32BigEndian(tag[4..], run);
        Stamp(tag, sequence, time);
    }

    /// <summary>Writes what differs from frame to frame.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Stamp(Span<byte> tag, uint sequence, long time)
    {
        BinaryPrimitives.WriteUInt32BigEndian(tag[8..], sequence);
        BinaryPrimitives.WriteUInt16BigEndian(tag[12..], (ushort)(time >> 32));
        BinaryPrimitives.WriteUInt32BigEndian(tag[14..], (uint)time);
    }

    internal static uint Kind(ReadOnlySpan<byte> tag) => BinaryPrimitives.ReadUInt32BigEndian(tag);

    internal static uint Run(ReadOnlySpan<byte> tag) => BinaryPrimitives.ReadUInt32BigEndian(tag[4..]);

    internal static uint Sequence(ReadOnlySpan<byte> tag) => BinaryPrimitives.ReadUInt32BigEndian(tag[8..]);

    internal static long Time(ReadOnlySpan<byte> tag) => (long)(BinaryPrimitives.ReadUInt64BigEndian(tag[10..]) & LongestTime);

    /// <summary>How long after its time a frame arrived: times come round after 78 hours.</summary>
    /// <param name="tag">The tag.</param>
    /// <param name="elapsed">Nanoseconds from the beginning of the run to the arrival.</param>
    internal static long Age(ReadOnlySpan<byte> tag, long elapsed) => (elapsed - Time(tag)) << 16 >> 16;

    /// <summary>Finds where the tag of a frame would be: after Ethernet, or after UDP over IPv4 or IPv6 without fragments and extension headers; VLAN tags are passed over.</summary>
    /// <param name="frame">Any bytes.</param>
    /// <param name="internet">Where the IP header is; 0 without one.</param>
    /// <param name="transport">Where the UDP header is; 0 without one.</param>
    /// <returns>Where the tag is, with room for it behind; -1 where there is none.</returns>
    internal static int Find(ReadOnlySpan<byte> frame, out int internet, out int transport)
    {
        internet = transport = 0;
        if (frame.Length < EthernetFrame.HeaderLength + Length) return -1;
        int at = (2 * Mac) + (EthernetFrame.VlanTagLength * EthernetFrame.CountVlanTags(frame));
        ushort type = BinaryPrimitives.ReadUInt16BigEndian(frame[at..]);
        at += 2;
        if (type == EtherType) return frame.Length >= at + Length ? at : -1;
        // What is longer than the smaller of the two IP headers is looked at only where it is there.
        if (frame.Length < at + 20 + UdpHeader + Length) return -1;
        internet = at;
        switch (type)
        {
            case EthernetFrame.IPv4 when frame[at] >> 4 == 4 && frame[at + 9] == Udp && (BinaryPrimitives.ReadUInt16BigEndian(frame[(at + 6)..]) & 0x3fff) == 0:
                transport = at + Math.Max(20, (frame[at] & 15) * 4);
                break;
            case EthernetFrame.IPv6 when frame[at + 6] == Udp:
                transport = at + 40;
                break;
            default:
                return -1;
        }

        at = transport + UdpHeader;
        return frame.Length >= at + Length ? at : -1;
    }

    /// <summary>Whether a reflector is to send a frame back.</summary>
    internal static bool IsRequest(ReadOnlySpan<byte> frame) => Find(frame, out _, out _) is >= 0 and var at && Kind(frame[at..]) == Request;

    /// <summary>Makes of a request the reply to it, in place: addresses and ports change sides, and the checksum of UDP, which these do not change, is made to fit the tag.</summary>
    /// <param name="frame">A frame of which <see cref="IsRequest"/> is true, or its first part.</param>
    internal static void TurnAround(Span<byte> frame)
    {
        int at = Find(frame, out int internet, out int transport);
        if (at < 0) return;
        Swap(frame, 0, Mac);
        BinaryPrimitives.WriteUInt32BigEndian(frame[at..], Reply);
        if (transport == 0) return;
        if (transport - internet == 40 && frame[internet] >> 4 == 6) Swap(frame, internet + 8, 16);
        else Swap(frame, internet + 12, 4);
        Swap(frame, transport, 2);
        Span<byte> checksum = frame.Slice(transport + 6, 2);
        ushort old = BinaryPrimitives.ReadUInt16BigEndian(checksum);
        // 0 is "none", which IPv4 allows.
        if (old == 0) return;
        // RFC 1624, equation 3; the upper halves of both kinds are alike.
        uint sum = (ushort)~old + ((Request & 0xffff) ^ 0xffff) + (Reply & 0xffff);
        sum = (sum & 0xffff) + (sum >> 16);
        sum = (sum & 0xffff) + (sum >> 16);
        ushort repaired = (ushort)~sum;
        BinaryPrimitives.WriteUInt16BigEndian(checksum, repaired == 0 ? ushort.MaxValue : repaired);
    }

    private static void Swap(Span<byte> frame, int first, int length)
    {
        Span<byte> a = frame.Slice(first, length), b = frame.Slice(first + length, length);
        Span<byte> kept = stackalloc byte[16];
        a.CopyTo(kept);
        b.CopyTo(a);
        kept[..length].CopyTo(b);
    }
}
