using System.Management.Automation;
using XdpPS.Completion;
using XdpPS.Errors;
using XdpPS.Session;

namespace XdpPS.Commands;

/// <summary>Get-XskSocket.</summary>
[Cmdlet(VerbsCommon.Get, "XskSocket")]
[OutputType(typeof(XskSocket))]
public sealed class GetXskSocketCommand : XskCommand
{
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Interface", "ifAlias", "InterfaceAlias", "ifName", "Name")]
    [ArgumentCompleter(typeof(InterfaceNameCompleter))]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public string[] InterfaceName { get; set; } = ["*"];

    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(NetworkNamespaceCompleter))]
    public string? NetworkNamespace { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        XskSocket[] sockets = SocketRegistry.OfThisRunspace();
        if (!string.IsNullOrEmpty(NetworkNamespace))
        {
            if (NamespaceId(NetworkNamespace) is not { } id) return;
            sockets = Array.FindAll(sockets, socket => socket.NetworkNamespaceId == id);
        }

        foreach (string name in InterfaceName)
        {
            // Linux interface names are case-sensitive, and may contain what PowerShell takes for a wildcard.
            XskSocket[] found = Array.FindAll(sockets, socket => socket.InterfaceName == name);
            bool isPattern = WildcardPattern.ContainsWildcardCharacters(name);
            if (found.Length == 0 && isPattern)
            {
                WildcardPattern pattern = new(name);
                found = Array.FindAll(sockets, socket => pattern.IsMatch(socket.InterfaceName));
            }

            if (found.Length == 0 && !isPattern)
            {
                string open = sockets.Length == 0 ? "none is open" : $"open are {string.Join(", ", sockets.Select(s => s.InterfaceName).Distinct())}";
                WriteError(XskErrorRecord.Create(
                    "SocketNotFound", ErrorCategory.ObjectNotFound,
                    $"This session has no open socket on an interface named '{name}'",
                    $"{open}; New-XskSocket {name} opens one",
                    name));
            }

            WriteObject(found, enumerateCollection: true);
        }
    }

    private string? NamespaceId(string name)
    {
        try
        {
            using NetworkNamespace place = XdpPS.NetworkNamespace.Open(name);
            return place.Id;
        }
        catch (XskException e)
        {
            WriteError(e, name);
            return null;
        }
    }
}
