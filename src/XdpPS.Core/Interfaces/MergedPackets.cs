using XdpPS.Interop;

namespace XdpPS;

/// <summary>
/// What has merged packets before a program in generic mode gets them: they come to the socket as one, or, where they are
/// longer than a frame, the kernel drops them. GRO of the interface itself does not: the kernel leaves that out while there
/// is such a program (netif_elide_gro, include/linux/netdevice.h), and switches LRO and hardware GRO off for it
/// (generic_xdp_install, net/core/dev.c).
/// </summary>
internal static class MergedPackets
{
    private const string Unsegmented = "tso off gso off tx-udp-segmentation off";

    /// <param name="nic">Where the program runs.</param>
    /// <param name="dropsLong">What is longer than a frame is dropped: multi-buffer sockets take it in several.</param>
    /// <returns>Which packets these are, what to run, and whether it is known; null where there are none such.</returns>
    internal static (string Cause, string Remedy, bool Certain)? WhyMerged(XdpInterface nic, bool dropsLong = true)
    {
        bool certain = false;
        List<string> which = [];
        List<string> commands = [];
        foreach (XdpInterface one in Below(nic).Prepend(nic))
        {
            if (one.Index != nic.Index && one.XdpMode != XdpMode.Generic && Ethtool.GetFeatures(one.Name)?.Contains("rx-gro") == true)
                Add($"GRO has merged on {one.Name}", one.Command($"ethtool -K {one.Name} gro off"));
            if (one.IsLoopback && LeavesUnsegmented(one)) AddSender(one);
            if (one.Kind != "veth") continue;
            if (VethPeer.Ask(one, end => new Peer(end, LeavesUnsegmented(end))) is not { } peer)
                Add($"the other end of {one.Name} may have left unsegmented", $"ethtool -K <peer> {Unsegmented}", known: false);
            else if (peer.LeavesUnsegmented)
                AddSender(peer.Nic);
        }

        if (which.Count == 0) return null;
        string dropped = dropsLong ? ", or, where they are longer than a frame, not at all" : "";
        return ($"packets that {string.Join(", or that ", which)} come to a socket on {nic.Name} merged{dropped}", string.Join("; ", commands), certain);

        void Add(string what, string command, bool known = true)
        {
            certain |= known;
            which.Add(what);
            commands.Add(command);
        }

        void AddSender(XdpInterface sender) => Add($"{sender.Name} has left unsegmented (TSO, GSO)", sender.Command($"ethtool -K {sender.Name} {Unsegmented}"));
    }

    /// <summary>There is no wire on which the packets would have to be short.</summary>
    private static bool LeavesUnsegmented(XdpInterface sender) =>
        Ethtool.GetFeatures(sender.Name) is { } on && (on.Contains("tx-tcp-segmentation") || on.Contains("tx-tcp6-segmentation") || on.Contains("tx-udp-segmentation"));

    /// <summary>The interfaces that a bridge, bond, VLAN or such has its packets from.</summary>
    private static IEnumerable<XdpInterface> Below(XdpInterface nic)
    {
        using NetlinkSocket netlink = new(NetlinkAbi.NETLINK_ROUTE);
        List<XdpInterface> all = LinkQuery.All(netlink, brief: true);
        HashSet<int> below = HostTraffic.WithLowers(nic, all);
        return all.Where(other => other.Index != nic.Index && below.Contains(other.Index)).Select(other => other.At(nic.NetworkNamespace));
    }

    private sealed record Peer(XdpInterface Nic, bool LeavesUnsegmented);
}
