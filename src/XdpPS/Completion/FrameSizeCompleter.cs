using System.Collections;
using System.Globalization;
using System.Management.Automation;
using System.Management.Automation.Language;

namespace XdpPS.Completion;

/// <summary>Completes the frame sizes of RFC 2544.</summary>
public sealed class FrameSizeCompleter : IArgumentCompleter
{
    /// <summary>Called by PowerShell for every Tab.</summary>
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        from size in XskPathMeter.StandardFrameSizes
        let text = size.ToString(CultureInfo.InvariantCulture)
        where text.StartsWith(wordToComplete ?? "", StringComparison.Ordinal)
        select new CompletionResult(text, text, CompletionResultType.ParameterValue, $"{text} bytes with FCS, {size - XskPathMeter.FcsLength} without");
}
