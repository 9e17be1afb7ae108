using System.Management.Automation;
using XdpPS.Completion;
using XdpPS.Session;

namespace XdpPS.Commands;

/// <summary>Get-XdpInterface.</summary>
[Cmdlet(VerbsCommon.Get, "XdpInterface")]
[OutputType(typeof(XdpInterface))]
public sealed class GetXdpInterfaceCommand : XskCommand
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
        foreach (string name in InterfaceName)
        {
            try
            {
                using NetworkNamespace place = string.IsNullOrEmpty(NetworkNamespace) ? XdpPS.NetworkNamespace.Current() : XdpPS.NetworkNamespace.Open(NetworkNamespace);
                foreach (XdpInterface nic in place.Run(() => XdpInterface.WithDetails(Find(name)))) WriteObject(WithSockets(nic, place));
            }
            catch (XskException e)
            {
                WriteError(e, name);
            }
        }
    }

    private XdpInterface[] Find(string name)
    {
        if (!WildcardPattern.ContainsWildcardCharacters(name)) return [XdpInterface.Get(name, NetworkNamespace)];
        IReadOnlyList<XdpInterface> all = XdpInterface.GetAll(NetworkNamespace);
        // Linux interface names are case-sensitive, and may contain what PowerShell takes for a wildcard.
        XdpInterface[] exact = [.. all.Where(nic => nic.Name == name)];
        if (exact.Length > 0) return exact;
        WildcardPattern pattern = new(name);
        return [.. all.Where(nic => pattern.IsMatch(nic.Name))];
    }

    private static XdpInterface WithSockets(XdpInterface nic, NetworkNamespace place) => nic with
    {
        // An array: the list that a collection expression makes cannot be indexed in PowerShell.
        Sockets = SocketRegistry.OnInterface(place.Id, nic.Index).OrderBy(socket => socket.QueueId).Select(XdpInterfaceSocket.From).ToArray(),
    };
}
