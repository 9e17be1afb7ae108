using System.Buffers.Binary;
using System.Text;
using XdpPS.Interop;

namespace XdpPS;

/// <summary>XDP features of a driver by the "netdev" generic netlink family (Linux 6.3; Documentation/netlink/specs/netdev.yaml).</summary>
internal static class NetdevFeatures
{
    /// <summary>NETDEV_XDP_ACT_XSK_ZEROCOPY.</summary>
    internal const ulong XskZeroCopy = 8;

    /// <returns>The NETDEV_XDP_ACT_* bits, or null where the kernel cannot tell.</returns>
    internal static ulong? Query(int interfaceIndex)
    {
        using NetlinkSocket netlink = new(NetlinkAbi.NETLINK_GENERIC);
        ushort family = ResolveFamily(netlink);
        if (family == 0) return null;

        ulong? features = null;
        NetlinkRequest request = new NetlinkRequest(family, 0, [NetlinkAbi.NETDEV_CMD_DEV_GET, 1, 0, 0])
            .Add(NetlinkAbi.NETDEV_A_DEV_IFINDEX, (uint)interfaceIndex);
        netlink.Ask(request, dump: false, (_, payload) =>
        {
            NetlinkAttributes attributes = new(payload[4..]);
            while (attributes.Next())
            {
                if (attributes.Type == NetlinkAbi.NETDEV_A_DEV_XDP_FEATURES && attributes.Value.Length == 8)
                    features = BinaryPrimitives.ReadUInt64LittleEndian(attributes.Value);
            }
        });
        return features;
    }

    private static ushort ResolveFamily(NetlinkSocket netlink)
    {
        ushort family = 0;
        NetlinkRequest request = new NetlinkRequest(NetlinkAbi.GENL_ID_CTRL, 0, [NetlinkAbi.CTRL_CMD_GETFAMILY, 1, 0, 0])
            .Add(NetlinkAbi.CTRL_ATTR_FAMILY_NAME, Encoding.ASCII.GetBytes("netdev\0"));
        netlink.Ask(request, dump: false, (_, payload) =>
        {
            NetlinkAttributes attributes = new(payload[4..]);
            while (attributes.Next())
            {
                if (attributes.Type == NetlinkAbi.CTRL_ATTR_FAMILY_ID) family = BinaryPrimitives.ReadUInt16LittleEndian(attributes.Value);
            }
        });
        return family;
    }
}
