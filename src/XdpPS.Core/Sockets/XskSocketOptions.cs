using System.Numerics;
using System.Runtime.InteropServices;
using XdpPS.Interop;

namespace XdpPS;

/// <summary>How the XDP program is attached.</summary>
public enum XdpAttachMode
{
    /// <summary>Native where the driver can, else generic, with a warning.</summary>
    Auto = 0,

    /// <summary>In the driver, or not at all.</summary>
    Native = 1,

    /// <summary>In the kernel's generic receive path: every interface, at lower speed.</summary>
    Generic = 2,
}

/// <summary>Whether the kernel copies packets between its buffers and the UMEM.</summary>
public enum XskBindMode
{
    /// <summary>Zero-copy where the driver says that it can, else copy.</summary>
    Auto = 0,

    /// <summary>Copy (XDP_COPY): every interface.</summary>
    Copy = 1,

    /// <summary>Zero-copy (XDP_ZEROCOPY), or fail.</summary>
    ZeroCopy = 2,
}

/// <summary>Everything that can be chosen about a socket. The defaults suit an interface with an MTU of 1,500.</summary>
public sealed record XskSocketOptions
{
    /// <summary>The frame size used when none is given, in bytes.</summary>
    public const int DefaultFrameSize = 2048;

    /// <summary>The frame count used when none is given.</summary>
    public const int DefaultFrameCount = 8192;

    /// <summary>The size of each ring used when none is given, in entries.</summary>
    public const int DefaultRingSize = 2048;

    /// <summary>The busy-polling time used when none is given, in microseconds.</summary>
    public const int DefaultBusyPollMicroseconds = 20;

    /// <summary>The busy-polling budget used when none is given, in packets.</summary>
    public const int DefaultBusyPollBudget = 64;

    /// <summary>What the kernel takes in one send call unless told otherwise, in frames (TX_BATCH_SIZE, net/xdp/xsk.c).</summary>
    public const int DefaultTxBudget = 32;

    // Above this the kernel's own size computation for a ring of 16-byte entries overflows 32 bits (xskq_get_ring_size).
    private const int MaximumRingSize = 1 << 27;

    /// <summary>Exact name of the interface.</summary>
    public required string InterfaceName { get; init; }

    /// <summary>
    /// The network namespace that the interface is in: a name from <c>ip netns</c> or the absolute path of a namespace
    /// file such as /proc/PID/ns/net; null for the calling thread's own.
    /// </summary>
    public string? NetworkNamespace { get; init; }

    /// <summary>Queue to bind to, from 0 to the interface's queue count minus 1.</summary>
    public int QueueId { get; init; }

    /// <summary>Size of a UMEM frame in bytes: a power of two from 2,048 to the page size; with <see cref="Unaligned"/>, any size from one to the other.</summary>
    public int FrameSize { get; init; } = DefaultFrameSize;

    /// <summary>Frames in the UMEM, at least 2. Half of them receive and half transmit; all serve the one direction where the other is off.</summary>
    public int FrameCount { get; init; } = DefaultFrameCount;

    /// <summary>Bytes kept free before each received packet, beside the kernel's own 256: from 0 to frame size minus 257, and on newer kernels minus 704.</summary>
    public int Headroom { get; init; }

    /// <summary>
    /// Frames of any size from 2,048 bytes to the page size (XDP_UMEM_UNALIGNED_CHUNK_FLAG). A frame that lies across two
    /// pages is for copying only: a zero-copy driver takes none whose pages are not adjacent in memory.
    /// </summary>
    public bool Unaligned { get; init; }

    /// <summary>
    /// Receive and send packets that are longer than a frame, in several of them (XDP_USE_SG, Linux 6.6). All sockets on a
    /// UMEM do so, or none.
    /// </summary>
    public bool MultiBuffer { get; init; }

    /// <summary>Entries of the RX ring: a power of two, or 0 for a socket that only transmits.</summary>
    public int RxRingSize { get; init; } = DefaultRingSize;

