using System.Diagnostics;
using System.Management.Automation;
using XdpPS.Completion;
using XdpPS.Errors;
using XdpPS.Frames;

namespace XdpPS.Commands;

/// <summary>Send-XskFrame.</summary>
[Cmdlet(VerbsCommunications.Send, "XskFrame", SupportsShouldProcess = true, DefaultParameterSetName = PacketSet)]
[OutputType(typeof(XskSendResult))]
public sealed partial class SendXskFrameCommand : XskCommand
{
    private const string PacketSet = "Packet";
    private const string DataSet = "Data";

    private readonly List<(InputFrame Frame, long Timestamp)> buffered = [];
    private bool confirmed;
    private XskSender? sender;
    private AheadSender? ahead;
    private ThreadAffinity? pinned;

    [Parameter(Mandatory = true, Position = 0)]
    [ArgumentCompleter(typeof(SocketCompleter))]
    public XskSocket Socket { get; set; } = null!;

    [Parameter(Mandatory = true, Position = 1, ValueFromPipeline = true, ParameterSetName = PacketSet)]
    [Alias("InputObject")]
    [AllowEmptyString]
    [AllowEmptyCollection]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public PSObject Packet { get; set; } = null!;

    [Parameter(Mandatory = true, ParameterSetName = DataSet)]
    [HexTransformation]
    [AllowEmptyCollection]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public byte[] Data { get; set; } = [];

    [Parameter]
    [ValidateRange(1, long.MaxValue)]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public long Repeat { get; set; } = 1;

    [Parameter]
    [ValidateRange(0.001, 31536000.0)]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public double DurationSeconds { get; set; }

    [Parameter]
    [ValidateRange(0.0, 86400.0)]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public double CompletionTimeoutSeconds { get; set; } = 5;

    [Parameter]
    [ArgumentCompleter(typeof(CpuCompleter))]
    public int Cpu { get; set; }

    [Parameter]
    public SwitchParameter PassThru { get; set; }

    [Parameter]
    public SwitchParameter Force { get; set; }

    private bool Repeats => Repeat > 1 || DurationSeconds > 0;

    private TimeSpan CompletionTimeout => TimeSpan.FromSeconds(CompletionTimeoutSeconds);

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        pacer = NewPacer();
        // Asked once a socket, not once a frame.
        confirmed = ShouldProcess($"{Socket.InterfaceName} queue {Socket.QueueId}", "Send frames");
        if (!confirmed) return;
        try
        {
            bool sendsAhead = pacer.Timing == XskSendTiming.Original && !Repeats;
            if (Given(nameof(Cpu)) && !sendsAhead) pinned = ThreadAffinity.Pin(Cpu);
            sender = new XskSender(Socket, pacer, CompletionTimeout, StopToken);
            if (!Paces) return;
            AgeObjects();
            if (sendsAhead) ahead = new AheadSender(sender, Given(nameof(Cpu)) ? Cpu : null, StopToken);
            else sender.Waiting = () => ShowProgress(200);
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
        else if (Packet.BaseObject is byte[] bytes)
        {
            Take(new InputFrame(bytes, bytes));
        }
        else
        {
            FrameInput input = new FrameInput(Force).Read(Packet);
            if (input.IsUnrolled) ThrowTerminatingError(XskErrorRecord.BytesUnrolled("Send-XskFrame", "-Data", Packet));

            foreach (ErrorRecord error in input.Errors) WriteError(error);
            foreach (InputFrame frame in input.Frames) Take(frame);
        }

        if (Repeats || ahead is not null) return;
        try
        {
            // The next input may be long in coming.
            sender!.WakeSoon();
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
            while (ahead is not null && !ahead.Complete(ShowInterval)) ShowProgress(200);
            bool complete = sender!.Finish(CompletionTimeout);
            pinned?.Dispose();
            EndProgress();
            if (!Stopping) Report(sender.GetResult(), complete);
        });
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            // Also where the pipeline failed and nobody stopped it.
            StopProcessing();
            ahead?.Dispose();
            sender?.Dispose();
            pinned?.Dispose();
        }

        base.Dispose(disposing);
    }

    private void Take(InputFrame frame)
    {
        if (!TryTimestamp(frame.Origin, out long timestamp)) return;
        try
        {
            if (Repeats)
            {
                Socket.CheckFrame(frame.Data);
                buffered.Add((frame, timestamp));
            }
            else if (ahead is not null)
            {
                Socket.CheckFrame(frame.Data);
                while (!ahead.TryAdd(frame.Data, timestamp, ShowInterval)) ShowProgress(200);
                ShowProgressBetween();
            }
            else
            {
                Send(frame, timestamp, 0, 1);
                if (Paces) ShowProgressBetween();
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
    private bool Send(InputFrame frame, long timestamp, long round, long rounds)
    {
        if (frame.Origin is not XskFrameTemplate template) return sender!.Send(frame.Data, timestamp);
        for (long i = 0; i < template.Count; i++)
        {
            if (!sender!.Send(template, unchecked((round * template.Count) + i) & long.MaxValue)) return false;
            share = (round + ((double)i / template.Count)) / rounds;
            ShowProgressBetween();
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
        started = shown = Stopwatch.GetTimestamp();
        sender!.Duration = TimeSpan.FromSeconds(DurationSeconds);
        if (buffered is [{ Frame: { Origin: not XskFrameTemplate } only }] && !Paces)
        {
            SendCopies(only.Data, rounds);
            return;
        }

        bool going = true;
        for (long round = 0; going && round < rounds; round++)
        {
            share = (double)round / rounds;
            if (round > 0) pacer.BeginRound();
            foreach ((InputFrame frame, long timestamp) in buffered)
            {
                going = Send(frame, timestamp, round, rounds);
                if (!going) break;
                ShowProgressBetween();
            }
        }
    }

    private void SendCopies(byte[] frame, long count)
    {
        long sent = 0;
        for (int added = 1; added > 0 && sent < count; sent += added)
        {
            added = sender!.SendCopies(frame, count - sent);
            share = (double)sent / count;
            ShowProgressBetween();
        }
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

        WarnOfTimes(result);
        if (PassThru) WriteObject(result);
    }
}
