using System.Management.Automation;
using System.Net.NetworkInformation;
using XdpPS.Completion;
using XdpPS.Errors;
using XdpPS.Frames;

namespace XdpPS.Commands;

/// <summary>New-XskFrame.</summary>
[Cmdlet(VerbsCommon.New, "XskFrame", DefaultParameterSetName = EthernetSet)]
[OutputType(typeof(XskPacket), typeof(XskFrameTemplate))]
public sealed class NewXskFrameCommand : XskCommand
{
    private const string EthernetSet = "Ethernet";
    private const string ArpSet = "Arp";
    private const string IPSet = "IP";
    private const string IcmpEchoSet = "IcmpEcho";
    private const string UdpSet = "Udp";
    private const string TcpSet = "Tcp";

    [Parameter(Mandatory = true, ParameterSetName = EthernetSet)]
    [EtherTypeValue]
    [ArgumentCompleter(typeof(FieldCompleter))]
    public ushort EtherType { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = ArpSet)]
    public SwitchParameter Arp { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = IPSet)]
    [IPProtocolValue]
    [ArgumentCompleter(typeof(FieldCompleter))]
    public IPProtocol IPProtocol { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = IcmpEchoSet)]
    public SwitchParameter IcmpEcho { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = UdpSet)]
    public SwitchParameter Udp { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = TcpSet)]
    public SwitchParameter Tcp { get; set; }

    [Parameter]
    [MacInput]
    [ArgumentCompleter(typeof(MacAddressCompleter))]
    public FieldSequence? DestinationMac { get; set; }

    [Parameter]
    [MacInput]
    [ArgumentCompleter(typeof(MacAddressCompleter))]
    public FieldSequence? SourceMac { get; set; }

    [Parameter]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(InterfaceNameCompleter))]
    public string? InterfaceName { get; set; }

    [Parameter]
    [ArgumentCompleter(typeof(NetworkNamespaceCompleter))]
    public string? NetworkNamespace { get; set; }

    [Parameter]
    [VlanInput]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public FieldSequence[] Vlan { get; set; } = [];

    [Parameter]
    [ValidateRange((byte)0, (byte)7)]
    [ArgumentCompleter(typeof(UsualValueCompleter))]
    public byte VlanPriority { get; set; }

    [Parameter]
    [EtherTypeValue]
    [ArgumentCompleter(typeof(FieldCompleter))]
    public ushort VlanType { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = ArpSet)]
    [Parameter(Mandatory = true, ParameterSetName = IPSet)]
    [Parameter(Mandatory = true, ParameterSetName = IcmpEchoSet)]
    [Parameter(Mandatory = true, ParameterSetName = UdpSet)]
    [Parameter(Mandatory = true, ParameterSetName = TcpSet)]
    [AddressInput]
    [ArgumentCompleter(typeof(AddressCompleter))]
    public FieldSequence? SourceAddress { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = ArpSet)]
    [Parameter(Mandatory = true, ParameterSetName = IPSet)]
    [Parameter(Mandatory = true, ParameterSetName = IcmpEchoSet)]
    [Parameter(Mandatory = true, ParameterSetName = UdpSet)]
    [Parameter(Mandatory = true, ParameterSetName = TcpSet)]
    [AddressInput]
    [ArgumentCompleter(typeof(AddressCompleter))]
    public FieldSequence? DestinationAddress { get; set; }

    [Parameter(ParameterSetName = ArpSet)]
    public ArpOperation Operation { get; set; } = ArpOperation.Request;

    [Parameter(ParameterSetName = ArpSet)]
    [MacInput]
    [ArgumentCompleter(typeof(MacAddressCompleter))]
    public FieldSequence? TargetMac { get; set; }

    [Parameter(ParameterSetName = IPSet)]
    [Parameter(ParameterSetName = IcmpEchoSet)]
    [Parameter(ParameterSetName = UdpSet)]
    [Parameter(ParameterSetName = TcpSet)]
    [Alias("HopLimit")]
    [NumberInput(byte.MaxValue)]
    [ArgumentCompleter(typeof(UsualValueCompleter))]
    public FieldSequence TimeToLive { get; set; } = FieldSequence.FromNumbers(64);

    [Parameter(ParameterSetName = IPSet)]
    [Parameter(ParameterSetName = IcmpEchoSet)]
    [Parameter(ParameterSetName = UdpSet)]
    [Parameter(ParameterSetName = TcpSet)]
    [NumberInput(ushort.MaxValue)]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public FieldSequence Identification { get; set; } = FieldSequence.FromNumbers(1);

    [Parameter(ParameterSetName = IPSet)]
    [Parameter(ParameterSetName = IcmpEchoSet)]
    [Parameter(ParameterSetName = UdpSet)]
    [Parameter(ParameterSetName = TcpSet)]
    public SwitchParameter DontFragment { get; set; }

    [Parameter(ParameterSetName = IPSet)]
    [Parameter(ParameterSetName = IcmpEchoSet)]
    [Parameter(ParameterSetName = UdpSet)]
    [Parameter(ParameterSetName = TcpSet)]
    [Alias("Dscp")]
    [ValidateRange((byte)0, (byte)63)]
    [ArgumentCompleter(typeof(UsualValueCompleter))]
    public byte DifferentiatedServicesCodePoint { get; set; }

    [Parameter(ParameterSetName = IPSet)]
    [Parameter(ParameterSetName = IcmpEchoSet)]
    [Parameter(ParameterSetName = UdpSet)]
    [Parameter(ParameterSetName = TcpSet)]
    [NumberInput(0xfffff)]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public FieldSequence FlowLabel { get; set; } = FieldSequence.FromNumbers(0);

    [Parameter(Mandatory = true, ParameterSetName = UdpSet)]
    [Parameter(Mandatory = true, ParameterSetName = TcpSet)]
    [NumberInput(ushort.MaxValue)]
    [ArgumentCompleter(typeof(UsualValueCompleter))]
    public FieldSequence? SourcePort { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = UdpSet)]
    [Parameter(Mandatory = true, ParameterSetName = TcpSet)]
    [NumberInput(ushort.MaxValue)]
    [ArgumentCompleter(typeof(UsualValueCompleter))]
    public FieldSequence? DestinationPort { get; set; }

    [Parameter(ParameterSetName = IcmpEchoSet)]
    [NumberInput(ushort.MaxValue)]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public FieldSequence Identifier { get; set; } = FieldSequence.FromNumbers(1);

    [Parameter(ParameterSetName = IcmpEchoSet)]
    [Parameter(ParameterSetName = TcpSet)]
    [NumberInput(uint.MaxValue)]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public FieldSequence SequenceNumber { get; set; } = FieldSequence.FromNumbers(0);

    [Parameter(ParameterSetName = IcmpEchoSet)]
    public SwitchParameter Reply { get; set; }

    [Parameter(ParameterSetName = TcpSet)]
    [NumberInput(uint.MaxValue)]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public FieldSequence AcknowledgmentNumber { get; set; } = FieldSequence.FromNumbers(0);

    [Parameter(ParameterSetName = TcpSet)]
    public TcpControlBits Flags { get; set; } = TcpControlBits.Syn;

    [Parameter(ParameterSetName = TcpSet)]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public ushort Window { get; set; } = ushort.MaxValue;

    [Parameter(ParameterSetName = EthernetSet)]
    [Parameter(ParameterSetName = IPSet)]
    [Parameter(ParameterSetName = IcmpEchoSet)]
    [Parameter(ParameterSetName = UdpSet)]
    [Parameter(ParameterSetName = TcpSet)]
    [PayloadInput]
    [AllowEmptyCollection]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public byte[] Payload { get; set; } = [];

    [Parameter(ParameterSetName = EthernetSet)]
    [Parameter(ParameterSetName = IPSet)]
    [Parameter(ParameterSetName = IcmpEchoSet)]
    [Parameter(ParameterSetName = UdpSet)]
    [Parameter(ParameterSetName = TcpSet)]
    [ValidateRange(0, 65535)]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public int PayloadLength { get; set; }

    [Parameter(ParameterSetName = EthernetSet)]
    [Parameter(ParameterSetName = IPSet)]
    [Parameter(ParameterSetName = IcmpEchoSet)]
    [Parameter(ParameterSetName = UdpSet)]
    [Parameter(ParameterSetName = TcpSet)]
    [ValidateRange(14, 65635)]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public int Length { get; set; }

    [Parameter]
    [ValidateRange(0, 65535)]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public int MinimumLength { get; set; }

    [Parameter(ParameterSetName = IcmpEchoSet)]
    [Parameter(ParameterSetName = UdpSet)]
    [Parameter(ParameterSetName = TcpSet)]
    public SwitchParameter BadChecksum { get; set; }

    [Parameter(ParameterSetName = IPSet)]
    [Parameter(ParameterSetName = IcmpEchoSet)]
    [Parameter(ParameterSetName = UdpSet)]
    [Parameter(ParameterSetName = TcpSet)]
    public SwitchParameter BadHeaderChecksum { get; set; }

    [Parameter]
    [ValidateRange(1, long.MaxValue)]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public long Count { get; set; }

    [Parameter]
    public FrameVariation Vary { get; set; }

    [Parameter]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public long Seed { get; set; }

    [Parameter]
    public SwitchParameter Expand { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        bool isV6 = DestinationAddress?.Kind == FieldKind.IPv6;
        (string Cause, string Remedy)? wrong =
            Given(nameof(Identification)) && isV6 ? ("-Identification is a field of IPv4, and the addresses are of IPv6", "leave it out, or give IPv4 addresses")
            : DontFragment && isV6 ? ("-DontFragment is a bit of IPv4, and the addresses are of IPv6", "leave it out: no router fragments IPv6")
            : Given(nameof(FlowLabel)) && !isV6 ? ("-FlowLabel is a field of IPv6, and the addresses are of IPv4", "leave it out, or give IPv6 addresses")
            : Given(nameof(VlanPriority)) && Vlan.Length == 0 ? ("-VlanPriority is about tags, and there is none", "give -Vlan as well; 0 is a tag that has a priority alone")
            : Given(nameof(VlanType)) && Vlan.Length == 0 ? ("-VlanType is about tags, and there is none", "give -Vlan as well, or leave it out")
            : Given(nameof(Seed)) && Vary != FrameVariation.Random ? ($"-Vary {Vary} draws nothing that -Seed could be for", "give -Vary Random as well, or leave it out")
            : Given(nameof(NetworkNamespace)) && InterfaceName is null ? ("-NetworkNamespace is that of -InterfaceName", "give that as well, or leave it out")
            : null;
        if (wrong is { } mistake)
            ThrowTerminatingError(XskErrorRecord.Create("ParametersContradict", ErrorCategory.InvalidArgument, mistake.Cause, mistake.Remedy, null));
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        XskFrameTemplate template = null!;
        try
        {
            template = Builder().BuildTemplate(Given(nameof(Count)) ? Count : null, Vary, Given(nameof(Seed)) ? Seed : null);
        }
        catch (XskException e)
        {
            ThrowTerminatingError(e, InterfaceName);
        }

        if (template.Count == 1) WriteObject(template.First);
        else if (!Expand) WriteObject(template);
        else foreach (XskPacket packet in template.GetPackets().TakeWhile(_ => !Stopping)) WriteObject(packet);
    }

    private FrameBuilder Builder() => new()
    {
        Protocol = Enum.Parse<FrameProtocol>(ParameterSetName),
        DestinationMac = DestinationMac,
        SourceMac = SourceMac ?? (InterfaceName is null ? null : MacOf(InterfaceName)),
        Vlans = [.. Vlan.Select(id => new FrameVlan(id, VlanPriority, Given(nameof(VlanType)) ? VlanType : null))],
        EtherType = EtherType,
        SourceAddress = SourceAddress,
        DestinationAddress = DestinationAddress,
        Operation = Operation,
        TargetMac = TargetMac,
        IPProtocol = IPProtocol,
        TimeToLive = TimeToLive,
        Identification = Identification,
        DontFragment = DontFragment,
        DifferentiatedServicesCodePoint = DifferentiatedServicesCodePoint,
        FlowLabel = FlowLabel,
        SourcePort = SourcePort,
        DestinationPort = DestinationPort,
        SequenceNumber = SequenceNumber,
        AcknowledgmentNumber = AcknowledgmentNumber,
        Flags = Flags,
        Window = Window,
        Identifier = Identifier,
        Reply = Reply,
        Payload = Payload,
        PayloadLength = Given(nameof(PayloadLength)) ? PayloadLength : null,
        Length = Given(nameof(Length)) ? Length : null,
        MinimumLength = MinimumLength,
        BadChecksum = BadChecksum,
        BadHeaderChecksum = BadHeaderChecksum,
    };

    private FieldSequence MacOf(string name)
    {
        PhysicalAddress address = XdpInterface.Get(name, NetworkNamespace).MacAddress;
        if (address.GetAddressBytes().Length != 6)
            ThrowTerminatingError(XskErrorRecord.Create("FrameFieldInvalid", ErrorCategory.InvalidArgument, $"{name} has no MAC address of Ethernet", "give -SourceMac, or an interface that has one", name));
        return FieldSequence.FromMacs(address);
    }
}
