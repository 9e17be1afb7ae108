using System.Net.NetworkInformation;

namespace XdpPS;

/// <summary>What a <see cref="FrameBuilder"/> builds.</summary>
public enum FrameProtocol
{
    /// <summary>Ethernet with an EtherType and a payload.</summary>
    Ethernet = 0,

    /// <summary>ARP for IPv4.</summary>
    Arp = 1,

    /// <summary>IPv4 or IPv6 with a protocol number and a payload.</summary>
    IP = 2,

    /// <summary>ICMP or ICMPv6 echo.</summary>
    IcmpEcho = 3,

    /// <summary>UDP.</summary>
    Udp = 4,

    /// <summary>TCP.</summary>
    Tcp = 5,
}

/// <summary>A VLAN tag to build (IEEE 802.1Q).</summary>
/// <param name="VlanId">Its VLAN identifiers, 0 to 4095: one, or several that vary from frame to frame.</param>
/// <param name="PriorityCodePoint">Its priority, 0 to 7.</param>
/// <param name="Type">The EtherType that says that it is one; null for 802.1Q, and 802.1ad where another tag follows.</param>
public sealed record FrameVlan(FieldSequence VlanId, byte PriorityCodePoint = 0, ushort? Type = null);

/// <summary>
/// Builds Ethernet frames, without FCS: headers, lengths and checksums. Fields that have several values make a template.
/// </summary>
public sealed class FrameBuilder
{
    /// <summary>What to build.</summary>
    public FrameProtocol Protocol { get; init; }

    /// <summary>Destination MAC addresses. Left out, it is broadcast for an ARP request and for 255.255.255.255, and the group's for a multicast address.</summary>
    public FieldSequence? DestinationMac { get; init; }

    /// <summary>Source MAC addresses; an ARP packet has the same as hardware address of the sender. It has to be given.</summary>
    public FieldSequence? SourceMac { get; init; }

    /// <summary>The VLAN tags, outermost first.</summary>
    public IReadOnlyList<FrameVlan> Vlans { get; init; } = [];

    /// <summary>What an <see cref="FrameProtocol.Ethernet"/> frame carries; up to 1500 it is a length (IEEE 802.3).</summary>
    public ushort EtherType { get; init; }

    /// <summary>Source addresses, of ARP the sender's protocol addresses.</summary>
    public FieldSequence? SourceAddress { get; init; }

    /// <summary>Destination addresses, of ARP the target's protocol addresses. They decide between IPv4 and IPv6.</summary>
    public FieldSequence? DestinationAddress { get; init; }

    /// <summary>What ARP asks or says.</summary>
    public ArpOperation Operation { get; init; } = ArpOperation.Request;

    /// <summary>ARP: hardware addresses of the target. Left out, it is zero in a request, and in a reply the destination MAC address.</summary>
    public FieldSequence? TargetMac { get; init; }

    /// <summary>What an <see cref="FrameProtocol.IP"/> packet carries.</summary>
    public IPProtocol IPProtocol { get; init; }

    /// <summary>Time to live, of IPv6 hop limit, 0 to 255.</summary>
    public FieldSequence TimeToLive { get; init; } = FieldSequence.FromNumbers(64);

    /// <summary>Identification of IPv4, 0 to 65535.</summary>
    public FieldSequence Identification { get; init; } = FieldSequence.FromNumbers(1);

    /// <summary>Sets Don't Fragment in IPv4.</summary>
    public bool DontFragment { get; init; }

    /// <summary>Differentiated services code point, 0 to 63.</summary>
    public byte DifferentiatedServicesCodePoint { get; init; }

    /// <summary>Flow label of IPv6, 0 to 1,048,575.</summary>
    public FieldSequence FlowLabel { get; init; } = FieldSequence.FromNumbers(0);

    /// <summary>Source ports, 0 to 65535.</summary>
    public FieldSequence? SourcePort { get; init; }

