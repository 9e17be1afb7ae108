namespace XdpPS;

/// <content>Packets of several frames.</content>
public sealed partial class XskSocket
{
    /// <summary>
    /// Takes whole packets that have arrived, without waiting, in however many frames each of them is. Dispose the batch
    /// to give their frames back to the kernel.
    /// </summary>
    /// <param name="maximum">The most packets to take, at least 1.</param>
    /// <exception cref="XskException">The socket is closed, has no RX ring, or another thread is receiving on it.</exception>
    public PacketBatch ReceivePackets(int maximum)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maximum, 1);
        ReceivePath path = receive ?? throw Disabled("receive", "-RxRingSize");
        path.Gate.Enter(this);
        try
        {
            return new PacketBatch(path, maximum);
        }
        catch
        {
            path.Gate.Leave();
            throw;
        }
    }

    /// <summary>For whoever reads one frame a packet.</summary>
    internal XskException NotSingleFrames() => MultiBuffer
        ? XskException.FromCheck(
            XskErrorId.NotSupported,
            $"A packet of {InterfaceName} queue {QueueId} may lie in several frames, since its socket was opened with -MultiBuffer, and this reads packets of one",
            "open it without -MultiBuffer, or, in a program, read it by XskSocket.ReceivePackets")
        : Disabled("receive", "-RxRingSize");

    /// <summary>A frame that <see cref="CheckFrame"/> has let pass, and that does not fit one of the UMEM.</summary>
    private bool TrySendInFrames(ReadOnlySpan<byte> frame)
    {
        int needed = transmit!.FramesFor(frame.Length);
        if (needed > transmit.Frames.Capacity)
        {
            throw XskException.FromCheck(
                XskErrorId.FrameTooLong,
                $"A frame of {frame.Length} bytes takes {needed} UMEM frames of {FrameSize} bytes, and this socket has {transmit.Frames.Capacity} to send",
                "send shorter frames, or open the socket with a larger -FrameCount");
        }

        using SendBatch batch = ReserveSend(needed);
        return batch.TryAddPacket(frame);
    }

    private XskException TooLong(int length, int overhead)
    {
        int page = Environment.SystemPageSize;
        string raiseMtu = $"run '{XdpPS.NetworkNamespace.Command(NetworkNamespace, $"ip link set {InterfaceName} mtu {length - overhead}")}'";
        string enlarge = (MultiBuffer, length <= page) switch
        {
            (true, _) => "open the socket with a larger -FrameSize, -TxRingSize or -CompletionRingSize",
            (false, true) => $"open the socket with -FrameSize {page} or -MultiBuffer",
            (false, false) => "open the socket with -MultiBuffer",
        };
        return XskException.FromCheck(
            XskErrorId.FrameTooLong,
            mtu + overhead < longestFrame
                ? $"A frame of {length} bytes is too long for {InterfaceName}: its MTU of {mtu} allows {mtu + overhead}"
                : MultiBuffer
                    ? $"A frame of {length} bytes is too long for this socket: one can take {longestFrame / FrameSize} UMEM frames of {FrameSize} bytes"
                    : $"A frame of {length} bytes is too long for this socket's frames of {FrameSize} bytes",
            (length <= longestFrame, length <= mtu + overhead) switch
            {
                (true, _) => $"send shorter frames, or {raiseMtu}",
                (false, true) => $"send shorter frames, or {enlarge}",
                _ => $"send shorter frames, or {raiseMtu} and {enlarge}",
            });
    }
}
