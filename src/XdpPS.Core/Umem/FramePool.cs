using System.Runtime.CompilerServices;
using XdpPS.Interop;

namespace XdpPS;

/// <summary>The free frames of one direction of one socket, last in first out so that the warmest is used next.</summary>
/// <remarks>Used by one thread at a time: the receiver's or the sender's. What others hand back waits until that thread takes it.</remarks>
internal sealed partial class FramePool
{
    private readonly Umem umem;
    private ulong[] addresses;
    private ulong[] handedBack = [];
    private int handedBackCount;

    internal FramePool(Umem umem, ReadOnlySpan<ulong> frames)
    {
        this.umem = umem;
        addresses = frames.ToArray();
        Count = addresses.Length;
    }

    /// <summary>Frames of this pool, free or not.</summary>
    internal int Capacity => addresses.Length;

    internal int Count { get; private set; }

    internal ReadOnlySpan<ulong> Free => addresses.AsSpan(0, Count);

    /// <summary>The queue that these frames are sent on.</summary>
    internal QueueRings? Queue { get; set; }

    /// <summary>Frames that another socket's sender found among its own. To be used with the queue's lock held, like all that has to do with it.</summary>
    internal ReadOnlySpan<ulong> HandedBack => handedBack.AsSpan(0, handedBackCount);

    internal ulong Take()
    {
        ulong address = addresses[--Count];
        umem.Lent[(int)umem.IndexOf(address)] = true;
        return address;
    }

    /// <summary>Takes <paramref name="count"/> frames, of which there must be as many; to be copied before anything is given back.</summary>
    internal ReadOnlySpan<ulong> Take(int count)
    {
        ReadOnlySpan<ulong> taken = addresses.AsSpan(Count - count, count);
        Count -= count;
        MarkLent(taken);
        return taken;
    }

    /// <summary>Takes a frame back, by any address inside it.</summary>
    /// <exception cref="XskException">The address is not of this pool, or its frame is here already.</exception>
    internal void Give(ulong address)
    {
        int frame = Find(address);
        umem.Lent[frame] = false;
        addresses[Count++] = umem.FrameStart(address);
    }

    /// <summary>The number of a frame of this pool that is out.</summary>
    /// <exception cref="XskException">The address is not of such a frame.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal int Find(ulong address)
    {
        int frame = umem.OwnerOf(address) == this ? (int)umem.IndexOf(address) : -1;
        return frame >= 0 && umem.Lent[frame] ? frame : throw NotOurs(address);
    }

    /// <summary>As <see cref="Give(ulong)"/>, of completed frames; of all or, where one is refused, of none.</summary>
    internal void Give(ConsumerRing<ulong> ring, uint index, uint count)
    {
        ulong[] free = addresses;
        ReadOnlySpan<FramePool?> owners = umem.Owners;
        Span<bool> lent = umem.Lent;
        int shift = umem.FrameShift;
        int end = Count;
        for (uint i = 0; i < count; i++)
        {
            // Read once: whoever else writes to the ring must not change it between the check and the use.
            ulong address = ring[index + i];
            ulong frame = shift != 0 ? address >> shift : umem.IndexOf(address);
            if (frame >= (ulong)owners.Length || owners[(int)frame] != this || !lent[(int)frame] || (uint)end >= (uint)free.Length) throw Refused(address, 0, end);
            lent[(int)frame] = false;
            free[end++] = shift != 0 ? frame << shift : umem.FrameStart(address);
        }

        Count = end;
    }

    /// <summary>As <see cref="Give(ulong)"/>, of received frames; of all or, where one is refused, of none.</summary>
    /// <returns>The packets' bytes.</returns>
    internal long Give(ConsumerRing<XdpDescriptor> ring, uint index, uint count)
    {
        ulong[] free = addresses;
        ReadOnlySpan<FramePool?> owners = umem.Owners;
        Span<bool> lent = umem.Lent;
        int shift = umem.FrameShift;
        int end = Count;
        uint size = (uint)umem.FrameSize;
        long bytes = 0;
        for (uint i = 0; i < count; i++)
        {
            XdpDescriptor descriptor = ring[index + i];
            ulong frame = shift != 0 ? descriptor.Address >> shift : umem.IndexOf(descriptor.Address);
            if (frame >= (ulong)owners.Length || owners[(int)frame] != this || !lent[(int)frame] || (uint)end >= (uint)free.Length)
                throw Refused(descriptor.Address, descriptor.Length, end);
            ulong start = shift != 0 ? frame << shift : umem.FrameStart(descriptor.Address);
            if (descriptor.Address - start + descriptor.Length > size) throw Refused(descriptor.Address, descriptor.Length, end);
            lent[(int)frame] = false;
            free[end++] = start;
            bytes += descriptor.Length;
        }

        Count = end;
        return bytes;
    }

    /// <summary>Keeps a frame for the thread that uses this pool.</summary>
    /// <exception cref="XskException">More frames come back than there are.</exception>
    internal void HandBack(ulong address)
    {
        if (handedBackCount == addresses.Length) throw NotOurs(address);
        // Once: a pool never grows.
        if (handedBack.Length < addresses.Length) Array.Resize(ref handedBack, addresses.Length);
        handedBack[handedBackCount++] = address;
    }

    /// <summary>Makes free what others have handed back.</summary>
    /// <returns>How many frames that was.</returns>
    internal uint TakeHandedBack()
    {
        int count = handedBackCount;
        for (int i = 0; i < count; i++) Give(handedBack[i]);
        handedBackCount = 0;
        return (uint)count;
    }

    /// <summary>Gives up to <paramref name="count"/> free frames away for good.</summary>
    internal ulong[] Donate(int count)
    {
        count = Math.Min(count, Count);
        ulong[] donated = addresses[(Count - count)..Count];
        Count -= count;
        addresses = addresses[..^count];
        return donated;
    }

    /// <summary>Gives free frames away for good, so many that who gets them has no more of them than this pool.</summary>
    /// <param name="others">The free frames that are to be had without this pool.</param>
    internal ulong[] Share(int others) => Donate(Math.Max(0, (Count - others) / 2));

    private void MarkLent(ReadOnlySpan<ulong> frames)
    {
        Span<bool> lent = umem.Lent;
        int shift = umem.FrameShift;
        foreach (ulong frame in frames) lent[(int)(shift != 0 ? frame >> shift : umem.IndexOf(frame))] = true;
    }

    /// <summary>Of a batch, one cannot be taken back: those before it are out again.</summary>
    private XskException Refused(ulong address, uint length, int end)
    {
        MarkLent(addresses.AsSpan(Count..end));
        return length == 0 ? NotOurs(address) : umem.NoPacket(address, length);
    }

    internal static XskException NotOurs(ulong address) => XskException.FromCheck(
        XskErrorId.RingCorrupted,
        $"The kernel handed back address 0x{address:x}, which is not a frame it was given",
        "close this socket: something else writes to its rings, or the driver is at fault");
}
