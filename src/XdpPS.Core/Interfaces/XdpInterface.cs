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
/// <remarks>
/// What <see cref="WithDetails"/> adds is null until it was asked for: finding it out takes more calls than opening a
/// socket should.
/// </remarks>
public sealed record XdpInterface
{
    /// <summary>Kernel name: what <c>ip link</c> shows.</summary>
    public required string Name { get; init; }

    /// <summary>The network namespace it is in, by the name or path that was given; null for the session's own.</summary>
    public string? NetworkNamespace { get; init; }

    /// <summary>Whose interface it is, in words.</summary>
    internal string Home => NetworkNamespace is null ? "this host" : $"network namespace '{NetworkNamespace}'";

    /// <summary>Interface index, greater than 0.</summary>
    public required int Index { get; init; }

    /// <summary>Hardware address; empty where the interface has none.</summary>
    public required PhysicalAddress MacAddress { get; init; }

    /// <summary>Largest payload of an Ethernet frame, in bytes: without the header's 14 and without FCS.</summary>
    public required int Mtu { get; init; }

    /// <summary>The driver's name as ethtool gives it; where the interface has no ethtool, its rtnetlink kind; else null.</summary>
    public string? Driver { get; init; }

    /// <summary>The device's address on its bus, as <c>ethtool -i</c> shows it (<c>0000:3b:00.0</c>); null where it has none.</summary>
    public string? BusAddress { get; init; }

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

    /// <summary>The most receive queues that <c>ethtool -L</c> can give, combined ones included; without ethtool, those the interface was created with.</summary>
    public required int MaxRxQueues { get; init; }

    /// <summary>The most transmit queues, likewise.</summary>
    public int MaxTxQueues { get; init; }

    /// <summary>The most combined queues; 0 where the driver has separate ones.</summary>
    public int MaxCombinedQueues { get; init; }

    /// <summary>Mode of the attached XDP program.</summary>
    public required XdpMode XdpMode { get; init; }

    /// <summary>Id of the attached XDP program; 0 without one.</summary>
    public required int XdpProgramId { get; init; }

    /// <summary>Its name, for whoever may ask (CAP_SYS_ADMIN); else null. A detail.</summary>
    public string? XdpProgramName { get; init; }

    /// <summary>Speed of the link in Mb/s; null where the driver does not say. A detail.</summary>
    public int? SpeedMbps { get; init; }

    /// <summary>What the driver can do with XDP, at this moment and in this configuration; null where the kernel cannot tell (before 6.3). A detail.</summary>
    public XdpFeatures? XdpFeatures { get; init; }

    /// <summary>Whether the driver does AF_XDP without copying; null where the kernel cannot tell. A detail.</summary>
    public bool? SupportsZeroCopy => XdpFeatures is { } features ? features.HasFlag(XdpPS.XdpFeatures.XskZeroCopy) : null;

    /// <summary>Fragments a packet can have in zero-copy mode (Linux 6.5); null without zero-copy, or where the kernel cannot tell. A detail.</summary>
    public int? ZeroCopyMaxSegments { get; init; }

    /// <summary>What an XDP program can ask the NIC about a received packet (Linux 6.8); null where the kernel cannot tell. A detail.</summary>
    public XdpRxMetadataFeatures? RxMetadataFeatures { get; init; }

    /// <summary>What an AF_XDP socket can ask of the NIC when it sends (Linux 6.8); null where the kernel cannot tell. A detail.</summary>
    public XskFeatures? XskFeatures { get; init; }

    /// <summary>The open sockets on the interface that the caller knows of, by queue.</summary>
    public IReadOnlyList<XdpInterfaceSocket> Sockets { get; init; } = [];

    /// <summary>Queues a socket can bind to: ids from 0 to this minus 1 (xp_assign_dev takes the larger of RX and TX).</summary>
    public int QueueCount => Math.Max(RxQueues, TxQueues);

    /// <summary>Every attached program with its mode: more than one only where <see cref="XdpMode"/> says Multiple.</summary>
    internal IReadOnlyList<AttachedProgram> XdpPrograms { get; init; } = [];

    /// <summary>The interface above this one (bridge, bond, team): its index, or 0.</summary>
    internal int MasterIndex { get; init; }

    /// <summary>The interface below this one (VLAN, macvlan; a veth's peer): its index, or 0.</summary>
    internal int LowerIndex { get; init; }

    /// <summary>The kernel's number for the network namespace that <see cref="LowerIndex"/> is in; null where that is this interface's own.</summary>
    internal int? LowerNamespaceNumber { get; init; }

    /// <summary>rtnetlink's kind of interface (veth, vlan, bridge …), or null for hardware.</summary>
    internal string? Kind { get; init; }

    /// <summary>The id of the tag that a VLAN interface stands for; null for any other.</summary>
    internal ushort? VlanId { get; init; }

