namespace XdpPS;

/// <summary>What became of the frames of one Send-XskFrame.</summary>
public sealed class XskSendResult
{
    /// <summary>Interface they were sent on.</summary>
    public required string InterfaceName { get; init; }

    /// <summary>Queue they were sent on.</summary>
    public required int QueueId { get; init; }

    /// <summary>Frames handed to the kernel.</summary>
    public required long Frames { get; init; }

    /// <summary>Their bytes, without FCS.</summary>
    public required long Bytes { get; init; }

    /// <summary>Frames the kernel was done with when the command returned.</summary>
    public required long Completed { get; init; }

    /// <summary>
    /// Frames among <see cref="Completed"/> that the driver dropped instead of sending (EBUSY). A lower bound where
    /// another thread waits on the same socket: in copy mode its poll sends too, and keeps the errors.
    /// </summary>
    public required long DriverDropped { get; init; }

    /// <summary>From the first frame to the last completion.</summary>
    public required double ElapsedSeconds { get; init; }

    /// <summary>Frames that went onto the TX ring more than 100 microseconds after they were due; null where they went as fast as possible.</summary>
    public long? LateFrames { get; init; }

    /// <summary>How late 99 of 100 frames went onto the TX ring at most, to a sixteenth; null as above.</summary>
    public double? LatenessP99Seconds { get; init; }

    /// <summary>How late the latest one did; null as above.</summary>
    public double? WorstLatenessSeconds { get; init; }

    /// <summary>Frames with an earlier timestamp than one before them, sent at once; null where timestamps did not matter.</summary>
    public long? OutOfOrderFrames { get; init; }

    /// <summary>Frames a second.</summary>
    public double FramesPerSecond => ElapsedSeconds > 0 ? Frames / ElapsedSeconds : 0;

    /// <summary>Bits a second, without preamble, FCS and inter-frame gap.</summary>
    public double BitsPerSecond => ElapsedSeconds > 0 ? Bytes * 8 / ElapsedSeconds : 0;
}
