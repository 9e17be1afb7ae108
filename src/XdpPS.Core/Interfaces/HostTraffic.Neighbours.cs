using System.Buffers.Binary;
using System.Net;
using System.Net.NetworkInformation;
using XdpPS.Interop;

namespace XdpPS;

/// <content>Who finds the host on an interface, and by which addresses.</content>
internal static partial class HostTraffic
{
    /// <param name="Mac">The hardware address by which the host is found.</param>
    /// <param name="Own">The host's address.</param>
    /// <param name="Other">One of the same network: a gateway, or the next number.</param>
    /// <param name="Vlan">The tag that such packets have, unless the interface takes it out; null for none.</param>
    internal readonly record struct Neighbour(PhysicalAddress Mac, IPAddress Own, IPAddress Other, ushort? Vlan);

    internal static List<Neighbour> Neighbours(XdpInterface nic)
    {
        using NetlinkSocket netlink = new(NetlinkAbi.NETLINK_ROUTE);
        List<XdpInterface> all = LinkQuery.All(netlink, brief: true);
        HashSet<int> affected = WithUppers(nic, all);
        List<(int Index, IPAddress Address)> gateways = Gateways(netlink);
        List<Neighbour> found = [];
        foreach ((int index, IPAddress own) in Addresses(netlink))
        {
            if (!affected.Contains(index) || all.Find(one => one.Index == index) is not { } holder) continue;
            foreach (IPAddress gateway in gateways.Where(one => one.Index == index && one.Address.AddressFamily == own.AddressFamily).Select(one => one.Address))
                found.Add(new Neighbour(holder.MacAddress, own, gateway, holder.VlanId));
            found.Add(new Neighbour(holder.MacAddress, own, Next(own), holder.VlanId));
        }

        return found;
    }

    private static IPAddress Next(IPAddress address)
    {
        byte[] bytes = address.GetAddressBytes();
        bytes[^1] ^= 1;
        return new IPAddress(bytes);
    }

    internal static List<(int Index, IPAddress Address)> Addresses(NetlinkSocket netlink)
    {
        List<(int, IPAddress)> addresses = [];
        Span<byte> header = stackalloc byte[8];
        header.Clear();
        netlink.Ask(new NetlinkRequest(NetlinkAbi.RTM_GETADDR, NetlinkAbi.NLM_F_DUMP, header), dump: true, (_, payload) =>
        {
            IPAddress? own = null;
            NetlinkAttributes attributes = new(payload[8..]);
            while (attributes.Next())
            {
                // Of a point-to-point link IFA_ADDRESS is the other end; where there is no IFA_LOCAL it is the host's own.
                if (attributes.Type == NetlinkAbi.IFA_LOCAL || (attributes.Type == NetlinkAbi.IFA_ADDRESS && own is null)) own = Address(attributes.Value);
            }

            if (own is not null) addresses.Add((BinaryPrimitives.ReadInt32LittleEndian(payload[4..]), own));
        });
        return addresses;
    }

    private static List<(int Index, IPAddress Address)> Gateways(NetlinkSocket netlink)
    {
        List<(int, IPAddress)> gateways = [];
        Span<byte> header = stackalloc byte[12];
        header.Clear();
        netlink.Ask(new NetlinkRequest(NetlinkAbi.RTM_GETROUTE, NetlinkAbi.NLM_F_DUMP, header), dump: true, (_, payload) =>
        {
            int index = 0;
            IPAddress? gateway = null;
            NetlinkAttributes attributes = new(payload[12..]);
            while (attributes.Next())
            {
                if (attributes.Type == NetlinkAbi.RTA_OIF) index = (int)attributes.UInt32;
                if (attributes.Type == NetlinkAbi.RTA_GATEWAY) gateway = Address(attributes.Value);
            }

            if (gateway is not null) gateways.Add((index, gateway));
        });
        return gateways;
    }

    private static IPAddress? Address(ReadOnlySpan<byte> value) => value.Length is 4 or 16 ? new IPAddress(value) : null;
}