    /// <summary>Every interface of a network namespace, by index. Needs no privilege but that for entering another namespace.</summary>
    /// <param name="networkNamespace">As <see cref="XskSocketOptions.NetworkNamespace"/>.</param>
    /// <exception cref="XskException">The kernel could not be asked, or the namespace not be entered.</exception>
    public static IReadOnlyList<XdpInterface> GetAll(string? networkNamespace = null) => XdpPS.NetworkNamespace.RunIn(networkNamespace, () =>
    {
        using NetlinkSocket netlink = new(NetlinkAbi.NETLINK_ROUTE);
        return LinkQuery.All(netlink).Select(nic => nic.At(networkNamespace)).ToArray();
    });

    /// <summary>One interface by its exact name. Needs no privilege but that for entering another namespace.</summary>
    /// <param name="name">The name.</param>
    /// <param name="networkNamespace">As <see cref="XskSocketOptions.NetworkNamespace"/>.</param>
    /// <exception cref="XskException">
    /// There is none (<see cref="XskErrorId.InterfaceNotFound"/>), the kernel could not be asked, or the namespace not
    /// be entered.
    /// </exception>
    public static XdpInterface Get(string name, string? networkNamespace = null)
    {
        ArgumentNullException.ThrowIfNull(name);
        return XdpPS.NetworkNamespace.RunIn(networkNamespace, () => GetHere(name, networkNamespace));
    }

    /// <summary>
    /// Of <see cref="QueueCount"/> those that stay when the XDP program goes. With one in native mode virtio_net may have more,
    /// to send for XDP (virtnet_xdp_set), and receives on those, too; what the network stack sends on tells them apart, while
    /// the interface is up. Where it does not, 0.
    /// </summary>
    /// <exception cref="XskException">The network namespace cannot be entered, or the kernel not be asked.</exception>
    public int CountLastingQueues() => MayHaveGainedQueues ? XdpPS.NetworkNamespace.RunIn(NetworkNamespace, CountLastingQueuesHere) : QueueCount;

    /// <summary>As <see cref="CountLastingQueues"/>, for a thread that is in the namespace already.</summary>
    internal int CountLastingQueuesHere() => MayHaveGainedQueues ? NetdevFeatures.CountTransmitQueues(Index) : QueueCount;

    private bool MayHaveGainedQueues => Driver == "virtio_net" && XdpMode is XdpMode.Native or XdpMode.Multiple;

    /// <summary>A shell command about this interface, as it has to be typed.</summary>
    public string Command(string command) => XdpPS.NetworkNamespace.Command(NetworkNamespace, command);

    /// <summary>As <see cref="Get"/>, for a thread that is in the namespace already.</summary>
    internal static XdpInterface GetHere(string name, string? networkNamespace)
    {
        using NetlinkSocket netlink = new(NetlinkAbi.NETLINK_ROUTE);
        XdpInterface? found = LinkQuery.ByName(netlink, name);
        return found?.At(networkNamespace) ?? throw NotFound(name, LinkQuery.All(netlink, brief: true), networkNamespace);
    }

    /// <summary>What it is by now; where it is gone, what it was. For a thread that is in its namespace.</summary>
    internal XdpInterface Refreshed() => LinkQuery.ByIndex(Index)?.At(NetworkNamespace) ?? this;

    internal XdpInterface At(string? networkNamespace) => string.IsNullOrEmpty(networkNamespace) ? this : this with { NetworkNamespace = networkNamespace };

    /// <summary>The same interfaces with speed, XDP features and the program's name, as far as the kernel tells. Needs no privilege.</summary>
    /// <remarks>An interface that is gone by now keeps what was known of it.</remarks>
    public static IReadOnlyList<XdpInterface> WithDetails(IReadOnlyList<XdpInterface> interfaces)
    {
        ArgumentNullException.ThrowIfNull(interfaces);
        return InterfaceDetails.Complete(interfaces);
    }

    /// <returns>Whether the driver does zero-copy, or null where that is not told, as before Linux 6.3: the one detail that opening a socket needs.</returns>
    internal bool? AskForZeroCopy() => InterfaceDetails.Features([this]).TryGetValue(Index, out NetdevFeatures? features)
        ? features.Xdp?.HasFlag(XdpPS.XdpFeatures.XskZeroCopy)
        : null;

    /// <returns>Name, state, driver and queues on one line.</returns>
    public override string ToString() => $"{Name} ({State}, {Driver ?? "no driver"}, {QueueCount} queues)";

    private static XskException NotFound(string name, List<XdpInterface> existing, string? networkNamespace)
    {
        const int Shown = 8;
        string names = string.Join(", ", existing.Take(Shown).Select(nic => nic.Name));
        if (existing.Count > Shown) names += $" and {existing.Count - Shown} more";
        return XskException.FromCheck(
            XskErrorId.InterfaceNotFound,
            $"There is no interface named '{name.Replace('\0', '?')}' in {(string.IsNullOrEmpty(networkNamespace) ? "this network namespace" : $"network namespace '{networkNamespace}'")}",
            $"it has {names}; see {XdpPS.NetworkNamespace.Command(networkNamespace, "ip link")}");
    }
}
