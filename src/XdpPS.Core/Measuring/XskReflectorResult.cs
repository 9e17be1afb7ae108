using System.Globalization;

namespace XdpPS;

/// <summary>What a reflector has done.</summary>
public sealed class XskReflectorResult
{
    /// <summary>Interface it was on.</summary>
    public required string InterfaceName { get; init; }

    /// <summary>Queue it was on.</summary>
    public required int QueueId { get; init; }

    /// <summary>Network namespace, by the name or path that was given; null for the session's own.</summary>
    public string? NetworkNamespace { get; init; }

    /// <summary>Frames of measurements sent back.</summary>
    public required long Reflected { get; init; }

    /// <summary>Their bytes, without FCS.</summary>
    public required long Bytes { get; init; }

    /// <summary>Other packets that arrived. They were dropped.</summary>
    public required long Foreign { get; init; }

    /// <summary>Frames of measurements for which there was no room to send them for too long.</summary>
    public required long Dropped { get; init; }

    /// <summary>Packets that the kernel lost before they reached the RX ring.</summary>
    public required long ReceiveLost { get; init; }

    /// <summary>Frames among <see cref="Reflected"/> that the driver dropped instead of sending, as <see cref="XskSendResult.DriverDropped"/>.</summary>
    public required long DriverDropped { get; init; }

    /// <summary>How long it ran, in seconds.</summary>
    public required double ElapsedSeconds { get; init; }

    /// <summary>Why it ended by itself; null where it was stopped.</summary>
    public string? Failure { get; init; }

    /// <returns>Where, and what became of the packets, on one line.</returns>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{InterfaceName} queue {QueueId}: {Reflected} frames sent back in {ElapsedSeconds:F1} s, {Foreign} others dropped{(Failure is null ? "" : $"; {Failure}")}");
}
