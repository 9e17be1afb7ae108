using System.Management.Automation.Runspaces;

namespace XdpPS.Session;

/// <summary>The open sockets of each runspace, so that a socket that lost its variable can be found and closed.</summary>
/// <remarks>
/// Static, because PowerShell makes one instance of the module's initializer and another of its cleanup.
/// Closing a runspace does not remove its modules: its list is then dropped, not closed, since the sockets may have
/// been handed to another runspace; those that were not are closed when they are finalized.
/// </remarks>
internal static class SocketRegistry
{
    private static readonly Lock Gate = new();
    private static readonly Dictionary<Guid, List<XskSocket>> ByRunspace = [];

    internal static void Add(XskSocket socket)
    {
        Runspace runspace = Runspace.DefaultRunspace;
        lock (Gate)
        {
            if (!ByRunspace.TryGetValue(runspace.InstanceId, out List<XskSocket>? sockets))
            {
                ByRunspace[runspace.InstanceId] = sockets = [];
                runspace.StateChanged += Forget;
            }

            // A session that opens and closes for days must not keep what it has closed.
            sockets.RemoveAll(known => !known.IsOpen);
            sockets.Add(socket);
        }
    }

    /// <summary>This runspace's open sockets, in the order in which they were opened.</summary>
    internal static XskSocket[] OfThisRunspace()
    {
        lock (Gate)
        {
            if (!ByRunspace.TryGetValue(Runspace.DefaultRunspace.InstanceId, out List<XskSocket>? sockets)) return [];
            sockets.RemoveAll(socket => !socket.IsOpen);
            return [.. sockets];
        }
    }

    /// <summary>Every open socket of this process on an interface, whichever runspace opened it.</summary>
    internal static XskSocket[] OnInterface(string networkNamespaceId, int interfaceIndex)
    {
        lock (Gate)
        {
            return [.. ByRunspace.Values.SelectMany(sockets => sockets)
                .Where(socket => socket.IsOpen && socket.InterfaceIndex == interfaceIndex && socket.NetworkNamespaceId == networkNamespaceId)];
        }
    }

    /// <summary>Closes this runspace's sockets: its module is being removed.</summary>
    internal static void CloseThisRunspace()
    {
        foreach (XskSocket socket in OfThisRunspace()) socket.Close();
        lock (Gate) ByRunspace.Remove(Runspace.DefaultRunspace.InstanceId);
    }

    private static void Forget(object? sender, RunspaceStateEventArgs change)
    {
        if (sender is not Runspace runspace) return;
        if (change.RunspaceStateInfo.State is not (RunspaceState.Closed or RunspaceState.Broken)) return;
        lock (Gate) ByRunspace.Remove(runspace.InstanceId);
    }
}
