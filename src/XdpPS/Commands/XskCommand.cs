using System.Management.Automation;
using XdpPS.Errors;

namespace XdpPS.Commands;

/// <summary>What all cmdlets share: a token that Ctrl-C cancels, and our errors as error records.</summary>
public abstract class XskCommand : PSCmdlet, IDisposable
{
    private readonly CancellationTokenSource stop = new();

    /// <summary>Cancelled when the pipeline is stopped.</summary>
    private protected CancellationToken StopToken => stop.Token;

    /// <summary>Runs on another thread: it only signals.</summary>
    protected override void StopProcessing() => stop.Cancel();

    /// <summary>The one hook that PowerShell always runs.</summary>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Releases what the cmdlet holds.</summary>
    protected virtual void Dispose(bool disposing)
    {
        if (disposing) stop.Dispose();
    }

    private protected void WriteError(XskException exception, object? target) => WriteError(XskErrorRecord.From(exception, target));

    private protected void ThrowTerminatingError(XskException exception, object? target) =>
        ThrowTerminatingError(XskErrorRecord.From(exception, target));
}
