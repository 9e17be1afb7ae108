namespace XdpPS;

/// <summary>An interface of a capture that is being written, and what came from it since the file was begun.</summary>
internal sealed class CaptureInterface(PacketOrigin origin)
{
    internal PacketOrigin Origin => origin;

    /// <summary>Packets written.</summary>
    internal long Packets { get; set; }

    /// <summary>Packets the kernel dropped; null where that is not known.</summary>
    internal long? Lost { get; set; }

    /// <summary>Nanoseconds since 1970 (UTC) when the file was begun.</summary>
    internal long Since { get; set; }

    /// <summary>Those of <see cref="Lost"/> that no packet has told of yet.</summary>
    internal long Untold { get; set; }
}
