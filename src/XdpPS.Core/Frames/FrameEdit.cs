using System.Buffers.Binary;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace XdpPS;

/// <summary>
/// Changes to the outermost headers of packets, made to copies. Lengths follow, and every checksum that covers something
/// that was changed is made right: anew where the whole message is there, else by what the change makes of it (RFC 1624),
/// so that a wrong one stays wrong. A UDP checksum of 0, which means that there is none, stays.
/// </summary>
public sealed class FrameEdit
{
    /// <summary>New destination in the Ethernet header.</summary>
    public PhysicalAddress? DestinationMac { get; init; }

    /// <summary>New source in the Ethernet header.</summary>
    public PhysicalAddress? SourceMac { get; init; }

    /// <summary>Takes that many VLAN tags away, outermost first; <see cref="int.MaxValue"/> for all.</summary>
    public int PopVlan { get; init; }

    /// <summary>New identifier of the outermost VLAN tag, after <see cref="PopVlan"/>.</summary>
    public ushort? Vlan { get; init; }

    /// <summary>New priority of the outermost VLAN tag, after <see cref="PopVlan"/>, and of those in <see cref="PushVlan"/>.</summary>
    public byte? VlanPriority { get; init; }

    /// <summary>Identifiers of tags to put before those that are there, outermost first. Where another tag follows they are of 802.1ad, else of 802.1Q.</summary>
    public IReadOnlyList<ushort> PushVlan { get; init; } = [];

    /// <summary>New source of IP, or protocol address of the sender in ARP.</summary>
    public IPAddress? SourceAddress { get; init; }

    /// <summary>New destination of IP, or protocol address of the target in ARP.</summary>
    public IPAddress? DestinationAddress { get; init; }

    /// <summary>New time to live, or hop limit.</summary>
    public byte? TimeToLive { get; init; }

    /// <summary>New differentiated services code point, 0 to 63.</summary>
    public byte? DifferentiatedServicesCodePoint { get; init; }

    /// <summary>New identification of IPv4.</summary>
    public ushort? Identification { get; init; }

    /// <summary>New source port of UDP or TCP.</summary>
    public ushort? SourcePort { get; init; }

    /// <summary>New destination port of UDP or TCP.</summary>
    public ushort? DestinationPort { get; init; }

    /// <summary>New sequence number of TCP, or, up to 65535, of an echo message.</summary>
    public uint? SequenceNumber { get; init; }

    /// <summary>New acknowledgment number of TCP.</summary>
    public uint? AcknowledgmentNumber { get; init; }

    /// <summary>New control bits of TCP.</summary>
    public TcpControlBits? Flags { get; init; }

    /// <summary>New payload of UDP, TCP, ICMP or ICMPv6; of other packets of IP; of other frames of Ethernet. What follows it as padding goes.</summary>
    public ReadOnlyMemory<byte>? Payload { get; init; }

    /// <summary>Makes all checksums of the outermost headers right, also where nothing else changes.</summary>
    public bool RepairChecksum { get; init; }

    /// <summary>Leaves out what a packet has no place for, instead of throwing.</summary>
    public bool SkipMissing { get; init; }

    private bool ChangesVlans => PopVlan > 0 || Vlan is not null || VlanPriority is not null || PushVlan.Count > 0;

    private bool ChangesIP => SourceAddress is not null || DestinationAddress is not null || TimeToLive is not null || DifferentiatedServicesCodePoint is not null
        || Identification is not null;

    /// <summary>Makes the changed copy. It keeps the packet's time, number and interface.</summary>
    /// <exception cref="XskException">The packet has no such field, or not enough of it was kept.</exception>
    public XskPacket Apply(XskPacket packet)
    {
        ArgumentNullException.ThrowIfNull(packet);
        FrameLayout old = new(packet);
        byte[] data = EditEthernet(old, packet.Data);
        int moved = data.Length - packet.Data.Length;
        if (Payload is { } payload) data = ReplacePayload(old, data, moved, payload.Span, packet);
        EditHeaders(old, data, moved);
        FrameLayout changed = old.Internet is null ? old : Read(packet, data);
        if (changed.Internet is not null) new ChecksumRepair(old, packet.Data, changed, data, moved, this).Repair();
        return Copy(packet, data);
    }

    internal static XskException Missing(string what, string remedy = "leave that out for this packet, or use -Force to change what it does have") =>
        XskException.FromCheck(XskErrorId.FrameNotEditable, what, remedy);

    private static FrameLayout Read(XskPacket packet, byte[] data) => new(Copy(packet, data));

