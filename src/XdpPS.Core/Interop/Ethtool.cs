using System.Runtime.InteropServices;

namespace XdpPS.Interop;

/// <summary>The ethtool ioctl (include/uapi/linux/ethtool.h): driver name, channel counts, VLAN offload.</summary>
internal static unsafe class Ethtool
{
    private const nuint SIOCETHTOOL = 0x8946;
    private const uint ETHTOOL_GDRVINFO = 0x00000003;
    private const uint ETHTOOL_GFLAGS = 0x00000025;
    private const uint ETHTOOL_GCHANNELS = 0x0000003c;
    private const uint ETH_FLAG_TXVLAN = 1 << 7;
    private const uint ETH_FLAG_RXVLAN = 1 << 8;

    /// <summary>struct ethtool_channels.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct Channels
    {
        internal uint Command;
        internal uint MaxRx;
        internal uint MaxTx;
        internal uint MaxOther;
        internal uint MaxCombined;
        internal uint Rx;
        internal uint Tx;
        internal uint Other;
        internal uint Combined;
    }

    /// <summary>struct ifreq with ifr_data.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct InterfaceRequest
    {
        internal KernelName Name;
        internal void* Data;
        private readonly ulong padding1;
        private readonly ulong padding2;
    }

    /// <returns>The driver's name, or null where the interface has no ethtool (lo, dummy).</returns>
    internal static string? DriverName(string interfaceName)
    {
        // struct ethtool_drvinfo: u32 cmd, char driver[32], ... 196 bytes in all.
        byte* info = stackalloc byte[196];
        new Span<byte>(info, 196).Clear();
        *(uint*)info = ETHTOOL_GDRVINFO;
        return Call(interfaceName, info) ? Marshal.PtrToStringUTF8((nint)(info + 4)) : null;
    }

    internal static Channels? GetChannels(string interfaceName)
    {
        Channels channels = new() { Command = ETHTOOL_GCHANNELS };
        return Call(interfaceName, &channels) ? channels : null;
    }

    /// <summary>Whether VLAN tags are taken out of the frame's bytes: by the receiving side, or on a veth by the sending peer.</summary>
    internal static bool StripsVlanTags(string interfaceName)
    {
        // struct ethtool_value: u32 cmd, u32 data.
        uint* value = stackalloc uint[2] { ETHTOOL_GFLAGS, 0 };
        return Call(interfaceName, value) && (value[1] & (ETH_FLAG_RXVLAN | ETH_FLAG_TXVLAN)) != 0;
    }

    private static bool Call(string interfaceName, void* command)
    {
        using FileDescriptor socket = Libc.socket(Libc.AF_INET, Libc.SOCK_DGRAM | Libc.SOCK_CLOEXEC, 0);
        if (socket.IsInvalid) return false;
        InterfaceRequest request = new() { Name = KernelName.From(interfaceName), Data = command };
        return Libc.ioctl(socket, SIOCETHTOOL, &request) == 0;
    }
}
