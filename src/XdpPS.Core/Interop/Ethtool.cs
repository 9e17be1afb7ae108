using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace XdpPS.Interop;

/// <summary>The ethtool ioctl (include/uapi/linux/ethtool.h): driver, channel counts, link speed, VLAN offload.</summary>
internal static unsafe partial class Ethtool
{
    private const nuint SIOCETHTOOL = 0x8946;
    private const uint ETHTOOL_GDRVINFO = 0x00000003;
    private const uint ETHTOOL_GFLAGS = 0x00000025;
    private const uint ETHTOOL_GCHANNELS = 0x0000003c;
    private const uint ETHTOOL_GLINKSETTINGS = 0x0000004c;
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

    /// <summary>What is read of struct ethtool_drvinfo.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 196)]
    internal struct DriverInfo
    {
        [FieldOffset(0)]
        internal uint Command;

        [FieldOffset(4)]
        internal Text32 Driver;

        [FieldOffset(100)]
        internal Text32 BusInfo;
    }

    /// <summary>What is read of struct ethtool_link_settings; three masks of <see cref="MaskWords"/> words follow it.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 48)]
    internal struct LinkSettings
    {
        [FieldOffset(0)]
        internal uint Command;

        [FieldOffset(4)]
        internal uint Speed;

        [FieldOffset(15)]
        internal sbyte MaskWords;
    }

    /// <summary>char [32], ended by a NUL.</summary>
    [InlineArray(32)]
    internal struct Text32
    {
        private byte first;

        public override readonly string ToString()
        {
            ReadOnlySpan<byte> bytes = this;
            int end = bytes.IndexOf((byte)0);
            return Encoding.UTF8.GetString(end < 0 ? bytes : bytes[..end]);
        }
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

    /// <returns>The driver's name and its place on a bus, or null where the interface has no ethtool (lo).</returns>
    internal static (string Driver, string Bus)? GetDriver(string interfaceName)
    {
        DriverInfo info = new() { Command = ETHTOOL_GDRVINFO };
        return Call(interfaceName, &info) ? (info.Driver.ToString(), info.BusInfo.ToString()) : null;
    }

    internal static Channels? GetChannels(string interfaceName)
    {
        Channels channels = new() { Command = ETHTOOL_GCHANNELS };
        return Call(interfaceName, &channels) ? channels : null;
    }

    /// <returns>Mb/s, or null where the driver does not say: no link, or no such thing as a speed.</returns>
    internal static int? GetSpeed(string interfaceName)
    {
        // The kernel answers a wrong number of mask words with the right one, negated (ethtool_get_link_ksettings).
        LinkSettings asked = new() { Command = ETHTOOL_GLINKSETTINGS };
        if (!Call(interfaceName, &asked) || asked.MaskWords >= 0) return null;
        int size = sizeof(LinkSettings) + 3 * sizeof(uint) * -asked.MaskWords;
        byte* buffer = stackalloc byte[size];
        new Span<byte>(buffer, size).Clear();
        LinkSettings* settings = (LinkSettings*)buffer;
        settings->Command = ETHTOOL_GLINKSETTINGS;
        settings->MaskWords = (sbyte)-asked.MaskWords;
        if (!Call(interfaceName, buffer)) return null;
        // SPEED_UNKNOWN is -1; drivers from before it had 16 bits, and some give 0.
        return settings->Speed is > 0 and not ushort.MaxValue and <= int.MaxValue ? (int)settings->Speed : null;
    }

    /// <summary>ethtool's rxvlan: VLAN tags of received frames are taken out of their bytes.</summary>
    internal static bool TakesVlanTagsOut(string interfaceName) => HasFlag(interfaceName, ETH_FLAG_RXVLAN);

    /// <summary>ethtool's txvlan: the kernel hands tags over beside the frame, for the device to put them in.</summary>
    internal static bool PutsVlanTagsIn(string interfaceName) => HasFlag(interfaceName, ETH_FLAG_TXVLAN);

    private static bool HasFlag(string interfaceName, uint flag)
    {
        // struct ethtool_value: u32 cmd, u32 data.
        uint* value = stackalloc uint[2] { ETHTOOL_GFLAGS, 0 };
        return Call(interfaceName, value) && (value[1] & flag) != 0;
    }

    private static bool Call(string interfaceName, void* command)
    {
        using FileDescriptor socket = Libc.socket(Libc.AF_INET, Libc.SOCK_DGRAM | Libc.SOCK_CLOEXEC, 0);
        if (socket.IsInvalid) return false;
        InterfaceRequest request = new() { Name = KernelName.From(interfaceName), Data = command };
        return Libc.ioctl(socket, SIOCETHTOOL, &request) == 0;
    }
}
