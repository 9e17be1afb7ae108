using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using XdpPS.Session;

namespace XdpPS.Completion;

/// <summary>Completes the interfaces of this session's open sockets.</summary>
public sealed class SocketNameCompleter : IArgumentCompleter
{
    /// <summary>Called by PowerShell for every Tab.</summary>
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        string typed = (wordToComplete ?? "").Trim('\'', '"');
        WildcardPattern pattern = new(WildcardPattern.Escape(typed) + "*", WildcardOptions.IgnoreCase);
        return SocketRegistry.OfThisRunspace()
            .GroupBy(socket => socket.InterfaceName)
            .Where(sockets => pattern.IsMatch(sockets.Key))
            .Select(sockets => new CompletionResult(
                InterfaceNameCompleter.Quote(sockets.Key), sockets.Key, CompletionResultType.ParameterValue, string.Join(Environment.NewLine, sockets)));
    }
}
