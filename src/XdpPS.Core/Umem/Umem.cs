using System.Runtime.InteropServices;
using XdpPS.Interop;

namespace XdpPS;

/// <summary>
/// The packet memory, cut into frames of one size. Frames belong to the receive direction or to the transmit
/// direction for life: the kernel never moves one from FILL and RX to TX and COMPLETION.
/// </summary>
internal sealed unsafe class Umem : IDisposable
{
    private readonly MemoryMapping memory;
    private readonly byte* start;
    private readonly ulong length;

    internal Umem(int frameSize, int frameCount, int headroom, int receiveFrames)
    {
        FrameSize = frameSize;
        FrameCount = frameCount;
        Headroom = headroom;
        length = (ulong)frameSize * (ulong)frameCount;
        memory = MemoryMapping.Anonymous((nuint)length, "UMEM");
        start = memory.Address;
        ReceiveFrames = new FramePool(0, receiveFrames, frameSize);
        TransmitFrames = new FramePool(receiveFrames, frameCount - receiveFrames, frameSize);
    }

    internal int FrameSize { get; }

    internal int FrameCount { get; }

    internal int Headroom { get; }

    internal FramePool ReceiveFrames { get; }

    internal FramePool TransmitFrames { get; }

    /// <summary>Where in its frame a received packet begins: the kernel keeps XDP_PACKET_HEADROOM beside the user's (xp_init_xskb_addr).</summary>
    internal static int ReceiveOffset(int headroom) => IfXdp.XDP_PACKET_HEADROOM + headroom;

    /// <summary>Pins the memory and registers it with a socket (xdp_umem_reg, net/xdp/xdp_umem.c).</summary>
    internal void Register(FileDescriptor socket)
    {
        XdpUmemReg registration = new()
        {
            Address = (ulong)start,
            Length = length,
            ChunkSize = (uint)FrameSize,
            Headroom = (uint)Headroom,
        };
        if (Libc.setsockopt(socket, IfXdp.SOL_XDP, IfXdp.XDP_UMEM_REG, &registration, sizeof(XdpUmemReg)) == 0) return;
        int errno = Marshal.GetLastPInvokeError();
        string call = $"setsockopt(xsk, XDP_UMEM_REG, {{{length} bytes, chunk {FrameSize}, headroom {Headroom}}})";
        throw errno switch
        {
            Errno.ENOBUFS => XskException.FromCall(
                XskErrorId.MemoryLockLimit, errno, call,
                $"A UMEM of {length / 1024} KiB is more than this process may lock in memory",
                $"use fewer frames (-FrameCount), raise the limit ('ulimit -l {(length / 1024) + 64}'), or give the process CAP_IPC_LOCK"),
            Errno.ENOMEM => XskException.FromCall(
                XskErrorId.OutOfMemory, errno, call, $"The kernel could not pin a UMEM of {length / 1024} KiB",
                "free memory, or use fewer frames (-FrameCount)"),
            Errno.EBUSY => XskException.FromCall(
                XskErrorId.SystemCallFailed, errno, call, "The descriptor has a UMEM already",
                "hand over an AF_XDP socket on which nothing was set up yet"),
            Errno.EINVAL => XskException.FromCall(
                XskErrorId.FrameSizeInvalid, errno, call, "The kernel refused this frame size or headroom",
                "use -FrameSize 2048 or 4096 and a smaller -Headroom"),
            _ => XskSetup.OptionFailed(errno, call, "The UMEM could not be registered"),
        };
    }

    /// <summary>The bytes at an address that came from a ring.</summary>
    /// <exception cref="XskException">They do not lie inside the UMEM.</exception>
    internal Span<byte> Slice(ulong address, uint count)
    {
        if (address > length || count > length - address) throw OutOfRange(address, count);
        return new Span<byte>(start + address, (int)count);
    }

    /// <summary>The 8 bytes before a received packet, where our XDP program leaves its arrival time.</summary>
    internal long* TimestampSlot(ulong packetAddress)
    {
        if (packetAddress < sizeof(long) || packetAddress > length) throw OutOfRange(packetAddress, 0);
        return (long*)(start + packetAddress - sizeof(long));
    }

    public void Dispose() => memory.Dispose();

    private XskException OutOfRange(ulong address, uint count) => XskException.FromCheck(
        XskErrorId.RingCorrupted,
        $"A descriptor names {count} bytes at 0x{address:x}, outside the UMEM of {length} bytes",
        "close this socket: something else writes to its rings, or the driver is at fault");
}
