using XdpPS.Interop;

namespace XdpPS;

/// <summary>
/// Where every frame of a socket is at one moment. Frames in rings and pools are found by their addresses; what
/// is found nowhere must be what the counters say the kernel holds.
/// </summary>
/// <remarks>
/// A debugging aid: exact only while nothing is on the move. Of what sockets on one queue have in common (the frames
/// to receive into, on FILL or on the RX ring of any of them, and those that a closed one has sent) all is counted with
/// the one that has been open longest; with the others, only the frames that they send. So the totals of all sockets
/// on a UMEM never add up to more than it has.
/// </remarks>
public sealed class FrameCensus
{
    private readonly bool[] seen;
    private readonly Umem umem;
    private int found;
    private long receiveOutstanding;
    private long transmitOutstanding;

    internal FrameCensus(Umem umem)
    {
        seen = new bool[umem.FrameCount];
        this.umem = umem;
    }

    /// <summary>Frames of the socket: all of its UMEM, or its part of a shared one, as the remarks have it.</summary>
    public int Total { get; private set; }

    /// <summary>Free, to receive or to send with.</summary>
    public int Free { get; private set; }

    /// <summary>On the FILL ring, waiting for the kernel.</summary>
    public int Fill { get; private set; }

    /// <summary>On the RX ring, waiting to be read.</summary>
    public int Rx { get; private set; }

    /// <summary>On the TX ring, waiting for the kernel.</summary>
    public int Tx { get; private set; }

    /// <summary>On the COMPLETION ring, waiting to be taken back.</summary>
    public int Completion { get; private set; }

    /// <summary>In a batch that was not disposed yet.</summary>
    public int Caller { get; private set; }

    /// <summary>Taken from FILL and not yet on RX.</summary>
    public long KernelReceive => receiveOutstanding;

    /// <summary>Taken from TX and not yet on COMPLETION.</summary>
    public long KernelTransmit => transmitOutstanding;

    /// <summary>Addresses that were found in two places.</summary>
    public int Duplicates { get; private set; }

    /// <summary>Every frame is in exactly one place.</summary>
    public bool IsConserved =>
        Duplicates == 0 && KernelReceive >= 0 && KernelTransmit >= 0 && found + KernelReceive + KernelTransmit == Total;

    /// <returns>All counts on one line.</returns>
    public override string ToString() =>
        $"{Total} frames: {Free} free, {Fill} FILL, {Rx} RX, {Tx} TX, {Completion} COMPLETION, {Caller} caller, "
        + $"{KernelReceive} + {KernelTransmit} kernel, {Duplicates} duplicates";

    internal void AddReceive(FramePool free, ProducerRing<ulong> fill, IEnumerable<ConsumerRing<XdpDescriptor>> rings, long outstanding)
    {
        List<ulong> filled = [], none = [];
        List<XdpDescriptor> received = [], held = [];
        fill.CopyTo(filled, none);
        foreach (ConsumerRing<XdpDescriptor> rx in rings) rx.CopyTo(received, held);
        Total += free.Capacity;
        Free += Mark(free.Free);
        Fill += Mark([.. filled]);
        Rx += Mark([.. received.Select(descriptor => descriptor.Address)]);
        Caller += Mark([.. held.Select(descriptor => descriptor.Address)]);
        receiveOutstanding = outstanding - filled.Count - received.Count - held.Count;
    }

    internal void AddTransmit(FramePool free, ProducerRing<XdpDescriptor> tx, List<ulong> completed, long outstanding)
    {
        List<XdpDescriptor> queued = [], held = [];
        tx.CopyTo(queued, held);
        Total += free.Capacity;
        Free += Mark(free.Free);
        Tx += Mark([.. queued.Select(descriptor => descriptor.Address)]);
        Caller += Mark([.. held.Select(descriptor => descriptor.Address)]);
        Completion += Mark([.. completed]);
        transmitOutstanding += outstanding - queued.Count - completed.Count;
    }

    /// <summary>What a closed socket has sent and not got back.</summary>
    internal void AddDeparted(FramePool pool, List<ulong> completed)
    {
        Total += pool.Capacity;
        Completion += Mark([.. completed]);
        transmitOutstanding += pool.Capacity - completed.Count;
    }

    private int Mark(ReadOnlySpan<ulong> addresses)
    {
        foreach (ulong address in addresses)
        {
            ulong frame = umem.IndexOf(Umem.Flatten(address));
            // No frame at all: it is missed where it should be.
            if (frame >= (ulong)seen.Length) continue;
            ref bool mark = ref seen[(int)frame];
            if (mark) Duplicates++;
            else found++;
            mark = true;
        }

        return addresses.Length;
    }
}
