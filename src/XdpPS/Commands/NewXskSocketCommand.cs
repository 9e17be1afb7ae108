using System.Management.Automation;
using XdpPS.Completion;

namespace XdpPS.Commands;

/// <summary>New-XskSocket.</summary>
[Cmdlet(VerbsCommon.New, "XskSocket", SupportsShouldProcess = true)]
[OutputType(typeof(XskSocket))]
public sealed class NewXskSocketCommand : XskCommand
{
    private PacketFilter? filter;
    private string? mapPath;

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
    [ValidateNotNullOrEmpty]
    public string? Filter { get; set; }

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
    [ValidateNotNullOrEmpty]
    public string? XskMapPath { get; set; }

    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        if (Filter is not null) filter = CompileFilter(Filter);
        // Relative to where the session is: the process has a current directory of its own.
        if (XskMapPath is not null) mapPath = SessionState.Path.GetUnresolvedProviderPathFromPSPath(XskMapPath);
    }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (string name in InterfaceName) Open(name);
    }

    private void Open(string name)
    {
        int[] queues = [.. QueueId.Distinct()];
        string what = $"{name} {(queues.Length == 1 ? "queue" : "queues")} {string.Join(", ", queues)}";
        string action = mapPath is not null ? $"Open AF_XDP socket and put it into the map {mapPath}" : NoProgram ? "Open AF_XDP socket" : "Open AF_XDP socket and take its packets from the kernel";
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
            if (socket.JoinedProgram) WriteVerbose($"{name}: joined the XDP program (id {socket.ProgramId}) that another process has attached, through its map xsks_map. That program decides what arrives here.");
            if (mapPath is not null && socket.RxRingSize > 0) WriteVerbose($"{name}: put into slot {socket.QueueId} of the map {mapPath}. The program that uses this map decides what arrives here.");
            WriteObject(socket);
        }
    }

    private XskSocketOptions Options(string name, int queue) => new()
    {
        InterfaceName = name,
        QueueId = queue,
        Filter = filter,
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
        XskMapPath = mapPath,
        Force = Force,
    };
}
