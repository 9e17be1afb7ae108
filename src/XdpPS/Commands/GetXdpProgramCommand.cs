using System.Management.Automation;

namespace XdpPS.Commands;

/// <summary>Get-XdpProgram.</summary>
[Cmdlet(VerbsCommon.Get, "XdpProgram")]
[OutputType(typeof(XdpProgramInfo))]
public sealed class GetXdpProgramCommand : XdpQueryCommand
{
    private protected override IEnumerable<object> Find(string name)
    {
        if (PatternOf(name) is null) return XdpProgramInfo.Get(name, NetworkNamespace);
        // Among all interfaces, not only those with a program: one of this very name may have none.
        HashSet<string> meant = [.. Named(name, XdpInterface.GetAll(NetworkNamespace), nic => nic.Name).Select(nic => nic.Name)];
        return XdpProgramInfo.GetAll(NetworkNamespace).Where(program => meant.Contains(program.InterfaceName));
    }
}
