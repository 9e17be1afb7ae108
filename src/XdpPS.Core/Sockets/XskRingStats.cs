namespace XdpPS;

/// <summary>A socket's rings and counters at one moment. Counters are 64-bit and count from when the socket was opened.</summary>
public sealed class XskRingStats
{
    /// <summary>Interface of the socket.</summary>
    public required string InterfaceName { get; init; }

    /// <summary>Its network namespace, by the name or path that was given; null for the session's own.</summary>
    public string? NetworkNamespace { get; init; }

    /// <summary>Queue of the socket.</summary>
    public required int QueueId { get; init; }

    /// <summary>When the record was made, local time.</summary>
    public required DateTime Time { get; init; }

    /// <summary>What the rates are over, in seconds.</summary>
    public required double IntervalSeconds { get; init; }

    /// <summary>The RX ring; null for a socket without one.</summary>
    public RingSnapshot? Rx { get; init; }

    /// <summary>The TX ring; null for a socket without one.</summary>
    public RingSnapshot? Tx { get; init; }

    /// <summary>The FILL ring, which all sockets on the queue share.</summary>
    public required RingSnapshot Fill { get; init; }

    /// <summary>The COMPLETION ring, which all sockets on the queue share.</summary>
    public required RingSnapshot Completion { get; init; }

    /// <summary>Packets read.</summary>
    public long RxPackets { get; init; }

    /// <summary>Their bytes, without FCS.</summary>
    public long RxBytes { get; init; }

    /// <summary>System calls made because FILL asked for them; the waiting poll is not counted.</summary>
    public long RxWakeups { get; init; }

    /// <summary>Frames put on the TX ring.</summary>
    public long TxPackets { get; init; }

    /// <summary>Their bytes, without FCS.</summary>
    public long TxBytes { get; init; }

    /// <summary>Frames the kernel is done with: sent, or dropped by the driver.</summary>
    public long TxCompleted { get; init; }

    /// <summary>System calls made to send.</summary>
    public long TxWakeups { get; init; }

    /// <summary>Frames that the driver dropped instead of sending (EBUSY); they are among <see cref="TxCompleted"/>. A lower bound, as <see cref="XskSendResult.DriverDropped"/>.</summary>
    public long DriverDropped { get; init; }

    /// <summary>The kernel's rx_dropped: packets lost for want of a FILL frame or of room in the frame.</summary>
    public long RxDropped { get; init; }

    /// <summary>The kernel's rx_invalid_descs: FILL entries that were no frame.</summary>
    public long RxInvalidDescriptors { get; init; }

    /// <summary>The kernel's tx_invalid_descs: TX entries that were no frame.</summary>
    public long TxInvalidDescriptors { get; init; }

    /// <summary>The kernel's rx_ring_full: packets lost because nobody read the RX ring.</summary>
    public long RxRingFull { get; init; }

    /// <summary>The kernel's rx_fill_ring_empty_descs: how often FILL was empty. A reason for <see cref="RxDropped"/>, not an addition to it.</summary>
    public long FillRingEmpty { get; init; }

    /// <summary>The kernel's tx_ring_empty_descs: how often the TX ring was looked at and empty.</summary>
    public long TxRingEmpty { get; init; }

    /// <summary>Packets read a second.</summary>
    public double RxPacketsPerSecond { get; init; }

    /// <summary>Bytes read a second.</summary>
    public double RxBytesPerSecond { get; init; }

    /// <summary>Frames put on the TX ring a second.</summary>
    public double TxPacketsPerSecond { get; init; }

    /// <summary>Bytes put on the TX ring a second.</summary>
    public double TxBytesPerSecond { get; init; }

    /// <summary>Packets that the kernel lost a second.</summary>
    public double RxLostPerSecond { get; init; }

    /// <summary>Stopwatch ticks of the moment, for the next record's interval.</summary>
    internal long Stamp { get; init; }
}
