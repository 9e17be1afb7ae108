using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using XdpPS.Session;

namespace XdpPS.Completion;

/// <summary>Completes sockets: variables that hold open ones, and for each other the command that finds it. Never throws.</summary>
public sealed class SocketCompleter : IArgumentCompleter
{
    /// <summary>Called by PowerShell for every Tab.</summary>
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        string typed = wordToComplete ?? "";
        XskSocket[] open = SocketRegistry.OfThisRunspace();
        if (open.Length == 0) return [];
        List<CompletionResult> found = [];
        HashSet<XskSocket> named = [];
        foreach ((string name, XskSocket[] sockets) in Variables(open))
        {
            named.UnionWith(sockets);
            found.Add(new CompletionResult($"${name}", $"${name}", CompletionResultType.Variable, string.Join("\n", sockets.Select(socket => socket.ToString()))));
        }

        foreach (XskSocket socket in open.Where(socket => !named.Contains(socket)))
        {
            bool several = open.Count(other => other.InterfaceName == socket.InterfaceName) > 1;
            string text = $"(Get-XskSocket {InterfaceNameCompleter.Quote(socket.InterfaceName)}{(several ? $" | Where-Object QueueId -EQ {socket.QueueId}" : "")})";
            found.Add(new CompletionResult(text, $"{socket.InterfaceName}:{socket.QueueId}", CompletionResultType.ParameterValue, socket.ToString()));
        }

        return found.Where(one => one.CompletionText.StartsWith(typed, StringComparison.OrdinalIgnoreCase) || one.ListItemText.StartsWith(typed, StringComparison.OrdinalIgnoreCase));
    }

    private static List<(string Name, XskSocket[] Sockets)> Variables(XskSocket[] open)
    {
        List<(string, XskSocket[])> found = [];
        using PowerShell shell = PowerShell.Create(RunspaceMode.CurrentRunspace);
        foreach (PSVariable variable in shell.AddCommand("Microsoft.PowerShell.Utility\\Get-Variable").AddParameter("ErrorAction", ActionPreference.Ignore).Invoke<PSVariable>())
        {
            // Not $_, nor $null, $Error and the like.
            if (!variable.Name.All(c => char.IsAsciiLetterOrDigit(c)) || variable.Name is "input" or "args" or "Error") continue;
            object? value = variable.Value is PSObject wrapped ? wrapped.BaseObject : variable.Value;
            IEnumerable<object?> items = value is IList list ? list.Cast<object?>() : [value];
            XskSocket[] sockets = [.. items.Select(item => item is PSObject one ? one.BaseObject : item).OfType<XskSocket>().Where(open.Contains)];
            if (sockets.Length > 0) found.Add((variable.Name, sockets));
        }

        return found;
    }
}
