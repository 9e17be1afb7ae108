using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using XdpPS.Filters;

namespace XdpPS.Completion;

/// <summary>Completes the names of a filter's fields; the tooltip has the number. Never throws.</summary>
public sealed class FieldCompleter : IArgumentCompleter
{
    /// <summary>Called by PowerShell for every Tab.</summary>
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        string typed = (wordToComplete ?? "").Trim('\'', '"');
        return Names(parameterName)
            .Where(entry => entry.Name.StartsWith(typed, StringComparison.OrdinalIgnoreCase))
            .Select(entry => new CompletionResult(entry.Name, entry.Name, CompletionResultType.ParameterValue, entry.Tip));
    }

    private static IEnumerable<(string Name, string Tip)> Names(string parameterName) => parameterName switch
    {
        "EtherType" or "VlanType" => FieldNames.EtherTypes.Select(entry => (entry.Name, $"0x{entry.Number:x4}: {entry.Meaning}")),
        "IPProtocol" => FieldNames.IPProtocols.Select(entry => (entry.Name, $"{entry.Number}: {entry.Meaning}")),
        "Vlan" => [(VlanValuesAttribute.Any, "every frame with a VLAN tag")],
        _ => [],
    };
}
