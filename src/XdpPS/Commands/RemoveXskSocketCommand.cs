using System.Management.Automation;
using XdpPS.Completion;

namespace XdpPS.Commands;

/// <summary>Remove-XskSocket.</summary>
[Cmdlet(VerbsCommon.Remove, "XskSocket", SupportsShouldProcess = true)]
public sealed class RemoveXskSocketCommand : XskCommand
{
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true)]
    [AllowNull]
    [AllowEmptyCollection]
    [ArgumentCompleter(typeof(SocketCompleter))]
    public XskSocket?[]? Socket { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        // Nothing to remove is no error: it is what the "finally" after a failed open has.
        foreach (XskSocket socket in (Socket ?? []).OfType<XskSocket>())
        {
            if (!ShouldProcess($"{socket.InterfaceName} queue {socket.QueueId}", "Close AF_XDP socket")) continue;
            try
            {
                socket.Close();
            }
            catch (XskException e)
            {
                WriteError(e, socket);
            }
        }
    }
}
