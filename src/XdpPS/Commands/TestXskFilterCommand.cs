using System.Management.Automation;
using XdpPS.Completion;
using XdpPS.Errors;
using XdpPS.Frames;

namespace XdpPS.Commands;

/// <summary>Test-XskFilter.</summary>
[Cmdlet(VerbsDiagnostic.Test, "XskFilter", DefaultParameterSetName = InputSet)]
[OutputType(typeof(XskFilterResult), ParameterSetName = [InputSet, PathSet, LiteralPathSet])]
[OutputType(typeof(XskFilterProgram), ParameterSetName = [ProgramSet])]
public sealed class TestXskFilterCommand : XskFilterCommand
{
    private const string InputSet = "InputObject";
    private const string PathSet = "Path";
    private const string LiteralPathSet = "LiteralPath";
    private const string ProgramSet = "ShowProgram";

    private PacketFilter? filter;
    private FilterTester? tester;

    /// <inheritdoc/>
    [Parameter(Position = 0)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(FilterCompleter))]
    public override string? Filter { get; set; }

    // Not mandatory: an interactive session would ask for it, and nobody types a packet.
    [Parameter(Position = 1, ValueFromPipeline = true, ParameterSetName = InputSet)]
    [Alias("Packet")]
    [ValidateNotNull]
    [AllowEmptyString]
    [AllowEmptyCollection]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public PSObject InputObject { get; set; } = null!;

    [Parameter(Mandatory = true, ParameterSetName = PathSet)]
    [ValidateNotNullOrEmpty]
    public string[] Path { get; set; } = [];

    [Parameter(Mandatory = true, ParameterSetName = LiteralPathSet)]
    [Alias("PSPath", "LP")]
    [ValidateNotNullOrEmpty]
    public string[] LiteralPath { get; set; } = [];

    [Parameter(Mandatory = true, ParameterSetName = ProgramSet)]
    public SwitchParameter ShowProgram { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        filter = MakeFilter();
        if (filter is null)
        {
            ThrowTerminatingError(XskErrorRecord.Create(
                "FilterMissing", ErrorCategory.InvalidArgument,
                "There is no filter to test",
                "give -Filter, -EtherType, -IPProtocol, -Port, -Address or -Vlan", null));
        }

        if (ParameterSetName == InputSet && !MyInvocation.ExpectingInput && !Given(nameof(InputObject)))
        {
            ThrowTerminatingError(XskErrorRecord.Create(
                "FilterInputMissing", ErrorCategory.InvalidArgument,
                "There is nothing to test the filter on",
                "pipe packets in, name a capture file with -Path, or see what the filter becomes with -ShowProgram", filter!.Expression));
        }

        try
        {
            tester = new FilterTester(filter!);
        }
        catch (XskException e)
        {
            ThrowTerminatingError(e, filter!.Expression);
        }
    }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        switch (ParameterSetName)
        {
            case ProgramSet: WriteProgram(); break;
            case PathSet: foreach (string path in Path) foreach (string file in CaptureFiles(path, wildcards: true)) TestFile(file); break;
            case LiteralPathSet: foreach (string path in LiteralPath) foreach (string file in CaptureFiles(path, wildcards: false)) TestFile(file); break;
            default: TestInput(); break;
        }
    }

    private void WriteProgram()
    {
        try
        {
            XskFilterProgram program = XskFilterProgram.From(filter!);
            WriteVerbose(program.ToString());
            WriteObject(program);
        }
        catch (XskException e)
        {
            ThrowTerminatingError(e, filter!.Expression);
        }
    }

    private void TestInput()
    {
        if (InputObject.BaseObject is XskPacket packet)
        {
            WriteObject(tester!.Test(packet));
            return;
        }

        if (InputObject.BaseObject is FileInfo file)
        {
            TestFile(file.FullName);
            return;
        }

        FrameInput input = new FrameInput(allowTruncated: true).Read(InputObject);
        if (input.IsUnrolled) ThrowTerminatingError(XskErrorRecord.BytesUnrolled("Test-XskFilter", "-InputObject", InputObject));

        foreach (ErrorRecord error in input.Errors) WriteError(error);
        foreach (XskPacket frame in input.Frames.SelectMany(given => given.ToPackets())) WriteObject(tester!.Test(frame));
    }

    private void TestFile(string file)
    {
        try
        {
            foreach (XskFilterResult result in tester!.TestFile(file, StopToken))
            {
                if (Stopping) return;
                WriteObject(result);
            }
        }
        catch (XskException e)
        {
            WriteError(e, file);
        }
        catch (OperationCanceledException) when (Stopping)
        {
            // It waited for somebody to write to a pipe.
        }
    }
}
