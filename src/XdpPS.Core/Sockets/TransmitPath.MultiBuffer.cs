using XdpPS.Interop;

namespace XdpPS;

/// <content>Packets of several frames.</content>
internal sealed unsafe partial class TransmitPath
{
    /// <summary>By frame, whether what was last sent in it was the end of a packet; null where every frame is a packet.</summary>
    private readonly bool[]? endsPacket;

    private long wholePackets;
    private long completedPackets;

    internal bool IsMultiBuffer => endsPacket is not null;

    /// <summary>
    /// The most frames of one packet: what the kernel takes, and what the TX and COMPLETION rings can hold at once. Of a
    /// packet with more, kernels without a3c8382ebce4 lose the frames (xsk_drop_skb).
    /// </summary>
    internal int MaximumFragments { get; }

    internal long PacketCount => IsMultiBuffer ? wholePackets : Packets;

    internal long CompletedPackets => IsMultiBuffer ? completedPackets : Completed;

    /// <summary>How many frames so many bytes take.</summary>
    internal int FramesFor(int length) => (length + FrameSize - 1) / FrameSize;

    internal bool Continues(uint index) => (tx[index].Options & IfXdp.XDP_PKT_CONTD) != 0;

    internal void SetContinues(uint index) => tx[index].Options = IfXdp.XDP_PKT_CONTD;

    /// <summary>
    /// Wakes the kernel until it has taken all that it can: a call that ends amid a packet, because it takes no more than
    /// 32 frames, would leave what was sent of it lying until the next.
    /// </summary>
    internal void WakeForAll()
    {
        uint pending = tx.Pending;
        while (true)
        {
            Wake();
            uint left = tx.Pending;
            if (left == 0) return;
            // There is one place on COMPLETION a frame, and the kernel goes on only where one is free.
            long completed = Completed;
            Reap();
            if (left >= pending && Completed == completed) return;
            pending = left;
        }
    }

    /// <summary>Counts the packets among reserved descriptors and notes where they end.</summary>
    /// <returns>How many descriptors they are: the beginning of a packet without an end is not sent.</returns>
    private uint CountPackets(uint index, uint count)
    {
        while (count > 0 && Continues(index + count - 1)) count--;
        for (uint i = 0; i < count; i++)
        {
            bool ends = !Continues(index + i);
            endsPacket![Frames.Find(tx[index + i].Address)] = ends;
            if (ends) wholePackets++;
        }

        return count;
    }

    private void ReapPackets()
    {
        int before = Frames.Count;
        using (queue.EnterIfShared()) Completed += queue.Reap(Frames);
        foreach (ulong frame in Frames.Free[before..])
        {
            if (endsPacket![umem.IndexOf(frame)]) completedPackets++;
        }
    }
}
