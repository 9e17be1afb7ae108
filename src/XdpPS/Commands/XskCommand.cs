using System.Collections.ObjectModel;
using System.Management.Automation;
using XdpPS.Errors;

namespace XdpPS.Commands;

/// <summary>What all cmdlets share: a token that Ctrl-C cancels, and our errors as error records.</summary>
public abstract class XskCommand : PSCmdlet, IDisposable
{
    private readonly CancellationTokenSource stop = new();

    /// <summary>Cancelled when the pipeline is stopped.</summary>
    internal CancellationToken StopToken => stop.Token;

    /// <summary>Refuses an empty -NetworkNamespace on the command line; one from the pipeline means the session's own.</summary>
    protected override void BeginProcessing()
    {
        const string Name = "NetworkNamespace";
        if (!MyInvocation.BoundParameters.TryGetValue(Name, out object? given) || !string.IsNullOrEmpty(given as string)) return;
        ThrowTerminatingError(XskErrorRecord.Create(
            XskErrorId.NamespaceNotFound.ToString(), ErrorCategory.InvalidArgument,
            $"-{Name} is empty", "give a name that 'ip netns' lists, or leave it out for this session's own", given));
    }

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

    /// <summary>A path of this session, which has a current location of its own, as the system knows it.</summary>
    /// <exception cref="SessionStateException">It has a drive or a provider that does not exist, or that has no files.</exception>
    private protected string FilePath(string path)
    {
        string found = SessionState.Path.GetUnresolvedProviderPathFromPSPath(path, out ProviderInfo provider, out _);
        return IsFileSystem(provider) ? found : throw new ItemNotFoundException();
    }

    /// <summary>The files that a path means in this session; one that does not exist stays as it is, for the error about it.</summary>
    private protected IReadOnlyList<string> CaptureFiles(string path, bool wildcards)
    {
        try
        {
            if (!wildcards || !WildcardPattern.ContainsWildcardCharacters(path)) return [FilePath(path)];
            Collection<string> found = GetResolvedProviderPathFromPSPath(path, out ProviderInfo provider);
            if (!IsFileSystem(provider)) throw new ItemNotFoundException();
            // No file for '*' is no error, as with Get-ChildItem; brackets alone are rather a name's own.
            if (found.Count == 0 && !path.AsSpan().ContainsAny('*', '?')) WriteMismatch(path);
            return found;
        }
        catch (SessionStateException)
        {
            WriteError(XskErrorRecord.Create(
                nameof(XskErrorId.CaptureNotFound), ErrorCategory.ObjectNotFound,
                $"There is no file '{path}'",
                "see where you are with Get-Location, and what is there with Get-ChildItem", path));
            return [];
        }
        catch (WildcardPatternException)
        {
            WriteMismatch(path);
            return [];
        }
    }

    private void WriteMismatch(string path) => WriteError(XskErrorRecord.Create(
        nameof(XskErrorId.CaptureNotFound), ErrorCategory.ObjectNotFound,
        $"No file matches '{path}'",
        "see what is there with Get-ChildItem, and use -LiteralPath for a name that has brackets in it", path));

    private protected static bool IsFileSystem(ProviderInfo provider) => provider.Name == "FileSystem";

    private protected bool Given(string parameter) => MyInvocation.BoundParameters.ContainsKey(parameter);

    /// <summary>Shows progress. Where the pipeline is stopped just then, the caller's loop sees that, and tells at its end what it would have told.</summary>
    private protected void ShowProgress(ProgressRecord progress) => UnlessStopped(() => WriteProgress(progress));

    /// <summary>Warns; as <see cref="ShowProgress"/> where the pipeline is stopped just then.</summary>
    private protected void Warn(IEnumerable<string> warnings) => UnlessStopped(() =>
    {
        foreach (string warning in warnings) WriteWarning(warning);
    });

    private void UnlessStopped(Action write)
    {
        try
        {
            write();
        }
        catch (PipelineStoppedException) when (Stopping)
        {
            // The engine knows, since it was the one who said so.
        }
    }

    private protected void WriteError(XskException exception, object? target) => WriteError(XskErrorRecord.From(exception, target));

    private protected void ThrowTerminatingError(XskException exception, object? target) =>
        ThrowTerminatingError(XskErrorRecord.From(exception, target));
}
