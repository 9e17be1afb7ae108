using System.Diagnostics;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using XdpPS.Interop;

namespace XdpPS;

/// <summary>
/// The packet memory, cut into frames of one size. Sockets lease frames for a direction: the kernel never moves one
/// from FILL and RX to TX and COMPLETION. Several sockets can share it; it is unmapped with the last of them.
/// </summary>
internal sealed unsafe partial class Umem
{
    /// <summary>Frames of an odd size begin on a line of their own; and newer kernels lose the lowest bit of an address that they send from (xsk_skb_destructor_set_addr).</summary>
    private const ulong CacheLine = 64;

    private static readonly TimeSpan UnpinPatience = TimeSpan.FromSeconds(3);

    private static long lastUnpinned;

    private readonly MemoryMapping memory;
    private readonly byte* start;
    private readonly ulong length;
    private readonly ulong stride;
    private readonly ulong reciprocal;
    private readonly FramePool?[] owners;
    private readonly bool[] lent;
    // No Stack<ulong>, here and elsewhere on the way to a socket: its code would have to be compiled when the first is opened.
    private readonly ulong[] unleased;
    // Weak: a queue whose sockets were all forgotten must not be kept by those on other queues.
    private readonly List<WeakReference<QueueRings>> queues = [];
    private int unleasedCount;
    private int references = 1;
    private bool isPinned;

    internal Umem(int frameSize, int frameCount, int headroom, bool unaligned = false, bool hugePages = false)
    {
        FrameSize = frameSize;
        FrameCount = frameCount;
        Headroom = headroom;
        IsUnaligned = unaligned;
        IsHuge = hugePages;
        stride = ((ulong)frameSize + (CacheLine - 1)) & ~(CacheLine - 1);
        reciprocal = (ulong.MaxValue / stride) + 1;
        length = stride * (ulong)frameCount;
        memory = hugePages ? MemoryMapping.Huge((nuint)length, "UMEM") : MemoryMapping.Anonymous((nuint)length, "UMEM");
        start = memory.Address;
        owners = new FramePool?[frameCount];
        lent = new bool[frameCount];
        FrameShift = BitOperations.IsPow2(stride) ? BitOperations.Log2(stride) : 0;
        unleased = new ulong[frameCount];
        for (int i = frameCount - 1; i >= 0; i--) unleased[unleasedCount++] = (ulong)i * stride;
    }

    internal int FrameSize { get; }

    internal int FrameCount { get; }

    internal int Headroom { get; }

    /// <summary>It lies in pages of 2 MiB.</summary>
    internal bool IsHuge { get; }

    /// <summary>Frames need not be a power of two in size, and the kernel says in a descriptor where in its frame a packet begins.</summary>
    internal bool IsUnaligned { get; }

    /// <summary>The sockets that use it.</summary>
    internal int References => Volatile.Read(ref references);

    /// <summary>Frames that no socket has.</summary>
    internal int Unleased
    {
        get
        {
            lock (unleased) return unleasedCount;
        }
    }

    internal FramePool Lease(int count)
    {
        lock (unleased)
        {
            ulong[] frames = new ulong[Math.Min(count, unleasedCount)];
            for (int i = frames.Length - 1; i >= 0; i--) frames[i] = unleased[--unleasedCount];
            FramePool pool = new(this, frames);
            foreach (ulong frame in frames) owners[IndexOf(frame)] = pool;
            return pool;
        }
    }

    /// <summary>Takes frames that a pool has given away.</summary>
    internal void Accept(ulong[] frames)
    {
        lock (unleased)
        {
            foreach (ulong frame in frames)
            {
                owners[IndexOf(frame)] = null;
                unleased[unleasedCount++] = frame;
            }
        }
    }

    /// <summary>Takes back every frame of a pool, wherever it is: its socket is closed.</summary>
    internal void Return(FramePool pool)
    {
        lock (unleased)
        {
            for (int i = 0; i < owners.Length; i++)
            {
                if (owners[i] != pool) continue;
                owners[i] = null;
                lent[i] = false;
                unleased[unleasedCount++] = (ulong)i * stride;
            }
        }
    }

