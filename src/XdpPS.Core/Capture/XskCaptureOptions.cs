namespace XdpPS;

/// <summary>What capture file to write, and how.</summary>
public sealed record XskCaptureOptions
{
    /// <summary>The file; with a rotation, files beside it whose names have a number and the time between its name and its extension.</summary>
    public required string Path { get; init; }

    /// <summary>The format.</summary>
    public XskCaptureFormat Format { get; init; }

    /// <summary>Continues a file that is there already.</summary>
    public bool Append { get; init; }

    /// <summary>Refuses to overwrite a file.</summary>
    public bool NoClobber { get; init; }

    /// <summary>Replaces a read-only file too, and appends to another user's.</summary>
    public bool Force { get; init; }

    /// <summary>The most bytes to keep of a packet, from 1 to 262,144; more are as many.</summary>
    public int SnapLength { get; init; } = int.MaxValue;

    /// <summary>A comment on the whole, which pcapng keeps; null for none.</summary>
    public string? Comment { get; init; }

    /// <summary>Another file is begun before one would get longer than this; null for no limit.</summary>
    public long? RotateBytes { get; init; }

    /// <summary>Another file is begun with the first packet after this time; null for no limit.</summary>
    public TimeSpan? RotateInterval { get; init; }

    /// <summary>How many of the files that a rotation made are kept: the oldest is deleted when another is begun. Null keeps all.</summary>
    public int? KeepFiles { get; init; }
}
