using System.ComponentModel;
using System.Runtime.InteropServices;
using XdpPS.Interop;

namespace XdpPS.Tests;

/// <summary>System calls that the tests need and the library does not.</summary>
internal static unsafe partial class Kernel
{
    internal const int SIGINT = 2;

    private const int CLONE_NEWNET = 0x40000000;
    private const int CLONE_NEWNS = 0x00020000;
    private const nuint MS_REC = 0x4000;
    private const nuint MS_PRIVATE = 1 << 18;
    private const int AF_PACKET = 17;

    /// <summary>struct sockaddr_ll.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct PacketAddress
    {
        internal ushort Family;
        internal ushort Protocol;
        internal int InterfaceIndex;
        internal ushort HardwareType;
        internal byte PacketType;
        internal byte AddressLength;
        internal ulong Address;
    }

    /// <summary>Moves the calling thread, and it alone, to a named network namespace.</summary>
    internal static void EnterNamespace(string name)
    {
        using var handle = File.OpenHandle($"/run/netns/{name}", FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        if (setns((int)handle.DangerousGetHandle(), CLONE_NEWNET) != 0) throw new Win32Exception(Marshal.GetLastPInvokeError(), "setns");
    }

    /// <summary>Gives the calling thread, and it alone, a mount namespace with a file system that nobody else sees.</summary>
    internal static void MountPrivately(string type, string folder)
    {
        if (unshare(CLONE_NEWNS) != 0) throw new Win32Exception(Marshal.GetLastPInvokeError(), "unshare");
        if (mount("none", "/", null, MS_REC | MS_PRIVATE, null) != 0) throw new Win32Exception(Marshal.GetLastPInvokeError(), "mount --make-rprivate");
        if (mount(type, folder, type, 0, null) != 0) throw new Win32Exception(Marshal.GetLastPInvokeError(), $"mount -t {type}");
    }

    internal static void Signal(int process, int signal) => _ = kill(process, signal);

    /// <summary>Sends frames by AF_PACKET: through the kernel's own transmit path, not ours.</summary>
    internal static void SendRaw(string interfaceName, IEnumerable<byte[]> frames)
    {
        using FileDescriptor socket = Libc.socket(AF_PACKET, Libc.SOCK_RAW | Libc.SOCK_CLOEXEC, 0);
        if (socket.IsInvalid) throw new Win32Exception(Marshal.GetLastPInvokeError(), "socket(AF_PACKET)");
        PacketAddress address = new()
        {
            Family = AF_PACKET,
            InterfaceIndex = XdpInterface.Get(interfaceName).Index,
            AddressLength = 6,
        };
        foreach (byte[] frame in frames)
        {
            fixed (byte* data = frame)
            {
                if (Libc.sendto(socket, data, (nuint)frame.Length, 0, &address, sizeof(PacketAddress)) != frame.Length)
                    throw new Win32Exception(Marshal.GetLastPInvokeError(), "sendto(AF_PACKET)");
            }
        }
    }

    /// <summary>Leaves the calling thread, and it alone, without any capability.</summary>
    internal static void DropCapabilities()
    {
        const uint version3 = 0x20080522;
        uint* header = stackalloc uint[2] { version3, 0 };
        // Effective, permitted and inheritable, of 32 capabilities each time.
        uint* none = stackalloc uint[6];
        new Span<uint>(none, 6).Clear();
        if (capset(header, none) != 0) throw new Win32Exception(Marshal.GetLastPInvokeError(), "capset");
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int capset(uint* header, uint* data);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int setns(int descriptor, int type);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int unshare(int flags);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int mount(string source, string target, string? type, nuint flags, string? data);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int kill(int process, int signal);

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int prctl(int option, nuint second, nuint third, nuint fourth, nuint fifth);
}
