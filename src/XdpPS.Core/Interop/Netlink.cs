using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace XdpPS.Interop;

/// <summary>Constants of linux/netlink.h, rtnetlink.h, if_link.h, neighbour.h, genetlink.h and netdev.h.</summary>
internal static class NetlinkAbi
{
    internal const int NETLINK_ROUTE = 0;
    internal const int NETLINK_SOCK_DIAG = 4;
    internal const int NETLINK_GENERIC = 16;

    internal const ushort NLMSG_ERROR = 2;
    internal const ushort NLMSG_DONE = 3;
    internal const ushort NLM_F_REQUEST = 1;
    internal const ushort NLM_F_ACK = 4;
    internal const ushort NLM_F_DUMP = 0x300;
    internal const ushort NLA_F_NESTED = 0x8000;
    internal const ushort NLA_TYPE_MASK = 0x3fff;

    internal const ushort RTM_GETLINK = 18;
    internal const ushort RTM_SETLINK = 19;
    internal const ushort RTM_GETADDR = 22;
    internal const ushort RTM_GETROUTE = 26;
    internal const ushort RTM_GETNEIGH = 30;
    internal const ushort RTM_GETNSID = 90;
    internal const ushort RTM_GETNEXTHOP = 106;

    internal const ushort IFLA_ADDRESS = 1;
    internal const ushort IFLA_IFNAME = 3;
    internal const ushort IFLA_MTU = 4;
    internal const ushort IFLA_LINK = 5;
    internal const ushort IFLA_MASTER = 10;
    internal const ushort IFLA_OPERSTATE = 16;
    internal const ushort IFLA_LINKINFO = 18;
    internal const ushort IFLA_EXT_MASK = 29;
    internal const ushort IFLA_NUM_TX_QUEUES = 31;
    internal const ushort IFLA_NUM_RX_QUEUES = 32;
    internal const ushort IFLA_CARRIER = 33;
    internal const ushort IFLA_LINK_NETNSID = 37;
    internal const ushort IFLA_XDP = 43;
    internal const ushort NETNSA_NSID = 1;
    internal const ushort NETNSA_FD = 3;
    internal const ushort IFLA_INFO_KIND = 1;
    internal const ushort IFLA_INFO_DATA = 2;
    internal const ushort IFLA_VLAN_ID = 1;
    internal const ushort IFLA_XDP_FD = 1;
    internal const ushort IFLA_XDP_ATTACHED = 2;
    internal const ushort IFLA_XDP_FLAGS = 3;
    internal const ushort IFLA_XDP_PROG_ID = 4;
    internal const ushort IFLA_XDP_DRV_PROG_ID = 5;
    internal const ushort IFLA_XDP_SKB_PROG_ID = 6;
    internal const ushort IFLA_XDP_HW_PROG_ID = 7;
    internal const ushort IFLA_XDP_EXPECTED_FD = 8;

    internal const ushort IFA_ADDRESS = 1;
    internal const ushort IFA_LOCAL = 2;

    internal const ushort NDA_DST = 1;
    internal const ushort NDA_LLADDR = 2;
    internal const ushort NUD_NOARP = 0x40;

    internal const ushort RTA_OIF = 4;
    internal const ushort RTA_GATEWAY = 5;
    internal const ushort RTA_MULTIPATH = 9;
    internal const ushort RTA_NH_ID = 30;

    internal const ushort NHA_ID = 1;
    internal const ushort NHA_GROUP = 2;
    internal const ushort NHA_OIF = 5;

    internal const ushort GENL_ID_CTRL = 16;
    internal const byte CTRL_CMD_GETFAMILY = 3;
    internal const ushort CTRL_ATTR_FAMILY_ID = 1;
    internal const ushort CTRL_ATTR_FAMILY_NAME = 2;
    internal const byte NETDEV_CMD_DEV_GET = 1;
    internal const ushort NETDEV_A_DEV_IFINDEX = 1;
    internal const ushort NETDEV_A_DEV_XDP_FEATURES = 3;
    internal const ushort NETDEV_A_DEV_XDP_ZC_MAX_SEGS = 4;
    internal const ushort NETDEV_A_DEV_XDP_RX_METADATA_FEATURES = 5;
    internal const ushort NETDEV_A_DEV_XSK_FEATURES = 6;
    internal const byte NETDEV_CMD_QUEUE_GET = 10;
    internal const ushort NETDEV_A_QUEUE_IFINDEX = 2;
    internal const ushort NETDEV_A_QUEUE_TYPE = 3;
    internal const uint NETDEV_QUEUE_TYPE_TX = 1;
}

/// <summary>A netlink request: the header, the family's own header, attributes.</summary>
internal sealed class NetlinkRequest
{
    private byte[] buffer = new byte[128];

