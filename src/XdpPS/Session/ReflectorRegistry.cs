using System.Management.Automation.Runspaces;

namespace XdpPS.Session;

/// <summary>Stops the reflectors of a runspace that closes or removes the module: their threads would keep their sockets open for ever.</summary>
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

    internal static void StopThisRunspace() => Stop(Runspace.DefaultRunspace);

    private static void StopAll(object? sender, RunspaceStateEventArgs change)
    {
        if (sender is not Runspace runspace) return;
        if (change.RunspaceStateInfo.State is RunspaceState.Closed or RunspaceState.Broken) Stop(runspace);
    }

    private static void Stop(Runspace runspace)
    {
        List<XskReflector>? reflectors;
        lock (Gate)
        {
            if (!ByRunspace.Remove(runspace.InstanceId, out reflectors)) return;
            runspace.StateChanged -= StopAll;
        }

        foreach (XskReflector reflector in reflectors) reflector.Stop();
    }
}
