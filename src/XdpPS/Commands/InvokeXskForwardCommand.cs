using System.Diagnostics;
using System.Globalization;
using System.Management.Automation;
using System.Net.NetworkInformation;
using XdpPS.Completion;
using XdpPS.Errors;
using XdpPS.Session;

namespace XdpPS.Commands;

/// <summary>Invoke-XskForward.</summary>
[Cmdlet(VerbsLifecycle.Invoke, "XskForward", SupportsShouldProcess = true)]
[OutputType(typeof(XskForwardResult))]
public sealed class InvokeXskForwardCommand : XskCommand
{
    private const string Activity = "Forwarding frames";
    private const int MacAddressLength = 6;

    private static readonly TimeSpan ReportInterval = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan CompletionTimeout = TimeSpan.FromSeconds(1);

    /// <summary>Ctrl-C is to be over within 100 ms.</summary>
    private static readonly TimeSpan StoppedTimeout = TimeSpan.FromMilliseconds(30);

    private XskForwarder? forwarder;
    private long started;
    private long shownAt;
    private long shown;
    private bool progressShown;

    [Parameter(Mandatory = true, Position = 0)]
    [SingleSocket]
    [ArgumentCompleter(typeof(SocketCompleter))]
    public XskSocket From { get; set; } = null!;

    [Parameter(Mandatory = true, Position = 1)]
    [SingleSocket]
    [ArgumentCompleter(typeof(SocketCompleter))]
    public XskSocket To { get; set; } = null!;

    [Parameter]
    public SwitchParameter Bidirectional { get; set; }

    [Parameter]
    [ValidateRange(1, long.MaxValue)]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public long Count { get; set; } = long.MaxValue;

    [Parameter]
    [ValidateRange(0.001, 31536000.0)]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public double DurationSeconds { get; set; }

