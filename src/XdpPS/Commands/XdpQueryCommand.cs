using System.Management.Automation;
using XdpPS.Completion;

namespace XdpPS.Commands;

/// <summary>What the cmdlets share that look something up by interface: names or patterns, here or in another network namespace.</summary>
public abstract class XdpQueryCommand : XskCommand
{
    /// <summary>Names or patterns.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Interface", "ifAlias", "InterfaceAlias", "ifName", "Name")]
    [ArgumentCompleter(typeof(InterfaceNameCompleter))]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public string[] InterfaceName { get; set; } = ["*"];

    /// <summary>A name that <c>ip netns</c> lists, or the path of a namespace file.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(NetworkNamespaceCompleter))]
    public string? NetworkNamespace { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (string name in InterfaceName)
        {
            try
            {
                WriteObject(Find(name), enumerateCollection: true);
            }
            catch (XskException e)
            {
                WriteError(e, name);
            }
        }
    }

    /// <exception cref="XskException">It is no pattern, and there is no such interface; or the kernel could not be asked.</exception>
    private protected abstract IEnumerable<object> Find(string name);

    /// <summary>
    /// Those of this name, or else those that it matches as a pattern: Linux interface names are case-sensitive, and may
    /// contain what PowerShell takes for a wildcard.
    /// </summary>
    internal static T[] Named<T>(string name, IReadOnlyList<T> all, Func<T, string> nameOf)
    {
        T[] exact = [.. all.Where(one => nameOf(one) == name)];
        return exact.Length == 0 && PatternOf(name) is { } pattern ? [.. all.Where(one => pattern.IsMatch(nameOf(one)))] : exact;
    }

    /// <returns>Null for a plain name, and for what is no valid pattern, such as <c>[a</c>: that can be a name alone.</returns>
    internal static WildcardPattern? PatternOf(string name)
    {
        if (!WildcardPattern.ContainsWildcardCharacters(name)) return null;
        try
        {
            WildcardPattern pattern = new(name);
            // It is read when it is first used.
            pattern.IsMatch("");
            return pattern;
        }
        catch (WildcardPatternException)
        {
            return null;
        }
    }
}
