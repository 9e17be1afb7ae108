using XdpPS.Session;

namespace XdpPS.Commands;

/// <summary>Opens one socket a queue of an interface, all or none, and collects what the user should be told.</summary>
internal sealed class XskSocketOpener
{
    private readonly List<XskSocket> opened = [];

    internal IReadOnlyList<XskSocket> Sockets => opened;

    /// <exception cref="XskException">One could not be opened; those opened before it are closed again.</exception>
    internal void Open(IEnumerable<XskSocketOptions> queues, CancellationToken cancellation)
    {
        try
        {
            foreach (XskSocketOptions options in queues)
            {
                XskSocket socket = XskSocket.Open(options, cancellation);
                opened.Add(socket);
                SocketRegistry.Add(socket);
            }
        }
        catch
        {
            Close();
            throw;
        }
    }

    internal void Close()
    {
        foreach (XskSocket socket in opened) socket.Close();
        opened.Clear();
    }

    /// <summary>The sockets' own warnings, each text once, and one about queues that nobody listens to.</summary>
    internal IEnumerable<string> Warnings()
    {
        IEnumerable<string> own = opened.SelectMany(socket => socket.Warnings).Select(warning => warning.Message).Distinct();
        XskSocket? receiving = opened.Find(socket => socket.AttachMode != XdpMode.None && socket.RxRingSize > 0);
        return receiving is not null && MissedQueues(receiving) is { } missed ? own.Append(missed) : own;
    }

    private static string? MissedQueues(XskSocket socket)
    {
        XdpInterface nic = XdpInterface.Get(socket.InterfaceName, socket.NetworkNamespace);
        HashSet<int> bound = [.. SocketRegistry.OnInterface(socket.NetworkNamespaceId, nic.Index).Select(other => other.QueueId)];
        List<int> missed = [];
        for (int queue = 0; queue < nic.RxQueues; queue++)
        {
            if (!bound.Contains(queue)) missed.Add(queue);
        }

        if (missed.Count == 0) return null;
        string kind = nic.CombinedQueues > 0 ? "combined" : "rx";
        // The kernel does not take a queue away that has a socket.
        string fewer = bound.All(queue => queue == 0) && nic.CombinedQueues != 1 ? $", or run '{nic.Command($"ethtool -L {nic.Name} {kind} 1")}'" : "";
        string list = missed.Count > 8 ? $"{missed[0]}-{missed[^1]}" : string.Join(", ", missed);
        return $"{nic.Name} has {nic.RxQueues} receive queues, and this process has no socket on {(missed.Count == 1 ? "queue" : "queues")} {list}: "
            + "packets that arrive there go to the kernel, or to another process's socket, and are not seen here. "
            + $"Bind all of them with -AllQueues{fewer}.";
    }
}
