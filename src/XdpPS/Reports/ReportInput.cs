using System.Collections;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Management.Automation;
using System.Management.Automation.Runspaces;

namespace XdpPS.Reports;

/// <summary>
/// Reads what a report is made of by the names of its properties, so that it does not matter whether an object was made
/// here, or came through Clixml, a job or remoting and has only those left.
/// </summary>
internal sealed class ReportInput
{
    private const string Deserialized = "Deserialized.";

    private readonly List<ReportCheck> checks = [];
    private readonly List<ReportInterface> interfaces = [];
    private readonly List<ReportThroughput> throughputs = [];
    private readonly List<ReportMeasurement> measurements = [];

    /// <returns>False where it is nothing that belongs in a report; then trouble says why.</returns>
    internal bool TryAdd(PSObject one, [NotNullWhen(false)] out string? trouble)
    {
        trouble = null;
        string kind = Kind(one);
        try
        {
            switch (kind)
            {
                case nameof(XdpInterfaceCheck): checks.Add(Check(one)); break;
                case nameof(XdpInterface): interfaces.Add(Interface(one)); break;
                case nameof(XskThroughputResult): throughputs.Add(Throughput(one)); break;
                case nameof(XskPathMeasurement): measurements.Add(Measurement(one, Computer(one))); break;
                default: trouble = $"A {one.TypeNames[0]} has no place in a report"; break;
            }
        }
        catch (PSInvalidCastException e)
        {
            trouble = $"The {kind} cannot be read: {e.Message.TrimEnd('.')}";
        }

        return trouble is null;
    }

    internal XskReport ToReport(string title)
    {
        XskReport report = new() { Title = title, Kernel = KernelRelease() };
        checks.ForEach(report.Checks.Add);
        interfaces.ForEach(report.Interfaces.Add);
        throughputs.ForEach(report.Throughputs.Add);
        measurements.ForEach(report.Measurements.Add);
        return report;
    }

    /// <summary>As uname has it.</summary>
    private static string KernelRelease()
    {
        try
        {
            return File.ReadAllText("/proc/sys/kernel/osrelease").Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Environment.OSVersion.Version.ToString();
        }
    }

    private static string Kind(PSObject one)
    {
        foreach (string name in one.TypeNames)
        {
            string plain = name.StartsWith(Deserialized, StringComparison.Ordinal) ? name[Deserialized.Length..] : name;
            if (plain.StartsWith("XdpPS.", StringComparison.Ordinal)) return plain["XdpPS.".Length..];
        }

        return "";
    }

    private static ReportCheck Check(PSObject one) => new(
        Computer(one), Text(one, nameof(XdpInterfaceCheck.Interface)), Place(one), Text(one, nameof(XdpInterfaceCheck.Name)),
        Value<XdpCheckStatus>(one, nameof(XdpInterfaceCheck.Status)), Text(one, nameof(XdpInterfaceCheck.Detail)),
        Value<string?>(one, nameof(XdpInterfaceCheck.Remedy)));

    private static ReportInterface Interface(PSObject one) => new(
        Computer(one), Text(one, nameof(XdpInterface.Name)), Place(one), Value<string?>(one, nameof(XdpInterface.Driver)),
        Value<int>(one, nameof(XdpInterface.Mtu)), Value<int>(one, nameof(XdpInterface.QueueCount)),
        Value<double?>(one, nameof(XdpInterface.SpeedMbps)));

    private static ReportThroughput Throughput(PSObject one)
    {
        string? computer = Computer(one);
        PSObject? at = Value<PSObject?>(one, nameof(XskThroughputResult.AtThroughput));
        return new ReportThroughput
        {
            Path = Path(one, computer),
            FrameSize = Value<int>(one, nameof(XskThroughputResult.FrameSize)),
            Throughput = Value<double>(one, nameof(XskThroughputResult.Throughput)),
            SenderLimited = Value<bool>(one, nameof(XskThroughputResult.SenderLimited)),
            Bits = Value<double>(one, nameof(XskThroughputResult.ThroughputBits)),
            LossTolerance = Value<double>(one, nameof(XskThroughputResult.LossTolerance)),
            TrialSeconds = Value<double>(one, nameof(XskThroughputResult.TrialSeconds)),
            BackToBackFrames = Value<long>(one, nameof(XskThroughputResult.BackToBackFrames)),
            Deviations = [.. List(one, nameof(XskThroughputResult.Deviations)).Select(deviation => deviation.ToString())],
            Trials = [.. List(one, nameof(XskThroughputResult.Trials)).Select(trial => Measurement(trial, computer))],
            AtThroughput = at is null ? null : Measurement(at, computer),
        };
    }

