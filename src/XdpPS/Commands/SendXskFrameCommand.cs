using System.Diagnostics;
using System.Management.Automation;
using XdpPS.Completion;
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

    private readonly List<InputFrame> buffered = [];
    private bool confirmed;
    private XskSender? sender;
    private ThreadAffinity? pinned;
    private long shown;
    private bool progressShown;

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
    [ArgumentCompleter(typeof(CpuCompleter))]
    public int Cpu { get; set; }

    [Parameter]
    public SwitchParameter PassThru { get; set; }

    [Parameter]
    public SwitchParameter Force { get; set; }

    private bool Repeats => Repeat > 1 || DurationSeconds > 0;

    /// <summary>Now and then, or always where frames are far apart.</summary>
    private bool IsTimeToShow => sender!.Frames % 256 == 0 || PacketsPerSecond is > 0 and < 1000;

    private TimeSpan CompletionTimeout => TimeSpan.FromSeconds(CompletionTimeoutSeconds);

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        // Asked once a socket, not once a frame.
        confirmed = ShouldProcess($"{Socket.InterfaceName} queue {Socket.QueueId}", "Send frames");
        if (!confirmed) return;
        try
        {
            if (Given(nameof(Cpu))) pinned = ThreadAffinity.Pin(Cpu);
            sender = new XskSender(Socket, PacketsPerSecond, CompletionTimeout, StopToken);
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
            Take(new InputFrame(Data, Data));
        }
        else if (Packet.BaseObject is XskPacket { Truncated: false } packet)
        {
            Take(new InputFrame(packet.Data, packet));
        }
        else
        {
            FrameInput input = new FrameInput(Force).Read(Packet);
            if (input.IsUnrolled) ThrowTerminatingError(XskErrorRecord.BytesUnrolled("Send-XskFrame", "-Data", Packet));

            foreach (ErrorRecord error in input.Errors) WriteError(error);
            foreach (InputFrame frame in input.Frames) Take(frame);
        }

        if (Repeats) return;
        try
        {
            // The next input may be long in coming: what there is goes out now.
            sender!.Wake();
        }
        catch (XskException e)
        {
            ThrowTerminatingError(e, Socket);
        }
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        if (!confirmed || Stopping) return;
        Guard(() =>
        {
            if (Repeats) SendBuffered();
            if (progressShown) WriteProgress(new ProgressRecord(0, "Sending frames", "Done") { RecordType = ProgressRecordType.Completed });
            bool complete = sender!.Finish(CompletionTimeout);
            pinned?.Dispose();
            if (!Stopping) Report(sender.GetResult(), complete);
        });
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            sender?.Dispose();
            pinned?.Dispose();
        }

        base.Dispose(disposing);
    }

    private void Take(InputFrame frame)
    {
        try
        {
            if (Repeats)
            {
                Socket.CheckFrame(frame.Data);
                buffered.Add(frame);
            }
            else
            {
                Send(frame, 0, frame.Origin is XskFrameTemplate ? shown = Stopwatch.GetTimestamp() : 0, 1);
            }
        }
        catch (XskException e) when (e.ErrorId is XskErrorId.FrameTooShort or XskErrorId.FrameTooLong)
        {
            WriteError(e, frame.Origin);
        }
        catch (XskException e)
        {
            ThrowTerminatingError(e, Socket);
        }
    }

    /// <summary>Sends a frame, or all frames of a template, whose fields go on from round to round.</summary>
    private bool Send(InputFrame frame, long round, long start, long rounds)
    {
        if (frame.Origin is not XskFrameTemplate template) return sender!.Send(frame.Data);
        for (long i = 0; i < template.Count; i++)
        {
            if (!sender!.Send(template, unchecked((round * template.Count) + i) & long.MaxValue)) return false;
            if (IsTimeToShow) ShowProgress(start, (round + ((double)i / template.Count)) / rounds);
        }

        return true;
    }

    private void Guard(Action action)
    {
        try
        {
            action();
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
        long start = shown = Stopwatch.GetTimestamp();
        if (DurationSeconds > 0) sender!.Deadline = start + (long)(DurationSeconds * Stopwatch.Frequency);
        for (long round = 0; round < rounds; round++)
        {
            foreach (InputFrame frame in buffered)
            {
                if (!Send(frame, round, start, rounds)) break;
                if (IsTimeToShow) ShowProgress(start, (double)round / rounds);
            }

            if (Stopping || (sender!.Deadline != 0 && Stopwatch.GetTimestamp() >= sender.Deadline)) break;
        }
    }

    private void ShowProgress(long start, double share)
    {
        long now = Stopwatch.GetTimestamp();
        if (Stopwatch.GetElapsedTime(shown, now).TotalMilliseconds < 200) return;
        shown = now;
        progressShown = true;
        double elapsed = Stopwatch.GetElapsedTime(start, now).TotalSeconds;
        if (DurationSeconds > 0) share = Math.Max(share, elapsed / DurationSeconds);
        WriteProgress(new ProgressRecord(0, "Sending frames", $"{sender!.Frames} frames in {elapsed:F0} s") { PercentComplete = (int)Math.Clamp(share * 100, 0, 100) });
    }

    private void Report(XskSendResult result, bool complete)
    {
        string name = $"{Socket.InterfaceName} queue {Socket.QueueId}";
        if (!complete)
        {
            WriteError(XskErrorRecord.Create(
                "SendIncomplete", ErrorCategory.OperationTimeout,
                $"{result.Frames - result.Completed} of {result.Frames} frames on {name} were not completed within {CompletionTimeoutSeconds} s",
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
