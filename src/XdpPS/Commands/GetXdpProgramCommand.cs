using System.Management.Automation;
using XdpPS.Completion;

namespace XdpPS.Commands;

/// <summary>Get-XdpProgram.</summary>
[Cmdlet(VerbsCommon.Get, "XdpProgram")]
[OutputType(typeof(XdpProgramInfo))]
public sealed class GetXdpProgramCommand : XskCommand
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
                WriteObject(Find(name), enumerateCollection: true);
            }
            catch (XskException e)
            {
                WriteError(e, name);
            }
        }
    }

    private IEnumerable<XdpProgramInfo> Find(string name)
    {
        if (!WildcardPattern.ContainsWildcardCharacters(name)) return XdpProgramInfo.Get(name, NetworkNamespace);
        // An interface's name may contain what PowerShell takes for a wildcard.
        IReadOnlyList<XdpProgramInfo> all = XdpProgramInfo.GetAll(NetworkNamespace);
        XdpProgramInfo[] exact = [.. all.Where(program => program.InterfaceName == name)];
        WildcardPattern pattern = new(name);
        return exact.Length > 0 ? exact : all.Where(program => pattern.IsMatch(program.InterfaceName));
    }
}
