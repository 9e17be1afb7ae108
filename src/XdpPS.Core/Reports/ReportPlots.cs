using System.Globalization;

namespace XdpPS;

/// <summary>The plots of a report, and which measurements they are of.</summary>
internal static class ReportPlots
{
    internal const string FrameSizeLabel = "Frame size in bytes, with FCS";

    private static readonly string[] LatencyNames = ["minimum", "median", "90 %", "99 %", "99.9 %", "maximum"];

    /// <summary>The frames a second that a line of so many bits a second can carry: each has 20 bytes of preamble and gap beside it.</summary>
    internal static double LineRate(double speedMbps, int frameSize) => speedMbps * 1e6 / ((frameSize + 20) * 8);

    /// <summary>Of each path and frame size the one measurement that stands for it: that with the least loss, and among those the fastest.</summary>
    internal static IReadOnlyList<ReportMeasurement> Best(IEnumerable<ReportMeasurement> measurements) =>
    [
        .. measurements.GroupBy(one => (one.Path, one.FrameSize))
            .Select(group => group.OrderBy(one => one.Sent == 0).ThenBy(one => one.LossRatio).ThenByDescending(one => one.ReceivedRate).First())
            .OrderBy(one => one.Path.ToString(), StringComparer.Ordinal).ThenBy(one => one.FrameSize),
    ];

    internal static Plot Throughput(
        IReadOnlyList<ReportThroughput> results, IReadOnlyList<ReportMeasurement> best, Func<ReportPath, double?> speed)
    {
        List<PlotSeries> series = [];
        foreach (IGrouping<ReportPath, ReportThroughput> path in results.GroupBy(one => one.Path))
        {
            HashSet<(double X, double Y)> bounds = [.. path.Where(one => one.SenderLimited).Select(one => ((double)one.FrameSize, one.Throughput))];
            string name = $"{path.Key}: throughput (RFC 2544){(bounds.Count > 0 ? "; arrow: or more" : "")}";
            series.Add(new PlotSeries(name, Points(path, one => one.FrameSize, one => one.Throughput)) { LowerBounds = bounds });
        }

        foreach (IGrouping<ReportPath, ReportMeasurement> path in best.GroupBy(one => one.Path))
            series.Add(new PlotSeries($"{path.Key}: received", Points(path, one => one.FrameSize, one => one.ReceivedRate)));
        double[] sizes = [.. results.Select(one => (double)one.FrameSize).Concat(best.Select(one => (double)one.FrameSize)).Distinct().Order()];
        foreach (double mbps in results.Select(one => one.Path).Concat(best.Select(one => one.Path)).Select(speed).OfType<double>().Distinct())
        {
            string name = string.Create(CultureInfo.InvariantCulture, $"line rate at {mbps:0.###} Mbit/s");
            series.Add(new PlotSeries(name, [.. sizes.Select(size => (size, LineRate(mbps, (int)size)))], Marked: false, Reference: true));
        }

        return new Plot
        {
            Title = "Throughput by frame size",
            Description = Described(series, "frames a second at", "bytes"),
            XLabel = FrameSizeLabel,
            YLabel = "Frames a second",
            X = PlotScale.Places(sizes),
            Y = PlotScale.Linear(Greatest(series)),
            Series = series,
        };
    }

    internal static Plot LatencyBySize(ReportPath path, IReadOnlyList<ReportMeasurement> best)
    {
        List<PlotSeries> series = [];
        for (int i = 0; i < LatencyNames.Length; i++)
        {
            (double X, double Y)[] points = [.. best.Where(one => one.Latency[i] is not null).Select(one => ((double)one.FrameSize, one.Latency[i]!.Value))];
            if (points.Length > 0) series.Add(new PlotSeries(LatencyNames[i], points));
        }

        return new Plot
        {
            Title = $"Latency by frame size, {path}",
            Description = Described(series, "us at", "bytes"),
            XLabel = FrameSizeLabel,
            YLabel = "Latency in microseconds",
            X = PlotScale.Places([.. best.Select(one => (double)one.FrameSize)]),
            Y = PlotScale.Logarithmic(series.SelectMany(one => one.Points).Select(point => point.Y)),
            Series = series,
        };
    }