    [Parameter]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(FilterCompleter))]
    public string? DropFilter { get; set; }

    [Parameter]
    [ValidateNotNull]
    [ArgumentCompleter(typeof(MacAddressCompleter))]
    public PhysicalAddress? RewriteSource { get; set; }

    [Parameter]
    [ValidateNotNull]
    [ArgumentCompleter(typeof(MacAddressCompleter))]
    public PhysicalAddress? RewriteDestination { get; set; }

    [Parameter]
    public SwitchParameter SwapMac { get; set; }

    [Parameter]
    [ArgumentCompleter(typeof(CpuCompleter))]
    public int Cpu { get; set; }

    private bool BothWays => Bidirectional && From != To;

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        if (Stopping) return;
        CheckAddress(nameof(RewriteSource), RewriteSource);
        CheckAddress(nameof(RewriteDestination), RewriteDestination);
        XskForwarderOptions options = Options();
        string way = $"{Name(From)} {(BothWays ? "and" : "to")} {Name(To)}";
        if (!ShouldProcess(way, BothWays ? "Forward frames both ways between" : "Forward frames")) return;
        try
        {
            using ThreadAffinity? pinned = Given(nameof(Cpu)) ? ThreadAffinity.Pin(Cpu) : null;
            forwarder = new XskForwarder(From, To, options);
            using CancellationTokenRegistration stop = StopToken.Register(forwarder.Stop);
            Explain();
            Forward();
        }
        catch (XskException e) when (!Stopping)
        {
            // What was forwarded until then is told first.
            if (forwarder is not null) WriteObject(forwarder.GetResults(), enumerateCollection: true);
            ThrowTerminatingError(e, BothWays ? new[] { From, To } : e.ErrorId == XskErrorId.SocketClosed && From.IsOpen ? To : From);
        }
        catch (XskException)
        {
            return; // The stop closed something under us.
        }

        if (Stopping) TellHost();
        else Report();
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing) forwarder?.Dispose();
        base.Dispose(disposing);
    }

    private static string Name(XskSocket socket) => $"{socket.InterfaceName} queue {socket.QueueId}";

    private void CheckAddress(string parameter, PhysicalAddress? address)
    {
        int length = address?.GetAddressBytes().Length ?? MacAddressLength;
        if (length == MacAddressLength) return;
        ThrowTerminatingError(XskErrorRecord.Create(
            "MacAddressInvalid", ErrorCategory.InvalidArgument,
            $"-{parameter} has {length} bytes, and a MAC address of Ethernet {MacAddressLength}",
            "give one such as 02:00:00:00:00:01", address));
    }

    private XskForwarderOptions Options()
    {
        try
        {
            return new XskForwarderOptions
            {
                Bidirectional = Bidirectional,
                Count = Count,
                DropFilter = DropFilter is null ? null : PacketFilter.Compile(DropFilter),
                SwapMac = SwapMac,
                RewriteSource = RewriteSource,
                RewriteDestination = RewriteDestination,
            };
        }
        catch (XskException e)
        {
            ThrowTerminatingError(e, DropFilter);
            throw;
        }
    }

    private void Explain()
    {
        if (forwarder!.SharesUmem)
        {
            WriteVerbose($"{Name(From)} and {Name(To)} have one UMEM: frames are handed over, not copied.");
            return;
        }

        WriteWarning(
            $"{Name(From)} and {Name(To)} have a UMEM each, so that every frame is copied from one to the other: "
            + "open the second socket with -ShareUmemWith the first to forward without copying.");
    }

    private void Forward()
    {
        // What has to be compiled before the first turn takes nothing from the time that was asked for.
        forwarder!.Run(TimeSpan.Zero);
        started = shownAt = Stopwatch.GetTimestamp();
        TimeSpan? duration = Given(nameof(DurationSeconds)) ? TimeSpan.FromSeconds(DurationSeconds) : null;
        while (!forwarder.IsDone)
        {
            TimeSpan slice = ReportInterval;
            if (duration is { } whole)
            {
                TimeSpan left = whole - Stopwatch.GetElapsedTime(started);
                if (left <= TimeSpan.Zero) break;
                if (left < slice) slice = left;
            }

            forwarder.Run(slice);
            if (Stopping) break;
            ShowProgress(duration);
        }

        if (!Stopping) forwarder.Finish(CompletionTimeout, StopToken);
        if (Stopping) forwarder.Finish(StoppedTimeout);
    }

    private void ShowProgress(TimeSpan? duration)
    {
        long now = Stopwatch.GetTimestamp(), forwarded = forwarder!.Forwarded;
        TimeSpan since = Stopwatch.GetElapsedTime(shownAt, now);
        if (since < ReportInterval) return;
        double rate = (forwarded - shown) / since.TotalSeconds;
        shownAt = now;
        shown = forwarded;
        progressShown = true;
        double share = Count == long.MaxValue ? -1 : (double)forwarded / Count;
        if (duration is { } whole) share = Math.Max(share, Stopwatch.GetElapsedTime(started, now) / whole);
        string status = string.Create(
            CultureInfo.InvariantCulture, $"{forwarded} frames, {rate:F0} a second, {forwarder.Filtered} filtered, {forwarder.Dropped} dropped");
        ShowProgress(new ProgressRecord(0, Activity, status) { PercentComplete = share < 0 ? -1 : (int)Math.Clamp(share * 100, 0, 100) });
    }

    private void Report()
    {
        if (progressShown) WriteProgress(new ProgressRecord(0, Activity, "Done") { RecordType = ProgressRecordType.Completed });
        // What is told here needs not be told again by the next receive.
        new DropWatch(BothWays ? [From, To] : [From]).Look();
        foreach (XskForwardResult result in forwarder!.GetResults())
        {
            if (result.ReceiveLost > 0)
            {
                WriteWarning($"{result.FromInterfaceName} queue {result.FromQueueId}: the kernel dropped {result.ReceiveLost} packets because they came faster than they could be forwarded: "
                    + "for bursts, open the socket with a larger -RxRingSize, -FillRingSize and -FrameCount.");
            }

            if (result.DriverDropped > 0)
            {
                WriteWarning($"{result.ToInterfaceName} queue {result.ToQueueId}: the driver dropped {result.DriverDropped} of {result.Forwarded} frames instead of sending them: "
                    + "its queue or its peer's was full, or they are longer than its MTU allows, or its peer is down.");
            }

            WriteObject(result);
        }
    }

    /// <summary>A stopped command can write no object; what it did is said as ping and tcpdump say it.</summary>
    private void TellHost()
    {
        foreach (XskForwardResult result in forwarder!.GetResults()) Host.UI.WriteLine(result.ToString());
    }
}
