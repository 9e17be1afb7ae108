using XdpPS.Interop;

namespace XdpPS;

/// <content>Packets of several frames, and frames of any size.</content>
internal sealed unsafe partial class ReceivePath
{
    private long wholePackets;

    /// <summary>The socket was bound with XDP_USE_SG.</summary>
    internal bool IsMultiBuffer { get; init; }

    internal long PacketCount => IsMultiBuffer ? wholePackets : Packets;

    /// <summary>Takes whole packets. What the kernel has written of one that it has not finished stays on the ring.</summary>
    /// <param name="maximum">The most packets to take.</param>
    /// <param name="index">The first one's first descriptor.</param>
    /// <param name="descriptors">The descriptors of all of them.</param>
    /// <returns>How many packets there are.</returns>
    /// <exception cref="XskException">The ring is full of one packet that has no end.</exception>
    internal uint PeekPackets(uint maximum, out uint index, out uint descriptors)
    {
        uint taken = Peek(maximum, out index);
        uint packets = 0, seen = 0;
        descriptors = 0;
        while (true)
        {
            for (; seen < taken; seen++)
            {
                if (Continues(index + seen)) continue;
                packets++;
                descriptors = seen + 1;
            }

            // No more than one packet a descriptor, and so never too many.
            uint more = packets < maximum ? Peek(maximum - packets, out _) : 0;
            if (more == 0) break;
            taken += more;
        }

        rx.Cancel(taken - descriptors);
        return packets == 0 && taken == rx.Size ? throw Endless() : packets;
    }

    internal bool Continues(uint index) => (rx[index].Options & IfXdp.XDP_PKT_CONTD) != 0;

    /// <summary>Returns the frames of peeked packets and counts them.</summary>
    internal void ReleasePackets(uint index, uint descriptors, uint packets)
    {
        Release(index, descriptors);
        wholePackets += packets;
    }

    /// <summary>Makes addresses plain, once, where the kernel has put an offset into their upper bits.</summary>
    private void Flatten(uint index, uint count)
    {
        for (uint i = 0; i < count; i++)
        {
            ref XdpDescriptor descriptor = ref rx[index + i];
            ulong plain = Umem.Flatten(descriptor.Address);
            // An offset that leads into another frame is left where it is: so the address is refused where it is used.
            if (umem.IsSameFrame(plain, Umem.Base(descriptor.Address))) descriptor.Address = plain;
        }
    }

    private static XskException Unexpected(uint options) => XskException.FromCheck(
        XskErrorId.RingCorrupted,
        $"A descriptor has options 0x{options:x}, the beginning of a packet of several frames, which this socket did not ask for",
        "close this socket: something else writes to its rings, or the driver is at fault");

    private XskException Endless() => XskException.FromCheck(
        XskErrorId.RingCorrupted,
        $"All {rx.Size} entries of the RX ring are one packet that does not end",
        "open the socket with a larger -RxRingSize, or with -BindMode Copy");
}
