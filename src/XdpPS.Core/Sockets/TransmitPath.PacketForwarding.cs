using XdpPS.Interop;

namespace XdpPS;

/// <content>Packets of several frames that a forwarder puts on the TX ring.</content>
internal sealed unsafe partial class TransmitPath
{
    /// <summary>Makes room for a packet's frames. Frames for them are there, and not taken yet.</summary>
    /// <returns>False where there is not room for all of them; then there is none.</returns>
    internal bool TryReserveFrames(uint count, out uint index)
    {
        index = 0;
        if ((uint)Frames.Count < count) return false;
        uint granted = tx.Reserve(count, out index);
        if (granted == count) return true;
        tx.Cancel(granted);
        return false;
    }

    /// <summary>As <see cref="PutReceived(uint, in XdpDescriptor, FramePool)"/>, of a frame of a packet.</summary>
    internal ulong PutReceived(uint index, in XdpDescriptor received, FramePool from, bool continues)
    {
        ulong given = PutReceived(index, received, from);
        Mark(index, continues);
        return given;
    }

    /// <summary>Puts a free frame into a reserved place, for a part of a packet to be copied to it.</summary>
    internal Span<byte> PutFrame(uint index, int length, bool continues)
    {
        ulong address = Frames.Take();
        tx[index] = new XdpDescriptor { Address = address, Length = (uint)length };
        Mark(index, continues);
        return umem.Slice(address, (uint)length);
    }

    /// <summary>Publishes the whole packets that were put into reserved places, and takes back what is there of another.</summary>
    internal void SubmitPackets(in ForwardCounts counts)
    {
        for (uint i = counts.Submitted; i < counts.Placed; i++) Frames.Give(tx[counts.FirstPlace + i].Address);
        tx.Cancel(counts.Reserved - counts.Submitted);
        if (counts.Submitted == 0) return;
        tx.Submit(counts.Submitted);
        Packets += counts.Submitted;
        wholePackets += counts.Forwarded;
        Bytes += counts.Bytes;
    }

    /// <summary>Takes back completed frames, where there can be any.</summary>
    internal void ReapSent()
    {
        if (Packets != Completed) Reap();
    }

    /// <summary>Wakes the kernel when there is nothing else to do: as <see cref="WakeFor"/>, and no packet is left half sent.</summary>
    internal void WakeForRest()
    {
        if (!IsMultiBuffer) WakeFor(rest: true);
        else if (tx.Pending > 0) WakeForAll();
    }

    private void Mark(uint index, bool continues)
    {
        if (continues) SetContinues(index);
        if (endsPacket is not null) endsPacket[Frames.Find(tx[index].Address)] = !continues;
    }
}
