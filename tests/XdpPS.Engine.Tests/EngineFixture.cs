using System.Management.Automation;
using System.Management.Automation.Runspaces;
using System.Reflection;

namespace XdpPS.Tests;

/// <summary>A runspace of this process with the built module imported.</summary>
public sealed class EngineFixture : IDisposable
{
    private readonly Runspace runspace;

    public EngineFixture()
    {
        string root = typeof(EngineFixture).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "ModuleRoot").Value!;
        runspace = RunspaceFactory.CreateRunspace(InitialSessionState.CreateDefault2());
        runspace.Open();
        using PowerShell import = Script("Import-Module -Name $args[0] -ErrorAction Stop").AddArgument(root);
        import.Invoke();
    }

    /// <summary>A script to be run in the runspace.</summary>
    internal PowerShell Script(string text)
    {
        PowerShell shell = PowerShell.Create(runspace);
        return shell.AddScript(text);
    }

    public void Dispose() => runspace.Dispose();
}