    /// <summary>Entries of the TX ring: a power of two, or 0 for a socket that only receives.</summary>
    public int TxRingSize { get; init; } = DefaultRingSize;

    /// <summary>Entries of the FILL ring: a power of two; null means 2,048, or the RX ring's size where that is larger.</summary>
    public int? FillRingSize { get; init; }

    /// <summary>Entries of the COMPLETION ring: a power of two; null means 2,048, or the TX ring's size where that is larger.</summary>
    public int? CompletionRingSize { get; init; }

    /// <summary>Copy or zero-copy.</summary>
    public XskBindMode BindMode { get; init; }

    /// <summary>Native or generic XDP.</summary>
    public XdpAttachMode AttachMode { get; init; }

    /// <summary>Let the kernel say when it wants a system call (XDP_USE_NEED_WAKEUP), instead of making one for every batch.</summary>
    public bool NeedWakeup { get; init; } = true;

    /// <summary>
    /// Busy polling: for how many microseconds a receive with nothing to do runs the driver itself before it sleeps
    /// (SO_PREFER_BUSY_POLL, SO_BUSY_POLL), from 1; null for none. Needs CAP_NET_ADMIN.
    /// </summary>
    public int? BusyPollMicroseconds { get; init; }

    /// <summary>The most packets the driver takes in one such run (SO_BUSY_POLL_BUDGET), from 1 to 65,535.</summary>
    public int BusyPollBudget { get; init; } = DefaultBusyPollBudget;

    /// <summary>Put the UMEM into pages of 2 MiB, which must have been reserved (vm.nr_hugepages).</summary>
    public bool HugePages { get; init; }

    /// <summary>The most frames that one send call takes in copy mode (XDP_MAX_TX_SKB_BUDGET, Linux 6.17): from 32 to the TX ring's size; null for the kernel's 32.</summary>
    public int? TxBudget { get; init; }

    /// <summary>Load and attach the XDP program. Without it the socket transmits, and receives only what another program redirects to it.</summary>
    public bool AttachProgram { get; init; } = true;

    /// <summary>
    /// Have the XDP program take each packet's arrival time, which costs a reading of the clock a packet on the CPU that runs
    /// the driver. Without it a packet's time is that of reading. The sockets of an interface share a program: the first
    /// decides.
    /// </summary>
    public bool ArrivalTimes { get; init; } = true;

    /// <summary>What to take; null for every packet. All sockets of an interface have the same filter, since they share its program.</summary>
    public PacketFilter? Filter { get; init; }

    /// <summary>
    /// Leave to the kernel what the host needs to stay reachable, whatever the filter says: ARP, neighbour and listener
    /// discovery, DHCP, SSH and ICMP to the host. An interface that the host lives on is not refused then.
    /// </summary>
    public bool KeepKernelTraffic { get; init; }

    /// <summary>
    /// Path of a pinned XSKMAP to put the socket into, at its queue's slot, until it is closed; null for none. No
    /// program of ours is attached then: the one that uses the map decides what arrives, and it takes no filter.
    /// </summary>
    public string? XskMapPath { get; init; }

    /// <summary>
    /// Take every packet of an interface although the host itself lives on it, and replace a program that someone left
    /// there by netlink where it is in the way.
    /// </summary>
    public bool Force { get; init; }

    /// <summary>
    /// An open socket of this process whose UMEM is to be used, on any queue of any interface; null for a UMEM of its
    /// own. Frame size, headroom, copy mode and need-wakeup are then that socket's, and the frames are those it does
    /// not use: half of its free ones, and what other sharers have left.
    /// </summary>
    /// <remarks>
    /// Several sockets on one queue share its FILL and COMPLETION rings, whose sizes are those the first was opened
    /// with, and the frames to receive into; each has RX and TX rings and frames to send of its own, and can be closed
    /// while the others go on. The XDP program delivers a queue's packets to one socket: the first that takes packets.
    /// The others send, and receive what another program redirects to them. When the one that packets go to is closed,
    /// they go to the socket that has been on the queue longest of the others, without a gap.
    /// </remarks>
    public XskSocket? ShareUmemWith { get; init; }

