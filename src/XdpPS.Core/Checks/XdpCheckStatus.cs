namespace XdpPS;

/// <summary>The verdict of a check.</summary>
public enum XdpCheckStatus
{
    /// <summary>Nothing is in the way.</summary>
    Pass,

    /// <summary>Sockets work, but slower than they could, or they miss packets.</summary>
    Warn,

    /// <summary>A socket cannot be opened, or no packet reaches it.</summary>
    Fail,

    /// <summary>The kernel or the driver does not say, or not to this user.</summary>
    Unknown,
}
