using System.Diagnostics;
using System.Runtime.InteropServices;
using XdpPS.Interop;

namespace XdpPS;

/// <summary>Opens a socket, one step a method, in the order of libxdp's xsk.c and Firedancer's fd_xsk_init.</summary>
internal sealed partial class XskSetup(XskSocketOptions options, XskResources resources, CancellationToken cancellation)
{
    private static readonly TimeSpan CarrierPatience = TimeSpan.FromSeconds(15);

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
        if (MergedPackets.WhyMerged(nic, dropsLong: !options.UsesMultiBuffer) is var (cause, remedy, _)) warnings.Add(new XskWarning(XskWarning.GenericDropsAggregates, $"In generic mode {cause}: run '{remedy}'."));
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
}
