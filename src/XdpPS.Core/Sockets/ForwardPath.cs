using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace XdpPS;

/// <summary>One direction of forwarding: the RX ring of one socket and the TX ring of another, or of the same.</summary>
/// <remarks>It never waits. Where there is no room to send, packets stay on the RX ring, which is the queue.</remarks>
internal sealed partial class ForwardPath
{
    /// <summary>The most packets taken at once: each publication costs a shared cache line.</summary>
    private const uint Batch = 64;

    /// <summary>Batches before the other direction has its turn, and whoever waits for a socket is looked for.</summary>
    private const int Batches = 16;

    private readonly XskSocket from;
    private readonly XskSocket to;
    private readonly ReceivePath receive;
    private readonly TransmitPath transmit;
    private readonly IFrameFilter? drop;
    private readonly AddressRewrite? addresses;
    private readonly TimeSpan patience;
    private readonly bool several;
    private readonly XskRingStats fromBefore;
    private readonly XskRingStats toBefore;
    private long withoutRoomSince;
    private long lost;
    private long driverDropped;

    internal ForwardPath(
        XskSocket from, ReceivePath receive, XskSocket to, TransmitPath transmit,
        IFrameFilter? drop, AddressRewrite? addresses, TimeSpan patience)
    {
        this.from = from;
        this.receive = receive;
        this.to = to;
        this.transmit = transmit;
        this.drop = drop;
        this.addresses = addresses;
        this.patience = patience;
        several = receive.IsMultiBuffer || transmit.IsMultiBuffer;
        if (several && drop is not null) whole = new byte[LongestPacket];
        fromBefore = from.GetStatistics();
        toBefore = to.GetStatistics();
    }

    internal long Forwarded { get; private set; }

    internal long Filtered { get; private set; }

    internal long Dropped { get; private set; }

    private long Received { get; set; }

    private long Bytes { get; set; }

    internal bool SharesUmem => receive.IsOn(transmit.Umem);

    /// <summary>No room was found the last time.</summary>
    internal bool IsStalled => withoutRoomSince != 0;

    /// <summary>The kernel has not taken all that is on the TX ring, and has to be asked again.</summary>
    internal bool HasUnsent { get; private set; }

    /// <summary>Forwards what has arrived.</summary>
    /// <param name="limit">The most packets to forward.</param>
    /// <returns>False where there was nothing to do, or no room.</returns>
    /// <exception cref="XskException">A socket is closed, or the interface to send on is down or gone.</exception>
    internal bool Turn(long limit)
    {
        receive.Gate.Enter(from);
        try
        {
            transmit.Gate.Enter(to);
            try
            {
                return TakeTurn(limit);
            }
            finally
            {
                transmit.Gate.Leave();
            }
        }
        finally
        {
            receive.Gate.Leave();
        }
    }

    /// <summary>Lets those in who wait for one of the sockets, to close it or to share its UMEM.</summary>
    internal void GiveWay()
    {
        for (int i = 0; i < 100 && (receive.Gate.IsAwaited || transmit.Gate.IsAwaited); i++) Thread.Sleep(1);
    }

    /// <summary>A socket that only sends is not among those whose health is looked after.</summary>
    /// <exception cref="XskException">The interface to send on is gone, or the socket is closed.</exception>
    internal void CheckTransmitHealth()
    {
        try
        {
            to.CheckHealth();
        }
        catch (XskException e) when (e.ErrorId == XskErrorId.ProgramDetached)
        {
            // Sending needs none.
        }
    }

    internal XskForwardResult GetResult(double seconds)
    {
        try
        {
            XskRingStats now = from.GetStatistics();
            lost = now.RxDropped + now.RxRingFull - fromBefore.RxDropped - fromBefore.RxRingFull;
            driverDropped = to.GetStatistics().DriverDropped - toBefore.DriverDropped;
        }
        catch (XskException)
        {
            // Closed: what was known last is all that can be.
        }

        return new XskForwardResult
        {
            FromInterfaceName = from.InterfaceName,
            FromQueueId = from.QueueId,
            ToInterfaceName = to.InterfaceName,
            ToQueueId = to.QueueId,
            SharedUmem = SharesUmem,
            Received = Received,
            Forwarded = Forwarded,
            Bytes = Bytes,
            Filtered = Filtered,
            Dropped = Dropped,
            ReceiveLost = lost,
            Completed = Forwarded - Math.Min(Forwarded, to.PendingSends),
            DriverDropped = driverDropped,
            ElapsedSeconds = seconds,
        };
    }

    private bool TakeTurn(long limit)
    {
        bool any = false;
        for (int i = 0; i < Batches && limit > 0; i++)
        {
            long before = Forwarded;
            uint most = (uint)Math.Min(Batch, limit);
            if (!(several ? ForwardPackets(most) : ForwardBatch(most))) break;
            any = true;
            limit -= Forwarded - before;
            if (receive.Gate.IsAwaited || transmit.Gate.IsAwaited) break;
        }

        HasUnsent = transmit.Pending > 0;
        return any;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private bool ForwardBatch(uint most)
    {
        uint room = transmit.ReserveRoom(most, out uint place);
        if (room == 0)
        {
            transmit.WakeFor(rest: true);
            room = transmit.ReserveRoom(most, out place);
            if (room == 0) return DropAfterPatience();
        }

        withoutRoomSince = 0;
        ForwardCounts counts = default;
        uint found = 0;
        try
        {
            found = receive.Peek(room, out uint index);
            if (found > 0) receive.Forward(index, found, transmit, place, drop, addresses, ref counts);
        }
        finally
        {
            transmit.SubmitRoom(counts.Forwarded, room, counts.Bytes);
            Add(counts);
        }

        // The rest is sent when nothing more has come, and with the last that are wanted.
        transmit.WakeFor(rest: found == 0 || counts.Forwarded == most);
        return found > 0;
    }

    private void Add(in ForwardCounts counts)
    {
        Received += counts.Received;
        Forwarded += counts.Forwarded;
        Filtered += counts.Filtered;
        Dropped += counts.TooLong;
        Bytes += counts.Bytes;
    }

    private bool DropAfterPatience()
    {
        long now = Stopwatch.GetTimestamp();
        if (withoutRoomSince == 0) withoutRoomSince = now;
        if (Stopwatch.GetElapsedTime(withoutRoomSince, now) < patience) return false;
        uint found = receive.Peek(Batch, out uint index);
        if (found == 0) return false;
        receive.Release(index, found);
        Received += found;
        Dropped += found;
        return true;
    }
}
