using System.Diagnostics;
using System.Runtime.InteropServices;
using XdpPS.Interop;

namespace XdpPS;

/// <summary>Opens a socket, one step a method, in the order of libxdp's xsk.c and Firedancer's fd_xsk_init.</summary>
internal sealed partial class XskSetup(XskSocketOptions options, XskResources resources, CancellationToken cancellation)
{
    private static readonly TimeSpan BusyRetry = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan CollectAfter = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan CarrierPatience = TimeSpan.FromSeconds(15);

    private static readonly Version FirstWithMultiBuffer = new(6, 6);

    private readonly List<XskWarning> warnings = [];

    /// <summary>On failure the caller disposes the resources, which hold what was made up to then.</summary>
    internal XskSocket Open()
    {
        XdpInterface nic = XdpInterface.GetHere(options.InterfaceName, resources.Namespace!.Name);
        options.Validate(nic);
        if (options.ShareUmemWith is { } owner) CheckSharing(owner);
        bool takesPackets = options.UsesProgram && options.RxRingSize > 0;
        if (takesPackets && options.Filter is null or { MatchesEverything: true } && !options.KeepKernelTraffic && !options.Force) RefuseHostTraffic(nic);
        if (takesPackets && options.Filter is { MatchesEverything: false } && !options.KeepKernelTraffic) WarnAboutAddressResolution(options.Filter, nic);
        if (options.KeepKernelTraffic) options = options with { Filter = KernelTraffic.LeaveOut(options.Filter, nic) };
        WarnAbout(nic);

        resources.Descriptor = options.Descriptor is null ? CreateSocket() : Adopt(options.Descriptor);
        SetBusyPoll();
        TakeFrames(nic);
        MakeRings(nic);
        SetTxBudget();
        if (options.XskMapPath is not null) resources.PinnedMap = PinnedXskMap.Open(options.XskMapPath);
        if (options.UsesProgram)
        {
            resources.Attachment = XdpAttachment.Acquire(resources.Namespace!, nic, options, warnings, cancellation);
            if (resources.Attachment.Mode == XdpMode.Generic) WarnAboutGenericMode(nic);
            WaitForCarrier(nic);
        }

        ReceivePath? receive = CreateReceivePath();
        Bind(nic);
        BoundQueues.Add(resources, KeyOf(nic));
        if (joinsQueue) resources.Rings!.TryMapQueue(resources.Descriptor, resources.Queue!.FillSize, resources.Queue.CompletionSize);
        resources.IsZeroCopy = ReadZeroCopy();
        if (options.TxRingSize > 0) ProbeTransmit(nic);
        XskSocket socket = new(options, nic, resources, receive, warnings);
        JoinQueue(nic, resources.Map is not null && options.RxRingSize > 0);
        resources.Attachment?.Settle();
        options.Descriptor?.Dispose();
        return socket;
    }

    internal static XskException OptionFailed(int errno, string call, string cause) => XskException.FromCall(
        errno == Errno.ENOPROTOOPT ? XskErrorId.NotSupported : XskErrorId.SystemCallFailed, errno, call,
        $"{cause}: {Errno.Text(errno)}",
        errno == Errno.ENOPROTOOPT
            ? "use Linux 5.11 or newer, and a descriptor that is an AF_XDP socket"
            : "see dmesg for what the kernel says of it");

    private static void RefuseHostTraffic(XdpInterface nic)
    {
        string? why = HostTraffic.WhyNeeded(nic);
        if (why is null) return;
        throw XskException.FromCheck(
            XskErrorId.InterfaceInUse,
            $"Taking every packet of {nic.Name} would cut {nic.Home} off: {why}",
            "leave what the host needs to the kernel with -KeepKernelTraffic, "
            + $"say what to take with -Filter (such as 'not (tcp port {HostTraffic.SshServerPort ?? KernelTraffic.SshPort} or arp or icmp6)': without ARP and ICMPv6 nobody finds this host any more), "
            + "use another interface, or -Force if that is what you want");
    }

