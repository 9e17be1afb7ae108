using System.Diagnostics;
using System.Runtime.InteropServices;
using XdpPS.Interop;

namespace XdpPS;

/// <summary>The TX ring of a socket and its frames, which come back by its queue's COMPLETION ring.</summary>
internal sealed unsafe partial class TransmitPath
{
    private static readonly TimeSpan RestPatience = TimeSpan.FromMilliseconds(100);

    private readonly FileDescriptor socket;
    private readonly XskSocketInfo info;
    private readonly Umem umem;
    private readonly ProducerRing<XdpDescriptor> tx;
    private readonly QueueRings queue;

    internal TransmitPath(
        FileDescriptor socket, XskSocketInfo info, Umem umem, FramePool frames, ProducerRing<XdpDescriptor> tx, QueueRings queue, int mostFragments = 1)
    {
        this.socket = socket;
        this.info = info;
        this.umem = umem;
        Frames = frames;
        this.tx = tx;
        this.queue = queue;
        MaximumFragments = Math.Min(mostFragments, (int)Math.Min(tx.Size, (uint)queue.CompletionSize));
        if (mostFragments > 1) endsPacket = new bool[umem.FrameCount];
    }

    internal FramePool Frames { get; }

    internal DirectionGate Gate { get; } = new("sending");

    /// <summary>Descriptors submitted: packets, except on a multi-buffer socket (<see cref="PacketCount"/>).</summary>
    internal long Packets { get; private set; }

    internal long Bytes { get; private set; }

    /// <summary>Descriptors completed, likewise (<see cref="CompletedPackets"/>).</summary>
    internal long Completed { get; private set; }

    internal long Wakeups { get; private set; }

    internal long DriverDropped { get; private set; }

    internal int FrameSize => umem.FrameSize;

    internal uint Reserve(uint count, out uint index)
    {
        if (Frames.Count < count) Reap();
        uint granted = tx.Reserve(Math.Min(count, (uint)Frames.Count), out index);
        ReadOnlySpan<ulong> taken = Frames.Take((int)granted);
        for (int i = 0; i < taken.Length; i++)
            tx[index + (uint)i] = new XdpDescriptor { Address = taken[i] };
        return granted;
    }

    internal Span<byte> Buffer(uint index) => umem.Packet(tx[index].Address, (uint)umem.FrameSize, Frames);

    internal void SetLength(uint index, int length) => tx[index].Length = (uint)length;

    /// <summary>Publishes the first <paramref name="count"/> of the reserved descriptors and takes the rest back.</summary>
    internal void Submit(uint index, uint count, uint reserved)
    {
        if (endsPacket is not null) count = CountPackets(index, count);
        long bytes = 0;
        for (uint i = 0; i < count; i++) bytes += tx[index + i].Length;
        Bytes += bytes;
        for (uint i = count; i < reserved; i++) Frames.Give(tx[index + i].Address);
        tx.Cancel(reserved - count);
        tx.Submit(count);
        Packets += count;
    }

    /// <summary>Makes the kernel send what is on the TX ring, where it needs to be told.</summary>
    internal void Wake()
    {
        // A zero-copy driver may want to be called for completions alone; copying sends nothing from an empty ring.
        if (info.BindMode == XskBindMode.Copy && tx.Pending == 0) return;
        // With preferred busy polling our calls are what runs the driver, whatever the flag says.
        if (info.NeedWakeup && info.BusyPollMicroseconds == 0 && !tx.NeedsWakeup) return;
        Wakeups++;
        if (Libc.sendto(socket.Number, null, 0, Libc.MSG_DONTWAIT, null, 0) >= 0)
        {
            if (info.BusyPollMicroseconds > 0 && info.BindMode == XskBindMode.ZeroCopy && tx.Pending > 0) WakeDriver();
            return;
        }

        int errno = Marshal.GetLastSystemError();
        switch (errno)
        {
            // To be tried again: the budget of one call is used up, COMPLETION or the driver's queue is full, or there
            // is no memory for a socket buffer just now.
            case Errno.EAGAIN:
            case Errno.ENOBUFS:
            case Errno.EINTR:
                return;
            case Errno.EBUSY: // The driver dropped one frame; it completes like the others (xsk_generic_xmit).
                DriverDropped++;
                return;
            default:
                throw SendFailed(errno);
        }
    }

    /// <summary>
    /// With preferred busy polling sendto() runs the NAPI of the receive queue and wakes no driver (xsk_no_wakeup, net/xdp/xsk.c);
    /// virtio_net sends from another NAPI. poll() wakes it.
    /// </summary>
    private void WakeDriver()
    {
        Libc.PollFd look = new() { Descriptor = socket.Number };
        _ = Libc.poll(&look, 1, 0);
    }

    /// <summary>Takes back the frames that the kernel is done with.</summary>
    internal void Reap()
    {
        if (endsPacket is not null) ReapPackets();
        else using (queue.EnterIfShared()) Completed += queue.Reap(Frames);
    }

    /// <summary>Has the kernel send what is on the TX ring still, when the socket closes and its queue lives on.</summary>
    internal void SendRest()
    {
        long start = Stopwatch.GetTimestamp();
        SpinWait wait = default;
        try
        {
            while (tx.Pending > 0 && Stopwatch.GetElapsedTime(start) < RestPatience)
            {
                Wake();
                Reap();
                wait.SpinOnce();
            }
        }
        catch (XskException)
        {
            // The interface is down or gone: what is left comes back with the queue's last socket.
        }
    }

    internal void AddTo(FrameCensus census, List<ulong> completed) => census.AddTransmit(Frames, tx, completed, Packets - Completed);

    private XskException SendFailed(int errno)
    {
        string call = $"sendto(xsk, {{{info.InterfaceName}, queue {info.QueueId}}}, MSG_DONTWAIT)";
        return errno switch
        {
            Errno.ENETDOWN => InterfaceDown(info.AskForName()),
            Errno.ENXIO => XskException.FromCall(
                XskErrorId.InterfaceGone, errno, call,
                $"Interface {info.InterfaceName} is gone, or its driver has stopped queue {info.QueueId}",
                "see ip link for its state, and open the socket again"),
            _ => XskException.FromCall(
                XskErrorId.SystemCallFailed, errno, call,
                $"The kernel could not send on {info.InterfaceName} queue {info.QueueId}: {Errno.Text(errno)}",
                "see ip link for the interface's state, and open the socket again"),
        };

        XskException InterfaceDown(string name) => XskException.FromCall(
            XskErrorId.InterfaceDown, errno, call,
            $"Interface {name}{(name == info.InterfaceName ? "" : $", which was {info.InterfaceName} when the socket was opened,")} is down, so that nothing can be sent",
            $"run '{NetworkNamespace.Command(info.NetworkNamespace, $"ip link set {name} up")}'; frames already on the TX ring go out with the next send");
    }
}
