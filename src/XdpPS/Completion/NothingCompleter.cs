using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;

namespace XdpPS.Completion;

/// <summary>For what has no values to choose from, such as a count: without it Tab offers the files of the current folder.</summary>
public sealed class NothingCompleter : IArgumentCompleter
{
    /// <summary>Called by PowerShell for every Tab.</summary>
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) => [];
}
