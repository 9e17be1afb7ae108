using System.Runtime.InteropServices;

namespace XdpPS.Interop;

/// <summary>The ethtool ioctl (include/uapi/linux/ethtool.h): driver name and channel counts.</summary>
internal static unsafe class Ethtool
{
    private const nuint SIOCETHTOOL = 0x8946;
    private const uint ETHTOOL_GDRVINFO = 0x00000003;
    private const uint ETHTOOL_GCHANNELS = 0x0000003c;

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

    private static bool Call(string interfaceName, void* command)
    {
        using FileDescriptor socket = Libc.socket(Libc.AF_INET, Libc.SOCK_DGRAM | Libc.SOCK_CLOEXEC, 0);
        if (socket.IsInvalid) return false;
        InterfaceRequest request = new() { Name = KernelName.From(interfaceName), Data = command };
        return Libc.ioctl(socket, SIOCETHTOOL, &request) == 0;
    }
}
