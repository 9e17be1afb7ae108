namespace XdpPS;

/// <summary>What decides when each frame is sent.</summary>
public enum XskSendTiming
{
    /// <summary>Nothing: as fast as the kernel takes them.</summary>
    TopSpeed = 0,

    /// <summary>The frames' own timestamps.</summary>
    Original = 1,

    /// <summary>So many frames a second, evenly spaced.</summary>
    PacketsPerSecond = 2,

    /// <summary>So many bits of frames a second.</summary>
    BitsPerSecond = 3,
}