    private static ReportMeasurement Measurement(PSObject one, string? computer) => new()
    {
        Path = Path(one, computer),
        FrameSize = Value<int>(one, nameof(XskPathMeasurement.FrameSize)),
        Offered = Value<double?>(one, nameof(XskPathMeasurement.OfferedPacketsPerSecond)),
        Seconds = Value<TimeSpan>(one, nameof(XskPathMeasurement.Duration)).TotalSeconds,
        Sent = Value<long>(one, nameof(XskPathMeasurement.Sent)),
        Received = Value<long>(one, nameof(XskPathMeasurement.Received)),
        Lost = Value<long>(one, nameof(XskPathMeasurement.Lost)),
        LossRatio = Value<double>(one, nameof(XskPathMeasurement.LossRatio)),
        Duplicates = Value<long>(one, nameof(XskPathMeasurement.Duplicates)),
        Reordered = Value<long>(one, nameof(XskPathMeasurement.Reordered)),
        SentRate = Value<double>(one, nameof(XskPathMeasurement.SentPacketsPerSecond)),
        ReceivedRate = Value<double>(one, nameof(XskPathMeasurement.ReceivedPacketsPerSecond)),
        Latency =
        [
            Value<double?>(one, nameof(XskPathMeasurement.LatencyMin)), Value<double?>(one, nameof(XskPathMeasurement.LatencyP50)),
            Value<double?>(one, nameof(XskPathMeasurement.LatencyP90)), Value<double?>(one, nameof(XskPathMeasurement.LatencyP99)),
            Value<double?>(one, nameof(XskPathMeasurement.LatencyP999)), Value<double?>(one, nameof(XskPathMeasurement.LatencyMax)),
        ],
        Jitter = Value<double?>(one, nameof(XskPathMeasurement.Jitter)),
        Histogram = [.. List(one, nameof(XskPathMeasurement.Histogram)).Select(bucket => new ReportBucket(
            Value<double>(bucket, nameof(XskLatencyBucket.Microseconds)), Value<long>(bucket, nameof(XskLatencyBucket.Count))))],
        Rings = [.. List(one, nameof(XskPathMeasurement.RingSamples)).Select(RingSample)],
        MeasuringError = Value<double>(one, nameof(XskPathMeasurement.MeasuringError)),
        Start = Time(one, nameof(XskPathMeasurement.Start)),
    };

    private static ReportRingSample RingSample(PSObject one) => new(
        Value<TimeSpan>(one, nameof(XskRingSample.Elapsed)).TotalSeconds, Value<double>(one, nameof(XskRingSample.TxFill)),
        Value<double>(one, nameof(XskRingSample.CompletionFill)), Value<double>(one, nameof(XskRingSample.RxFill)),
        Value<double>(one, nameof(XskRingSample.FillFill)));

    private static ReportPath Path(PSObject one, string? computer) => new(
        computer, Text(one, nameof(XskPathMeasurement.Transmit)), Text(one, nameof(XskPathMeasurement.Receive)),
        Value<bool>(one, nameof(XskPathMeasurement.RoundTrip)));

    /// <summary>What remoting adds.</summary>
    private static string? Computer(PSObject one) => Value<string?>(one, "PSComputerName") is { Length: > 0 } name ? name : null;

    private static string? Place(PSObject one) => Value<string?>(one, nameof(XdpInterface.NetworkNamespace));

    private static string Text(PSObject one, string property) => Value<string?>(one, property) ?? "";

    /// <summary>Clixml has no such time: there it becomes an object with its properties, and further down text.</summary>
    private static DateTimeOffset Time(PSObject one, string property)
    {
        if (one.Properties[property]?.Value is not { } value) return default;
        PSObject time = PSObject.AsPSObject(value);
        if (time.BaseObject is DateTimeOffset plain) return plain;
        if (time.Properties["Ticks"]?.Value is long ticks && time.Properties["Offset"]?.Value is TimeSpan offset) return new DateTimeOffset(ticks, offset);
        return DateTimeOffset.TryParse(value.ToString(), CultureInfo.InvariantCulture, out DateTimeOffset parsed) ? parsed : default;
    }

    private static IEnumerable<PSObject> List(PSObject one, string property)
    {
        object? value = one.Properties[property]?.Value;
        if (value is PSObject wrapped) value = wrapped.BaseObject;
        // What lay too deep to be serialized is text.
        return value is IEnumerable list and not string ? list.Cast<object>().OfType<object>().Select(PSObject.AsPSObject) : [];
    }

    private static T Value<T>(PSObject one, string property) =>
        one.Properties[property]?.Value is { } value ? (T)LanguagePrimitives.ConvertTo(value, typeof(T), CultureInfo.InvariantCulture) : default!;
}
