using System.Buffers.Binary;
using System.Net.NetworkInformation;
using System.Text;
using XdpPS.Interop;

namespace XdpPS;

/// <summary>RTM_GETLINK, and for what it does not carry, ethtool and sysfs.</summary>
internal static class LinkQuery
{
    private const uint IFF_UP = 1;
    private const uint IFF_LOOPBACK = 8;

    /// <summary>IFLA_EXT_MASK value that leaves the long statistics out of the reply (RTEXT_FILTER_SKIP_STATS).</summary>
    private const uint SkipStatistics = 1 << 3;

    private static readonly string[] OperationalStates =
        ["unknown", "notpresent", "down", "lowerlayerdown", "testing", "dormant", "up"];

    /// <param name="netlink">The socket to ask on.</param>
    /// <param name="brief">Leave out what takes system calls of its own for each interface: driver and queues in use.</param>
    internal static List<XdpInterface> All(NetlinkSocket netlink, bool brief = false)
    {
        List<XdpInterface> found = [];
        NetlinkRequest request = Request(0, NetlinkAbi.NLM_F_DUMP);
        netlink.Ask(request, dump: true, (_, payload) => found.Add(Parse(payload, brief)));
        return found;
    }

    internal static XdpInterface? ByName(NetlinkSocket netlink, string name)
    {
        // IFNAMSIZ is 16 with the NUL: a longer name cannot exist, and the kernel would answer ERANGE. It reads as far as the first NUL.
        byte[] bytes = Encoding.UTF8.GetBytes(name + '\0');
        if (bytes.Length > 16 || string.IsNullOrWhiteSpace(name) || name.Contains('\0')) return null;
        return One(netlink, Request(0, 0).Add(NetlinkAbi.IFLA_IFNAME, bytes));
    }

    internal static XdpInterface? ByIndex(int index)
    {
        using NetlinkSocket netlink = new(NetlinkAbi.NETLINK_ROUTE);
        return One(netlink, Request(index, 0));
    }

    private static XdpInterface? One(NetlinkSocket netlink, NetlinkRequest request)
    {
        XdpInterface? found = null;
        int errno = netlink.Ask(request, dump: false, (_, payload) => found = Parse(payload, brief: false));
        return errno switch
        {
            0 or Errno.ENODEV => found,
            _ => throw XskException.FromCall(
                XskErrorId.InterfaceQueryFailed, errno, "RTM_GETLINK",
                $"The kernel could not be asked about an interface: {Errno.Text(errno)}",
                "see whether ip link shows it"),
        };
    }

    private static NetlinkRequest Request(int index, ushort flags)
    {
        Span<byte> header = stackalloc byte[16];
        header.Clear();
        BinaryPrimitives.WriteInt32LittleEndian(header[4..], index);
        return new NetlinkRequest(NetlinkAbi.RTM_GETLINK, flags, header).Add(NetlinkAbi.IFLA_EXT_MASK, SkipStatistics);
    }

    private static XdpInterface Parse(ReadOnlySpan<byte> payload, bool brief)
    {
        int index = BinaryPrimitives.ReadInt32LittleEndian(payload[4..]);
        uint flags = BinaryPrimitives.ReadUInt32LittleEndian(payload[8..]);
        string name = "";
        string? kind = null;
        ushort? vlan = null;
        int? lowerNamespace = null;
        byte[] mac = [];
        int mtu = 0, master = 0, lower = 0, allocatedRx = 1, allocatedTx = 1, programId = 0;
        bool carrier = false;
        string state = "unknown";
        XdpMode mode = XdpMode.None;
        List<AttachedProgram> programs = [];

        NetlinkAttributes attributes = new(payload[16..]);
        while (attributes.Next())
        {
            switch (attributes.Type)
            {
                case NetlinkAbi.IFLA_IFNAME: name = attributes.Text; break;
                case NetlinkAbi.IFLA_ADDRESS: mac = attributes.Value.ToArray(); break;
                case NetlinkAbi.IFLA_MTU: mtu = (int)attributes.UInt32; break;
                case NetlinkAbi.IFLA_LINK: lower = (int)attributes.UInt32; break;
                case NetlinkAbi.IFLA_LINK_NETNSID: lowerNamespace = (int)attributes.UInt32; break;
                case NetlinkAbi.IFLA_MASTER: master = (int)attributes.UInt32; break;
                case NetlinkAbi.IFLA_CARRIER: carrier = attributes.Value is [not 0, ..]; break;
                case NetlinkAbi.IFLA_NUM_RX_QUEUES: allocatedRx = (int)attributes.UInt32; break;
                case NetlinkAbi.IFLA_NUM_TX_QUEUES: allocatedTx = (int)attributes.UInt32; break;
                case NetlinkAbi.IFLA_OPERSTATE: state = StateName(attributes.Value); break;
                case NetlinkAbi.IFLA_LINKINFO: (kind, vlan) = ParseKind(attributes.Value); break;
                case NetlinkAbi.IFLA_XDP: (mode, programId) = ParseXdp(attributes.Value, programs); break;
            }
        }

        QueueCounts allocated = new(allocatedRx, allocatedTx, 0, allocatedRx, allocatedTx, 0);
        PhysicalAddress address = new(mac);
        QueueCounts queues = brief ? allocated : CountQueues(name, index, address, allocated);
        (string Driver, string Bus)? driver = brief ? null : Ethtool.GetDriver(name);
        return new XdpInterface
        {
            Name = name,
            Index = index,
            MacAddress = address,
            Mtu = mtu,
            Driver = driver?.Driver ?? kind,
            // "N/A" is what the drivers of virtual interfaces say.
            BusAddress = driver?.Bus is { Length: > 0 } bus and not "N/A" ? bus : null,
            State = state,
            IsUp = (flags & IFF_UP) != 0,
            HasCarrier = carrier,
            IsLoopback = (flags & IFF_LOOPBACK) != 0,
            RxQueues = queues.Rx,
            TxQueues = queues.Tx,
            CombinedQueues = queues.Combined,
            MaxRxQueues = Math.Max(queues.MaxRx, queues.Rx),
            MaxTxQueues = Math.Max(queues.MaxTx, queues.Tx),
            MaxCombinedQueues = queues.MaxCombined,
            XdpMode = mode,
            XdpProgramId = programId,
            XdpPrograms = programs,
            MasterIndex = master,
            LowerIndex = lower,
            LowerNamespaceNumber = lowerNamespace,
            Kind = kind,
            VlanId = vlan,
        };
    }

