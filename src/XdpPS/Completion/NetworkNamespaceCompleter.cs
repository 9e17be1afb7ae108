using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;

namespace XdpPS.Completion;

/// <summary>Completes the names that <c>ip netns</c> lists. Needs no privilege and never throws.</summary>
public sealed class NetworkNamespaceCompleter : IArgumentCompleter
{
    /// <summary>Called by PowerShell for every Tab.</summary>
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        string typed = (wordToComplete ?? "").Trim('\'', '"');
        return NetworkNamespace.GetNames()
            .Where(name => name.StartsWith(typed, StringComparison.Ordinal))
            .Select(name => new CompletionResult(InterfaceNameCompleter.Quote(name), name, CompletionResultType.ParameterValue, $"network namespace {name}"));
    }
}