    private static XskPacket Copy(XskPacket packet, byte[] data)
    {
        PacketOrigin origin = packet.Origin;
        if (origin.Length is { } length) origin = origin with { Length = length + data.Length - packet.Data.Length };
        return new XskPacket(data, origin, packet.Timestamp, packet.Number);
    }

    private byte[] EditEthernet(FrameLayout old, byte[] data)
    {
        if (data.Length < EthernetFrame.HeaderLength)
        {
            if (!SkipMissing) throw Missing("The packet ends within the Ethernet header", "edit whole packets");
            return [.. data];
        }

        int kept = Math.Max(0, old.Tags - PopVlan), gone = old.Tags - kept;
        if (PopVlan is > 0 and < int.MaxValue && gone < PopVlan && !SkipMissing) throw Missing($"The packet has {old.Tags} VLAN tags, of which {PopVlan} cannot be taken away");
        int rest = EthernetFrame.HeaderLength - 2 + (gone * EthernetFrame.VlanTagLength);
        byte[] copy = new byte[data.Length + ((PushVlan.Count - gone) * EthernetFrame.VlanTagLength)];
        data.AsSpan(0, 12).CopyTo(copy);
        DestinationMac?.GetAddressBytes().CopyTo(copy, 0);
        SourceMac?.GetAddressBytes().CopyTo(copy, 6);
        int at = 12 + (PushVlan.Count * EthernetFrame.VlanTagLength);
        data.AsSpan(rest).CopyTo(copy.AsSpan(at));
        if (Vlan is not null || (VlanPriority is not null && PushVlan.Count == 0))
        {
            if (kept > 0) WriteTag(copy.AsSpan(at + 2), Vlan, VlanPriority);
            else if (!SkipMissing) throw Missing("The packet has no VLAN tag that could be changed", "use -PushVlan to add one, or -Force to change what it does have");
        }

        for (int i = 0; i < PushVlan.Count; i++)
        {
            Span<byte> tag = copy.AsSpan(12 + (i * EthernetFrame.VlanTagLength));
            BinaryPrimitives.WriteUInt16BigEndian(tag, i < PushVlan.Count - 1 || kept > 0 ? EthernetFrame.ServiceVlan : EthernetFrame.Vlan);
            WriteTag(tag[2..], PushVlan[i], VlanPriority);
        }

        return copy;
    }

    private static void WriteTag(Span<byte> tag, ushort? id, byte? priority)
    {
        int value = BinaryPrimitives.ReadUInt16BigEndian(tag);
        if (id is { } newId) value = (value & 0xf000) | (newId & 0xfff);
        if (priority is { } newPriority) value = (value & 0x1fff) | (newPriority << 13);
        BinaryPrimitives.WriteUInt16BigEndian(tag, (ushort)value);
    }

    private byte[] ReplacePayload(FrameLayout old, byte[] data, int moved, ReadOnlySpan<byte> payload, XskPacket packet)
    {
        PacketLayer? owner = old.Transport ?? old.Internet ?? old.Last;
        string? obstacle = packet.Truncated || old.Internet is { Truncated: true } ? "Only a part of the packet was kept, so that its payload cannot be replaced"
            : old.Internet is { IsFragment: true } ? "The packet is a fragment, so that its payload cannot be replaced"
            : old.Arp is not null ? "ARP has no payload that could be replaced"
            : owner is null || owner.Malformed || owner.IsHeaderCut ? "The packet's headers make no sense, so that its payload cannot be replaced"
            : null;
        if (obstacle is not null)
        {
            if (SkipMissing) return data;
            throw Missing(obstacle);
        }

        int begin = owner!.Offset + owner.HeaderLength + moved;
        if (old.Internet is not null && begin - (old.Internet.Offset + moved) + payload.Length - (old.Internet is IPv6Layer ? 40 : 0) > ushort.MaxValue)
            throw Missing($"A payload of {payload.Length} bytes would be longer than the packet's headers can say", "use a shorter one");
        byte[] copy = new byte[begin + payload.Length];
        data.AsSpan(0, begin).CopyTo(copy);
        payload.CopyTo(copy.AsSpan(begin));
        if (old.Internet is IPv4Layer) Word(copy, old.Internet.Offset + moved + 2, copy.Length - old.Internet.Offset - moved);
        else if (old.Internet is IPv6Layer) Word(copy, old.Internet.Offset + moved + 4, copy.Length - old.Internet.Offset - moved - 40);
        if (old.Transport is UdpLayer udp) Word(copy, udp.Offset + moved + 4, copy.Length - udp.Offset - moved);
        if (old.Internet is null && old.Last is EthernetLayer { Length: not null } or VlanLayer { Length: not null }) Word(copy, begin - 2, payload.Length);
        return copy;
    }

