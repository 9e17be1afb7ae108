namespace XdpPS;

/// <summary>The numbers of the format (draft-ietf-opsawg-pcapng).</summary>
internal static class Pcapng
{
    internal const uint SectionHeader = 0x0a0d0d0a;
    internal const uint InterfaceDescription = 1;
    internal const uint ObsoletePacket = 2;
    internal const uint SimplePacket = 3;
    internal const uint InterfaceStatistics = 5;
    internal const uint EnhancedPacket = 6;
    internal const uint ByteOrderMagic = 0x1a2b3c4d;

    /// <summary>Type and length before the body of a block, the length again after it.</summary>
    internal const int BlockOverhead = 12;

    internal const ushort OptionEnd = 0;
    internal const ushort OptionComment = 1;
    internal const ushort SectionApplication = 4;
    internal const ushort InterfaceName = 2;
    internal const ushort InterfaceNote = 3;
    internal const ushort InterfaceMacAddress = 6;
    internal const ushort InterfaceTimeResolution = 9;
    internal const ushort InterfaceFilter = 11;
    internal const ushort InterfaceTimeOffset = 14;
    internal const ushort PacketFlags = 2;
    internal const ushort PacketDropCount = 4;
    internal const ushort PacketQueue = 6;
    internal const ushort StatisticsStart = 2;
    internal const ushort StatisticsEnd = 3;
    internal const ushort StatisticsReceived = 4;
    internal const ushort StatisticsSystemDropped = 7;
    internal const ushort StatisticsDelivered = 8;

    /// <summary>LINKTYPE_ETHERNET.</summary>
    internal const int Ethernet = 1;

    /// <summary>The most bytes of a packet that libpcap and Wireshark read (MAXIMUM_SNAPLEN, WTAP_MAX_PACKET_SIZE_STANDARD).</summary>
    internal const int LongestPacket = 262_144;

    internal static int Padded(int length) => (length + 3) & ~3;
}
