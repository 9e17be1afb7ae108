using System.Management.Automation;
using XdpPS.Completion;
using XdpPS.Errors;
using XdpPS.Session;

namespace XdpPS.Commands;

/// <summary>Start-XskReflector.</summary>
[Cmdlet(VerbsLifecycle.Start, "XskReflector", SupportsShouldProcess = true, DefaultParameterSetName = SocketSet)]
[OutputType(typeof(XskReflector))]
public sealed class StartXskReflectorCommand : XskCommand
{
    private const string SocketSet = "Socket";
    private const string InterfaceSet = "InterfaceName";
    private const ushort MeasuredEtherType = 0x88b5;
    private const byte Udp = 17;

    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ParameterSetName = SocketSet)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(SocketCompleter))]
    public XskSocket[] Socket { get; set; } = [];

    [Parameter(Mandatory = true, Position = 0, ParameterSetName = InterfaceSet)]
    [Alias("Interface", "ifAlias", "InterfaceAlias", "ifName", "Name")]
    [ArgumentCompleter(typeof(InterfaceNameCompleter))]
    [ValidateNotNullOrEmpty]
    public string InterfaceName { get; set; } = "";

    [Parameter(ParameterSetName = InterfaceSet)]
    [ArgumentCompleter(typeof(QueueIdCompleter))]
    public int QueueId { get; set; }

    [Parameter(ParameterSetName = InterfaceSet)]
    [ArgumentCompleter(typeof(NetworkNamespaceCompleter))]
    public string? NetworkNamespace { get; set; }

    [Parameter(ParameterSetName = InterfaceSet)]
    public XskPathProtocol Protocol { get; set; }

    [Parameter(ParameterSetName = InterfaceSet)]
    [ValidateRange(1, ushort.MaxValue)]
    [ArgumentCompleter(typeof(UsualValueCompleter))]
    public int Port { get; set; } = XskPathOptions.DefaultPort;

    [Parameter]
    [ArgumentCompleter(typeof(CpuCompleter))]
    public int Cpu { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        if (!Given(nameof(Port)) || Protocol == XskPathProtocol.Udp) return;
        ThrowTerminatingError(XskErrorRecord.Create(
            "ParametersContradict", ErrorCategory.InvalidArgument,
            $"-{nameof(Port)} is a matter of UDP, and the frames are to be Ethernet alone",
            $"add -Protocol Udp, or leave out -{nameof(Port)}", null));
    }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (ParameterSetName == InterfaceSet)
        {
            Open();
            return;
        }

        foreach (XskSocket socket in Socket)
        {
            if (!ShouldProcess($"{socket.InterfaceName} queue {socket.QueueId}", "Send frames of measurements back")) continue;
            XskReflector reflector;
            try
            {
                reflector = Start(socket, owns: false);
            }
            catch (XskException e)
            {
                WriteError(e, socket);
                continue;
            }

            Write(reflector);
        }
    }

    private void Open()
    {
        if (!ShouldProcess($"{InterfaceName} queue {QueueId}", "Open AF_XDP socket and send frames of measurements back")) return;
        XskReflector? reflector = null;
        XskSocketOpener.Open(this, InterfaceName, [Options()], socket => reflector = Start(socket, owns: true));
        if (reflector is not null) Write(reflector);
    }

    private XskReflector Start(XskSocket socket, bool owns)
    {
        XskReflector reflector = new(socket, owns, Given(nameof(Cpu)) ? Cpu : null);
        ReflectorRegistry.Add(reflector);
        return reflector;
    }

    /// <summary>Whoever has had enough of this command's output, as Select-Object -First, has the reflector; where the pipeline is stopped nobody has it.</summary>
    private void Write(XskReflector reflector)
    {
        try
        {
            WriteObject(reflector);
        }
        catch (PipelineStoppedException) when (Stopping)
        {
            reflector.Stop();
            throw;
        }
    }

    /// <summary>All but the frames of measurements stays with the kernel.</summary>
    private XskSocketOptions Options() => new()
    {
        InterfaceName = InterfaceName,
        NetworkNamespace = NetworkNamespace,
        QueueId = QueueId,
        Filter = PacketFilter.FromFields(
            Protocol == XskPathProtocol.Ethernet
                ? new PacketFields { EtherTypes = [MeasuredEtherType] }
                : new PacketFields { IPProtocols = [Udp], Ports = [new PortRange((ushort)Port, (ushort)Port)] }),
    };
}