    /// <summary>
    /// An AF_XDP socket made elsewhere (SOCK_RAW, nothing set up yet), or null to make one. On success the
    /// <see cref="XskSocket"/> owns it; when opening fails it stays open and the caller's.
    /// </summary>
    public SafeHandle? Descriptor { get; init; }

    /// <summary>The FILL ring's size with the default applied.</summary>
    public int EffectiveFillRingSize => FillRingSize ?? Math.Max(DefaultRingSize, RxRingSize);

    /// <summary>The COMPLETION ring's size with the default applied.</summary>
    public int EffectiveCompletionRingSize => CompletionRingSize ?? Math.Max(DefaultRingSize, TxRingSize);

    /// <summary>
    /// The largest packet that fits a receive frame: 1,792 bytes for 2,048. With <see cref="MultiBuffer"/>, the largest that
    /// fits all the frames that can be on the FILL and RX rings at once.
    /// </summary>
    public int MaximumReceiveLength => (int)Math.Min(
        int.MaxValue, (long)(EffectiveFrameSize - Umem.ReceiveOffset(ShareUmemWith?.Headroom ?? Headroom)) * MostReceiveFragments);

    /// <summary>Whether a program of ours, or one that is joined, is to send packets here.</summary>
    internal bool UsesProgram => AttachProgram && XskMapPath is null;

    /// <summary>What was given that makes the program take less than everything: <see cref="KernelTraffic.LeaveOut"/> has put -KeepKernelTraffic into the filter.</summary>
    internal string WhatFilters => !KeepKernelTraffic ? "the filter" : Filter?.Leaves.Count() == 1 ? "-KeepKernelTraffic" : "the filter and -KeepKernelTraffic";

    /// <summary>The frame size, which a shared UMEM already has.</summary>
    internal int EffectiveFrameSize => ShareUmemWith?.FrameSize ?? FrameSize;

    /// <summary>What a shared UMEM is bound with, all are.</summary>
    internal bool UsesMultiBuffer => ShareUmemWith?.MultiBuffer ?? MultiBuffer;

    /// <summary>A frame's data may lie in two pages.</summary>
    internal bool FramesCrossPages => Unaligned && ShareUmemWith is null && Environment.SystemPageSize % FrameSize != 0;

    /// <summary>How many frames the kernel can use for one packet: it takes all of them from FILL, or drops it (__xsk_rcv).</summary>
    private int MostReceiveFragments => !UsesMultiBuffer ? 1 : Math.Max(1, Math.Min(
        Math.Min(RxRingSize, EffectiveFillRingSize), ShareUmemWith is null ? ReceiveShareOf(FrameCount) : int.MaxValue));

    /// <summary>How many of so many frames are for receiving.</summary>
    internal int ReceiveShareOf(int frames) => RxRingSize == 0 ? 0 : TxRingSize == 0 ? frames : frames - (frames / 2);

    /// <summary>Whether the MTU allows packets that are longer than what one can have here, and what would make room for them; null where they fit.</summary>
    internal (string Cause, string Remedy)? WhyPacketsDoNotFit(XdpInterface nic)
    {
        int fitting = MaximumReceiveLength;
        int longest = nic.Mtu + EthernetFrame.HeaderLength;
        // Loopback has no wire: its MTU is 65,536 and its packets are rarely that long.
        if (RxRingSize == 0 || !AttachProgram || longest <= fitting || nic.IsLoopback) return null;
        int page = Environment.SystemPageSize;
        bool largerFits = EffectiveFrameSize < page && longest <= page - Umem.ReceiveOffset(Headroom);
        string larger = (UsesMultiBuffer, largerFits) switch
        {
            (true, _) => "use larger RX and FILL rings and more frames, or ",
            (_, true) => $"use -FrameSize {page} or -MultiBuffer, or ",
            _ => "use -MultiBuffer, or ",
        };
        return (
            $"{nic.Name} has an MTU of {nic.Mtu}, but a packet in {(UsesMultiBuffer ? "all the frames of its rings" : $"a {EffectiveFrameSize}-byte frame")} can have {fitting} bytes: longer ones are dropped",
            $"{larger}run '{nic.Command($"ip link set {nic.Name} mtu {fitting - EthernetFrame.HeaderLength}")}'");
    }

