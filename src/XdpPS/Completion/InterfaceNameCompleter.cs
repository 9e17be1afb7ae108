using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using XdpPS.Formatting;

namespace XdpPS.Completion;

/// <summary>Completes interface names; the tooltip says what each is. Needs no privilege and never throws.</summary>
public sealed class InterfaceNameCompleter : IArgumentCompleter
{
    /// <summary>Called by PowerShell for every Tab.</summary>
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        string typed = (wordToComplete ?? "").Trim('\'', '"');
        WildcardPattern pattern = new(WildcardPattern.Escape(typed) + "*", WildcardOptions.IgnoreCase);
        return Interfaces().Where(nic => pattern.IsMatch(nic.Name)).Select(Result);
    }

    internal static IReadOnlyList<XdpInterface> Interfaces()
    {
        try
        {
            return [.. XdpInterface.GetAll().OrderBy(nic => nic.Name, StringComparer.Ordinal)];
        }
        catch (XskException)
        {
            return [];
        }
    }

    private static CompletionResult Result(XdpInterface nic)
    {
        bool plain = nic.Name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or ':');
        string text = plain ? nic.Name : $"'{nic.Name.Replace("'", "''", StringComparison.Ordinal)}'";
        string queues = nic.QueueCount == 1 ? "1 queue" : $"{nic.QueueCount} queues";
        string tip = $"{nic.State}, {XskFormat.Mac(nic.MacAddress)}, driver {nic.Driver ?? "none"}, {queues}, MTU {nic.Mtu}";
        return new CompletionResult(text, nic.Name, CompletionResultType.ParameterValue, tip);
    }
}
