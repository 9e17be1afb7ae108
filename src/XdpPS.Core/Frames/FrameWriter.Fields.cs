using System.Buffers.Binary;
using System.Net.NetworkInformation;

namespace XdpPS;

/// <content>Fields: their values checked, and where they vary noted.</content>
internal sealed partial class FrameWriter
{
    internal static XskException Refused(string cause, string remedy) => XskException.FromCheck(XskErrorId.FrameFieldInvalid, cause, remedy);

    private void CheckAddresses()
    {
        if (plan.Protocol == FrameProtocol.Ethernet) return;
        FieldSequence source = plan.SourceAddress ?? throw Refused("There is no source address", "give -SourceAddress");
        FieldSequence destination = plan.DestinationAddress ?? throw Refused("There is no destination address", "give -DestinationAddress");
        if (source.Kind != destination.Kind)
            throw Refused($"The source {source} and the destination {destination} are not of one IP version", "give two IPv4 or two IPv6 addresses");
        if (plan.Protocol == FrameProtocol.Arp && source.Kind != FieldKind.IPv4)
            throw Refused("ARP is for IPv4 addresses alone", "give IPv4 addresses; IPv6 has neighbour discovery instead");
    }

    /// <summary>The group's or the broadcast address, where the destination is known to have one.</summary>
    private FieldSequence DefaultDestination()
    {
        FieldSequence broadcast = FieldSequence.FromMacs(FrameBuilder.Broadcast);
        if (plan.Protocol == FrameProtocol.Arp && plan.Operation == ArpOperation.Request) return broadcast;
        if (plan.DestinationAddress is { IsVarying: false } to && IsIP)
        {
            UInt128 address = to.First;
            // RFC 1112, 6.4, and RFC 2464, 7.
            if (to.Kind == FieldKind.IPv4 && address == uint.MaxValue) return broadcast;
            if (to.Kind == FieldKind.IPv4 && (uint)address >> 28 == 14) return Mac(0x01005e000000 | ((ulong)address & 0x7fffff));
            if (to.Kind == FieldKind.IPv6 && address >> 120 == 0xff) return Mac(0x333300000000 | ((ulong)address & 0xffffffff));
        }

        throw Refused("There is no destination MAC address, and nothing here asks for it by ARP", "give -DestinationMac: that of the next hop, which 'ip neigh' shows");
    }

    private static FieldSequence Mac(ulong number)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, number);
        return FieldSequence.FromMacs(new PhysicalAddress(bytes[2..].ToArray()));
    }

    /// <summary>Writes a field that has one value, and notes one that has several.</summary>
    private void Put(string name, FieldSequence values, int bits, FieldKind kind, int checksums, params int[] offsets)
    {
        if (values.Kind != kind) throw Refused($"{name} cannot be {values}", $"give {KindText(kind)}");
        UInt128 limit = bits == 128 ? UInt128.MaxValue : (UInt128.One << bits) - 1;
        if (values.Largest > limit) throw Refused($"{name} cannot be {values.Largest}", $"use 0 to {limit}");
        FieldPlace[] places = [.. offsets.Select(offset => new FieldPlace(offset, bits, checksums))];
        if (values.IsVarying) fields.Add(new FrameField(name, values, places));
        else foreach (FieldPlace place in places) place.Write(frame, values.First);
    }

    private static string KindText(FieldKind kind) => kind switch
    {
        FieldKind.Mac => "MAC addresses",
        FieldKind.IPv4 => "IPv4 addresses",
        FieldKind.IPv6 => "IPv6 addresses",
        _ => "numbers",
    };

    private void Word(int at, ushort value) => BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(at), value);
}
