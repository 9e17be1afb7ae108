using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using XdpPS.Interop;

namespace XdpPS;

/// <summary>
/// An open AF_XDP socket: its UMEM, its rings, its place in the XDP program's map. One thread may receive while
/// another sends; neither needs a lock.
/// </summary>
/// <remarks>Set-up follows Documentation/networking/af_xdp.rst; <see cref="Open"/> undoes every step when one fails.</remarks>
public sealed partial class XskSocket : XskSocketInfo, IDisposable
{
    private readonly Lock closing = new();
    private readonly XskResources resources;
    private readonly ReceivePath? receive;
    private readonly ReceivePath? receiveSingle;
    private readonly TransmitPath? transmit;
    private readonly int longestFrame;
    private readonly long openedAt = Stopwatch.GetTimestamp();
    private int mtu;
    private int socketError;
    private bool closed;

    [SetsRequiredMembers]
    internal XskSocket(
        XskSocketOptions options, XdpInterface nic, XskResources resources, ReceivePath? receive, IReadOnlyList<XskWarning> warnings)
    {
        this.resources = resources;
        this.receive = receive;
        Warnings = warnings;
        mtu = nic.Mtu;
        NetworkNamespace = resources.Namespace!.Name;
        NetworkNamespaceId = resources.Namespace.Id;
        InterfaceName = nic.Name;
        InterfaceIndex = nic.Index;
        MacAddress = nic.MacAddress;
        Driver = nic.Driver;
        QueueId = options.QueueId;
        AttachMode = resources.Attachment?.Mode ?? XdpMode.None;
        ProgramId = resources.Attachment?.ProgramId ?? 0;
        BindMode = resources.IsZeroCopy ? XskBindMode.ZeroCopy : XskBindMode.Copy;
        Filter = resources.Attachment?.Filter?.Expression;
        Origin = new PacketOrigin(InterfaceName, QueueId, NetworkNamespace) { MacAddress = MacAddress, Filter = Filter };
        XskMapPath = options.XskMapPath;
        JoinedProgram = resources.Attachment is { IsJoined: true };
        NeedWakeup = options.ShareUmemWith?.NeedWakeup ?? options.NeedWakeup;
        ArrivalTimes = resources.Attachment is { WritesTimestamps: true };
        BusyPollMicroseconds = resources.BusyPollMicroseconds;
        BusyPollBudget = resources.BusyPollBudget;
        TxBudget = options.TxBudget ?? XskSocketOptions.DefaultTxBudget;
        HugePages = resources.Umem!.IsHuge;
        FrameSize = resources.Umem.FrameSize;
        FrameCount = resources.ReceiveFrames!.Capacity + resources.TransmitFrames!.Capacity;
        Headroom = resources.Umem.Headroom;
        MultiBuffer = options.UsesMultiBuffer;
        Unaligned = resources.Umem.IsUnaligned;
        receiveSingle = MultiBuffer ? null : receive;
        RxRingSize = options.RxRingSize;
        TxRingSize = options.TxRingSize;
        FillRingSize = resources.Queue!.FillSize;
        CompletionRingSize = resources.Queue.CompletionSize;
        if (resources.Rings!.Tx is { } tx)
            transmit = new TransmitPath(resources.Descriptor!, this, resources.Umem, resources.TransmitFrames, tx, resources.Queue, XskSetup.MostFragments(options, nic, resources));
        longestFrame = FrameSize * (transmit?.MaximumFragments ?? 1);
        resources.Transmit = transmit;
    }

    /// <summary>What the user should know about this socket although it could be opened.</summary>
    public IReadOnlyList<XskWarning> Warnings { get; }

    /// <summary>The socket can be used.</summary>
    public bool IsOpen => !Volatile.Read(ref closed);

    /// <summary>Open, or Closed.</summary>
    public override string State => IsOpen ? "Open" : "Closed";

    /// <summary>Open sockets on the UMEM, this one among them; 0 once it is closed.</summary>
    public override int UmemSockets => IsOpen ? resources.Umem?.References ?? 0 : 0;

    /// <summary>Frames sent and not yet completed by the kernel.</summary>
    public long PendingSends => transmit is null ? 0 : transmit.PacketCount - transmit.CompletedPackets;

    /// <summary>The kernel's name for the interface's network namespace, "net:[4026531840]": interface indices repeat from one to the next.</summary>
    public string NetworkNamespaceId { get; }

