using System.Buffers.Binary;

namespace XdpPS.Interop;

/// <summary>
/// The kernel's list of AF_XDP sockets: sock_diag(7) with the family AF_XDP (include/uapi/linux/xdp_diag.h; Linux
/// 5.1 with CONFIG_XDP_SOCKETS_DIAG, which not every kernel has).
/// </summary>
internal static class XdpDiag
{
    internal const ushort SOCK_DIAG_BY_FAMILY = 20;
    internal const uint XDP_SHOW_INFO = 1;
    internal const ushort XDP_DIAG_INFO = 1;

    /// <summary>Bytes of struct xdp_diag_req.</summary>
    internal const int RequestSize = 20;

    /// <summary>Bytes of struct xdp_diag_msg, which the attributes follow.</summary>
    internal const int MessageSize = 16;

    private const int InodeOffset = 4;
    private const int ShowOffset = 8;

    /// <param name="Inode">What /proc/PID/fd shows as "socket:[inode]".</param>
    /// <param name="InterfaceIndex">Where the socket is bound; 0 where it is not.</param>
    /// <param name="QueueId">Its queue.</param>
    internal readonly record struct Entry(uint Inode, int InterfaceIndex, int QueueId);

    /// <returns>The AF_XDP sockets of this network namespace, or null where the kernel cannot list them.</returns>
    internal static List<Entry>? Query()
    {
        try
        {
            using NetlinkSocket netlink = new(NetlinkAbi.NETLINK_SOCK_DIAG);
            List<Entry> found = [];
            int errno = netlink.Ask(Request(), dump: true, (type, payload) =>
            {
                if (type == SOCK_DIAG_BY_FAMILY && Parse(payload) is { } entry) found.Add(entry);
            });
            return errno == 0 ? found : null;
        }
        catch (XskException)
        {
            // No sock_diag at all (CONFIG_SOCK_DIAG comes with the first family that has it), or it is blocked here.
            return null;
        }
    }

    internal static NetlinkRequest Request()
    {
        Span<byte> request = stackalloc byte[RequestSize];
        request.Clear();
        request[0] = IfXdp.AF_XDP;
        BinaryPrimitives.WriteUInt32LittleEndian(request[ShowOffset..], XDP_SHOW_INFO);
        return new NetlinkRequest(SOCK_DIAG_BY_FAMILY, NetlinkAbi.NLM_F_DUMP, request);
    }

    /// <param name="payload">A struct xdp_diag_msg and its attributes.</param>
    /// <returns>Null for what is too short, of another family, or without the socket's place.</returns>
    internal static Entry? Parse(ReadOnlySpan<byte> payload)
    {
        if (payload.Length < MessageSize || payload[0] != IfXdp.AF_XDP) return null;
        uint inode = BinaryPrimitives.ReadUInt32LittleEndian(payload[InodeOffset..]);
        NetlinkAttributes attributes = new(payload[MessageSize..]);
        while (attributes.Next())
        {
            // struct xdp_diag_info: ifindex, queue_id.
            if (attributes.Type != XDP_DIAG_INFO || attributes.Value.Length < 8) continue;
            return new Entry(inode, (int)attributes.UInt32, BinaryPrimitives.ReadInt32LittleEndian(attributes.Value[4..]));
        }

        return null;
    }
}
