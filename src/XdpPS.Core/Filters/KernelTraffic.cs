using System.Buffers.Binary;
using System.Net.NetworkInformation;

namespace XdpPS;

/// <summary>
/// What a host needs to stay reachable and to be mended from afar: ARP, neighbour and listener discovery, DHCP, SSH,
/// and ICMP to itself, behind up to two VLAN tags. The host is known by the hardware addresses of the interface and of
/// what is stacked on it: these outlive a change of its IP addresses.
/// </summary>
internal sealed class KernelTraffic
{
    internal const ushort SshPort = 22;

    private const int MostTags = 2;
    private const byte HopByHop = 0, Icmp = 1, IcmpV6 = 58;

    /// <summary>UDP, either side: DHCP (RFC 2131) and DHCPv6 (RFC 8415).</summary>
    private static readonly ushort[] DhcpPorts = [67, 68, 546, 547];

    private readonly ClassicAssembler code = new();
    private readonly ClassicAssembler.Label match = new();
    private readonly ClassicAssembler.Label noMatch = new();
    private readonly PhysicalAddress[] host;
    private readonly ushort[] sshPorts;

    private KernelTraffic(PhysicalAddress[] host, ushort[] sshPorts)
    {
        this.host = host;
        this.sshPorts = sshPorts;
    }

    /// <summary>A filter that leaves to the kernel of this host what it needs, whatever else it matches.</summary>
    /// <param name="filter">What to take; null for all the rest.</param>
    /// <param name="nic">The interface.</param>
    internal static PacketFilter LeaveOut(PacketFilter? filter, XdpInterface nic)
    {
        PacketFilter rest = Match(HostTraffic.HardwareAddresses(nic), [SshPort, HostTraffic.SshServerPort ?? SshPort]).Not();
        return filter is null ? rest : filter.And(rest);
    }

    internal static PacketFilter Match(IEnumerable<PhysicalAddress> host, IEnumerable<ushort> sshPorts)
    {
        PhysicalAddress[] addresses = [.. host.Where(address => address.GetAddressBytes().Length == 6).Distinct().OrderBy(address => address.ToString(), StringComparer.Ordinal)];
        return new PacketFilter("kernel traffic", new KernelTraffic(addresses, [.. sshPorts.Distinct().Order()]).Compile());
    }

    private ClassicInstruction[] Compile()
    {
        for (int tags = 0; tags <= MostTags; tags++) WriteBehind(tags);
        return code.Place(match).Return(1).Place(noMatch).Return(0).Assemble();
    }

    private void WriteBehind(int tags)
    {
        ClassicAssembler.Label ip4 = new(), ip6 = new(), tagged = new();
        int type = EthernetFrame.HeaderLength - 2 + (tags * EthernetFrame.VlanTagLength);
        code.Load(2, type)
            .JumpIf(ClassicJump.Equal, EthernetFrame.Arp, match)
            .JumpIf(ClassicJump.Equal, EthernetFrame.IPv4, ip4)
            .JumpIf(ClassicJump.Equal, EthernetFrame.IPv6, ip6);
        if (tags < MostTags)
        {
            code.JumpIf(ClassicJump.Equal, EthernetFrame.Vlan, tagged)
                .JumpIf(ClassicJump.Equal, EthernetFrame.ServiceVlan, tagged)
                .JumpIf(ClassicJump.Equal, EthernetFrame.OldServiceVlan, tagged);
        }

        code.Jump(noMatch);
        WriteIPv4(code.Place(ip4), type + 2);
        WriteIPv6(code.Place(ip6), type + 2);
        if (tags < MostTags) code.Place(tagged);
    }

    private void WriteIPv4(ClassicAssembler code, int network)
    {
        ClassicAssembler.Label tcp = new(), udp = new();
        code.Load(1, network + 9)
            .JumpIf(ClassicJump.Equal, FieldFilter.Tcp, tcp)
            .JumpIf(ClassicJump.Equal, FieldFilter.Udp, udp)
            .JumpIf(ClassicJump.Equal, Icmp, null, noMatch);
        WriteToHost();
        WritePorts(code.Place(tcp), sshPorts);
        WritePorts(code.Place(udp), DhcpPorts);

        void WritePorts(ClassicAssembler code, ushort[] ports)
        {
            // A later fragment has no ports.
            code.Load(2, network + 6).JumpIf(ClassicJump.Set, 0x1fff, noMatch).LoadHeaderLength(network);
            WriteAny(code.LoadIndirect(2, network), ports);
            WriteAny(code.LoadIndirect(2, network + 2), ports);
            code.Jump(noMatch);
        }
    }

    private void WriteIPv6(ClassicAssembler code, int network)
    {
        ClassicAssembler.Label tcp = new(), udp = new(), icmp = new(), toHost = new();
        int upper = network + 40;
        code.Load(1, network + 6)
            .JumpIf(ClassicJump.Equal, FieldFilter.Tcp, tcp)
            .JumpIf(ClassicJump.Equal, FieldFilter.Udp, udp)
            .JumpIf(ClassicJump.Equal, IcmpV6, icmp)
            .JumpIf(ClassicJump.Equal, HopByHop, null, noMatch);

        // Listener discovery has a Router Alert option before it: a header of 8 bytes (RFC 3810).
        code.Load(1, upper).JumpIf(ClassicJump.Equal, IcmpV6, null, noMatch)
            .Load(1, upper + 1).JumpIf(ClassicJump.Equal, 0, null, noMatch);
        WriteDiscovery(code.Load(1, upper + 8), noMatch);
        WriteDiscovery(code.Place(icmp).Load(1, upper), toHost);
        code.Place(toHost);
        WriteToHost();
        WritePorts(code.Place(tcp), sshPorts);
        WritePorts(code.Place(udp), DhcpPorts);

        void WritePorts(ClassicAssembler code, ushort[] ports)
        {
            WriteAny(code.Load(2, upper), ports);
            WriteAny(code.Load(2, upper + 2), ports);
            code.Jump(noMatch);
        }
    }

    /// <summary>ICMPv6 types 130 to 132 and 143, listener discovery, and 133 to 137, neighbour discovery.</summary>
    private void WriteDiscovery(ClassicAssembler loaded, ClassicAssembler.Label otherwise)
    {
        ClassicAssembler.Label outside = new();
        loaded.JumpIf(ClassicJump.Equal, 143, match)
            .JumpIf(ClassicJump.GreaterOrEqual, 130, null, outside)
            .JumpIf(ClassicJump.Greater, 137, outside, match)
            .Place(outside)
            .Jump(otherwise);
    }

    /// <summary>The frame is for one of the host's hardware addresses.</summary>
    private void WriteToHost()
    {
        foreach (PhysicalAddress address in host)
        {
            ClassicAssembler.Label other = new();
            byte[] bytes = address.GetAddressBytes();
            code.Load(4, 2).JumpIf(ClassicJump.Equal, BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(2)), null, other)
                .Load(2, 0).JumpIf(ClassicJump.Equal, BinaryPrimitives.ReadUInt16BigEndian(bytes), match)
                .Place(other);
        }

        code.Jump(noMatch);
    }

    private void WriteAny(ClassicAssembler loaded, ushort[] values)
    {
        foreach (ushort value in values) loaded.JumpIf(ClassicJump.Equal, value, match);
    }
}
