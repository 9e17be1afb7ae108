using System.Buffers.Binary;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace XdpPS;

/// <summary>Whether a filter takes the packets by which a host and its neighbours find each other: ARP (RFC 826) and neighbour discovery (RFC 4861).</summary>
internal static class AddressResolution
{
    private static readonly PhysicalAddress Stranger = new([0x02, 0, 0, 0, 0, 0xfe]);
    private static readonly PhysicalAddress Broadcast = new([0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);

    private const byte IcmpV6 = 58, Solicitation = 135, Advertisement = 136;

    /// <returns>"ARP", "neighbour discovery" or both, as a message has it; null where the filter leaves them to the kernel.</returns>
    internal static string? TakenBy(PacketFilter filter, XdpInterface nic)
    {
        BpfInterpreter program = new(XdpProgram.Verdict(filter));
        bool arp = false, discovery = false;
        foreach (HostTraffic.Neighbour neighbour in HostTraffic.Neighbours(nic))
        {
            bool isV4 = neighbour.Own.AddressFamily == AddressFamily.InterNetwork;
            if (isV4 ? arp : discovery) continue;
            bool taken = ToHost(neighbour).Any(frame => program.Matches(frame) || (neighbour.Vlan is { } vlan && program.Matches(Tagged(frame, vlan))));
            if (isV4) arp = taken;
            else discovery = taken;
        }

        return (arp, discovery) switch
        {
            (true, true) => "ARP and neighbour discovery",
            (true, false) => "ARP",
            (false, true) => "neighbour discovery",
            _ => null,
        };
    }

    /// <summary>What arrives: a neighbour asks for the host, and it answers the host. Checksums are left out, since no filter checks them.</summary>
    internal static IEnumerable<byte[]> ToHost(HostTraffic.Neighbour neighbour)
    {
        byte[] own = neighbour.Own.GetAddressBytes(), other = neighbour.Other.GetAddressBytes();
        PhysicalAddress mac = neighbour.Mac.GetAddressBytes().Length == Stranger.GetAddressBytes().Length ? neighbour.Mac : Stranger;
        if (neighbour.Own.AddressFamily == AddressFamily.InterNetwork)
        {
            yield return Arp(Broadcast, 1, other, default, own);
            yield return Arp(mac, 2, other, mac.GetAddressBytes(), own);
            yield break;
        }

        // The solicited-node multicast address (RFC 4291, 2.7.1), and the hardware address for it (RFC 2464, 7).
        byte[] group = [0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, .. own[13..]];
        yield return Discovery(new PhysicalAddress([0x33, 0x33, .. group[12..]]), Solicitation, other, group, own, 1);
        yield return Discovery(mac, Solicitation, other, own, own, 1);
        yield return Discovery(mac, Advertisement, other, own, other, 2);
    }

    internal static byte[] Tagged(byte[] frame, ushort vlan) =>
        [.. frame[..12], EthernetFrame.Vlan >> 8, EthernetFrame.Vlan & 0xff, (byte)(vlan >> 8), (byte)vlan, .. frame[12..]];

    private static byte[] Arp(PhysicalAddress to, byte operation, byte[] sender, ReadOnlySpan<byte> targetMac, byte[] target)
    {
        byte[] frame = Frame(to, EthernetFrame.Arp, 28);
        Span<byte> body = frame.AsSpan(EthernetFrame.HeaderLength);
        ReadOnlySpan<byte> ethernetAndIPv4 = [0, 1, 8, 0, 6, 4, 0];
        ethernetAndIPv4.CopyTo(body);
        body[7] = operation;
        Stranger.GetAddressBytes().CopyTo(body[8..]);
        sender.CopyTo(body[14..]);
        targetMac.CopyTo(body[18..]);
        target.CopyTo(body[24..]);
        return frame;
    }

    private static byte[] Discovery(PhysicalAddress to, byte type, byte[] source, byte[] destination, byte[] target, byte option)
    {
        byte[] frame = Frame(to, EthernetFrame.IPv6, 40 + 32);
        Span<byte> body = frame.AsSpan(EthernetFrame.HeaderLength);
        body[0] = 0x60;
        body[5] = 32;
        body[6] = IcmpV6;
        body[7] = 255;
        source.CopyTo(body[8..]);
        destination.CopyTo(body[24..]);
        body[40] = type;
        target.CopyTo(body[48..]);
        body[64] = option;
        body[65] = 1;
        Stranger.GetAddressBytes().CopyTo(body[66..]);
        return frame;
    }

    private static byte[] Frame(PhysicalAddress to, ushort type, int length)
    {
        byte[] frame = new byte[EthernetFrame.HeaderLength + length];
        to.GetAddressBytes().CopyTo(frame, 0);
        Stranger.GetAddressBytes().CopyTo(frame, 6);
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(12), type);
        return frame;
    }
}