    /// <summary>Connections go on under such a filter until the neighbours' entries expire, and then the host is gone.</summary>
    private void WarnAboutAddressResolution(PacketFilter filter, XdpInterface nic)
    {
        if (AddressResolution.TakenBy(filter, nic) is not { } what || HostTraffic.WhyNeeded(nic) is not { } why) return;
        warnings.Add(new XskWarning(
            "AddressResolutionTaken",
            $"The filter takes {what} of {nic.Home} on {nic.Name}, and {why}: once its neighbours forget its address, or it theirs, it is reachable there no more. "
            + "-KeepKernelTraffic leaves that to the kernel; so does 'and not (arp or icmp6)' in the expression."));
    }

    private void WarnAbout(XdpInterface nic)
    {
        if (!nic.IsUp)
        {
            warnings.Add(new XskWarning(
                "InterfaceDown", $"Interface {nic.Name} is down: nothing is received or sent until '{nic.Command($"ip link set {nic.Name} up")}'."));
        }

        if (options.Filter is { LooksAtVlans: true } && VlanTags.WhyHidden(nic) is { } hidden) warnings.Add(new XskWarning("VlanTagStripped", hidden));

        if (options.WhyPacketsDoNotFit(nic) is var (cause, remedy)) warnings.Add(new XskWarning("MtuExceedsFrame", $"{cause}. To avoid that, {remedy}."));
    }

    private void WarnAboutGenericMode(XdpInterface nic)
    {
        if (MergedPackets.WhyMerged(nic) is var (cause, remedy)) warnings.Add(new XskWarning(XskWarning.GenericDropsAggregates, $"In generic mode {cause}: run '{remedy}'."));
    }

    /// <summary>How many frames a sent packet can have: fewer where one frame may be two pages of a socket buffer (IFF_TX_SKB_NO_LINEAR).</summary>
    internal static int MostFragments(XskSocketOptions options, XdpInterface nic, XskResources resources)
    {
        if (!options.UsesMultiBuffer) return 1;
        if (resources.IsZeroCopy) return Math.Clamp(NetdevFeatures.Query(nic.Index)?.ZeroCopyMaxSegments ?? IfXdp.MAX_SKB_FRAGS, 2, IfXdp.MAX_SKB_FRAGS);
        bool crosses = resources.Umem!.IsUnaligned && Environment.SystemPageSize % resources.Umem.FrameSize != 0;
        return crosses ? IfXdp.MAX_SKB_FRAGS / 2 : IfXdp.MAX_SKB_FRAGS;
    }

    private void CheckSharing(XskSocket owner)
    {
        if (options.MultiBuffer && !owner.MultiBuffer)
        {
            throw XskException.FromCheck(
                XskErrorId.UmemNotShareable,
                $"A socket on a shared UMEM does multi-buffer where the first one does, and that on {owner.InterfaceName} queue {owner.QueueId} does not",
                "open the first socket with -MultiBuffer");
        }

        if (options.BindMode == XskBindMode.Auto || options.BindMode == owner.BindMode) return;
        throw XskException.FromCheck(
            XskErrorId.UmemNotShareable,
            $"A socket on a shared UMEM inherits its copy mode, which is {owner.BindMode}, not {options.BindMode}",
            "leave out -BindMode");
    }

    private Umem CreateUmem()
    {
        Umem umem = new(options.FrameSize, options.FrameCount, options.Headroom, options.Unaligned, options.HugePages);
        try
        {
            umem.Register(resources.Descriptor!);
            return umem;
        }
        catch
        {
            umem.Release();
            throw;
        }
    }

    private static FileDescriptor CreateSocket()
    {
        FileDescriptor descriptor = Libc.socket(IfXdp.AF_XDP, Libc.SOCK_RAW | Libc.SOCK_CLOEXEC, 0);
        if (!descriptor.IsInvalid) return descriptor;
        int errno = Marshal.GetLastPInvokeError();
        const string call = "socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0)";
        throw errno switch
        {
            Errno.EPERM => XskException.FromCall(
                XskErrorId.PermissionDenied, errno, call,
                "This process may not open AF_XDP sockets: CAP_NET_RAW is missing",
                Capabilities.RunWithAll),
            Errno.EAFNOSUPPORT => XskException.FromCall(
                XskErrorId.NotSupported, errno, call,
                "This kernel has no AF_XDP",
                "use one with CONFIG_XDP_SOCKETS; containers and WSL may block it"),
            Errno.EMFILE => XskException.FromCall(
                XskErrorId.OutOfDescriptors, errno, call,
                "No descriptor is left for a socket",
                ResourceLimit.MoreDescriptors),
            _ => OptionFailed(errno, call, "The AF_XDP socket could not be made"),
        };
    }

