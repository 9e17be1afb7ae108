using System.Collections;
using System.Globalization;
using System.Management.Automation;
using System.Management.Automation.Language;

namespace XdpPS.Completion;

/// <summary>Completes the CPUs that this session may run on. Never throws.</summary>
public sealed class CpuCompleter : IArgumentCompleter
{
    /// <summary>Called by PowerShell for every Tab.</summary>
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        foreach (int cpu in Allowed())
        {
            string text = cpu.ToString(CultureInfo.InvariantCulture);
            if (text.StartsWith(wordToComplete ?? "", StringComparison.Ordinal))
                yield return new CompletionResult(text, text, CompletionResultType.ParameterValue, $"CPU {text}");
        }
    }

    private static IReadOnlyList<int> Allowed()
    {
        try
        {
            return ThreadAffinity.Allowed;
        }
        catch (XskException)
        {
            return [];
        }
    }
}