    internal PacketOrigin Origin { get; }

    internal FileDescriptor Descriptor => resources.Descriptor!;

    /// <summary>
    /// Opens a socket: checks the options, makes the socket and its UMEM, maps the rings, fills FILL, attaches the
    /// XDP program, binds, and puts the socket into the program's map.
    /// </summary>
    /// <param name="options">What to open.</param>
    /// <param name="cancellation">Ends the waiting for a busy queue or for a carrier.</param>
    /// <exception cref="XskException">Any step failed; everything made before it is gone again.</exception>
    /// <exception cref="OperationCanceledException">Cancelled while waiting; likewise.</exception>
    public static XskSocket Open(XskSocketOptions options, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        XskResources resources = new();
        try
        {
            options.Validate();
            resources.Namespace = options.NetworkNamespace is { Length: > 0 } name ? XdpPS.NetworkNamespace.Open(name) : XdpPS.NetworkNamespace.Current();
            return resources.Namespace.Run(Set);
        }
        catch
        {
            resources.Dispose();
            throw;
        }

        // What is undone is undone in there, too.
        XskSocket Set()
        {
            try
            {
                return new XskSetup(options, resources, cancellation).Open();
            }
            catch
            {
                resources.Dispose();
                throw;
            }
        }
    }

    /// <summary>Takes what has arrived, without waiting, on a socket whose packets are one frame each. Dispose the batch to give its frames back to the kernel.</summary>
    /// <param name="maximum">The most packets to take, at least 1.</param>
    /// <exception cref="XskException">
    /// The socket is closed, has no RX ring, or another thread is receiving on it; or it was opened for packets of several
    /// frames, which <see cref="ReceivePackets"/> takes.
    /// </exception>
    public ReceiveBatch Receive(int maximum)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maximum, 1);
        ReceivePath path = receiveSingle ?? throw NotSingleFrames();
        path.Gate.Enter(this);
        try
        {
            return new ReceiveBatch(path, maximum);
        }
        catch
        {
            path.Gate.Leave();
            throw;
        }
    }

    /// <summary>Makes room for frames on the TX ring. Dispose the batch to publish what was added, then call <see cref="Pump"/>.</summary>
    /// <param name="count">The most frames to make room for, at least 1.</param>
    /// <exception cref="XskException">The socket is closed, has no TX ring, or another thread is sending on it.</exception>
    public SendBatch ReserveSend(int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        TransmitPath path = EnterTransmit();
        try
        {
            return new SendBatch(path, count);
        }
        catch
        {
            path.Gate.Leave();
            throw;
        }
    }

    /// <summary>Copies a frame onto the TX ring. The kernel sends it at the next <see cref="Pump"/> or <see cref="Flush"/>.</summary>
    /// <returns>False when the ring or the UMEM has no room: pump, and try again.</returns>
    /// <exception cref="XskException">As <see cref="CheckFrame"/> and <see cref="ReserveSend"/>.</exception>
    public bool TrySend(ReadOnlySpan<byte> frame)
    {
        CheckFrame(frame);
        if (frame.Length > FrameSize) return TrySendInFrames(frame);
        using SendBatch batch = ReserveSend(1);
        return batch.TryAdd(frame);
    }

    internal int TrySendCopies(ReadOnlySpan<byte> frame, int count)
    {
        CheckFrame(frame);
        using SendBatch batch = ReserveSend(count);
        while (batch.TryAdd(frame))
        {
        }

        return batch.Count;
    }

    /// <summary>
    /// Takes back completed frames, and wakes the kernel for what is on the TX ring where it needs that; where it copies,
    /// until it has sent all that it can.
    /// </summary>
    /// <exception cref="XskException">The interface is down or gone, or as <see cref="ReserveSend"/>.</exception>
    public void Pump()
    {
        TransmitPath path = EnterTransmit();
        try
        {
            PumpInside(path);
        }
        finally
        {
            path.Gate.Leave();
        }
    }

    /// <summary>As <see cref="Pump"/>, from another thread than the one that sends, which waits where it comes meanwhile.</summary>
    /// <returns>False while somebody is sending.</returns>
    /// <exception cref="XskException">The interface is down or gone.</exception>
    internal bool TryPumpBeside()
    {
        if (!transmit!.Gate.TryBorrow()) return !IsOpen;
        try
        {
            PumpInside(transmit);
            return true;
        }
        finally
        {
            transmit.Gate.Leave();
        }
    }

    private void PumpInside(TransmitPath path)
    {
        if (BindMode == XskBindMode.Copy)
        {
            // A call sends 32 frames, before it returns: what stayed on the ring would have left the cache by its turn.
            path.WakeForAll();
            path.Reap();
            return;
        }

        path.Reap();
        if (path.Packets == path.Completed) return;
        if (path.IsMultiBuffer) path.WakeForAll();
        else path.Wake();
        path.Reap();
    }

    /// <summary>Pumps until the kernel has completed every frame. Completed is not delivered: see <see cref="XskRingStats.DriverDropped"/>.</summary>
    /// <returns>False when the time was up, or the wait cancelled, with frames still pending.</returns>
    /// <exception cref="XskException">As <see cref="Pump"/>.</exception>
    public bool Flush(TimeSpan timeout, CancellationToken cancellation = default)
    {
        long start = Stopwatch.GetTimestamp();
        long pending = long.MaxValue;
        SpinWait wait = default;
        while (true)
        {
            Pump();
            if (PendingSends == 0) return true;
            if (cancellation.IsCancellationRequested || Stopwatch.GetElapsedTime(start) > timeout) return false;
            if (PendingSends < pending) wait.Reset();
            pending = PendingSends;
            wait.SpinOnce();
        }
    }

    /// <summary>Checks that a frame can be sent: at least an Ethernet header, at most what fits a UMEM frame (several on a multi-buffer socket) and the interface's MTU.</summary>
    /// <remarks>Drivers drop a frame of more than MTU + 14 (+ 4 a VLAN tag) bytes, and the kernel completes it all the same.</remarks>
    /// <exception cref="XskException">The frame is too short or too long.</exception>
    public void CheckFrame(ReadOnlySpan<byte> frame)
    {
        if (frame.Length < EthernetFrame.HeaderLength)
        {
            throw XskException.FromCheck(
                XskErrorId.FrameTooShort,
                $"A frame of {frame.Length} bytes is too short: an Ethernet header alone has {EthernetFrame.HeaderLength}",
                "give whole frames, from the destination address on, without FCS");
        }

        int overhead = EthernetFrame.HeaderLength + (EthernetFrame.VlanTagLength * EthernetFrame.CountVlanTags(frame));
        // Only when it matters is the kernel asked again: the MTU may have been raised since the socket was opened.
        if (frame.Length > mtu + overhead) mtu = QueryLink()?.Mtu ?? mtu;
        if (frame.Length <= Math.Min(longestFrame, mtu + overhead)) return;
        throw TooLong(frame.Length, overhead);
    }

    /// <summary>
    /// Takes the socket out of the program's map, unmaps the rings, closes the descriptor and, with the last socket
    /// of the interface, removes the program. Waits for a batch that another thread holds. Does nothing the second time.
    /// </summary>
    public void Close()
    {
        // Ahead of closing either: a socket that was refused to be closed goes on both ways.
        transmit?.Gate.RequireLeft(this);
        receive?.Gate.Close(this);
        transmit?.Gate.Close(this);
        lock (closing)
        {
            if (closed) return;
            Volatile.Write(ref closed, true);
            resources.Dispose();
        }

        Volatile.Read(ref waiter)?.Wake();
    }

    /// <summary><see cref="Close"/>.</summary>
    public void Dispose() => Close();

    private XdpInterface? QueryLink() => resources.Namespace!.Run(() => LinkQuery.ByIndex(InterfaceIndex));

    internal override string AskForName()
    {
        try
        {
            return QueryLink()?.Name ?? InterfaceName;
        }
        catch (XskException)
        {
            // No descriptor is left to ask with, or its namespace may no longer be entered.
            return InterfaceName;
        }
    }

    private TransmitPath EnterTransmit()
    {
        TransmitPath path = transmit ?? throw Disabled("send", "-TxRingSize");
        path.Gate.Enter(this);
        return path;
    }

    private void ThrowIfClosed()
    {
        if (!IsOpen) throw DirectionGate.SocketClosed(this);
    }

    private XskException Disabled(string direction, string parameter) => XskException.FromCheck(
        XskErrorId.DirectionDisabled,
        $"The socket on {InterfaceName} queue {QueueId} was opened with {parameter} 0 and cannot {direction}",
        $"open it without {parameter} 0");
}
