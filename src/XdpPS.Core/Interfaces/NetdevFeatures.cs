using System.Buffers.Binary;
using System.Text;
using XdpPS.Interop;

namespace XdpPS;

/// <summary>XDP features of an interface by the "netdev" generic netlink family (Linux 6.3; Documentation/netlink/specs/netdev.yaml).</summary>
/// <remarks>Null is what the kernel did not say: features beyond the first came with 6.5 and 6.8.</remarks>
internal sealed record NetdevFeatures(XdpFeatures? Xdp, int? ZeroCopyMaxSegments, XdpRxMetadataFeatures? RxMetadata, XskFeatures? Xsk)
{
    private static ReadOnlySpan<byte> GetDevice => [NetlinkAbi.NETDEV_CMD_DEV_GET, 1, 0, 0];

    private static ReadOnlySpan<byte> GetQueues => [NetlinkAbi.NETDEV_CMD_QUEUE_GET, 1, 0, 0];

    /// <returns>Null where the kernel cannot tell, or the interface is gone.</returns>
    internal static NetdevFeatures? Query(int interfaceIndex)
    {
        using NetlinkSocket netlink = new(NetlinkAbi.NETLINK_GENERIC);
        ushort family = ResolveFamily(netlink);
        if (family == 0) return null;
        NetdevFeatures? found = null;
        NetlinkRequest request = new NetlinkRequest(family, 0, GetDevice).Add(NetlinkAbi.NETDEV_A_DEV_IFINDEX, (uint)interfaceIndex);
        netlink.Ask(request, dump: false, (_, payload) => found = Parse(payload).Features);
        return found;
    }

    /// <summary>Those of every interface of this network namespace, by index, in one request.</summary>
    internal static Dictionary<int, NetdevFeatures> QueryAll()
    {
        using NetlinkSocket netlink = new(NetlinkAbi.NETLINK_GENERIC);
        Dictionary<int, NetdevFeatures> all = [];
        ushort family = ResolveFamily(netlink);
        if (family == 0) return all;
        netlink.Ask(new NetlinkRequest(family, NetlinkAbi.NLM_F_DUMP, GetDevice), dump: true, (_, payload) =>
        {
            (int index, NetdevFeatures features) = Parse(payload);
            all[index] = features;
        });
        return all;
    }

    /// <summary>The transmit queues that the network stack sends on (Linux 6.8).</summary>
    /// <returns>0 where the kernel cannot tell, or the interface is down or gone.</returns>
    internal static int CountTransmitQueues(int interfaceIndex)
    {
        using NetlinkSocket netlink = new(NetlinkAbi.NETLINK_GENERIC);
        ushort family = ResolveFamily(netlink);
        if (family == 0) return 0;
        int count = 0;
        NetlinkRequest request = new NetlinkRequest(family, NetlinkAbi.NLM_F_DUMP, GetQueues).Add(NetlinkAbi.NETDEV_A_QUEUE_IFINDEX, (uint)interfaceIndex);
        netlink.Ask(request, dump: true, (_, payload) =>
        {
            NetlinkAttributes attributes = new(payload[4..]);
            while (attributes.Next())
            {
                if (attributes.Type == NetlinkAbi.NETDEV_A_QUEUE_TYPE && attributes.UInt32 == NetlinkAbi.NETDEV_QUEUE_TYPE_TX) count++;
            }
        });
        return count;
    }

    private static (int Index, NetdevFeatures Features) Parse(ReadOnlySpan<byte> payload)
    {
        int index = 0;
        NetdevFeatures found = new(null, null, null, null);
        NetlinkAttributes attributes = new(payload[4..]);
        while (attributes.Next())
        {
            switch (attributes.Type)
            {
                case NetlinkAbi.NETDEV_A_DEV_IFINDEX: index = (int)attributes.UInt32; break;
                case NetlinkAbi.NETDEV_A_DEV_XDP_FEATURES: found = found with { Xdp = (XdpFeatures?)attributes.UInt64 }; break;
                case NetlinkAbi.NETDEV_A_DEV_XDP_ZC_MAX_SEGS: found = found with { ZeroCopyMaxSegments = (int)attributes.UInt32 }; break;
                case NetlinkAbi.NETDEV_A_DEV_XDP_RX_METADATA_FEATURES: found = found with { RxMetadata = (XdpRxMetadataFeatures?)attributes.UInt64 }; break;
                case NetlinkAbi.NETDEV_A_DEV_XSK_FEATURES: found = found with { Xsk = (XskFeatures?)attributes.UInt64 }; break;
            }
        }

        return (index, found);
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
