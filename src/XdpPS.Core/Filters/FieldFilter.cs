using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace XdpPS;

/// <summary>
/// Turns fields into classic BPF. What is loaded, and in which order where one of several may match, is what libpcap's
/// program for the same expression loads, so that the two agree on frames that are cut off as well.
/// </summary>
internal sealed class FieldFilter
{
    internal const byte Tcp = 6, Udp = 17, IPv6Fragment = 44, Sctp = 132;

    private readonly ClassicAssembler code = new();
    private readonly ClassicAssembler.Label match = new();
    private readonly ClassicAssembler.Label noMatch = new();
    private readonly PacketFields fields;
    private readonly List<IPNetwork> addresses4;
    private readonly List<IPNetwork> addresses6;
    private readonly ushort[] etherTypes;
    private readonly byte[] protocols;
    private readonly List<PortRange> ports;

    /// <summary>Where the EtherType is: behind a tag where one is asked for.</summary>
    private readonly int type;

    private FieldFilter(PacketFields fields)
    {
        this.fields = fields;
        addresses4 = [.. fields.Addresses.Where(network => network.BaseAddress.AddressFamily == AddressFamily.InterNetwork).Distinct()];
        addresses6 = [.. fields.Addresses.Where(network => network.BaseAddress.AddressFamily == AddressFamily.InterNetworkV6).Distinct()];
        etherTypes = [.. fields.EtherTypes.Distinct().Order()];
        protocols = [.. fields.IPProtocols.Distinct().Order()];
        ports = PortRange.Merge(fields.Ports);
        type = EthernetFrame.HeaderLength - 2 + (fields.Vlans is null ? 0 : EthernetFrame.VlanTagLength);
    }

    private int Network => type + 2;

    /// <exception cref="XskException">No field is given, or no packet can have them all.</exception>
    internal static ClassicInstruction[] Compile(PacketFields fields)
    {
        if (!fields.IsEmpty) return new FieldFilter(fields).Compile();
        throw XskException.FromCheck(
            XskErrorId.FilterSyntax, "A filter of no field says nothing", "give an EtherType, a protocol, a port, an address or a VLAN");
    }

    private ClassicInstruction[] Compile()
    {
        if (fields.Vlans is not null) WriteVlan([.. fields.Vlans.Distinct().Order()]);
        bool needsIP = protocols.Length > 0 || ports.Count > 0 || fields.Addresses.Count > 0;
        if (needsIP) WriteByType();
        else if (etherTypes.Length > 0) WriteEtherTypes();
        else code.Jump(match);
        return code.Place(match).Return(1).Place(noMatch).Return(0).Assemble();
    }

    private void WriteVlan(ushort[] ids)
    {
        ClassicAssembler.Label tagged = new(), wanted = new();
        code.Load(2, EthernetFrame.HeaderLength - 2)
            .JumpIf(ClassicJump.Equal, EthernetFrame.Vlan, tagged)
            .JumpIf(ClassicJump.Equal, EthernetFrame.ServiceVlan, tagged)
            .JumpIf(ClassicJump.Equal, EthernetFrame.OldServiceVlan, tagged, noMatch)
            .Place(tagged);
        if (ids.Length == 0) return;
        code.Load(2, EthernetFrame.HeaderLength).And(0xfff);
        foreach (ushort id in ids) code.JumpIf(ClassicJump.Equal, id, wanted);
        code.Jump(noMatch).Place(wanted);
    }

    private void WriteEtherTypes()
    {
        code.Load(2, type);
        foreach (ushort etherType in etherTypes) code.JumpIf(ClassicJump.Equal, etherType, match);
        code.Jump(noMatch);
    }

    /// <summary>A way for each EtherType that has what is asked for: a frame goes one of them.</summary>
    private void WriteByType()
    {
        bool onlyAddresses = protocols.Length == 0 && ports.Count == 0;
        bool portsHaveProtocol = ports.Count == 0 || protocols.Length == 0 || protocols.Any(protocol => protocol is Tcp or Udp or Sctp);
        List<(ushort Type, ClassicAssembler.Label Place, Action Write)> ways = [];
        bool any4 = fields.Addresses.Count == 0 || addresses4.Count > 0, any6 = fields.Addresses.Count == 0 || addresses6.Count > 0;
        if (any4 && portsHaveProtocol) Add(EthernetFrame.IPv4, WriteIPv4);
        if (any6 && portsHaveProtocol) Add(EthernetFrame.IPv6, WriteIPv6);
        // As in tcpdump's "host" and "net": sender and target of ARP and RARP count.
        if (any4 && onlyAddresses) Add(EthernetFrame.Arp, WriteArp);
        if (any4 && onlyAddresses) Add(EthernetFrame.Rarp, WriteArp);
        if (ways.Count == 0)
        {
            throw XskException.FromCheck(
                XskErrorId.FilterSyntax,
                $"No packet can be '{PacketFilter.Shorten(fields.Expression)}': these fields exclude each other",
                "ports are in TCP, UDP and SCTP, protocols in IPv4 and IPv6, addresses there and in ARP");
        }

        code.Load(2, type);
        foreach ((ushort wanted, ClassicAssembler.Label place, _) in ways) code.JumpIf(ClassicJump.Equal, wanted, place);
        code.Jump(noMatch);
        foreach ((_, ClassicAssembler.Label place, Action write) in ways)
        {
            code.Place(place);
            write();
            code.Jump(match);
        }

        void Add(ushort wanted, Action write)
        {
            if (etherTypes.Length == 0 || etherTypes.Contains(wanted)) ways.Add((wanted, new ClassicAssembler.Label(), write));
        }
    }

