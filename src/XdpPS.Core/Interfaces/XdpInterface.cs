using System.Net.NetworkInformation;
using XdpPS.Interop;

namespace XdpPS;

/// <summary>Where an XDP program runs on an interface.</summary>
public enum XdpMode
{
    /// <summary>No program is attached.</summary>
    None = 0,

    /// <summary>In the driver, before the kernel makes a socket buffer (XDP_FLAGS_DRV_MODE).</summary>
    Native = 1,

    /// <summary>In the kernel's receive path, after the socket buffer was made (XDP_FLAGS_SKB_MODE).</summary>
    Generic = 2,

    /// <summary>In the NIC itself (XDP_FLAGS_HW_MODE).</summary>
    Offload = 3,

    /// <summary>Several programs in different modes at once.</summary>
    Multiple = 4,
}

/// <summary>A network interface as AF_XDP sees it, at the moment it was asked about.</summary>
public sealed class XdpInterface
{
    /// <summary>Kernel name: what <c>ip link</c> shows.</summary>
    public required string Name { get; init; }

    /// <summary>Interface index, greater than 0.</summary>
    public required int Index { get; init; }

    /// <summary>Hardware address; empty where the interface has none.</summary>
    public required PhysicalAddress MacAddress { get; init; }

    /// <summary>Largest payload of an Ethernet frame, in bytes: without the header's 14 and without FCS.</summary>
    public required int Mtu { get; init; }

    /// <summary>The driver's name as ethtool gives it; where the interface has no ethtool, its rtnetlink kind; else null.</summary>
    public string? Driver { get; init; }

    /// <summary>Operational state (RFC 2863): up, down, lowerlayerdown, dormant, unknown …</summary>
    public required string State { get; init; }

    /// <summary>Administratively up: <c>ip link set … up</c> was done.</summary>
    public required bool IsUp { get; init; }

    /// <summary>The link has a carrier.</summary>
    public required bool HasCarrier { get; init; }

    /// <summary>The kernel's loopback interface.</summary>
    public required bool IsLoopback { get; init; }

    /// <summary>Receive queues in use, combined ones included.</summary>
    public required int RxQueues { get; init; }

    /// <summary>Transmit queues in use, combined ones included.</summary>
    public required int TxQueues { get; init; }

    /// <summary>Queues that are both (ethtool's "Combined"); 0 where the driver has separate ones.</summary>
    public required int CombinedQueues { get; init; }

    /// <summary>Receive queues the interface was created with: the most that <c>ethtool -L</c> can give.</summary>
    public required int MaxRxQueues { get; init; }

    /// <summary>Mode of the attached XDP program.</summary>
    public required XdpMode XdpMode { get; init; }

    /// <summary>Id of the attached XDP program; 0 without one.</summary>
    public required int XdpProgramId { get; init; }

    /// <summary>Queues a socket can bind to: ids from 0 to this minus 1 (xp_assign_dev takes the larger of RX and TX).</summary>
    public int QueueCount => Math.Max(RxQueues, TxQueues);

    /// <summary>Every attached program with its mode: more than one only where <see cref="XdpMode"/> says Multiple.</summary>
    internal IReadOnlyList<(XdpMode Mode, int Id)> XdpPrograms { get; init; } = [];

    /// <summary>The interface above this one (bridge, bond, team): its index, or 0.</summary>
    internal int MasterIndex { get; init; }

    /// <summary>The interface below this one (VLAN, macvlan; a veth's peer): its index, or 0.</summary>
    internal int LowerIndex { get; init; }

    /// <summary>rtnetlink's kind of interface (veth, vlan, bridge …), or null for hardware.</summary>
    internal string? Kind { get; init; }

    /// <summary>Every interface of this network namespace, by index. Needs no privilege.</summary>
    /// <exception cref="XskException">The kernel could not be asked.</exception>
    public static IReadOnlyList<XdpInterface> GetAll()
    {
        using NetlinkSocket netlink = new(NetlinkAbi.NETLINK_ROUTE);
        return LinkQuery.All(netlink);
    }

    /// <summary>One interface by its exact name. Needs no privilege.</summary>
    /// <exception cref="XskException">There is none (<see cref="XskErrorId.InterfaceNotFound"/>), or the kernel could not be asked.</exception>
    public static XdpInterface Get(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        using NetlinkSocket netlink = new(NetlinkAbi.NETLINK_ROUTE);
        return LinkQuery.ByName(netlink, name) ?? throw NotFound(name, LinkQuery.All(netlink, brief: true));
    }

    /// <returns>Whether the driver does zero-copy (NETDEV_XDP_ACT_XSK_ZEROCOPY), or null before Linux 6.3, which cannot tell.</returns>
    internal bool? SupportsZeroCopy() => NetdevFeatures.Query(Index) is { } features
        ? (features & NetdevFeatures.XskZeroCopy) != 0
        : null;

    /// <returns>Name, state, driver and queues on one line.</returns>
    public override string ToString() => $"{Name} ({State}, {Driver ?? "no driver"}, {QueueCount} queues)";

    private static XskException NotFound(string name, List<XdpInterface> existing)
    {
        const int Shown = 8;
        string names = string.Join(", ", existing.Take(Shown).Select(nic => nic.Name));
        if (existing.Count > Shown) names += $" and {existing.Count - Shown} more";
        return XskException.FromCheck(
            XskErrorId.InterfaceNotFound,
            $"There is no interface named '{name}' in this network namespace",
            $"it has {names}; see ip link");
    }
}