    internal NetlinkRequest(ushort type, ushort flags, ReadOnlySpan<byte> familyHeader)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(buffer.AsSpan(4), type);
        BinaryPrimitives.WriteUInt16LittleEndian(buffer.AsSpan(6), (ushort)(flags | NetlinkAbi.NLM_F_REQUEST));
        familyHeader.CopyTo(buffer.AsSpan(16));
        Length = 16 + Align(familyHeader.Length);
    }

    internal int Length { get; private set; }

    internal NetlinkRequest Add(ushort type, ReadOnlySpan<byte> value)
    {
        int size = 4 + value.Length;
        if (Length + Align(size) > buffer.Length) Array.Resize(ref buffer, buffer.Length * 2);
        BinaryPrimitives.WriteUInt16LittleEndian(buffer.AsSpan(Length), (ushort)size);
        BinaryPrimitives.WriteUInt16LittleEndian(buffer.AsSpan(Length + 2), type);
        value.CopyTo(buffer.AsSpan(Length + 4));
        Length += Align(size);
        return this;
    }

    internal NetlinkRequest Add(ushort type, uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        return Add(type, bytes);
    }

    internal ReadOnlySpan<byte> Bytes
    {
        get
        {
            BinaryPrimitives.WriteUInt32LittleEndian(buffer, (uint)Length);
            return buffer.AsSpan(0, Length);
        }
    }

    internal static int Align(int length) => (length + 3) & ~3;
}

/// <summary>Walks the attributes of a netlink message; a damaged length ends the walk.</summary>
internal ref struct NetlinkAttributes(ReadOnlySpan<byte> bytes)
{
    private ReadOnlySpan<byte> rest = bytes;

    internal ushort Type { get; private set; }

    internal ReadOnlySpan<byte> Value { get; private set; }

    internal readonly uint UInt32 => Value.Length >= 4 ? BinaryPrimitives.ReadUInt32LittleEndian(Value) : 0;

    /// <summary>Null where the attribute has another length.</summary>
    internal readonly ulong? UInt64 => Value.Length == 8 ? BinaryPrimitives.ReadUInt64LittleEndian(Value) : null;

    internal readonly string Text
    {
        get
        {
            int length = Value.Length;
            while (length > 0 && Value[length - 1] == 0) length--;
            return System.Text.Encoding.UTF8.GetString(Value[..length]);
        }
    }

    internal bool Next()
    {
        if (rest.Length < 4) return false;
        int size = BinaryPrimitives.ReadUInt16LittleEndian(rest);
        if (size < 4 || size > rest.Length) return false;
        Type = (ushort)(BinaryPrimitives.ReadUInt16LittleEndian(rest[2..]) & NetlinkAbi.NLA_TYPE_MASK);
        Value = rest[4..size];
        rest = rest[Math.Min(rest.Length, NetlinkRequest.Align(size))..];
        return true;
    }
}

/// <summary>A netlink socket that asks one question at a time.</summary>
internal sealed unsafe class NetlinkSocket : IDisposable
{
    private readonly FileDescriptor descriptor;
    private readonly string name;

    internal NetlinkSocket(int protocol)
    {
        name = protocol switch
        {
            NetlinkAbi.NETLINK_ROUTE => "NETLINK_ROUTE",
            NetlinkAbi.NETLINK_SOCK_DIAG => "NETLINK_SOCK_DIAG",
            _ => "NETLINK_GENERIC",
        };
        descriptor = Libc.socket(Libc.AF_NETLINK, Libc.SOCK_RAW | Libc.SOCK_CLOEXEC, protocol);
        if (descriptor.IsInvalid) throw Failed($"socket(AF_NETLINK, {name})", Marshal.GetLastPInvokeError());
    }

    internal delegate void Reader(ushort type, ReadOnlySpan<byte> payload);

    /// <summary>Sends a request and hands every reply's payload to <paramref name="read"/>.</summary>
    /// <returns>0, or the errno that the kernel answered.</returns>
    internal int Ask(NetlinkRequest request, bool dump, Reader read)
    {
        ReadOnlySpan<byte> bytes = request.Bytes;
        fixed (byte* pointer = bytes)
        {
            if (Libc.sendto(descriptor, pointer, (nuint)bytes.Length, 0, null, 0) < 0)
                throw Failed($"sendto({name})", Marshal.GetLastPInvokeError());
        }

        byte[] buffer = new byte[65536];
        while (true)
        {
            nint received;
            fixed (byte* pointer = buffer)
                received = Libc.recvfrom(descriptor, pointer, (nuint)buffer.Length, 0, null, null);
            if (received < 0)
            {
                int errno = Marshal.GetLastPInvokeError();
                if (errno == Errno.EINTR) continue;
                throw Failed($"recvfrom({name})", errno);
            }

            ReadOnlySpan<byte> rest = buffer.AsSpan(0, (int)received);
            while (rest.Length >= 16)
            {
                int length = (int)BinaryPrimitives.ReadUInt32LittleEndian(rest);
                if (length < 16 || length > rest.Length) break;
                ushort type = BinaryPrimitives.ReadUInt16LittleEndian(rest[4..]);
                ReadOnlySpan<byte> payload = rest[16..length];
                if (type == NetlinkAbi.NLMSG_DONE) return 0;
                if (type == NetlinkAbi.NLMSG_ERROR) return -BinaryPrimitives.ReadInt32LittleEndian(payload);
                read(type, payload);
                if (!dump) return 0;
                rest = rest[Math.Min(rest.Length, NetlinkRequest.Align(length))..];
            }
        }
    }

    public void Dispose() => descriptor.Dispose();

    private static XskException Failed(string call, int errno) => errno == Errno.EMFILE
        ? XskException.FromCall(
            XskErrorId.OutOfDescriptors, errno, call,
            "No descriptor is left to ask the kernel about its interfaces",
            ResourceLimit.MoreDescriptors)
        : XskException.FromCall(
            XskErrorId.InterfaceQueryFailed, errno, call,
            $"The kernel could not be asked about its interfaces: {Errno.Text(errno)}",
            "check that netlink sockets are not blocked by seccomp or a security module");
}
