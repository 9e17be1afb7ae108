using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using XdpPS.Formatting;

namespace XdpPS.Completion;

/// <summary>Completes IP addresses: this host's for a source, its neighbours' for a destination. Needs no privilege and never throws.</summary>
public sealed class AddressCompleter : IArgumentCompleter
{
    /// <summary>Called by PowerShell for every Tab.</summary>
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        string typed = (wordToComplete ?? "").Trim('\'', '"');
        bool own = parameterName.Contains("Source", StringComparison.Ordinal);
        return Known(fakeBoundParameters)
            .Where(one => one.Address is not null && one.Address.ToString().StartsWith(typed, StringComparison.OrdinalIgnoreCase))
            .OrderBy(one => one.IsOwn != own)
            .DistinctBy(one => one.Address)
            .Select(one => new CompletionResult(one.Address!.ToString(), one.Address.ToString(), CompletionResultType.ParameterValue, $"{one}, {XskFormat.Mac(one.Mac)}"));
    }

    internal static IReadOnlyList<KnownAddress> Known(IDictionary? typed)
    {
        try
        {
            return KnownAddress.GetAll(typed?["NetworkNamespace"]?.ToString());
        }
        catch (XskException)
        {
            return [];
        }
    }
}
