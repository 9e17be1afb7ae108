using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using System.Net.NetworkInformation;
using XdpPS.Formatting;

namespace XdpPS.Completion;

/// <summary>Completes hardware addresses: of this host's interfaces for a source, of its neighbours for a destination. Needs no privilege and never throws.</summary>
public sealed class MacAddressCompleter : IArgumentCompleter
{
    private const string Broadcast = "ff:ff:ff:ff:ff:ff";

    /// <summary>Called by PowerShell for every Tab.</summary>
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        string typed = (wordToComplete ?? "").Trim('\'', '"');
        bool own = parameterName.Contains("Source", StringComparison.Ordinal);
        IEnumerable<(string Mac, string Tip)> found = AddressCompleter.Known(fakeBoundParameters)
            .Where(one => one.Mac.GetAddressBytes().Any(value => value != 0))
            .OrderBy(one => one.IsOwn != own)
            .GroupBy(one => one.Mac)
            .Select(group => (XskFormat.Mac(group.Key), string.Join("; ", group.Select(one => one.ToString()).Distinct())));
        if (!own) found = found.Append((Broadcast, "everyone (broadcast)"));
        return found
            .Where(one => one.Mac.StartsWith(typed, StringComparison.OrdinalIgnoreCase))
            .Select(one => new CompletionResult(one.Mac, one.Mac, CompletionResultType.ParameterValue, one.Tip));
    }
}
