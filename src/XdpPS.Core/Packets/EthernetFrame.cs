using System.Buffers.Binary;

namespace XdpPS;

/// <summary>Sizes and types of Ethernet frames (IEEE 802.3, 802.1Q).</summary>
internal static class EthernetFrame
{
    internal const int HeaderLength = 14;
    internal const int VlanTagLength = 4;
    internal const int StandardMtu = 1500;

    /// <summary>Up to here the type field is a length (IEEE 802.3 clause 3.2.6).</summary>
    internal const int LargestLength = 1500;

    internal const ushort IPv4 = 0x0800;
    internal const ushort Arp = 0x0806;
    internal const ushort Rarp = 0x8035;
    internal const ushort Vlan = 0x8100;
    internal const ushort IPv6 = 0x86dd;
    internal const ushort ServiceVlan = 0x88a8;
    internal const ushort Lldp = 0x88cc;

    /// <summary>An outer tag, from before 802.1ad (QinQ of several vendors).</summary>
    internal const ushort OldServiceVlan = 0x9100;

    /// <summary>Up to two tags: 802.1Q, or 802.1ad with 802.1Q inside.</summary>
    internal static int CountVlanTags(ReadOnlySpan<byte> frame)
    {
        int tags = 0;
        while (tags < 2 && TypeAt(frame, HeaderLength - 2 + (tags * VlanTagLength)) is Vlan or ServiceVlan) tags++;
        return tags;
    }

    /// <returns>What a frame says of a payload that is not recognised.</returns>
    internal static string PayloadInfo(ushort type, int length) =>
        type <= LargestLength ? $"length {type}" : $"type {HexNotation.Number(type)}, {length} bytes";

    /// <returns>The 16-bit type at an offset, or 0 where the frame ends before.</returns>
    private static ushort TypeAt(ReadOnlySpan<byte> frame, int offset) =>
        frame.Length >= offset + 2 ? BinaryPrimitives.ReadUInt16BigEndian(frame[offset..]) : (ushort)0;
}
