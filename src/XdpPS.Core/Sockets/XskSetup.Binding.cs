using System.Diagnostics;
using System.Runtime.InteropServices;
using XdpPS.Interop;

namespace XdpPS;

/// <content>Binding: with or without copies, and what the kernel answers.</content>
internal sealed partial class XskSetup
{
    private static readonly TimeSpan BusyRetry = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan CollectAfter = TimeSpan.FromMilliseconds(100);
    private static readonly Version FirstWithMultiBuffer = new(6, 6);

    private void Bind(XdpInterface nic)
    {
        // What goes with the program may go while there still is a socket, or the kernel has not done with a closed one, and
        // virtio_net does not let go of the memory of a queue that it no longer has (virtnet_xsk_pool_disable).
        bool added = options.QueueId >= nic.CountLastingQueuesHere();
        if (added && (options.ShareUmemWith?.BindMode ?? options.BindMode) == XskBindMode.ZeroCopy)
        {
            if (!nic.IsUp)
            {
                throw XskException.FromCheck(
                    XskErrorId.ZeroCopyNotSupported,
                    $"While {nic.Name} is down the kernel does not tell whether queue {options.QueueId} stays when the XDP program goes, without which zero-copy is not safe",
                    $"run '{nic.Command($"ip link set {nic.Name} up")}' first, or use a socket that copies");
            }

            throw XskException.FromCheck(
                XskErrorId.ZeroCopyNotSupported,
                $"Queue {options.QueueId} of {nic.Name} exists only while the XDP program runs, and goes before the driver has let go of a socket's memory",
                options.ShareUmemWith is null ? "use -BindMode Copy or Auto, or one of the queues before it" : "use one of the queues before it, or a UMEM of its own with -BindMode Copy");
        }

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
            _ => !generic && !added && !options.FramesCrossPages && pieces is null && nic.AskForZeroCopy() != false,
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
