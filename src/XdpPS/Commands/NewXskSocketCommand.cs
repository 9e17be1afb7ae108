using System.Management.Automation;
using XdpPS.Completion;

namespace XdpPS.Commands;

/// <summary>New-XskSocket.</summary>
[Cmdlet(VerbsCommon.New, "XskSocket", SupportsShouldProcess = true)]
[OutputType(typeof(XskSocket))]
public sealed class NewXskSocketCommand : XskFilterCommand
{
    private PacketFilter? filter;

    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Interface", "ifAlias", "InterfaceAlias", "ifName", "Name")]
    [ArgumentCompleter(typeof(InterfaceNameCompleter))]
    [ValidateNotNullOrEmpty]
    public string[] InterfaceName { get; set; } = [];

    [Parameter]
    [ArgumentCompleter(typeof(QueueIdCompleter))]
    [ValidateNotNullOrEmpty]
    public int[] QueueId { get; set; } = [0];

    [Parameter]
    public SwitchParameter KeepKernelTraffic { get; set; }

    [Parameter]
    public XdpAttachMode AttachMode { get; set; }

    [Parameter]
    public XskBindMode BindMode { get; set; }

    [Parameter]
    public int FrameSize { get; set; } = XskSocketOptions.DefaultFrameSize;

    [Parameter]
    public int FrameCount { get; set; } = XskSocketOptions.DefaultFrameCount;

    [Parameter]
    public int Headroom { get; set; }

    [Parameter]
    public int RxRingSize { get; set; } = XskSocketOptions.DefaultRingSize;

    [Parameter]
    public int TxRingSize { get; set; } = XskSocketOptions.DefaultRingSize;

    [Parameter]
    public int FillRingSize { get; set; }

    [Parameter]
    public int CompletionRingSize { get; set; }

    [Parameter]
    public SwitchParameter NoNeedWakeup { get; set; }

    [Parameter]
    public SwitchParameter NoProgram { get; set; }

    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing() => filter = MakeFilter();

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (string name in InterfaceName) Open(name);
    }

    private void Open(string name)
    {
        int[] queues = [.. QueueId.Distinct()];
        string what = $"{name} {(queues.Length == 1 ? "queue" : "queues")} {string.Join(", ", queues)}";
        string action = NoProgram ? "Open AF_XDP socket" : "Open AF_XDP socket and take its packets from the kernel";
        if (!ShouldProcess(what, action)) return;

        XskSocketOpener opener = new();
        try
        {
            opener.Open(queues.Select(queue => Options(name, queue)), StopToken);
            foreach (string warning in opener.Warnings()) WriteWarning(warning);
        }
        catch (XskException e)
        {
            opener.Close();
            WriteError(e, name);
            return;
        }
        catch (OperationCanceledException) when (Stopping)
        {
            return;
        }
        catch
        {
            // -WarningAction Stop, or a stop: nobody gets these sockets.
            opener.Close();
            throw;
        }

        foreach (XskSocket socket in opener.Sockets)
        {
            WriteVerbose(socket.ToString());
            if (socket.JoinedProgram) WriteVerbose($"{name}: joined the XDP program (id {socket.ProgramId}) that another process has attached, through its map xsks_map.");
            WriteObject(socket);
        }
    }

    private XskSocketOptions Options(string name, int queue) => new()
    {
        InterfaceName = name,
        QueueId = queue,
        Filter = filter,
        KeepKernelTraffic = KeepKernelTraffic,
        AttachMode = AttachMode,
        BindMode = BindMode,
        FrameSize = FrameSize,
        FrameCount = FrameCount,
        Headroom = Headroom,
        RxRingSize = RxRingSize,
        TxRingSize = TxRingSize,
        FillRingSize = MyInvocation.BoundParameters.ContainsKey(nameof(FillRingSize)) ? FillRingSize : null,
        CompletionRingSize = MyInvocation.BoundParameters.ContainsKey(nameof(CompletionRingSize)) ? CompletionRingSize : null,
        NeedWakeup = !NoNeedWakeup,
        AttachProgram = !NoProgram,
        Force = Force,
    };
}