    internal static Plot LatencyByPercentile(ReportPath path, IReadOnlyList<ReportMeasurement> best)
    {
        List<PlotSeries> series = [.. best.Select(one => new PlotSeries(Bytes(one), Quantiles(one.Histogram), Marked: false))];
        long most = best.Max(one => one.Histogram.Sum(bucket => bucket.Count));
        return new Plot
        {
            Title = $"Latency by percentile, {path}",
            Description = "The latency that so many of all frames did not exceed. "
                + string.Join(". ", best.Select(one => string.Create(CultureInfo.InvariantCulture, $"{one.FrameSize} bytes: half within {one.LatencyAt(0.5):0.##} us, 99 % within {one.LatencyAt(0.99):0.##} us, all within {one.LatencyAt(1):0.##} us"))) + ".",
            XLabel = "Percentile",
            YLabel = "Latency in microseconds",
            X = PlotScale.Quantiles((int)Math.Ceiling(Math.Log10(Math.Max(most, 10)))),
            Y = PlotScale.Logarithmic(series.SelectMany(one => one.Points).Select(point => point.Y)),
            Series = series,
        };
    }

    internal static Plot Loss(ReportPath path, IReadOnlyList<ReportMeasurement> trials)
    {
        List<PlotSeries> series =
        [
            .. trials.GroupBy(one => one.FrameSize).OrderBy(group => group.Key)
                .Select(group => new PlotSeries(Bytes(group.First()), Points(group, one => one.OfferedOrSent, one => one.LossRatio * 100))),
        ];
        return new Plot
        {
            Title = $"Loss by offered rate, {path}",
            Description = Described(series, "% lost at", "frames a second"),
            XLabel = "Offered rate in frames a second",
            YLabel = "Frames lost",
            X = PlotScale.Linear(trials.Max(one => one.OfferedOrSent)),
            Y = PlotScale.Linear(Greatest(series), " %"),
            Series = series,
        };
    }

    internal static Plot Rings(ReportMeasurement one)
    {
        (string Name, Func<ReportRingSample, double> Of)[] rings =
            [("RX", sample => sample.Rx), ("FILL", sample => sample.Fill), ("TX", sample => sample.Tx), ("COMPLETION", sample => sample.Completion)];
        List<PlotSeries> series =
            [.. rings.Select(ring => new PlotSeries(ring.Name, Points(one.Rings, sample => sample.Seconds, sample => ring.Of(sample) * 100), Marked: one.Rings.Count <= 30))];
        return new Plot
        {
            Title = $"Ring occupancy, {one.Path}, {Bytes(one)}",
            Description = string.Join(". ", series.Select(ring => string.Create(CultureInfo.InvariantCulture, $"{ring.Name}: {ring.Points.Min(point => point.Y):0.#} to {ring.Points.Max(point => point.Y):0.#} % full"))) + ".",
            XLabel = "Seconds since the first frame was sent",
            YLabel = "Occupancy",
            X = PlotScale.Linear(one.Rings.Max(sample => sample.Seconds)),
            Y = PlotScale.Linear(100, " %"),
            Series = series,
        };
    }

    internal static string Bytes(ReportMeasurement one) => string.Create(CultureInfo.InvariantCulture, $"{one.FrameSize} bytes");

    private static (double X, double Y)[] Points<T>(IEnumerable<T> from, Func<T, double> x, Func<T, double> y) =>
        [.. from.Select(one => (X: x(one), Y: y(one))).OrderBy(point => point.X)];

    private static double Greatest(IEnumerable<PlotSeries> series) => series.SelectMany(one => one.Points).Select(point => point.Y).DefaultIfEmpty().Max();

    private static string Described(IEnumerable<PlotSeries> series, string unit, string of) =>
        string.Join(". ", series.Select(one => $"{one.Name}: {string.Join(", ", one.Points.Select(point => $"{(one.LowerBounds.Contains(point) ? "at least " : "")}{ReportText.Number(point.Y)} {unit} {ReportText.Count(point.X)} {of}"))}")) + ".";

    /// <summary>A corner at each class that has frames, and no more than the plot has room for.</summary>
    private static List<(double X, double Y)> Quantiles(IReadOnlyList<ReportBucket> histogram)
    {
        double all = histogram.Sum(bucket => bucket.Count);
        List<(double X, double Y)> points = [];
        long seen = 0;
        foreach (ReportBucket bucket in histogram)
        {
            points.Add((seen / all, bucket.Microseconds));
            seen += bucket.Count;
            points.Add(((seen == (long)all ? 1 - (1 / all) : seen / all), bucket.Microseconds));
        }

        return points;
    }
}
