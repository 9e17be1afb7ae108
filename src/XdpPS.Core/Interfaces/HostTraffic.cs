using System.Buffers.Binary;
using System.Net;
using System.Net.NetworkInformation;
using XdpPS.Interop;

namespace XdpPS;

/// <summary>Finds out whether the host itself lives on an interface: a default route, or the SSH session we run in.</summary>
internal static partial class HostTraffic
{
    private const byte RouteTypeUnicast = 1;

    /// <returns>Why taking every packet of <paramref name="nic"/> would cut the host off, or null.</returns>
    internal static string? WhyNeeded(XdpInterface nic)
    {
        using NetlinkSocket netlink = new(NetlinkAbi.NETLINK_ROUTE);
        HashSet<int> affected = WithUppers(nic, LinkQuery.All(netlink, brief: true));
        if (HaveAny(DefaultRouteInterfaces(netlink), affected)) return $"it carries a default route of {nic.Home}";
        IPAddress? session = SshServer()?.Address;
        if (session is not null && HaveAny(AddressInterfaces(netlink, session), affected))
            return $"it carries this SSH session's address {session}";
        return null;
    }

    /// <summary>The hardware addresses by which the host is reached through an interface: its own, and those of what is stacked on it.</summary>
    internal static IEnumerable<PhysicalAddress> HardwareAddresses(XdpInterface nic)
    {
        using NetlinkSocket netlink = new(NetlinkAbi.NETLINK_ROUTE);
        List<XdpInterface> all = LinkQuery.All(netlink, brief: true);
        HashSet<int> affected = WithUppers(nic, all);
        return [.. all.Where(other => affected.Contains(other.Index)).Select(other => other.MacAddress)];
    }

    /// <summary>The port at which the SSH session that we run in reached this host, or null.</summary>
    internal static ushort? SshServerPort => (ushort?)SshServer()?.Port;

    /// <summary>The interface and all that is stacked on it: its bridge or bond, and VLANs over any of them.</summary>
    internal static HashSet<int> WithUppers(XdpInterface nic, List<XdpInterface> all)
    {
        HashSet<int> affected = [nic.Index];
        bool grown = true;
        while (grown)
        {
            grown = false;
            foreach (XdpInterface other in all)
            {
                if (affected.Contains(other.Index) && other.MasterIndex != 0) grown |= affected.Add(other.MasterIndex);
                if (IsStacked(other) && affected.Contains(other.LowerIndex)) grown |= affected.Add(other.Index);
            }
        }

        return affected;
    }

    /// <summary>The interface and all that it is stacked on, by the same relations.</summary>
    internal static HashSet<int> WithLowers(XdpInterface nic, List<XdpInterface> all)
    {
        HashSet<int> below = [nic.Index];
        bool grown = true;
        while (grown)
        {
            grown = false;
            foreach (XdpInterface other in all)
            {
                if (below.Contains(other.MasterIndex)) grown |= below.Add(other.Index);
                if (IsStacked(other) && other.LowerIndex != 0 && below.Contains(other.Index)) grown |= below.Add(other.LowerIndex);
            }
        }

        return below;
    }

    /// <summary>On one of its own network namespace.</summary>
    private static bool IsStacked(XdpInterface nic) => nic.Kind is "vlan" or "macvlan" or "ipvlan" or "macvtap" && nic.LowerNamespaceNumber is null;

    // HashSet<int>.Overlaps is compiled by no one ahead of time, and this is on the way of every socket that is opened.
    private static bool HaveAny(HashSet<int> interfaces, HashSet<int> affected)
    {
        foreach (int index in interfaces)
        {
            if (affected.Contains(index)) return true;
        }

        return false;
    }

    private static HashSet<int> DefaultRouteInterfaces(NetlinkSocket netlink)
    {
        HashSet<int> interfaces = [];
        HashSet<int> nextHops = [];
        Span<byte> header = stackalloc byte[12];
        header.Clear();
        netlink.Ask(new NetlinkRequest(NetlinkAbi.RTM_GETROUTE, NetlinkAbi.NLM_F_DUMP, header), dump: true, (_, payload) =>
        {
            // struct rtmsg: family, dst_len, src_len, tos, table, protocol, scope, type, flags.
            // In any table, for a rule may lead there; and two halves of the address space are a default route too.
            if (payload[1] > 1 || payload[7] != RouteTypeUnicast) return;
            NetlinkAttributes attributes = new(payload[12..]);
            while (attributes.Next())
            {
                if (attributes.Type == NetlinkAbi.RTA_OIF) interfaces.Add((int)attributes.UInt32);
                if (attributes.Type == NetlinkAbi.RTA_MULTIPATH) AddNextHops(attributes.Value, interfaces);
                if (attributes.Type == NetlinkAbi.RTA_NH_ID) nextHops.Add((int)attributes.UInt32);
            }
        });
        // Without net.ipv4.nexthop_compat_mode a route names its next hop object and nothing else.
        foreach (int nextHop in nextHops) AddNextHop(netlink, (uint)nextHop, interfaces);
        return interfaces;
    }

