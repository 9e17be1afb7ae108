using System.Management.Automation;
using XdpPS.Completion;
using XdpPS.Session;

namespace XdpPS.Commands;

/// <summary>Test-XdpInterface.</summary>
[Cmdlet(VerbsDiagnostic.Test, "XdpInterface")]
[OutputType(typeof(XdpInterfaceCheck), typeof(bool))]
public sealed class TestXdpInterfaceCommand : XskCommand
{
    private bool sound = true;
    private bool tested;

    /// <summary>Names or patterns.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Interface", "ifAlias", "InterfaceAlias", "ifName")]
    [ArgumentCompleter(typeof(InterfaceNameCompleter))]
    [InterfaceInput]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public string[] InterfaceName { get; set; } = ["*"];

    /// <summary>A name that <c>ip netns</c> lists, or the path of a namespace file.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(NetworkNamespaceCompleter))]
    public string? NetworkNamespace { get; set; }

    /// <summary>The checks to run.</summary>
    [Parameter]
    [Alias("Check")]
    [ArgumentCompleter(typeof(CheckNameCompleter))]
    [CheckName]
    public string[]? Name { get; set; }

    /// <summary>One verdict in place of the checks.</summary>
    [Parameter]
    public SwitchParameter Quiet { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (string name in InterfaceName)
        {
            try
            {
                foreach (string one in Names(name)) Check(one);
            }
            catch (XskException e)
            {
                sound = false;
                WriteError(e, name);
            }
        }
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        if (Quiet) WriteObject(sound && tested);
    }

    private void Check(string name)
    {
        IReadOnlyList<XdpInterfaceCheck> checks = XdpInterfaceChecks.Run(name, NetworkNamespace, Name, SocketRegistry.OnInterface);
        tested = true;
        sound &= checks.All(check => check.Status != XdpCheckStatus.Fail);
        if (!Quiet) WriteObject(checks, enumerateCollection: true);
    }

    private IEnumerable<string> Names(string name) => XdpQueryCommand.PatternOf(name) is not null
        ? XdpQueryCommand.Named(name, XdpInterface.GetAll(NetworkNamespace), nic => nic.Name).Select(nic => nic.Name)
        : [name];

    /// <summary>An interface, or what is left of one, means its name: a property Name is not for -Name here. What says Interface has another name of its own.</summary>
    private sealed class InterfaceInputAttribute : ArgumentTransformationAttribute
    {
        private static readonly string[] Plainer = [nameof(InterfaceName), "Interface", "ifAlias", "InterfaceAlias", "ifName"];

        public override object? Transform(EngineIntrinsics engineIntrinsics, object? inputData) =>
            inputData is PSObject { BaseObject: not string } or XdpInterface
            && PSObject.AsPSObject(inputData) is { } source
            && source.Properties["Name"]?.Value is string name
            && !Plainer.Any(property => source.Properties[property] is not null)
                ? name
                : inputData;
    }

    /// <summary>A check that there is.</summary>
    private sealed class CheckNameAttribute : ValidateEnumeratedArgumentsAttribute
    {
        protected override void ValidateElement(object element)
        {
            if (XdpInterfaceChecks.Names.Contains(element as string, StringComparer.OrdinalIgnoreCase)) return;
            throw new ValidationMetadataException($"There is no check '{element}'; there are {string.Join(", ", XdpInterfaceChecks.Names)}.");
        }
    }
}
