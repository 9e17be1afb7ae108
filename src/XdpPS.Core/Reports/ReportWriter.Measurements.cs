using System.Globalization;

namespace XdpPS;

/// <content>The sections about what was measured.</content>
internal sealed partial class ReportWriter
{
    private static readonly double[] Quantiles = [0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, 0.99999, 1];

    private void WriteThroughput()
    {
        HashSet<ReportPath> searched = [.. report.Throughputs.Select(one => one.Path)];
        ReportMeasurement[] others = [.. best.Where(one => !searched.Contains(one.Path))];
        Figure(ReportPlots.Throughput([.. report.Throughputs], others, Speed));
        if (report.Throughputs.Count > 0)
        {
            string bound = report.Throughputs.Any(one => one.SenderLimited) ? $"; {ReportText.AtLeast.Trim()}: or more, for the sender was the limit and not the path" : "";
            Paths(new ReportTable<ReportThroughput>($"Throughput by frame size with FCS, by RFC 2544{bound}"), one => one.Path)
                .Count("Frame size", row => row.FrameSize)
                .Number("Throughput, frames/s", row => row.Throughput, atLeast: row => row.SenderLimited)
                .Number("Throughput, Mbit/s", row => row.Bits / 1e6, atLeast: row => row.SenderLimited)
                .When(report.Throughputs.Any(one => Speed(one.Path) is not null), t => t
                    .Number("Line rate, frames/s", row => LineRate(row.Path, row.FrameSize))
                    .Number("Of line rate, %", row => row.Throughput / LineRate(row.Path, row.FrameSize) * 100, atLeast: row => row.SenderLimited))
                .Number("Loss tolerated, %", row => row.LossTolerance * 100)
                .Number("Trial, s", row => row.TrialSeconds)
                .Count("Trials", row => row.Trials.Count)
                .Count("Back-to-back frames", row => row.BackToBackFrames)
                .Write(html, report.Throughputs);
        }

        if (others.Length == 0) return;
        Paths(new ReportTable<ReportMeasurement>("Frames received by frame size with FCS; of several measurements that with the least loss, then the fastest"), one => one.Path)
            .Count("Frame size", row => row.FrameSize)
            .Number("Received, frames/s", row => row.ReceivedRate)
            .Number("Received, Mbit/s", row => row.ReceivedRate * row.FrameSize * 8 / 1e6)
            .When(others.Any(one => Speed(one.Path) is not null), t => t
                .Number("Line rate, frames/s", row => LineRate(row.Path, row.FrameSize))
                .Number("Of line rate, %", row => row.ReceivedRate / LineRate(row.Path, row.FrameSize) * 100))
            .Number("Lost, %", LostPercent)
            .Write(html, others);
    }

    private void WriteLatency()
    {
        foreach (IGrouping<ReportPath, ReportMeasurement> path in best.Where(HasLatency).GroupBy(one => one.Path))
        {
            html.Text("h3", path.Key.ToString());
            Figure(ReportPlots.LatencyBySize(path.Key, [.. path]));
            new ReportTable<ReportMeasurement>($"Latency in microseconds by frame size with FCS, {path.Key}")
                .Count("Frame size", row => row.FrameSize)
                .Number("Received, frames/s", row => row.ReceivedRate)
                .Number("Minimum", row => row.Latency[0])
                .Number("Median", row => row.Latency[1])
                .Number("90 %", row => row.Latency[2])
                .Number("99 %", row => row.Latency[3])
                .Number("99.9 %", row => row.Latency[4])
                .Number("Maximum", row => row.Latency[5])
                .Number("Jitter", row => row.Jitter)
                .Number("Measuring error", row => row.MeasuringError)
                .Write(html, path);
            ReportMeasurement[] whole = [.. path.Where(one => one.Histogram.Count > 0)];
            if (whole.Length == 0) continue;
            Figure(ReportPlots.LatencyByPercentile(path.Key, whole));
            ReportTable<double> table = new ReportTable<double>($"Latency in microseconds that so many of the frames did not exceed, by frame size with FCS, {path.Key}")
                .Number("Percentile", row => row * 100, value => string.Create(CultureInfo.InvariantCulture, $"{value:0.###} %"));
            foreach (ReportMeasurement one in whole) table.Number(ReportPlots.Bytes(one), one.LatencyAt);
            table.Write(html, Quantiles);
        }
    }