    /// <summary>Why a driver would deliver long packets in pieces without copies, and what would keep them whole; null where it would not.</summary>
    internal (string Cause, string Remedy)? WhyPacketsComeInPieces(XdpInterface nic)
    {
        // The register counts KiB, to which the driver rounds a frame without its headroom down (igb_setup_srrctl), and
        // what does not fit goes on in the next frame as a packet of its own; seen on Linux 7.3.
        if (nic.Driver is not "igb" || RxRingSize == 0 || !AttachProgram) return null;
        int whole = (EffectiveFrameSize - Umem.ReceiveOffset(Headroom)) / 1024 * 1024;
        if (nic.Mtu + EthernetFrame.HeaderLength + 4 <= whole) return null;
        return (
            $"Without copies {nic.Driver} puts at most {whole} bytes of a packet into a frame of {EffectiveFrameSize} bytes, and delivers longer ones in pieces, which the MTU of {nic.Mtu} allows",
            $"use -FrameSize {Environment.SystemPageSize} or -BindMode Copy");
    }

    /// <summary>Checks everything that can be checked without a system call.</summary>
    /// <exception cref="XskException">A value is out of range; the message has the rule and the value.</exception>
    public void Validate()
    {
        int pageSize = Environment.SystemPageSize;
        if (FrameSize < IfXdp.XDP_UMEM_MIN_CHUNK_SIZE || FrameSize > pageSize || (!Unaligned && !BitOperations.IsPow2(FrameSize)))
        {
            bool oddSize = FrameSize > IfXdp.XDP_UMEM_MIN_CHUNK_SIZE && FrameSize < pageSize;
            throw XskException.FromCheck(
                XskErrorId.FrameSizeInvalid,
                $"A frame size of {FrameSize} bytes is not possible: it must be {(Unaligned ? "" : "a power of two ")}from {IfXdp.XDP_UMEM_MIN_CHUNK_SIZE} to the page size, {pageSize}",
                $"use -FrameSize 2048{(pageSize > 2048 ? " or 4096" : "")}{(oddSize ? $", or -Unaligned for frames of {FrameSize} bytes" : "")}");
        }

        int largest = FrameSize - IfXdp.XDP_PACKET_HEADROOM - 1;
        if (Headroom < 0 || Headroom > largest)
        {
            throw XskException.FromCheck(
                XskErrorId.HeadroomInvalid,
                $"A headroom of {Headroom} bytes is not possible: the kernel keeps {IfXdp.XDP_PACKET_HEADROOM} bytes of each {FrameSize}-byte frame, so that it must be from 0 to {largest}",
                "use a smaller -Headroom");
        }

        if (RxRingSize == 0 && TxRingSize == 0)
        {
            throw XskException.FromCheck(
                XskErrorId.RingSizeInvalid,
                "An RX ring and a TX ring of 0 entries leave nothing to do",
                "give at least one of -RxRingSize and -TxRingSize a power of two");
        }

        CheckRing("RX", "-RxRingSize", RxRingSize, zeroAllowed: true);
        CheckRing("TX", "-TxRingSize", TxRingSize, zeroAllowed: true);
        CheckRing("FILL", "-FillRingSize", EffectiveFillRingSize, zeroAllowed: false);
        CheckRing("COMPLETION", "-CompletionRingSize", EffectiveCompletionRingSize, zeroAllowed: false);

        CheckTuning();

        if (FrameCount < 2)
        {
            throw XskException.FromCheck(
                XskErrorId.FrameCountInvalid,
                $"A UMEM of {FrameCount} frames is not possible: it needs at least 2, one for each direction",
                $"use -FrameCount {DefaultFrameCount}, or leave it out");
        }

        if (Filter is not null && !AttachProgram)
        {
            throw XskException.FromCheck(
                XskErrorId.FilterConflict,
                "A filter is a part of the XDP program, and none is to be attached",
                "leave out the filter or -NoProgram");
        }

        if (KeepKernelTraffic && !UsesProgram)
        {
            throw XskException.FromCheck(
                XskErrorId.FilterConflict,
                "It is our XDP program that leaves traffic to the kernel, and none is to be attached",
                $"leave out -KeepKernelTraffic or {(XskMapPath is null ? "-NoProgram" : "-XskMapPath")}");
        }

        if (Filter is not null && XskMapPath is not null)
        {
            throw XskException.FromCheck(
                XskErrorId.FilterConflict,
                $"A filter is a part of the XDP program, and the one that uses the map {XskMapPath} is someone else's",
                "leave out the filter or -XskMapPath");
        }

        // A span, and so one frame's address arithmetic everywhere, stays within what mmap can give.
        if ((long)FrameSize * FrameCount > 1L << 40)
        {
            throw XskException.FromCheck(
                XskErrorId.UmemTooLarge,
                $"A UMEM of {FrameCount} frames of {FrameSize} bytes is {(long)FrameSize * FrameCount >> 30} GiB: the limit is 1,024",
                "use a smaller -FrameCount");
        }
    }

