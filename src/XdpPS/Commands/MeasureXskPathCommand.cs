using System.Diagnostics;
using System.Globalization;
using System.Management.Automation;
using System.Net;
using System.Net.NetworkInformation;
using XdpPS.Completion;
using XdpPS.Errors;
using XdpPS.Frames;

namespace XdpPS.Commands;

/// <summary>Measure-XskPath.</summary>
[Cmdlet(VerbsDiagnostic.Measure, "XskPath", SupportsShouldProcess = true, DefaultParameterSetName = PathSet)]
[OutputType(typeof(XskPathMeasurement), ParameterSetName = [PathSet])]
[OutputType(typeof(XskThroughputResult), ParameterSetName = [ThroughputSet])]
public sealed class MeasureXskPathCommand : XskCommand
{
    private const string PathSet = "Path";
    private const string ThroughputSet = "Rfc2544";
    private const string Activity = "Measuring a path";
    private const long ShowInterval = 200;

    private readonly Stopwatch shown = new();
    private bool progressShown;

    [Parameter(Mandatory = true, Position = 0)]
    [SingleSocket]
    [ArgumentCompleter(typeof(SocketCompleter))]
    public XskSocket Transmit { get; set; } = null!;

    [Parameter(Position = 1)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(SocketCompleter))]
    public XskSocket[]? Receive { get; set; }

    [Parameter]
    [ValidateRange(64, ushort.MaxValue)]
    [ArgumentCompleter(typeof(FrameSizeCompleter))]
    public int[]? FrameSize { get; set; }

    [Parameter(ParameterSetName = PathSet)]
    [ValidateRange(0.01, 1e9)]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public double PacketsPerSecond { get; set; }

    [Parameter(ParameterSetName = PathSet)]
    [ValidateRange(0.001, 31536000.0)]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public double DurationSeconds { get; set; } = 5;

    [Parameter(Mandatory = true, ParameterSetName = ThroughputSet)]
    public SwitchParameter Rfc2544 { get; set; }

    [Parameter(ParameterSetName = ThroughputSet)]
    [ValidateRange(0.001, 86400.0)]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public double TrialSeconds { get; set; } = 60;

    [Parameter(ParameterSetName = ThroughputSet)]
    [ValidateRange(0.0, 1.0)]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public double LossTolerance { get; set; }

    [Parameter(ParameterSetName = ThroughputSet)]
    [ValidateRange(0.0001, 1.0)]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public double Resolution { get; set; } = 0.01;

    [Parameter]
    public SwitchParameter RoundTrip { get; set; }

    [Parameter]
    public XskPathProtocol Protocol { get; set; }

    [Parameter]
    [MacAddress]
    [ArgumentCompleter(typeof(MacAddressCompleter))]
    public PhysicalAddress? DestinationMac { get; set; }

    [Parameter]
    [PlainAddress]
    [ArgumentCompleter(typeof(AddressCompleter))]
    public IPAddress? SourceAddress { get; set; }

    [Parameter]
    [PlainAddress]
    [ArgumentCompleter(typeof(AddressCompleter))]
    public IPAddress? DestinationAddress { get; set; }

    [Parameter]
    [ValidateRange(1, ushort.MaxValue)]
    [ArgumentCompleter(typeof(UsualValueCompleter))]
    public int Port { get; set; } = XskPathOptions.DefaultPort;

    [Parameter]
    [ValidateRange(0.0, 3600.0)]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public double DrainSeconds { get; set; } = 2;

    [Parameter]
    [ValidateCount(1, 2)]
    [ArgumentCompleter(typeof(CpuCompleter))]
    public int[] Cpu { get; set; } = [];

    private XskSocket[] Receivers => Receive ?? [Transmit];

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        string? ofUdp = new[] { nameof(SourceAddress), nameof(DestinationAddress), nameof(Port) }.FirstOrDefault(Given);
        if (ofUdp is null || Protocol == XskPathProtocol.Udp) return;
        ThrowTerminatingError(XskErrorRecord.Create(
            "ParametersContradict", ErrorCategory.InvalidArgument,
            $"-{ofUdp} is a matter of UDP, and the frames are to be Ethernet alone",
            $"add -Protocol Udp, or leave out -{ofUdp}", null));
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        if (Stopping) return;
        string to = string.Join(", ", Receivers.Select(Name));
        if (!ShouldProcess(Receive is null ? Name(Transmit) : $"{Name(Transmit)} to {to}", "Send frames and measure the path")) return;
        try
        {
            using XskPathMeter meter = new(Transmit, Receivers, Options());
            Measure(meter);
        }
        catch (XskException e) when (!Stopping)
        {
            ThrowTerminatingError(e, Transmit);
        }
        catch (Exception e) when (e is XskException or OperationCanceledException && Stopping)
        {
            // What is measured halfway is no measurement.
            return;
        }

        if (progressShown) WriteProgress(new ProgressRecord(0, Activity, "Done") { RecordType = ProgressRecordType.Completed });
    }

    private static string Name(XskSocket socket) => $"{socket.InterfaceName} queue {socket.QueueId}";

    private void Measure(XskPathMeter meter)
    {
        List<int> sizes = Sizes(meter);
        for (int i = 0; i < sizes.Count && !Stopping; i++)
        {
            string part = sizes.Count > 1 ? $" ({i + 1} of {sizes.Count})" : "";
            void Show(XskPathProgress progress) => ShowProgress(progress, part);
            if (Rfc2544)
            {
                XskThroughputOptions options = new() { TrialDuration = TimeSpan.FromSeconds(TrialSeconds), LossTolerance = LossTolerance, Resolution = Resolution };
                WriteObject(meter.MeasureThroughput(sizes[i], options, Show, StopToken));
            }
            else
            {
                WriteObject(meter.Measure(sizes[i], Given(nameof(PacketsPerSecond)) ? PacketsPerSecond : null, TimeSpan.FromSeconds(DurationSeconds), Show, StopToken));
            }
        }
    }

    /// <summary>What was asked for must be possible, before anything is sent; of the standard sizes those that are.</summary>
    private List<int> Sizes(XskPathMeter meter)
    {
        if (FrameSize is not null)
        {
            foreach (int size in FrameSize) meter.CheckFrameSize(size);
            return [.. FrameSize];
        }

        List<int> possible = [];
        XskException? refused = null;
        foreach (int size in XskPathMeter.StandardFrameSizes)
        {
            try
            {
                meter.CheckFrameSize(size);
                possible.Add(size);
            }
            catch (XskException e) when (e.ErrorId is XskErrorId.FrameTooShort or XskErrorId.FrameTooLong)
            {
                refused = e;
                WriteWarning($"Frames of {size} bytes with FCS are left out: {e.Cause}.");
            }
        }

        return possible.Count > 0 ? possible : throw refused!;
    }

    private XskPathOptions Options() => new()
    {
        Protocol = Protocol,
        DestinationMac = DestinationMac,
        SourceAddress = SourceAddress,
        DestinationAddress = DestinationAddress,
        Port = Port,
        RoundTrip = RoundTrip,
        Drain = TimeSpan.FromSeconds(DrainSeconds),
        Cpus = Cpu,
    };

    private void ShowProgress(XskPathProgress progress, string part)
    {
        if (Stopping || (shown.IsRunning && shown.ElapsedMilliseconds < ShowInterval)) return;
        shown.Restart();
        progressShown = true;
        double seconds = Math.Min(progress.Elapsed.TotalSeconds, progress.Duration.TotalSeconds);
        double rate = seconds > 0 ? progress.Received / seconds : 0;
        // What is on its way is not lost.
        string loss = progress.Elapsed < progress.Duration ? "not yet received" : "missing";
        string offered = progress.OfferedPacketsPerSecond is { } asked ? string.Create(CultureInfo.InvariantCulture, $"{asked:F0} a second") : "top speed";
        string status = string.Create(
            CultureInfo.InvariantCulture,
            $"{progress.FrameSize} bytes{part}, {offered}: {progress.Sent} sent, {rate:F0} a second received, {Math.Max(0, progress.Sent - progress.Received)} {loss}");
        int percent = (int)Math.Clamp(progress.Elapsed / progress.Duration * 100, 0, 100);
        WriteProgress(new ProgressRecord(0, Activity, status) { PercentComplete = percent });
    }
}