    /// <summary>Our own descriptor of a socket made elsewhere; the caller's is closed once all has gone well.</summary>
    private static unsafe FileDescriptor Adopt(SafeHandle handle)
    {
        bool held = false;
        try
        {
            handle.DangerousAddRef(ref held);
            using FileDescriptor borrowed = new((int)handle.DangerousGetHandle(), ownsHandle: false);
            int domain = 0;
            int length = sizeof(int);
            bool isXdp = Libc.getsockopt(borrowed, Libc.SOL_SOCKET, Libc.SO_DOMAIN, &domain, &length) == 0 && domain == IfXdp.AF_XDP;
            if (!isXdp)
            {
                throw XskException.FromCheck(
                    XskErrorId.NotSupported,
                    $"Descriptor {borrowed.Number} is not an AF_XDP socket",
                    "hand over one from socket(AF_XDP, SOCK_RAW, 0)");
            }

            int duplicate = Libc.fcntl(borrowed, Libc.F_DUPFD_CLOEXEC, 0);
            if (duplicate >= 0) return new FileDescriptor(duplicate);
            int errno = Marshal.GetLastPInvokeError();
            throw XskException.FromCall(
                XskErrorId.OutOfDescriptors, errno, $"fcntl({borrowed.Number}, F_DUPFD_CLOEXEC)",
                $"The descriptor could not be taken over: {Errno.Text(errno)}",
                ResourceLimit.MoreDescriptors);
        }
        finally
        {
            if (held) handle.DangerousRelease();
        }
    }

    /// <summary>A driver may reset its NIC when a program comes; the link then needs seconds to come back (xdp-tools #386).</summary>
    private void WaitForCarrier(XdpInterface nic)
    {
        if (!nic.HasCarrier) return;
        Stopwatch waited = Stopwatch.StartNew();
        while (LinkQuery.ByIndex(nic.Index) is { HasCarrier: false })
        {
            if (waited.Elapsed > CarrierPatience)
            {
                warnings.Add(new XskWarning(
                    "NoCarrier", $"{nic.Name} lost its carrier when the XDP program was attached and has not got it back: packets flow once '{nic.Command($"ip link show {nic.Name}")}' shows LOWER_UP."));
                return;
            }

            cancellation.WaitHandle.WaitOne(50);
            cancellation.ThrowIfCancellationRequested();
        }
    }

    private ReceivePath? CreateReceivePath()
    {
        if (resources.Rings!.Rx is null) return null;
        ReceivePath path = new(
            resources.Descriptor!, resources.Umem!, resources.Queue!, resources.Rings.Rx,
            readTimestamps: resources.Attachment is { WritesTimestamps: true })
        {
            BusyPolls = resources.BusyPollMicroseconds > 0,
            IsMultiBuffer = options.UsesMultiBuffer,
        };
        // Before bind: some zero-copy drivers take their first buffers while binding.
        path.Refill();
        resources.Receive = path;
        return path;
    }

