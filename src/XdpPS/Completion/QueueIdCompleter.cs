using System.Collections;
using System.Globalization;
using System.Management.Automation;
using System.Management.Automation.Language;

namespace XdpPS.Completion;

/// <summary>Completes the queue ids of the interface that was already typed. Needs no privilege and never throws.</summary>
public sealed class QueueIdCompleter : IArgumentCompleter
{
    /// <summary>Called by PowerShell for every Tab.</summary>
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        string? name = fakeBoundParameters?["InterfaceName"] switch
        {
            string one => one,
            object[] { Length: > 0 } several => several[0]?.ToString(),
            _ => null,
        };
        XdpInterface? nic = InterfaceNameCompleter.Interfaces(fakeBoundParameters).FirstOrDefault(nic => nic.Name == name);
        if (nic is null) yield break;
        for (int queue = 0; queue < nic.QueueCount; queue++)
        {
            string text = queue.ToString(CultureInfo.InvariantCulture);
            if (text.StartsWith(wordToComplete ?? "", StringComparison.Ordinal))
                yield return new CompletionResult(text, text, CompletionResultType.ParameterValue, $"queue {text} of {nic.Name} (0-{nic.QueueCount - 1})");
        }
    }
}