    private void EditHeaders(FrameLayout old, byte[] data, int moved)
    {
        if (old.Arp is { } arp)
        {
            EditAddress(data, arp.SenderProtocolAddress is null ? -1 : arp.Offset + moved + 8 + arp.HardwareLength!.Value, SourceAddress, 4);
            EditAddress(data, arp.TargetProtocolAddress is null ? -1 : arp.Offset + moved + 12 + (2 * arp.HardwareLength!.Value), DestinationAddress, 4);
        }
        else
        {
            int ip = old.Internet is null ? -1 : old.Internet.Offset + moved;
            bool isV6 = old.Internet is IPv6Layer;
            EditAddress(data, ip < 0 ? -1 : ip + (isV6 ? 8 : 12), SourceAddress, isV6 ? 16 : 4);
            EditAddress(data, ip < 0 ? -1 : ip + (isV6 ? 24 : 16), DestinationAddress, isV6 ? 16 : 4);
        }

        if (ChangesIP) EditInternet(old, data, moved);
        EditTransport(old, data, moved);
    }

    private void EditInternet(FrameLayout old, byte[] data, int moved)
    {
        int at = old.Internet is null ? 0 : old.Internet.Offset + moved;
        bool isV6 = old.Internet is IPv6Layer;
        if (old.Authenticated && !SkipMissing) throw Missing("The packet is authenticated (AH), which nobody but its sender can do anew", "use -Force to change it all the same");
        if (TimeToLive is { } ttl && Has(old.Internet, "IP header")) data[at + (isV6 ? 7 : 8)] = ttl;
        if (DifferentiatedServicesCodePoint is { } dscp && Has(old.Internet, "IP header"))
        {
            int word = BinaryPrimitives.ReadUInt16BigEndian(data.AsSpan(at));
            Word(data, at, isV6 ? (word & 0xf03f) | (dscp << 6) : (word & 0xff03) | (dscp << 2));
        }

        if (Identification is { } id && Has(old.Internet as IPv4Layer, "IPv4 header")) Word(data, at + 4, id);
    }

    private void EditTransport(FrameLayout old, byte[] data, int moved)
    {
        if (SourcePort is { } from && Has(old.Transport as TransportLayer, "UDP or TCP header", 2)) Word(data, old.Transport!.Offset + moved, from);
        if (DestinationPort is { } to && Has(old.Transport as TransportLayer, "UDP or TCP header", 4)) Word(data, old.Transport!.Offset + moved + 2, to);
        if (SequenceNumber is { } sequence)
        {
            if (old.IsEcho && Has(old.Transport, "echo message", 8))
            {
                if (sequence > ushort.MaxValue) throw Missing($"The sequence number of an echo message cannot be {sequence}", "use 65535 at most");
                Word(data, old.Transport!.Offset + moved + 6, (int)sequence);
            }
            else if (Has(old.Transport as TcpLayer, "TCP header or echo message", 8))
            {
                BinaryPrimitives.WriteUInt32BigEndian(data.AsSpan(old.Transport!.Offset + moved + 4), sequence);
            }
        }

        if (AcknowledgmentNumber is { } number && Has(old.Transport as TcpLayer, "TCP header", 12))
            BinaryPrimitives.WriteUInt32BigEndian(data.AsSpan(old.Transport!.Offset + moved + 8), number);
        if (Flags is { } flags && Has(old.Transport as TcpLayer, "TCP header", 14))
        {
            int at = old.Transport!.Offset + moved + 12;
            Word(data, at, (BinaryPrimitives.ReadUInt16BigEndian(data.AsSpan(at)) & 0xfe00) | ((int)flags & 0x1ff));
        }
    }

    private void EditAddress(byte[] data, int at, IPAddress? address, int length)
    {
        if (address is null) return;
        byte[] bytes = address.GetAddressBytes();
        if (at >= 0 && bytes.Length == length && at + length <= data.Length) bytes.CopyTo(data, at);
        else if (!SkipMissing)
            throw Missing($"The packet has no address of {(address.AddressFamily == AddressFamily.InterNetwork ? "IPv4" : "IPv6")} that {address} could take the place of");
    }

    /// <returns>Whether the layer and that many of its bytes are there; where what is missing is not to be skipped it throws.</returns>
    private bool Has(PacketLayer? layer, string what, int bytes = 0)
    {
        bool has = layer is not null && (bytes == 0 ? !layer.IsHeaderCut : layer.Available >= bytes);
        return has || SkipMissing ? has : throw Missing($"The packet has no {what}, or not enough of it was kept");
    }

    private static void Word(byte[] data, int at, int value) => BinaryPrimitives.WriteUInt16BigEndian(data.AsSpan(at), (ushort)value);
}
