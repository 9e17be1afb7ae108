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
        return Interfaces(fakeBoundParameters).Where(nic => pattern.IsMatch(nic.Name)).Select(Result);
    }

    internal static IReadOnlyList<XdpInterface> Interfaces(IDictionary? typed)
    {
        try
        {
            return [.. XdpInterface.GetAll(typed?["NetworkNamespace"]?.ToString()).OrderBy(nic => nic.Name, StringComparer.Ordinal)];
        }
        catch (XskException)
        {
            return [];
        }
    }

    /// <summary>As an argument must be written.</summary>
    internal static string Quote(string name) => name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or ':')
        ? name
        : $"'{name.Replace("'", "''", StringComparison.Ordinal)}'";

    private static CompletionResult Result(XdpInterface nic)
    {
        string queues = nic.QueueCount == 1 ? "1 queue" : $"{nic.QueueCount} queues";
        string tip = $"{nic.State}, {XskFormat.Mac(nic.MacAddress)}, driver {nic.Driver ?? "none"}, {queues}, MTU {nic.Mtu}";
        return new CompletionResult(Quote(nic.Name), nic.Name, CompletionResultType.ParameterValue, tip);
    }
}