    private void Bind(XdpInterface nic)
    {
        if (options.ShareUmemWith is { } owner)
        {
            // This flag stands alone: copy mode and need-wakeup are the owner's (xsk_bind).
            int refused = TryBind(nic, IfXdp.XDP_SHARED_UMEM, owner);
            if (refused != 0) throw BindFailed(refused, nic, "XDP_SHARED_UMEM");
            return;
        }

        ushort common = (ushort)((options.NeedWakeup ? IfXdp.XDP_USE_NEED_WAKEUP : 0) | (options.MultiBuffer ? IfXdp.XDP_USE_SG : 0));
        string sg = options.MultiBuffer ? " | XDP_USE_SG" : "";
        bool generic = resources.Attachment?.Mode == XdpMode.Generic;
        (string Cause, string Remedy)? pieces = options.WhyPacketsComeInPieces(nic);
        bool tryZeroCopy = options.BindMode switch
        {
            XskBindMode.Copy => false,
            XskBindMode.ZeroCopy => true,
            // Where the kernel is too old to tell (before 6.3), trying is the only way to find out.
            _ => !generic && !options.FramesCrossPages && pieces is null && nic.AskForZeroCopy() != false,
        };
        if (tryZeroCopy && options.FramesCrossPages)
        {
            throw XskException.FromCheck(
                XskErrorId.ZeroCopyNotSupported,
                $"Frames of {options.FrameSize} bytes lie across pages, and zero-copy takes them only where both pages are adjacent in memory",
                "leave out -Unaligned, use a -FrameSize that divides the page size, or -BindMode Copy");
        }

        if (tryZeroCopy && pieces is var (cause, remedy)) throw XskException.FromCheck(XskErrorId.ZeroCopyNotSupported, cause, remedy);

        // One of the two is always asked for: with neither, the kernel falls back to copying without a word, and
        // i40e on some kernels breaks (Firedancer #4266).
        if (tryZeroCopy)
        {
            int errno = TryBind(nic, (ushort)(IfXdp.XDP_ZEROCOPY | common), null);
            if (errno == 0) return;
            bool mayCopy = options.BindMode == XskBindMode.Auto && errno is Errno.EOPNOTSUPP or Errno.EINVAL;
            if (!mayCopy) throw BindFailed(errno, nic, $"XDP_ZEROCOPY{sg}");
        }

        int failed = TryBind(nic, (ushort)(IfXdp.XDP_COPY | common), null);
        if (failed != 0) throw BindFailed(failed, nic, $"XDP_COPY{sg}");
    }

    private unsafe int TryBind(XdpInterface nic, ushort flags, XskSocket? owner)
    {
        // The kernel shares a queue only with a socket that is bound to it: the one we share with may be on another.
        FileDescriptor? lender = joinsQueue ? resources.Queue!.BorrowDescriptor() : owner?.Descriptor;
        if (owner is not null && lender is null) throw DirectionGate.SocketClosed(owner);
        bool held = joinsQueue;
        try
        {
            if (!held) lender?.DangerousAddRef(ref held);
            SockaddrXdp address = new()
            {
                Family = IfXdp.AF_XDP,
                Flags = flags,
                InterfaceIndex = (uint)nic.Index,
                QueueId = (uint)options.QueueId,
                SharedUmemDescriptor = (uint)(lender?.Number ?? 0),
            };
            return TryBind(&address);
        }
        catch (ObjectDisposedException)
        {
            throw DirectionGate.SocketClosed(owner!);
        }
        finally
        {
            if (held) lender!.DangerousRelease();
        }
    }

