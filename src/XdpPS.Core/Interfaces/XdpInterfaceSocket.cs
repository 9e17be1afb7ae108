namespace XdpPS;

/// <summary>An open socket, as a line in the description of its interface.</summary>
public sealed record XdpInterfaceSocket
{
    /// <summary>Queue the socket is bound to.</summary>
    public required int QueueId { get; init; }

    /// <summary>How packets get into its UMEM.</summary>
    public required XskBindMode BindMode { get; init; }

    /// <summary>The expression that says what it takes; null for every packet.</summary>
    public string? Filter { get; init; }

    /// <summary>The one line that the socket says of itself.</summary>
    public required string Summary { get; init; }

    /// <summary>What a socket is at this moment.</summary>
    public static XdpInterfaceSocket From(XskSocketInfo socket)
    {
        ArgumentNullException.ThrowIfNull(socket);
        return new XdpInterfaceSocket
        {
            QueueId = socket.QueueId,
            BindMode = socket.BindMode,
            Filter = socket.Filter,
            Summary = socket.ToString(),
        };
    }

    /// <returns><see cref="Summary"/>.</returns>
    public override string ToString() => Summary;
}
