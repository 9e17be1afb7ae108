using System.Numerics;
using System.Runtime.CompilerServices;
using XdpPS.Interop;

namespace XdpPS;

/// <content>Packets of several frames, from the RX ring to a TX ring.</content>
internal sealed unsafe partial class ReceivePath
{
    /// <summary>
    /// Moves peeked packets to a TX ring frame by frame, or copies them where that is on another UMEM or takes fewer
    /// frames a packet. What there is no room for stays on the RX ring.
    /// </summary>
    /// <param name="index">The first packet's first descriptor.</param>
    /// <param name="descriptors">The descriptors of all of them.</param>
    /// <param name="to">Where they go.</param>
    /// <param name="drop">What to drop, or null.</param>
    /// <param name="whole">For a packet that the filter has to see in one piece; replaced where it is too short.</param>
    /// <param name="addresses">What to change, or null.</param>
    /// <param name="counts">What was done, also where this throws.</param>
    /// <exception cref="XskException">A descriptor is not of a frame that the kernel was given.</exception>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal void ForwardPackets(
        uint index, uint descriptors, TransmitPath to, IFrameFilter? drop, ref byte[] whole, AddressRewrite? addresses, ref ForwardCounts counts)
    {
        bool same = IsOn(to.Umem);
        bool clears = readTimestamps && !DriverWritesTimestamps(index);
        uint most = (uint)Math.Min(to.MaximumFragments, to.Frames.Capacity);
        uint done = 0;
        long arrived = 0;
        try
        {
            using (queue.EnterIfShared())
            {
                while (done < descriptors)
                {
                    uint first = index + done;
                    uint fragments = Measure(first, descriptors - done, out int length);
                    if (done + fragments < descriptors) umem.Prefetch(rx[first + fragments].Address);
                    bool moved = false;
                    if (drop is not null && drop.Matches(InOnePiece(first, fragments, length, ref whole)))
                    {
                        counts.Filtered++;
                    }
                    else
                    {
                        moved = same && fragments <= most;
                        uint needed = moved ? fragments : (uint)Math.Max(1, to.FramesFor(length));
                        if (needed > most)
                        {
                            counts.TooLong++;
                        }
                        else
                        {
                            if (!to.TryReserveFrames(needed, out uint place)) break;
                            if (counts.Reserved == 0) counts.FirstPlace = place;
                            counts.Reserved += needed;
                            if (moved) Move(first, fragments, to, place, addresses, ref counts);
                            else Copy(first, length, to, place, needed, addresses, ref counts);
                            counts.Submitted = counts.Placed;
                            counts.Forwarded++;
                            counts.Bytes += length;
                        }
                    }

                    if (!moved) GiveBack(first, fragments, clears);
                    done += fragments;
                    arrived += length;
                    counts.Received++;
                }
            }
        }
        finally
        {
            Bytes += arrived;
            Packets += done;
            wholePackets += counts.Received;
            rx.Release(done);
            rx.Cancel(descriptors - done);
        }

        consumedSinceRefill += (int)done;
        if (consumedSinceRefill >= refillThreshold) Refill();
    }

    /// <summary>Counts the fragments and the bytes of a whole packet.</summary>
    /// <exception cref="XskException">A descriptor is not of a frame that the kernel was given.</exception>
    private uint Measure(uint first, uint most, out int length)
    {
        uint fragments = 0;
        length = 0;
        do length += Data(first + fragments).Length;
        while (Continues(first + fragments++) && fragments < most);
        return fragments;
    }

    private ReadOnlySpan<byte> InOnePiece(uint first, uint fragments, int length, ref byte[] whole)
    {
        if (fragments == 1) return Data(first);
        if (whole.Length < length) whole = new byte[BitOperations.RoundUpToPowerOf2((uint)length)];
        int copied = 0;
        for (uint i = 0; i < fragments; i++)
        {
            ReadOnlySpan<byte> fragment = Data(first + i);
            fragment.CopyTo(whole.AsSpan(copied));
            copied += fragment.Length;
        }

        return whole.AsSpan(0, length);
    }

    private void Move(uint first, uint fragments, TransmitPath to, uint place, AddressRewrite? addresses, ref ForwardCounts counts)
    {
        FramePool frames = queue.ReceiveFrames;
        for (uint i = 0; i < fragments; i++)
        {
            XdpDescriptor descriptor = rx[first + i];
            Span<byte> fragment = Data(descriptor, frames);
            if (i == 0) addresses?.Apply(fragment);
            ulong given = to.PutReceived(place + i, descriptor, frames, continues: i + 1 < fragments);
            counts.Placed++;
            // The frame that came for it has any bytes there.
            if (readTimestamps) *umem.TimestampSlot(given + (ulong)Umem.ReceiveOffset(umem.Headroom)) = 0;
        }
    }

    /// <summary>Copies a packet into frames that may be of another size.</summary>
    private void Copy(uint first, int length, TransmitPath to, uint place, uint frames, AddressRewrite? addresses, ref ForwardCounts counts)
    {
        ReadOnlySpan<byte> source = Data(first);
        for (uint i = 0; i < frames; i++)
        {
            Span<byte> target = to.PutFrame(place + i, Math.Min(length, to.FrameSize), continues: i + 1 < frames);
            Span<byte> start = target;
            counts.Placed++;
            length -= target.Length;
            while (!target.IsEmpty)
            {
                if (source.IsEmpty) source = Data(++first);
                int part = Math.Min(source.Length, target.Length);
                source[..part].CopyTo(target);
                source = source[part..];
                target = target[part..];
            }

            if (i == 0) addresses?.Apply(start);
        }
    }

    private void GiveBack(uint first, uint fragments, bool clears)
    {
        for (uint i = 0; i < fragments; i++)
        {
            ulong address = rx[first + i].Address;
            queue.ReceiveFrames.Give(address);
            if (clears) *umem.TimestampSlot(address) = 0;
        }
    }
}