    /// <summary>The rings of a queue on which this UMEM is in use, with a reference added; null where there are none.</summary>
    internal QueueRings? FindQueue(QueueKey key)
    {
        lock (queues)
        {
            foreach (WeakReference<QueueRings> known in queues)
            {
                if (known.TryGetTarget(out QueueRings? queue) && queue.Key == key && queue.TryAddReference()) return queue;
            }
        }

        return null;
    }

    internal void Add(QueueRings queue)
    {
        lock (queues)
        {
            queues.RemoveAll(known => !known.TryGetTarget(out _));
            queues.Add(new WeakReference<QueueRings>(queue));
        }
    }

    internal void Remove(QueueRings queue)
    {
        lock (queues) queues.RemoveAll(known => !known.TryGetTarget(out QueueRings? target) || target == queue);
    }

    /// <summary>The binary logarithm of a frame's size; 0 where it has none, and only <see cref="IndexOf"/> finds a frame.</summary>
    internal int FrameShift { get; }

    /// <summary>The pools that the frames belong to, for whoever looks up many.</summary>
    internal ReadOnlySpan<FramePool?> Owners => owners;

    /// <summary>By frame, whether it was taken from its pool and has not come back: only such a frame can be in a ring.</summary>
    internal Span<bool> Lent => lent;

    internal FramePool? OwnerOf(ulong address) => address < length ? owners[IndexOf(address)] : null;

    internal ulong FrameStart(ulong address) => IndexOf(address) * stride;

    /// <summary>Which frame an address is in: a division, as a multiplication that is exact below 2^47, so that powers of two need no path of their own.</summary>
    internal ulong IndexOf(ulong address) => Math.BigMul(address, reciprocal, out _);

    /// <summary>Where a packet is, by its descriptor's address in an unaligned UMEM. An address that is plain already stays what it is.</summary>
    internal static ulong Flatten(ulong address) =>
        Base(address) + (address >> IfXdp.XSK_UNALIGNED_BUF_OFFSET_SHIFT);

    /// <summary>What such an address is without its offset: where the frame begins that was on FILL.</summary>
    internal static ulong Base(ulong address) => address & ((1UL << IfXdp.XSK_UNALIGNED_BUF_OFFSET_SHIFT) - 1);

    internal bool IsSameFrame(ulong address, ulong other) => IndexOf(address) == IndexOf(other);

    internal void AddReference() => Interlocked.Increment(ref references);

