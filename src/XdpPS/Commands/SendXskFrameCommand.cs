using System.Diagnostics;
using System.Management.Automation;
using XdpPS.Errors;
using XdpPS.Frames;

namespace XdpPS.Commands;

/// <summary>Send-XskFrame.</summary>
[Cmdlet(VerbsCommunications.Send, "XskFrame", SupportsShouldProcess = true, DefaultParameterSetName = PacketSet)]
[OutputType(typeof(XskSendResult))]
public sealed class SendXskFrameCommand : XskCommand
{
    private const string PacketSet = "Packet";
    private const string DataSet = "Data";

    private readonly List<byte[]> buffered = [];
    private bool confirmed;
    private FrameSender? sender;

    [Parameter(Mandatory = true, Position = 0)]
    public XskSocket Socket { get; set; } = null!;

    [Parameter(Mandatory = true, Position = 1, ValueFromPipeline = true, ParameterSetName = PacketSet)]
    [Alias("InputObject")]
    [AllowEmptyString]
    [AllowEmptyCollection]
    public PSObject Packet { get; set; } = null!;

    [Parameter(Mandatory = true, ParameterSetName = DataSet)]
    [HexTransformation]
    [AllowEmptyCollection]
    public byte[] Data { get; set; } = [];

    [Parameter]
    [ValidateRange(1, long.MaxValue)]
    public long Repeat { get; set; } = 1;

    [Parameter]
    [ValidateRange(0.001, 31536000.0)]
    public double DurationSeconds { get; set; }

    [Parameter]
    [ValidateRange(0.001, 1e9)]
    public double PacketsPerSecond { get; set; }

    [Parameter]
    [ValidateRange(0.0, 86400.0)]
    public double CompletionTimeoutSeconds { get; set; } = 5;

    [Parameter]
    public SwitchParameter PassThru { get; set; }

    [Parameter]
    public SwitchParameter Force { get; set; }

    private bool Repeats => Repeat > 1 || DurationSeconds > 0;

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        // Asked once a socket, not once a frame.
        confirmed = ShouldProcess($"{Socket.InterfaceName} queue {Socket.QueueId}", "Send frames");
        if (!confirmed) return;
        try
        {
            sender = new FrameSender(Socket, PacketsPerSecond, StopToken);
        }
        catch (XskException e)
        {
            ThrowTerminatingError(e, Socket);
        }
    }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (!confirmed) return;
        if (ParameterSetName == DataSet)
        {
            Take(Data, Data);
        }
        else if (Packet.BaseObject is XskPacket { Truncated: false } packet)
        {
            Take(packet.Data, packet);
        }
        else
        {
            FrameInput input = new FrameInput(Force).Read(Packet);
            if (input.IsUnrolled)
            {
                ThrowTerminatingError(XskErrorRecord.Create(
                    "FrameBytesUnrolled", ErrorCategory.InvalidArgument,
                    "The pipeline takes an array of bytes apart and hands over one byte at a time",
                    "write ,$bytes | Send-XskFrame (with the comma), or use -Data $bytes",
                    Packet));
            }

            foreach (ErrorRecord error in input.Errors) WriteError(error);
            foreach (InputFrame frame in input.Frames) Take(frame.Data, frame.Origin);
        }
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        if (!confirmed || Stopping) return;
        try
        {
            if (Repeats) SendBuffered();
            bool complete = sender!.Finish(TimeSpan.FromSeconds(CompletionTimeoutSeconds));
            if (Stopping) return;
            Report(sender.Result(), complete);
        }
        catch (XskException e)
        {
            ThrowTerminatingError(e, Socket);
        }
    }

    private void Take(byte[] frame, object origin)
    {
        try
        {
            Socket.CheckFrame(frame);
        }
        catch (XskException e)
        {
            WriteError(e, origin);
            return;
        }

        if (Repeats)
        {
            buffered.Add(frame);
            return;
        }

        try
        {
            sender!.Send(frame);
        }
        catch (XskException e)
        {
            ThrowTerminatingError(e, Socket);
        }
    }

    private void SendBuffered()
    {
        if (buffered.Count == 0) return;
        bool repeatGiven = MyInvocation.BoundParameters.ContainsKey(nameof(Repeat));
        long rounds = repeatGiven || DurationSeconds == 0 ? Repeat : long.MaxValue;
        long start = Stopwatch.GetTimestamp();
        long shown = start;
        for (long round = 0; round < rounds && !Stopping; round++)
        {
            foreach (byte[] frame in buffered)
            {
                if (!sender!.Send(frame)) return;
            }

            long now = Stopwatch.GetTimestamp();
            double elapsed = Stopwatch.GetElapsedTime(start, now).TotalSeconds;
            if (DurationSeconds > 0 && elapsed >= DurationSeconds) break;
            if (Stopwatch.GetElapsedTime(shown, now).TotalMilliseconds < 200) continue;
            shown = now;
            double share = Math.Max(rounds == long.MaxValue ? 0 : (double)round / rounds, DurationSeconds > 0 ? elapsed / DurationSeconds : 0);
            WriteProgress(new ProgressRecord(0, "Sending frames", $"{sender!.Frames} frames in {elapsed:F0} s") { PercentComplete = (int)Math.Min(100, share * 100) });
        }

        if (shown != start) WriteProgress(new ProgressRecord(0, "Sending frames", "Done") { RecordType = ProgressRecordType.Completed });
    }

    private void Report(XskSendResult result, bool complete)
    {
        string name = $"{Socket.InterfaceName} queue {Socket.QueueId}";
        if (!complete)
        {
            WriteError(XskErrorRecord.Create(
                "SendIncomplete", ErrorCategory.OperationTimeout,
                $"{Socket.PendingSends} of {result.Frames} frames on {name} were not completed within {CompletionTimeoutSeconds} s",
                "see whether the interface and its peer are up, or raise -CompletionTimeoutSeconds",
                Socket));
        }

        if (result.DriverDropped > 0)
        {
            WriteWarning($"{name}: the driver dropped {result.DriverDropped} of {result.Frames} frames instead of sending them: "
                + "its queue or its peer's was full (use -PacketsPerSecond), or its peer is down.");
        }

        if (PassThru) WriteObject(result);
    }
}
