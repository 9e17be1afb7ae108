using System.Runtime.CompilerServices;
using XdpPS.Interop;

namespace XdpPS;

/// <summary>What became of the packets of one batch.</summary>
internal struct ForwardCounts
{
    internal uint Received;
    internal uint Forwarded;
    internal uint Filtered;
    internal uint TooLong;
    internal long Bytes;

    /// <summary>Of packets of several frames: places on the TX ring that were reserved, those that have a frame, and those of whole packets.</summary>
    internal uint Reserved, Placed, Submitted;
    internal uint FirstPlace;
}

/// <content>From the RX ring to a TX ring.</content>
internal sealed unsafe partial class ReceivePath
{
    /// <summary>So many packets ahead of the one at hand is fetched.</summary>
    private const uint Ahead = 8;

    internal bool IsOn(Umem other) => umem == other;

    /// <summary>
    /// Moves peeked packets to a TX ring, or copies them where that is on another UMEM. What the filter matches, and what
    /// is longer than the other's frames, is given back to FILL.
    /// </summary>
    /// <param name="index">The first packet.</param>
    /// <param name="count">How many there are.</param>
    /// <param name="to">Where they go, with room for all of them.</param>
    /// <param name="place">The first reserved place there.</param>
    /// <param name="drop">What to drop, or null.</param>
    /// <param name="addresses">What to change, or null.</param>
    /// <param name="counts">What was done, also where this throws.</param>
    /// <exception cref="XskException">A descriptor is not of a frame that the kernel was given.</exception>
    // A loop that never leaves a few methods is not replaced by better code for long where it has the only processor.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal void Forward(
        uint index, uint count, TransmitPath to, uint place, IFrameFilter? drop, AddressRewrite? addresses, ref ForwardCounts counts)
    {
        bool moves = IsOn(to.Umem);
        int longest = moves ? int.MaxValue : to.FrameSize;
        bool clears = readTimestamps && !DriverWritesTimestamps(index);
        long arrived = 0;
        try
        {
            using (queue.EnterIfShared())
            {
                FramePool frames = queue.ReceiveFrames;
                for (uint i = 0; i < Math.Min(Ahead, count); i++) umem.Prefetch(rx[index + i].Address);
                for (; counts.Received < count; counts.Received++)
                {
                    // Read once: whoever else writes to the ring must not change it between the checks and the use.
                    XdpDescriptor descriptor = rx[index + counts.Received];
                    if (counts.Received + Ahead < count) umem.Prefetch(rx[index + counts.Received + Ahead].Address);
                    Span<byte> frame = Data(descriptor, frames);
                    arrived += descriptor.Length;
                    bool filtered = drop is not null && drop.Matches(frame);
                    if (!filtered && frame.Length <= longest)
                    {
                        uint at = place + counts.Forwarded;
                        if (moves)
                        {
                            addresses?.Apply(frame);
                            ulong given = to.PutReceived(at, descriptor, frames);
                            // The frame that came for it has any bytes there.
                            if (readTimestamps) *umem.TimestampSlot(given + (ulong)Umem.ReceiveOffset(umem.Headroom)) = 0;
                        }
                        else
                        {
                            Span<byte> copy = to.PutCopy(at, frame);
                            addresses?.Apply(copy);
                        }

                        counts.Forwarded++;
                        counts.Bytes += descriptor.Length;
                        if (moves) continue;
                    }
                    else if (filtered)
                    {
                        counts.Filtered++;
                    }
                    else
                    {
                        counts.TooLong++;
                    }

                    frames.Give(descriptor.Address);
                    if (clears) *umem.TimestampSlot(descriptor.Address) = 0;
                }
            }
        }
        finally
        {
            Bytes += arrived;
            Packets += counts.Received;
            rx.Release(counts.Received);
        }

        consumedSinceRefill += (int)count;
        if (consumedSinceRefill >= refillThreshold) Refill();
    }
}