    internal void Release()
    {
        if (Interlocked.Decrement(ref references) > 0) return;
        memory.Dispose();
        if (isPinned) Volatile.Write(ref lastUnpinned, Stopwatch.GetTimestamp());
    }

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
            Flags = IsUnaligned ? IfXdp.XDP_UMEM_UNALIGNED_CHUNK_FLAG : 0,
        };
        int errno;
        long begun = Stopwatch.GetTimestamp();
        do
        {
            isPinned = Libc.setsockopt(socket, IfXdp.SOL_XDP, IfXdp.XDP_UMEM_REG, &registration, sizeof(XdpUmemReg)) == 0;
            if (isPinned) return;
            errno = Marshal.GetLastPInvokeError();
        }
        while (errno == Errno.ENOBUFS && Stopwatch.GetElapsedTime(begun) < UnpinPatience && WaitForUnpinning());

        string call = $"setsockopt(xsk, XDP_UMEM_REG, {{{length} bytes, chunk {FrameSize}, headroom {Headroom}{(IsUnaligned ? ", XDP_UMEM_UNALIGNED_CHUNK_FLAG" : "")}}})";
        throw errno switch
        {
            Errno.ENOBUFS => XskException.FromCall(
                XskErrorId.MemoryLockLimit, errno, call,
                $"A UMEM of {length / 1024} KiB is more than this process may lock in memory, with what its user has locked already",
                $"use fewer frames (-FrameCount), {ResourceLimit.MoreLockedMemory((ulong)length)}, or give the process CAP_IPC_LOCK"),
            Errno.ENOMEM => XskException.FromCall(
                XskErrorId.OutOfMemory, errno, call, $"The kernel could not pin a UMEM of {length / 1024} KiB",
                "free memory, or use fewer frames (-FrameCount)"),
            Errno.EBUSY => XskException.FromCall(
                XskErrorId.SystemCallFailed, errno, call, "The descriptor has a UMEM already",
                "hand over an AF_XDP socket on which nothing was set up yet"),
            Errno.EINVAL when Headroom > 0 => XskException.FromCall(
                XskErrorId.HeadroomInvalid, errno, call,
                $"The kernel refused a headroom of {Headroom} bytes in frames of {FrameSize}: newer ones (6.18 was measured) allow at most the frame size minus 704, here {FrameSize - 704}",
                "use a smaller -Headroom"),
            Errno.EINVAL => XskException.FromCall(
                XskErrorId.FrameSizeInvalid, errno, call, $"The kernel refused a frame size of {FrameSize} bytes",
                "use -FrameSize 2048 or 4096"),
            _ => XskSetup.OptionFailed(errno, call, "The UMEM could not be registered"),
        };
    }

    /// <summary>The kernel unpins a closed socket's pages in a worker that also waits for rtnl, some 20 ms later (xp_release_deferred), and counts them as locked until then.</summary>
    private static bool WaitForUnpinning()
    {
        if (Stopwatch.GetElapsedTime(Volatile.Read(ref lastUnpinned)) > UnpinPatience) return false;
        Thread.Sleep(1);
        return true;
    }

    /// <summary>A packet, or a part of one, as a descriptor on a ring names it.</summary>
    /// <exception cref="XskException">It does not lie inside one frame of that pool, or the frame is not in a ring.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal Span<byte> Packet(ulong address, uint count, FramePool owner)
    {
        ulong frame = IndexOf(address);
        if (frame >= (ulong)owners.Length || address - (frame * stride) + count > (ulong)FrameSize || owners[(int)frame] != owner || !lent[(int)frame])
            throw NoPacket(address, count);
        return new Span<byte>(start + address, (int)count);
    }

    /// <summary>The bytes at an address that came from a ring.</summary>
    /// <exception cref="XskException">They do not lie inside the UMEM.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal Span<byte> Slice(ulong address, uint count)
    {
        if (address > length || count > length - address) throw OutOfRange(address, count);
        return new Span<byte>(start + address, (int)count);
    }

    /// <summary>The 8 bytes before a received packet, where our XDP program leaves its arrival time.</summary>
    /// <exception cref="XskException">They are not in the frame that the address is in.</exception>
    internal long* TimestampSlot(ulong packetAddress)
    {
        ulong frame = IndexOf(packetAddress);
        if (frame >= (ulong)owners.Length || packetAddress - (frame * stride) < sizeof(long)) throw OutOfRange(packetAddress, 0);
        return (long*)(start + packetAddress - sizeof(long));
    }

    /// <summary>For frames to receive into that others had before: whatever these left there, a driver that writes no arrival time must not seem to have written it.</summary>
    internal void ClearTimestamps(FramePool frames)
    {
        foreach (ulong frame in frames.Free) *TimestampSlot(frame + (ulong)ReceiveOffset(Headroom)) = 0;
    }

    /// <summary>What is wrong with a descriptor that was refused.</summary>
    internal XskException NoPacket(ulong address, uint count)
    {
        if (address >= length || count > length - address) return OutOfRange(address, count);
        ulong first = FrameStart(address);
        if (address - first + count > (ulong)FrameSize)
        {
            return XskException.FromCheck(
                XskErrorId.RingCorrupted,
                $"A descriptor names {count} bytes at 0x{address:x}, beyond the end of the frame of {FrameSize} bytes at 0x{first:x}",
                "close this socket: something else writes to its rings, or the driver is at fault");
        }

        return FramePool.NotOurs(address);
    }

    private XskException OutOfRange(ulong address, uint count) => XskException.FromCheck(
        XskErrorId.RingCorrupted,
        $"A descriptor names {count} bytes at 0x{address:x}, outside the UMEM of {length} bytes",
        "close this socket: something else writes to its rings, or the driver is at fault");
}