    /// <summary>struct rtnexthop: u16 length, u8 flags, u8 hops, s32 interface index, attributes.</summary>
    private static void AddNextHops(ReadOnlySpan<byte> hops, HashSet<int> interfaces)
    {
        while (hops.Length >= 8)
        {
            interfaces.Add(BinaryPrimitives.ReadInt32LittleEndian(hops[4..]));
            int length = NetlinkRequest.Align(BinaryPrimitives.ReadUInt16LittleEndian(hops));
            if (length < 8 || length > hops.Length) return;
            hops = hops[length..];
        }
    }

    private static void AddNextHop(NetlinkSocket netlink, uint id, HashSet<int> interfaces)
    {
        List<uint> members = [];
        Span<byte> header = stackalloc byte[8];
        header.Clear();
        netlink.Ask(new NetlinkRequest(NetlinkAbi.RTM_GETNEXTHOP, 0, header).Add(NetlinkAbi.NHA_ID, id), dump: false, (_, payload) =>
        {
            NetlinkAttributes attributes = new(payload[8..]);
            while (attributes.Next())
            {
                if (attributes.Type == NetlinkAbi.NHA_OIF) interfaces.Add((int)attributes.UInt32);
                // struct nexthop_grp: u32 id, u8 weight, 3 bytes reserved.
                for (int i = 0; attributes.Type == NetlinkAbi.NHA_GROUP && i + 8 <= attributes.Value.Length; i += 8)
                    members.Add(BinaryPrimitives.ReadUInt32LittleEndian(attributes.Value[i..]));
            }
        });
        // The members of a group are no groups themselves (nh_check_attr_group).
        foreach (uint member in members) AddNextHop(netlink, member, interfaces);
    }

    private static HashSet<int> AddressInterfaces(NetlinkSocket netlink, IPAddress address)
    {
        HashSet<int> interfaces = [];
        byte[] wanted = address.GetAddressBytes();
        Span<byte> header = stackalloc byte[8];
        header.Clear();
        netlink.Ask(new NetlinkRequest(NetlinkAbi.RTM_GETADDR, NetlinkAbi.NLM_F_DUMP, header), dump: true, (_, payload) =>
        {
            int index = BinaryPrimitives.ReadInt32LittleEndian(payload[4..]);
            NetlinkAttributes attributes = new(payload[8..]);
            while (attributes.Next())
            {
                bool local = attributes.Type is NetlinkAbi.IFA_ADDRESS or NetlinkAbi.IFA_LOCAL;
                if (local && attributes.Value.SequenceEqual(wanted)) interfaces.Add(index);
            }
        });
        return interfaces;
    }

    /// <summary>
    /// The third and fourth word of SSH_CONNECTION. sudo and su drop it, so that the ancestors' environments are read too,
    /// as far as this process may.
    /// </summary>
    private static IPEndPoint? SshServer()
    {
        if (Parse(Environment.GetEnvironmentVariable("SSH_CONNECTION")) is { } own) return own;
        int process = Environment.ProcessId;
        while (process > 1)
        {
            string? entry = Array.Find(
                // An ancestor of another user keeps its environment to itself.
                ProcessDescriptors.Read($"/proc/{process}/environ").Split('\0'),
                line => line.StartsWith("SSH_CONNECTION=", StringComparison.Ordinal));
            if (Parse(entry?[15..]) is { } found) return found;
            string status = ProcessDescriptors.Read($"/proc/{process}/stat");
            string[] fields = status[Math.Min(status.Length, status.LastIndexOf(')') + 2)..].Split(' ');
            if (fields.Length < 2 || !int.TryParse(fields[1], out process)) return null;
        }

        return null;

        static IPEndPoint? Parse(string? connection)
        {
            string[] words = connection?.Split(' ') ?? [];
            return words.Length == 4 && IPAddress.TryParse(words[2], out IPAddress? address) && ushort.TryParse(words[3], out ushort port)
                ? new IPEndPoint(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address, port)
                : null;
        }
    }
}
