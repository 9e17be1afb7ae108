using System.Globalization;

namespace XdpPS;

/// <summary>What became of the packets of one direction of forwarding.</summary>
public sealed class XskForwardResult
{
    /// <summary>Interface they came in on.</summary>
    public required string FromInterfaceName { get; init; }

    /// <summary>Queue they came in on.</summary>
    public required int FromQueueId { get; init; }

    /// <summary>Interface they went out on.</summary>
    public required string ToInterfaceName { get; init; }

    /// <summary>Queue they went out on.</summary>
    public required int ToQueueId { get; init; }

    /// <summary>Both sockets have one UMEM, so that frames changed hands and no byte was copied between them.</summary>
    public required bool SharedUmem { get; init; }

    /// <summary>Packets taken from the RX ring: the sum of <see cref="Forwarded"/>, <see cref="Filtered"/> and <see cref="Dropped"/>.</summary>
    public required long Received { get; init; }

    /// <summary>Packets put on the TX ring.</summary>
    public required long Forwarded { get; init; }

    /// <summary>Their bytes, without FCS.</summary>
    public required long Bytes { get; init; }

    /// <summary>Packets dropped because the filter matched.</summary>
    public required long Filtered { get; init; }

    /// <summary>Packets dropped because there was no room to send them for too long, or because they are longer than one packet can be on the other socket.</summary>
    public required long Dropped { get; init; }

    /// <summary>Packets that the kernel lost meanwhile, before they reached the RX ring.</summary>
    public required long ReceiveLost { get; init; }

    /// <summary>Forwarded packets that the kernel was done with when this was made.</summary>
    public required long Completed { get; init; }

    /// <summary>Packets among <see cref="Completed"/> that the driver dropped instead of sending, as <see cref="XskSendResult.DriverDropped"/>.</summary>
    public required long DriverDropped { get; init; }

    /// <summary>How long it was forwarding, in seconds.</summary>
    public required double ElapsedSeconds { get; init; }

    /// <summary>Packets forwarded a second.</summary>
    public double FramesPerSecond => ElapsedSeconds > 0 ? Forwarded / ElapsedSeconds : 0;

    /// <summary>Bits forwarded a second, without preamble, FCS and inter-frame gap.</summary>
    public double BitsPerSecond => ElapsedSeconds > 0 ? Bytes * 8 / ElapsedSeconds : 0;

    /// <returns>Where from, where to, and what became of the packets, on one line.</returns>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{FromInterfaceName} queue {FromQueueId} to {ToInterfaceName} queue {ToQueueId}: {Forwarded} frames forwarded in {ElapsedSeconds:F1} s, {Filtered} filtered, {Dropped} dropped");
}
