namespace XdpPS;

/// <summary>What one check found on an interface, at the moment of the call.</summary>
public sealed record XdpInterfaceCheck
{
    /// <summary>Name of the interface.</summary>
    public required string Interface { get; init; }

    /// <summary>The network namespace it is in, by the name or path that was given; null for the session's own.</summary>
    public string? NetworkNamespace { get; init; }

    /// <summary>The check's stable name, such as <c>LockedMemory</c>.</summary>
    public required string Name { get; init; }

    /// <summary>The verdict.</summary>
    public required XdpCheckStatus Status { get; init; }

    /// <summary>What was found, with its numbers; where that is unknown, why.</summary>
    public required string Detail { get; init; }

    /// <summary>What to do about it: a command as it has to be typed, where there is one; null where nothing is to be done.</summary>
    public string? Remedy { get; init; }

    /// <returns>Interface, name, verdict and what was found, on one line.</returns>
    public override string ToString() => $"{Interface} {Name}: {Status}, {Detail}";
}