    /// <summary>Destination ports, 0 to 65535.</summary>
    public FieldSequence? DestinationPort { get; init; }

    /// <summary>Sequence number of TCP, or, up to 65535, of an echo message.</summary>
    public FieldSequence SequenceNumber { get; init; } = FieldSequence.FromNumbers(0);

    /// <summary>Acknowledgment number of TCP.</summary>
    public FieldSequence AcknowledgmentNumber { get; init; } = FieldSequence.FromNumbers(0);

    /// <summary>The control bits of TCP.</summary>
    public TcpControlBits Flags { get; init; } = TcpControlBits.Syn;

    /// <summary>The window of TCP.</summary>
    public ushort Window { get; init; } = ushort.MaxValue;

    /// <summary>Identifier of an echo message, 0 to 65535.</summary>
    public FieldSequence Identifier { get; init; } = FieldSequence.FromNumbers(1);

    /// <summary>An echo reply instead of a request.</summary>
    public bool Reply { get; init; }

    /// <summary>What is behind the headers.</summary>
    public ReadOnlyMemory<byte> Payload { get; init; }

    /// <summary>Bytes of payload: <see cref="Payload"/> over and over, or zeros where it is empty. Null for just <see cref="Payload"/>.</summary>
    public int? PayloadLength { get; init; }

    /// <summary>Bytes of the frame, without FCS: the payload is as long as that takes. Null for what it comes to.</summary>
    public int? Length { get; init; }

    /// <summary>A shorter frame is filled up with zeros behind what it carries; 60 is what Ethernet asks for. 0 for no filling up.</summary>
    public int MinimumLength { get; init; }

    /// <summary>Makes the checksum of TCP, UDP, ICMP or ICMPv6 wrong.</summary>
    public bool BadChecksum { get; init; }

    /// <summary>Makes the checksum of the IPv4 header wrong.</summary>
    public bool BadHeaderChecksum { get; init; }

    /// <summary>Builds the frame; of fields with several values it has the first.</summary>
    /// <returns>A packet with the current time.</returns>
    /// <exception cref="XskException">A field is missing or contradicts another, or the frame would be longer than its headers can say.</exception>
    public XskPacket Build() => BuildTemplate(1).GetPacket(0);

    /// <summary>Builds a template, which makes one frame after the other without building it anew.</summary>
    /// <param name="count">How many frames; null for as many as the field with most values has, or with <see cref="FrameVariation.Combination"/> as there are combinations.</param>
    /// <param name="vary">How fields with several values go from frame to frame.</param>
    /// <param name="seed">With <see cref="FrameVariation.Random"/>: the same draws for the same seed. Null for one that nobody knows before.</param>
    /// <exception cref="XskException">As <see cref="Build"/>; or that would be more than 2,147,483,647 frames.</exception>
    public XskFrameTemplate BuildTemplate(long? count = null, FrameVariation vary = FrameVariation.Sequential, long? seed = null)
    {
        if (count is { } given) ArgumentOutOfRangeException.ThrowIfLessThan(given, 1, nameof(count));
        FrameWriter writer = new(this);
        writer.Write();
        FrameField[] fields = writer.Fields;
        return new XskFrameTemplate(writer.Frame, fields, writer.Checksums, count ?? CountOf(fields, vary), vary, seed ?? Random.Shared.NextInt64(1, uint.MaxValue));
    }

    internal static readonly PhysicalAddress Broadcast = new([0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);

    private static long CountOf(FrameField[] fields, FrameVariation vary)
    {
        UInt128 count = 1;
        foreach (FrameField field in fields)
        {
            count = vary != FrameVariation.Combination ? UInt128.Max(count, field.Count)
                : field.Count > int.MaxValue ? field.Count : count * field.Count;
            if (count > int.MaxValue)
                throw XskException.FromCheck(XskErrorId.FrameFieldInvalid, $"The fields have more than {int.MaxValue} values", "say with -Count how many frames to make");
        }

        return (long)count;
    }
}
