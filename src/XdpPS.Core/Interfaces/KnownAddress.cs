using System.Buffers.Binary;
using System.Net;
using System.Net.NetworkInformation;
using XdpPS.Interop;

namespace XdpPS;

/// <summary>An address that the kernel knows: one of its own, or that of a neighbour it has talked to (ARP, neighbour discovery).</summary>
/// <param name="InterfaceName">The interface that has it, or behind which the neighbour is.</param>
/// <param name="Mac">The hardware address.</param>
/// <param name="Address">The IP address; null for an interface that has none.</param>
/// <param name="IsOwn">It is this host's.</param>
public sealed record KnownAddress(string InterfaceName, PhysicalAddress Mac, IPAddress? Address, bool IsOwn)
{
    /// <summary>This host's addresses, in the order of its interfaces, and then those of its neighbours. Needs no privilege.</summary>
    /// <param name="networkNamespace">A name that <c>ip netns</c> lists, or a path; null for this process's.</param>
    /// <exception cref="XskException">The kernel cannot be asked, or this process may not enter the namespace.</exception>
    public static IReadOnlyList<KnownAddress> GetAll(string? networkNamespace = null) => NetworkNamespace.RunIn(networkNamespace, () =>
    {
        using NetlinkSocket netlink = new(NetlinkAbi.NETLINK_ROUTE);
        List<XdpInterface> interfaces = LinkQuery.All(netlink, brief: true);
        List<KnownAddress> known = [.. Own(netlink, interfaces)];
        known.AddRange(Neighbours(netlink, interfaces));
        return known;
    });

    /// <returns>The addresses, and whose they are.</returns>
    public override string ToString() => $"{(Address is null ? "" : $"{Address}, ")}{(IsOwn ? "of this host" : "a neighbour")} on {InterfaceName}";

    private static IEnumerable<KnownAddress> Own(NetlinkSocket netlink, List<XdpInterface> interfaces)
    {
        List<(int Index, IPAddress Address)> addresses = HostTraffic.Addresses(netlink);
        foreach (XdpInterface nic in interfaces)
        {
            bool any = false;
            foreach (IPAddress address in addresses.Where(one => one.Index == nic.Index).Select(one => one.Address))
            {
                any = true;
                yield return new KnownAddress(nic.Name, nic.MacAddress, address, true);
            }

            if (!any) yield return new KnownAddress(nic.Name, nic.MacAddress, null, true);
        }
    }

    /// <summary>struct ndmsg has the interface at byte 4 and the state at 8; the entries of NUD_NOARP are groups.</summary>
    private static List<KnownAddress> Neighbours(NetlinkSocket netlink, List<XdpInterface> interfaces)
    {
        List<KnownAddress> found = [];
        Span<byte> header = stackalloc byte[12];
        header.Clear();
        netlink.Ask(new NetlinkRequest(NetlinkAbi.RTM_GETNEIGH, NetlinkAbi.NLM_F_DUMP, header), dump: true, (_, payload) =>
        {
            int index = BinaryPrimitives.ReadInt32LittleEndian(payload[4..]);
            if ((BinaryPrimitives.ReadUInt16LittleEndian(payload[8..]) & NetlinkAbi.NUD_NOARP) != 0) return;
            IPAddress? address = null;
            PhysicalAddress? mac = null;
            NetlinkAttributes attributes = new(payload[12..]);
            while (attributes.Next())
            {
                if (attributes.Type == NetlinkAbi.NDA_DST && attributes.Value.Length is 4 or 16) address = new IPAddress(attributes.Value);
                if (attributes.Type == NetlinkAbi.NDA_LLADDR && attributes.Value.Length == 6) mac = new PhysicalAddress(attributes.Value.ToArray());
            }

            if (address is not null && mac is not null && interfaces.Find(nic => nic.Index == index) is { } nic)
                found.Add(new KnownAddress(nic.Name, mac, address, false));
        });
        return found;
    }
}
