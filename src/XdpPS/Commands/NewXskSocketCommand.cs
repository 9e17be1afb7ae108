using System.Management.Automation;
using XdpPS.Completion;
using XdpPS.Errors;

namespace XdpPS.Commands;

/// <summary>New-XskSocket.</summary>
[Cmdlet(VerbsCommon.New, "XskSocket", SupportsShouldProcess = true)]
[OutputType(typeof(XskSocket))]
public sealed class NewXskSocketCommand : XskFilterCommand
{
    private PacketFilter? filter;
    private string? mapPath;

    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Interface", "ifAlias", "InterfaceAlias", "ifName", "Name")]
    [ArgumentCompleter(typeof(InterfaceNameCompleter))]
    [ValidateNotNullOrEmpty]
    public string[] InterfaceName { get; set; } = [];

    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(NetworkNamespaceCompleter))]
    public string? NetworkNamespace { get; set; }

    [Parameter]
    [ArgumentCompleter(typeof(QueueIdCompleter))]
    [ValidateNotNullOrEmpty]
    public int[] QueueId { get; set; } = [0];

    [Parameter]
    public SwitchParameter AllQueues { get; set; }

    [Parameter]
    public SwitchParameter KeepKernelTraffic { get; set; }

    [Parameter]
    [ValidateNotNull]
    [SingleSocket]
    [ArgumentCompleter(typeof(SocketCompleter))]
    public XskSocket? ShareUmemWith { get; set; }

    [Parameter]
    public XdpAttachMode AttachMode { get; set; }

    [Parameter]
    public XskBindMode BindMode { get; set; }

    [Parameter]
    [ArgumentCompleter(typeof(UsualValueCompleter))]
    public int FrameSize { get; set; } = XskSocketOptions.DefaultFrameSize;

    [Parameter]
    [ArgumentCompleter(typeof(UsualValueCompleter))]
    public int FrameCount { get; set; } = XskSocketOptions.DefaultFrameCount;

    [Parameter]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public int Headroom { get; set; }

    [Parameter]
    public SwitchParameter Unaligned { get; set; }

    [Parameter]
    public SwitchParameter MultiBuffer { get; set; }

    [Parameter]
    [ArgumentCompleter(typeof(UsualValueCompleter))]
    public int RxRingSize { get; set; } = XskSocketOptions.DefaultRingSize;

    [Parameter]
    [ArgumentCompleter(typeof(UsualValueCompleter))]
    public int TxRingSize { get; set; } = XskSocketOptions.DefaultRingSize;

    [Parameter]
    [ArgumentCompleter(typeof(UsualValueCompleter))]
    public int FillRingSize { get; set; }

    [Parameter]
    [ArgumentCompleter(typeof(UsualValueCompleter))]
    public int CompletionRingSize { get; set; }

    [Parameter]
    public SwitchParameter NoNeedWakeup { get; set; }

    [Parameter]
    public SwitchParameter BusyPoll { get; set; }

    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public int BusyPollMicroseconds { get; set; } = XskSocketOptions.DefaultBusyPollMicroseconds;

    [Parameter]
    [ValidateRange(1, ushort.MaxValue)]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public int BusyPollBudget { get; set; } = XskSocketOptions.DefaultBusyPollBudget;

    [Parameter]
    public SwitchParameter HugePage { get; set; }

    [Parameter]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public int TxBudget { get; set; }

    [Parameter]
    public SwitchParameter NoArrivalTime { get; set; }

    [Parameter]
    public SwitchParameter NoProgram { get; set; }

    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? XskMapPath { get; set; }

    [Parameter]
    public SwitchParameter Force { get; set; }

    private bool BusyPolls => BusyPoll || Given(nameof(BusyPollMicroseconds)) || Given(nameof(BusyPollBudget));

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        if (AllQueues && Given(nameof(QueueId))) Contradiction("-AllQueues says which queues, and so does -QueueId", "leave out one of them");
        string[] ofUmem = [nameof(FrameSize), nameof(FrameCount), nameof(Headroom), nameof(HugePage), nameof(NoNeedWakeup), nameof(Unaligned), nameof(MultiBuffer)];
        if (ShareUmemWith is not null && ofUmem.FirstOrDefault(Given) is { } set)
            Contradiction($"-{set} is a matter of the UMEM, and with -ShareUmemWith that is made already", $"leave out -{set}");
        filter = MakeFilter();
        try
        {
            if (XskMapPath is not null) mapPath = FilePath(XskMapPath);
        }
        catch (SessionStateException)
        {
            ThrowTerminatingError(XskErrorRecord.Create(
                nameof(XskErrorId.MapNotFound), ErrorCategory.ObjectNotFound,
                $"'{XskMapPath}' is no path of a file",
                "give that of a map pinned to a BPF file system, such as /sys/fs/bpf/xsks", XskMapPath));
        }
    }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (string name in InterfaceName) Open(name);
    }

    private void Open(string name)
    {
        string place = string.IsNullOrEmpty(NetworkNamespace) ? name : $"{name} in {NetworkNamespace}";
        string what = AllQueues ? $"{place} all receive queues"
            : QueueId is [int only] ? $"{place} queue {only}"
            : $"{place} queues {string.Join(", ", QueueId.Distinct())}";
        if (!ShouldProcess(what, Action())) return;

        IEnumerable<XskSocketOptions> queues = AllQueues
            ? XskSocketOpener.AllQueues(queue => Options(name, queue))
            : QueueId.Distinct().Select(queue => Options(name, queue));

        foreach (XskSocket socket in XskSocketOpener.Open(this, name, queues))
        {
            WriteVerbose(socket.ToString());
            if (socket.JoinedProgram)
            {
                string takes = socket.Warnings.Any(warning => warning.Id == XskWarning.DecidedByAnother) ? "It decides what arrives here" : "It takes what one of this process would";
                WriteVerbose($"{name}: joined the XDP program (id {socket.ProgramId}) that another process has attached, through its map xsks_map. {takes}.");
            }

            if (mapPath is not null && socket.RxRingSize > 0) WriteVerbose($"{name}: put into slot {socket.QueueId} of the map {mapPath}. The program that uses this map decides what arrives here.");
            WriteObject(socket);
        }
    }

    private string Action() => (NoProgram.IsPresent, RxRingSize, mapPath, filter, KeepKernelTraffic.IsPresent) switch
    {
        (_, > 0, not null, _, _) => $"Open AF_XDP socket and put it into the map {mapPath}",
        (true, _, _, _, _) or (_, 0, _, _, _) => "Open AF_XDP socket",
        (_, _, _, null, false) => "Open AF_XDP socket and take its packets from the kernel",
        (_, _, _, null, true) => "Open AF_XDP socket and take its packets from the kernel, but for what the host needs",
        _ => $"Open AF_XDP socket and take what matches '{filter}' from the kernel{(KeepKernelTraffic ? ", but for what the host needs" : "")}",
    };

    private void Contradiction(string cause, string remedy) => ThrowTerminatingError(
        XskErrorRecord.Create("ParametersContradict", ErrorCategory.InvalidArgument, cause, remedy, null));

    private XskSocketOptions Options(string name, int queue) => new()
    {
        InterfaceName = name,
        NetworkNamespace = NetworkNamespace,
        QueueId = queue,
        Filter = filter,
        ShareUmemWith = ShareUmemWith,
        KeepKernelTraffic = KeepKernelTraffic,
        AttachMode = AttachMode,
        BindMode = BindMode,
        FrameSize = FrameSize,
        FrameCount = FrameCount,
        Headroom = Headroom,
        Unaligned = Unaligned,
        MultiBuffer = MultiBuffer,
        RxRingSize = RxRingSize,
        TxRingSize = TxRingSize,
        FillRingSize = Given(nameof(FillRingSize)) ? FillRingSize : null,
        CompletionRingSize = Given(nameof(CompletionRingSize)) ? CompletionRingSize : null,
        NeedWakeup = !NoNeedWakeup,
        ArrivalTimes = !NoArrivalTime,
        BusyPollMicroseconds = BusyPolls ? BusyPollMicroseconds : null,
        BusyPollBudget = BusyPollBudget,
        HugePages = HugePage,
        TxBudget = Given(nameof(TxBudget)) ? TxBudget : null,
        AttachProgram = !NoProgram,
        XskMapPath = mapPath,
        Force = Force,
    };
}
