using System.Runtime.CompilerServices;
using XdpPS.Interop;

namespace XdpPS;

/// <content>What a forwarder puts on the TX ring, and when it wakes the kernel.</content>
internal sealed unsafe partial class TransmitPath
{
    internal Umem Umem => umem;

    /// <summary>Frames on the TX ring that the kernel has not taken yet.</summary>
    internal uint Pending => tx.Pending;

    /// <summary>Makes room for frames that are yet to come. Frames for them are there, and not taken yet.</summary>
    /// <returns>How many there is room for.</returns>
    internal uint ReserveRoom(uint count, out uint index)
    {
        if (Packets != Completed) Reap();
        return tx.Reserve(Math.Min(count, (uint)Frames.Count), out index);
    }

    /// <summary>Puts a received frame itself into a reserved place, and a free frame into the receiver's pool for it.</summary>
    /// <returns>The frame that the receiver got.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal ulong PutReceived(uint index, in XdpDescriptor received, FramePool from)
    {
        ulong given = Frames.TradeIn(received.Address, from);
        tx[index] = new XdpDescriptor { Address = received.Address, Length = received.Length };
        return given;
    }

    /// <summary>Copies a frame into a reserved place.</summary>
    internal Span<byte> PutCopy(uint index, ReadOnlySpan<byte> frame)
    {
        ulong address = Frames.Take();
        tx[index] = new XdpDescriptor { Address = address, Length = (uint)frame.Length };
        Span<byte> copy = umem.Slice(address, (uint)frame.Length);
        frame.CopyTo(copy);
        return copy;
    }

    /// <summary>Publishes the first <paramref name="count"/> of the reserved places.</summary>
    internal void SubmitRoom(uint count, uint reserved, long bytes)
    {
        tx.Cancel(reserved - count);
        if (count == 0) return;
        tx.Submit(count);
        Packets += count;
        Bytes += bytes;
    }

    /// <summary>
    /// Wakes the kernel for every whole number of frames that one call takes (<see cref="XskSocketInfo.TxBudget"/>), and for the rest when there is
    /// nothing else to do: under load a call is never made for less than it can take.
    /// </summary>
    internal void WakeFor(bool rest)
    {
        uint least = rest ? 1 : Math.Min((uint)info.TxBudget, Math.Max(1, tx.Size / 2));
        for (uint pending = tx.Pending; pending >= least;)
        {
            Wake();
            uint left = tx.Pending;
            if (left >= pending) return;
            pending = left;
        }
    }
}
