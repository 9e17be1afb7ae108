using System.Collections.ObjectModel;
using System.Management.Automation;

namespace XdpPS.Tests;

public sealed class EngineTests(EngineFixture engine) : IClassFixture<EngineFixture>
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Fact]
    public void The_module_exports_what_its_manifest_says_and_nothing_else()
    {
        Collection<PSObject> names = Run("(Get-Command -Module XdpPS).Name | Sort-Object");
        Collection<PSObject> promised = Run("(Import-PowerShellDataFile (Get-Module XdpPS).Path.Replace('.dll', '.psd1')).CmdletsToExport | Sort-Object");
        Assert.NotEmpty(names);
        Assert.Equal(promised, names);
    }

    [Fact]
    public void WhatIf_opens_nothing()
    {
        // The loopback interface is there in every network namespace.
        Collection<PSObject> sockets = Run("New-XskSocket lo -Force -WhatIf; Get-XskSocket");
        Assert.Empty(sockets);
    }

    [Fact]
    public void An_unknown_interface_is_an_error_that_names_it()
    {
        using PowerShell shell = engine.Script("New-XskSocket nosuchnic0");
        ErrorRecord error = ErrorOf(shell);
        Assert.Equal("InterfaceNotFound,XdpPS.Commands.NewXskSocketCommand", error.FullyQualifiedErrorId);
        Assert.Equal(ErrorCategory.ObjectNotFound, error.CategoryInfo.Category);
        Assert.Contains("nosuchnic0", error.Exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Receiving_from_no_socket_returns_at_once()
    {
        using PowerShell shell = engine.Script("@() | Receive-XskPacket");
        IAsyncResult running = shell.BeginInvoke();
        Assert.True(running.AsyncWaitHandle.WaitOne(Patience));
        Assert.Empty(shell.EndInvoke(running));
        Assert.Empty(shell.Streams.Error);
    }

    [NeedsCableFact]
    public void Stopping_ends_a_receive_that_waits_for_ever_and_leaves_its_socket_open()
    {
        Run("$script:s = New-XskSocket " + NeedsCableFactAttribute.InterfaceName);
        try
        {
            using PowerShell shell = engine.Script("$script:s | Receive-XskPacket");
            IAsyncResult running = shell.BeginInvoke();
            Assert.False(running.AsyncWaitHandle.WaitOne(300));
            IAsyncResult stopping = shell.BeginStop(null, null);
            Assert.True(stopping.AsyncWaitHandle.WaitOne(Patience));
            shell.EndStop(stopping);
            Assert.Throws<PipelineStoppedException>(() => shell.EndInvoke(running));
            Assert.Equal("Open", Assert.Single(Run("$script:s.State")).BaseObject);
        }
        finally
        {
            Run("$script:s | Remove-XskSocket");
        }
    }

    private static ErrorRecord ErrorOf(PowerShell shell)
    {
        try
        {
            shell.Invoke();
        }
        catch (RuntimeException e)
        {
            return e.ErrorRecord;
        }

        return Assert.Single(shell.Streams.Error);
    }

    private Collection<PSObject> Run(string script)
    {
        using PowerShell shell = engine.Script(script);
        Collection<PSObject> output = shell.Invoke();
        Assert.Empty(shell.Streams.Error);
        return output;
    }
}
