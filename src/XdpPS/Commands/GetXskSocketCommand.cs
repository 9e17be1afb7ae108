using System.Management.Automation;
using XdpPS.Errors;
using XdpPS.Session;

namespace XdpPS.Commands;

/// <summary>Get-XskSocket.</summary>
[Cmdlet(VerbsCommon.Get, "XskSocket")]
[OutputType(typeof(XskSocket))]
public sealed class GetXskSocketCommand : XdpQueryCommand
{
    private protected override IEnumerable<object> Find(string name)
    {
        XskSocket[] sockets = SocketRegistry.OfThisRunspace();
        if (!string.IsNullOrEmpty(NetworkNamespace))
        {
            using NetworkNamespace place = XdpPS.NetworkNamespace.Open(NetworkNamespace);
            sockets = Array.FindAll(sockets, socket => socket.NetworkNamespaceId == place.Id);
        }

        XskSocket[] found = Named(name, sockets, socket => socket.InterfaceName);
        if (found.Length == 0 && PatternOf(name) is null)
        {
            string there = string.IsNullOrEmpty(NetworkNamespace) ? "" : $" -NetworkNamespace {NetworkNamespace}";
            string open = sockets.Length == 0 ? "none is open" : $"open are {string.Join(", ", sockets.Select(s => s.InterfaceName).Distinct())}";
            WriteError(XskErrorRecord.Create(
                "SocketNotFound", ErrorCategory.ObjectNotFound,
                $"This session has no open socket on an interface named '{name}'{(there.Length > 0 ? $" in network namespace '{NetworkNamespace}'" : "")}",
                $"{open}; New-XskSocket {name}{there} opens one",
                name));
        }

        return found;
    }
}
