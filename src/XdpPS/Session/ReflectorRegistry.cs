using System.Management.Automation.Runspaces;

namespace XdpPS.Session;

/// <summary>Stops the reflectors of a runspace that closes: their threads would keep their sockets open for ever. Where the module is removed, the sockets are closed under them.</summary>
internal static class ReflectorRegistry
{
    private static readonly Lock Gate = new();
    private static readonly Dictionary<Guid, List<XskReflector>> ByRunspace = [];

    internal static void Add(XskReflector reflector)
    {
        Runspace runspace = Runspace.DefaultRunspace;
        lock (Gate)
        {
            if (!ByRunspace.TryGetValue(runspace.InstanceId, out List<XskReflector>? reflectors))
            {
                ByRunspace[runspace.InstanceId] = reflectors = [];
                runspace.StateChanged += StopAll;
            }

            reflectors.RemoveAll(known => known.State != XskReflectorState.Running);
            reflectors.Add(reflector);
        }
    }

    private static void StopAll(object? sender, RunspaceStateEventArgs change)
    {
        if (sender is not Runspace runspace) return;
        if (change.RunspaceStateInfo.State is not (RunspaceState.Closed or RunspaceState.Broken)) return;
        List<XskReflector>? reflectors;
        lock (Gate)
        {
            if (!ByRunspace.Remove(runspace.InstanceId, out reflectors)) return;
        }

        foreach (XskReflector reflector in reflectors) reflector.Stop();
    }
}