    private static string StateName(ReadOnlySpan<byte> value) =>
        value is [byte state, ..] && state < OperationalStates.Length ? OperationalStates[state] : "unknown";

    /// <summary>What kind of virtual interface it is, and the id of a VLAN's tag.</summary>
    private static (string? Kind, ushort? Vlan) ParseKind(ReadOnlySpan<byte> value)
    {
        string? kind = null;
        ushort? vlan = null;
        NetlinkAttributes attributes = new(value);
        while (attributes.Next())
        {
            if (attributes.Type == NetlinkAbi.IFLA_INFO_KIND) kind = attributes.Text;
            // The kernel writes the kind before the data, whose meaning depends on it (rtnl_link_info_fill).
            if (attributes.Type != NetlinkAbi.IFLA_INFO_DATA || kind != "vlan") continue;
            NetlinkAttributes data = new(attributes.Value);
            while (data.Next())
            {
                if (data.Type == NetlinkAbi.IFLA_VLAN_ID && data.Value.Length >= sizeof(ushort)) vlan = BinaryPrimitives.ReadUInt16LittleEndian(data.Value);
            }
        }

        return (kind, vlan);
    }

    /// <param name="value">The content of IFLA_XDP.</param>
    /// <param name="programs">Gets each program with its mode: where there are several, the kernel gives no one id.</param>
    internal static (XdpMode Mode, int ProgramId) ParseXdp(ReadOnlySpan<byte> value, List<AttachedProgram> programs)
    {
        XdpMode mode = XdpMode.None;
        int programId = 0;
        NetlinkAttributes attributes = new(value);
        while (attributes.Next())
        {
            if (attributes.Type == NetlinkAbi.IFLA_XDP_ATTACHED && attributes.Value is [byte attached, ..]) mode = (XdpMode)attached;
            if (attributes.Type == NetlinkAbi.IFLA_XDP_PROG_ID) programId = (int)attributes.UInt32;
            XdpMode one = attributes.Type switch
            {
                NetlinkAbi.IFLA_XDP_DRV_PROG_ID => XdpMode.Native,
                NetlinkAbi.IFLA_XDP_SKB_PROG_ID => XdpMode.Generic,
                NetlinkAbi.IFLA_XDP_HW_PROG_ID => XdpMode.Offload,
                _ => XdpMode.None,
            };
            if (one != XdpMode.None && attributes.UInt32 != 0) programs.Add(new AttachedProgram(one, (int)attributes.UInt32));
        }

        return (mode, programId);
    }

    /// <summary>
    /// The queues in use. rtnetlink only knows how many were allocated; ethtool's channels know how many are
    /// in use; a driver without channels (tap, loopback) still lists its queues in sysfs.
    /// </summary>
    private static QueueCounts CountQueues(string name, int index, PhysicalAddress address, QueueCounts allocated)
    {
        if (Ethtool.GetChannels(name) is { } channels && channels.Rx + channels.Tx + channels.Combined > 0)
        {
            // A driver that has both kinds gives out the same queues under either name (ice, bnxt): no sum.
            return new QueueCounts(
                Count(channels.Rx), Count(channels.Tx), (int)channels.Combined,
                (int)Math.Max(channels.MaxRx, channels.MaxCombined), (int)Math.Max(channels.MaxTx, channels.MaxCombined), (int)channels.MaxCombined);
            int Count(uint separate) => Math.Max(1, (int)(separate + channels.Combined));
        }

        string directory = $"/sys/class/net/{name}";
        try
        {
            // sysfs shows the namespace it was mounted in, which need not be this thread's; names and indices repeat
            // from one to the next.
            bool same = int.TryParse(File.ReadAllText($"{directory}/ifindex"), out int sysfsIndex) && sysfsIndex == index
                && string.Equals(Digits(File.ReadAllText($"{directory}/address")), address.ToString(), StringComparison.OrdinalIgnoreCase);
            if (same)
            {
                int rx = Directory.GetDirectories($"{directory}/queues", "rx-*").Length;
                int tx = Directory.GetDirectories($"{directory}/queues", "tx-*").Length;
                if (rx > 0 && tx > 0) return allocated with { Rx = rx, Tx = tx };
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // No sysfs here: what rtnetlink said is the best there is.
        }

        return allocated;

        static string Digits(string mac) => mac.Trim().Replace(":", "", StringComparison.Ordinal);
    }

    private readonly record struct QueueCounts(int Rx, int Tx, int Combined, int MaxRx, int MaxTx, int MaxCombined);
}

/// <summary>A program on an interface.</summary>
internal sealed record AttachedProgram(XdpMode Mode, int Id);