    private unsafe int TryBind(SockaddrXdp* address)
    {
        Stopwatch waited = Stopwatch.StartNew();
        bool collected = false;
        while (true)
        {
            if (Libc.bind(resources.Descriptor!, address, sizeof(SockaddrXdp)) == 0) return 0;
            int errno = Marshal.GetLastPInvokeError();
            // The kernel frees a closed socket's queue in a worker: for some 20 ms it is busy still (xdp_put_umem).
            if (errno != Errno.EBUSY || waited.Elapsed > BusyRetry) return errno;
            cancellation.WaitHandle.WaitOne(10);
            cancellation.ThrowIfCancellationRequested();
            if (collected || waited.Elapsed < CollectAfter) continue;
            // The holder may be a socket of ours that nobody refers to any more, as of a job that has ended.
            collected = true;
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
    }

    private XskException BindFailed(int errno, XdpInterface nic, string mode)
    {
        string call = $"bind(xsk, {{{nic.Name}, queue {options.QueueId}, {mode}}})";
        return errno switch
        {
            Errno.EBUSY when BoundQueues.Contains(KeyOf(nic)) => XskException.FromCall(
                XskErrorId.QueueBusy, errno, call,
                $"Queue {options.QueueId} of {nic.Name} is held by this session, or another runspace of this process ({Environment.ProcessId})",
                "see Get-XskSocket, close that socket with Remove-XskSocket, share it with -ShareUmemWith, or use another queue"),
            Errno.EBUSY => XskException.FromCall(
                XskErrorId.QueueBusy, errno, call,
                $"Queue {options.QueueId} of {nic.Name} is held by {QueueHolder.Describe(nic, options.QueueId)}",
                "end that process or have it close the socket, or use another queue"),
            Errno.EOPNOTSUPP => XskException.FromCall(
                XskErrorId.ZeroCopyNotSupported, errno, call,
                $"The driver of {nic.Name} ({nic.Driver ?? "unknown"}) cannot do zero-copy here{(options.MultiBuffer ? ", or not with packets of several frames" : "")}",
                options.ShareUmemWith is null ? "use -BindMode Copy or Auto" : "open the socket whose UMEM is shared with -BindMode Copy"),
            // Kernels that do not know the flag refuse it (xsk_bind).
            Errno.EINVAL when options.MultiBuffer && Environment.OSVersion.Version < FirstWithMultiBuffer => XskException.FromCall(
                XskErrorId.NotSupported, errno, call,
                $"Linux {Environment.OSVersion.Version.ToString(2)} has no packets of several frames for AF_XDP sockets",
                "leave out -MultiBuffer, or use Linux 6.6 or newer"),
            Errno.EINVAL => XskException.FromCall(
                XskErrorId.QueueOutOfRange, errno, call,
                $"The kernel refused queue {options.QueueId} of {nic.Name}, or this combination of frame size and mode",
                $"see '{nic.Command($"ethtool -l {nic.Name}")}' for its queues, and try -FrameSize 4096 or -BindMode Copy"),
            Errno.ENODEV or Errno.ENXIO => XskException.FromCall(
                XskErrorId.InterfaceGone, errno, call,
                $"Interface {nic.Name} disappeared while the socket was being opened",
                "see ip link, and open the socket again once it is back"),
            Errno.EPERM => XskException.FromCall(
                XskErrorId.PermissionDenied, errno, call,
                "This process may not bind an AF_XDP socket",
                Capabilities.RunWithAll),
            _ => XskException.FromCall(
                XskErrorId.SystemCallFailed, errno, call,
                $"The socket could not be bound to {nic.Name} queue {options.QueueId}: {Errno.Text(errno)}",
                "see dmesg for what the driver says of it"),
        };
    }

    private unsafe bool ReadZeroCopy()
    {
        uint flags = 0;
        int length = sizeof(uint);
        if (Libc.getsockopt(resources.Descriptor!, IfXdp.SOL_XDP, IfXdp.XDP_OPTIONS, &flags, &length) == 0)
            return (flags & IfXdp.XDP_OPTIONS_ZEROCOPY) != 0;
        throw OptionFailed(Marshal.GetLastPInvokeError(), "getsockopt(xsk, XDP_OPTIONS)", "The bound socket's mode could not be read");
    }

    /// <summary>An empty send, which finds drivers whose transmit side does not work before any frame is lost (fd_xsk_init).</summary>
    private unsafe void ProbeTransmit(XdpInterface nic)
    {
        if (Libc.sendto(resources.Descriptor!, null, 0, Libc.MSG_DONTWAIT, null, 0) >= 0) return;
        int errno = Marshal.GetLastPInvokeError();
        // Busy for the moment, or down: of that there is a warning already.
        if (errno is Errno.EAGAIN or Errno.EBUSY or Errno.ENOBUFS or Errno.ENETDOWN or Errno.EINTR) return;
        if (errno == Errno.ENXIO && !nic.IsUp) return;
        throw XskException.FromCall(
            XskErrorId.TransmitProbeFailed, errno, $"sendto(xsk, {{{nic.Name}, queue {options.QueueId}}}, MSG_DONTWAIT)",
            $"The driver of {nic.Name} ({nic.Driver ?? "unknown"}) bound the socket but does not serve its TX ring: {Errno.Text(errno)}",
            "use -BindMode Copy or -AttachMode Generic, update the driver, or receive only with -TxRingSize 0");
    }
}
