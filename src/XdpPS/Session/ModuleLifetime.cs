using System.Management.Automation;

namespace XdpPS.Session;

/// <summary>Closes what a runspace left open when it removes the module.</summary>
public sealed class ModuleLifetime : IModuleAssemblyCleanup
{
    /// <summary>Called by PowerShell in the runspace that removes the module.</summary>
    public void OnRemove(PSModuleInfo psModuleInfo)
    {
        ReflectorRegistry.StopThisRunspace();
        SocketRegistry.CloseThisRunspace();
    }
}