    private void WriteLoss()
    {
        foreach (IGrouping<ReportPath, ReportMeasurement> path in trials.GroupBy(one => one.Path))
        {
            html.Text("h3", path.Key.ToString());
            ReportMeasurement[] sent = [.. path.Where(one => one.Sent > 0)];
            if (sent.Length > 0) Figure(ReportPlots.Loss(path.Key, sent));
            new ReportTable<ReportMeasurement>($"Every measurement, by frame size with FCS, {path.Key}")
                .Count("Frame size", row => row.FrameSize)
                .Number("Offered, frames/s", row => row.Offered, absent: "top speed")
                .Number("Sent, frames/s", row => row.SentRate)
                .Number("Received, frames/s", row => row.ReceivedRate)
                .Number("Seconds", row => row.Seconds)
                .Count("Sent", row => row.Sent)
                .Count("Received", row => row.Received)
                .Count("Lost", row => row.Lost)
                .Number("Lost, %", LostPercent)
                .Count("Duplicates", row => row.Duplicates)
                .Count("Reordered", row => row.Reordered)
                .Write(html, path.OrderBy(one => one.FrameSize).ThenBy(one => one.OfferedOrSent));
        }
    }

    private void WriteRings()
    {
        foreach (ReportMeasurement one in best.Where(one => one.Rings.Count > 0))
        {
            html.Text("h3", $"{one.Path}, {ReportPlots.Bytes(one)}");
            Figure(ReportPlots.Rings(one));
            (string Name, Func<ReportRingSample, double> Of)[] rings =
                [("RX", sample => sample.Rx), ("FILL", sample => sample.Fill), ("TX", sample => sample.Tx), ("COMPLETION", sample => sample.Completion)];
            new ReportTable<(string Name, Func<ReportRingSample, double> Of)>($"Occupancy of the rings in percent, {one.Rings.Count} samples, {ReportPlots.Bytes(one)}")
                .Text("Ring", row => row.Name)
                .Number("Least", row => one.Rings.Min(row.Of) * 100)
                .Number("Mean", row => one.Rings.Average(row.Of) * 100)
                .Number("Most", row => one.Rings.Max(row.Of) * 100)
                .Write(html, rings);
            using HtmlWriter.Closing details = html.Open("details");
            html.Text("summary", "Every sample");
            new ReportTable<ReportRingSample>($"Occupancy of the rings in percent over time, {ReportPlots.Bytes(one)}")
                .Number("Seconds", row => row.Seconds)
                .Number("RX", row => row.Rx * 100)
                .Number("FILL", row => row.Fill * 100)
                .Number("TX", row => row.Tx * 100)
                .Number("COMPLETION", row => row.Completion * 100)
                .Write(html, one.Rings);
        }
    }

    /// <summary>Of nothing, no part was lost and none came through.</summary>
    private static double? LostPercent(ReportMeasurement one) => one.Sent > 0 ? one.LossRatio * 100 : null;

    /// <summary>The columns that say which path, where there is more than one.</summary>
    private ReportTable<T> Paths<T>(ReportTable<T> table, Func<T, ReportPath> path) => table
        .When(fleet, t => t.Text("Host", row => path(row).Computer ?? report.Host))
        .Text("From", row => path(row).Transmit)
        .Text("To", row => path(row).Receive + (path(row).RoundTrip ? " and back" : ""));

    /// <summary>The speed of the interface that sends, in Mbit/s, where the report has it.</summary>
    private double? Speed(ReportPath path) => report.Interfaces
        .FirstOrDefault(nic => nic.Computer == path.Computer && (path.Transmit == nic.Name || path.Transmit.StartsWith($"{nic.Name}:", StringComparison.Ordinal)))
        ?.SpeedMbps;

    private double? LineRate(ReportPath path, int frameSize) => Speed(path) is { } speed ? ReportPlots.LineRate(speed, frameSize) : null;
}
