using System.Management.Automation;
using System.Net;
using System.Net.NetworkInformation;
using XdpPS.Completion;
using XdpPS.Errors;
using XdpPS.Frames;

namespace XdpPS.Commands;

/// <summary>Edit-XskFrame.</summary>
[Cmdlet(VerbsData.Edit, "XskFrame")]
[OutputType(typeof(XskPacket))]
public sealed class EditXskFrameCommand : XskCommand
{
    private FrameEdit edit = null!;

    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true)]
    [Alias("InputObject")]
    [AllowEmptyString]
    [AllowEmptyCollection]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public PSObject Packet { get; set; } = null!;

    [Parameter]
    [MacAddress]
    [ArgumentCompleter(typeof(MacAddressCompleter))]
    public PhysicalAddress? DestinationMac { get; set; }

    [Parameter]
    [MacAddress]
    [ArgumentCompleter(typeof(MacAddressCompleter))]
    public PhysicalAddress? SourceMac { get; set; }

    [Parameter]
    [ValidateRange((ushort)0, (ushort)4095)]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public ushort Vlan { get; set; }

    [Parameter]
    [ValidateRange((byte)0, (byte)7)]
    [ArgumentCompleter(typeof(UsualValueCompleter))]
    public byte VlanPriority { get; set; }

    [Parameter]
    [ValidateRange((ushort)0, (ushort)4095)]
    [ValidateCount(1, 8)]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public ushort[] PushVlan { get; set; } = [];

    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public int PopVlan { get; set; }

    [Parameter]
    public SwitchParameter RemoveVlan { get; set; }

    [Parameter]
    [PlainAddress]
    [ArgumentCompleter(typeof(AddressCompleter))]
    public IPAddress? SourceAddress { get; set; }

    [Parameter]
    [PlainAddress]
    [ArgumentCompleter(typeof(AddressCompleter))]
    public IPAddress? DestinationAddress { get; set; }

    [Parameter]
    [Alias("HopLimit")]
    [ArgumentCompleter(typeof(UsualValueCompleter))]
    public byte TimeToLive { get; set; }

    [Parameter]
    [Alias("Dscp")]
    [ValidateRange((byte)0, (byte)63)]
    [ArgumentCompleter(typeof(UsualValueCompleter))]
    public byte DifferentiatedServicesCodePoint { get; set; }

    [Parameter]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public ushort Identification { get; set; }

    [Parameter]
    [ArgumentCompleter(typeof(UsualValueCompleter))]
    public ushort SourcePort { get; set; }

    [Parameter]
    [ArgumentCompleter(typeof(UsualValueCompleter))]
    public ushort DestinationPort { get; set; }

    [Parameter]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public uint SequenceNumber { get; set; }

    [Parameter]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public uint AcknowledgmentNumber { get; set; }

    [Parameter]
    public TcpControlBits Flags { get; set; }

    [Parameter]
    [PayloadInput]
    [AllowEmptyCollection]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public byte[] Payload { get; set; } = [];

    [Parameter]
    public SwitchParameter RepairChecksum { get; set; }

    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        if (RemoveVlan && (Given(nameof(PopVlan)) || Given(nameof(Vlan))))
        {
            ThrowTerminatingError(XskErrorRecord.Create(
                "ParametersContradict", ErrorCategory.InvalidArgument,
                "-RemoveVlan leaves no tag that -PopVlan or -Vlan could be about", "leave one of them out, or add tags with -PushVlan", null));
        }

        edit = new FrameEdit
        {
            DestinationMac = DestinationMac,
            SourceMac = SourceMac,
            Vlan = Value(nameof(Vlan), Vlan),
            VlanPriority = Value(nameof(VlanPriority), VlanPriority),
            PushVlan = PushVlan,
            PopVlan = RemoveVlan ? int.MaxValue : PopVlan,
            SourceAddress = SourceAddress,
            DestinationAddress = DestinationAddress,
            TimeToLive = Value(nameof(TimeToLive), TimeToLive),
            DifferentiatedServicesCodePoint = Value(nameof(DifferentiatedServicesCodePoint), DifferentiatedServicesCodePoint),
            Identification = Value(nameof(Identification), Identification),
            SourcePort = Value(nameof(SourcePort), SourcePort),
            DestinationPort = Value(nameof(DestinationPort), DestinationPort),
            SequenceNumber = Value(nameof(SequenceNumber), SequenceNumber),
            AcknowledgmentNumber = Value(nameof(AcknowledgmentNumber), AcknowledgmentNumber),
            Flags = Value(nameof(Flags), Flags),
            Payload = Value(nameof(Payload), new ReadOnlyMemory<byte>(Payload)),
            RepairChecksum = RepairChecksum,
            SkipMissing = Force,
        };

        T? Value<T>(string parameter, T value)
            where T : struct => Given(parameter) ? value : null;
    }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        FrameInput input = new FrameInput(allowTruncated: true).Read(Packet);
        if (input.IsUnrolled) ThrowTerminatingError(XskErrorRecord.BytesUnrolled("Edit-XskFrame", "-Packet", Packet));

        foreach (ErrorRecord error in input.Errors) WriteError(error);
        foreach (XskPacket packet in input.Frames.SelectMany(frame => frame.ToPackets()))
        {
            if (Stopping) return;
            Edit(packet);
        }
    }

    private void Edit(XskPacket packet)
    {
        try
        {
            WriteObject(edit.Apply(packet));
        }
        catch (XskException e)
        {
            WriteError(e, packet);
        }
    }
}