    /// <summary>Checks what depends on the interface.</summary>
    /// <exception cref="XskException">The interface has no such queue.</exception>
    internal void Validate(XdpInterface nic)
    {
        if (QueueId >= 0 && QueueId < nic.QueueCount) return;
        string range = nic.QueueCount == 1 ? "1 queue (0)" : $"{nic.QueueCount} queues (0-{nic.QueueCount - 1})";
        throw XskException.FromCheck(
            XskErrorId.QueueOutOfRange,
            $"Interface {nic.Name} has no queue {QueueId}: it has {range}",
            $"choose one of these, or see '{nic.Command($"ethtool -l {nic.Name}")}' for how many it can have");
    }

    private void CheckTuning()
    {
        if (BusyPollMicroseconds is { } microseconds && (microseconds < 1 || BusyPollBudget is < 1 or > ushort.MaxValue))
        {
            throw XskException.FromCheck(
                XskErrorId.BusyPollInvalid,
                $"Busy polling for {microseconds} microseconds with a budget of {BusyPollBudget} packets is not possible: the time must be at least 1, the budget from 1 to {ushort.MaxValue}",
                $"use -BusyPollMicroseconds {DefaultBusyPollMicroseconds} and -BusyPollBudget {DefaultBusyPollBudget}, or leave them out");
        }

        if (TxBudget is not { } budget || (budget >= DefaultTxBudget && budget <= TxRingSize)) return;
        throw XskException.FromCheck(
            XskErrorId.TxBudgetInvalid,
            $"A send call cannot take {budget} frames from a TX ring of {TxRingSize}: it must be from {DefaultTxBudget} to the ring's size",
            TxRingSize >= DefaultTxBudget ? $"use -TxBudget {TxRingSize}, or leave it out" : "leave out -TxBudget");
    }

    private static void CheckRing(string ring, string parameter, int size, bool zeroAllowed)
    {
        if (size == 0 && zeroAllowed) return;
        if (size > 0 && size <= MaximumRingSize && BitOperations.IsPow2(size)) return;
        throw XskException.FromCheck(
            XskErrorId.RingSizeInvalid,
            $"{(ring == "RX" ? "An" : "A")} {ring} ring of {size} entries is not possible: it must be a power of two from 1 to {MaximumRingSize}",
            $"use {parameter} {DefaultRingSize}, or leave it out");
    }
}
