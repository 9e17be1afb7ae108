using System.Management.Automation;
using XdpPS.Completion;

namespace XdpPS.Commands;

/// <summary>Stop-XskReflector.</summary>
[Cmdlet(VerbsLifecycle.Stop, "XskReflector", SupportsShouldProcess = true)]
[OutputType(typeof(XskReflectorResult))]
public sealed class StopXskReflectorCommand : XskCommand
{
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true)]
    [AllowNull]
    [AllowEmptyCollection]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public XskReflector?[]? Reflector { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        // Nothing to stop is no error: it is what the "finally" after a failed start has.
        foreach (XskReflector reflector in (Reflector ?? []).OfType<XskReflector>())
        {
            if (!ShouldProcess($"{reflector.InterfaceName} queue {reflector.QueueId}", "Stop sending frames of measurements back")) continue;
            try
            {
                WriteObject(reflector.Stop());
            }
            catch (XskException e)
            {
                WriteError(e, reflector);
            }
        }
    }
}
