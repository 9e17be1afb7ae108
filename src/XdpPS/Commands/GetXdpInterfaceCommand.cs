using System.Management.Automation;
using XdpPS.Session;

namespace XdpPS.Commands;

/// <summary>Get-XdpInterface.</summary>
[Cmdlet(VerbsCommon.Get, "XdpInterface")]
[OutputType(typeof(XdpInterface))]
public sealed class GetXdpInterfaceCommand : XdpQueryCommand
{
    private protected override IEnumerable<object> Find(string name)
    {
        using NetworkNamespace place = string.IsNullOrEmpty(NetworkNamespace) ? XdpPS.NetworkNamespace.Current() : XdpPS.NetworkNamespace.Open(NetworkNamespace);
        return [.. place.Run(() => XdpInterface.WithDetails(Interfaces(name))).Select(nic => WithSockets(nic, place))];
    }

    private XdpInterface[] Interfaces(string name) => PatternOf(name) is not null
        ? Named(name, XdpInterface.GetAll(NetworkNamespace), nic => nic.Name)
        : [XdpInterface.Get(name, NetworkNamespace)];

    private static XdpInterface WithSockets(XdpInterface nic, NetworkNamespace place) => nic with
    {
        // An array: the list that a collection expression makes cannot be indexed in PowerShell.
        Sockets = SocketRegistry.OnInterface(place.Id, nic.Index).OrderBy(socket => socket.QueueId).Select(XdpInterfaceSocket.From).ToArray(),
    };
}