    private void WriteIPv4()
    {
        if (protocols.Length > 0) WriteProtocols();
        if (ports.Count > 0)
        {
            WritePortProtocols(Network + 9);
            code.Load(2, Network + 6).JumpIf(ClassicJump.Set, 0x1fff, noMatch).LoadHeaderLength(Network);
            WritePorts(offset => code.LoadIndirect(2, Network + offset));
        }

        if (addresses4.Count > 0) WriteAddresses(addresses4, Network + 12, Network + 16);
    }

    private void WriteIPv6()
    {
        if (protocols.Length > 0) WriteNextHeaders();
        if (ports.Count > 0)
        {
            WritePortProtocols(Network + 6);
            WritePorts(offset => code.Load(2, Network + 40 + offset));
        }

        if (addresses6.Count > 0) WriteAddresses(addresses6, Network + 8, Network + 24);
    }

    private void WriteArp() => WriteAddresses(addresses4, Network + 14, Network + 24);

    private void WriteProtocols()
    {
        ClassicAssembler.Label found = new();
        code.Load(1, Network + 9);
        foreach (byte protocol in protocols) code.JumpIf(ClassicJump.Equal, protocol, found);
        code.Jump(noMatch).Place(found);
    }

    /// <summary>The protocol follows the IPv6 header, or a fragment header behind that.</summary>
    private void WriteNextHeaders()
    {
        ClassicAssembler.Label found = new();
        code.Load(1, Network + 6);
        if (protocols[0] == IPv6Fragment) code.JumpIf(ClassicJump.Equal, IPv6Fragment, found);
        foreach (byte protocol in protocols.Where(protocol => protocol != IPv6Fragment)) code.JumpIf(ClassicJump.Equal, protocol, found);
        code.JumpIf(ClassicJump.Equal, IPv6Fragment, null, noMatch).Load(1, Network + 40);
        foreach (byte protocol in protocols.Where(_ => !protocols.Contains(IPv6Fragment))) code.JumpIf(ClassicJump.Equal, protocol, found);
        code.Jump(protocols.Contains(IPv6Fragment) ? found : noMatch).Place(found);
    }

    private void WritePortProtocols(int offset)
    {
        ClassicAssembler.Label found = new();
        code.Load(1, offset)
            .JumpIf(ClassicJump.Equal, Sctp, found)
            .JumpIf(ClassicJump.Equal, Tcp, found)
            .JumpIf(ClassicJump.Equal, Udp, found, noMatch)
            .Place(found);
    }

    /// <summary>For each range the source port, then the destination port.</summary>
    private void WritePorts(Action<int> load)
    {
        ClassicAssembler.Label found = new();
        foreach (PortRange range in ports)
        {
            foreach (int offset in (int[])[0, 2])
            {
                load(offset);
                if (range.First == range.Last)
                {
                    code.JumpIf(ClassicJump.Equal, range.First, found);
                    continue;
                }

                ClassicAssembler.Label outside = new();
                code.JumpIf(ClassicJump.GreaterOrEqual, range.First, null, outside)
                    .JumpIf(ClassicJump.Greater, range.Last, outside, found)
                    .Place(outside);
            }
        }

        code.Jump(noMatch).Place(found);
    }

    private void WriteAddresses(List<IPNetwork> networks, int source, int destination)
    {
        ClassicAssembler.Label found = new();
        foreach (IPNetwork network in networks)
        {
            foreach (int offset in (int[])[source, destination])
            {
                ClassicAssembler.Label other = new();
                WritePrefix(network, offset, other);
                code.Jump(found).Place(other);
            }
        }

        code.Jump(noMatch).Place(found);
    }

    /// <summary>Goes on where the address at an offset has the prefix, word by word as far as that reaches.</summary>
    private void WritePrefix(IPNetwork network, int offset, ClassicAssembler.Label other)
    {
        byte[] bytes = network.BaseAddress.GetAddressBytes();
        for (int word = 0; word * 32 < network.PrefixLength; word++)
        {
            int bits = Math.Min(32, network.PrefixLength - (word * 32));
            code.Load(4, offset + (word * 4));
            if (bits < 32) code.And(uint.MaxValue << (32 - bits));
            code.JumpIf(ClassicJump.Equal, BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(word * 4)), null, other);
        }
    }
}
