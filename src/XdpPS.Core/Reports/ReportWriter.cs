using System.Globalization;

namespace XdpPS;

/// <summary>Puts a report's page together: the summary, and a section for each kind of plot with the tables behind it.</summary>
internal sealed partial class ReportWriter
{
    private readonly XskReport report;
    private readonly HtmlWriter html;
    private readonly bool fleet;
    private readonly IReadOnlyList<ReportMeasurement> trials;
    private readonly IReadOnlyList<ReportMeasurement> best;
    private readonly List<(string Id, string Title, Action Write)> sections = [];
    private int plots;

    internal ReportWriter(XskReport report, HtmlWriter html)
    {
        this.report = report;
        this.html = html;
        trials = [.. report.Throughputs.SelectMany(one => one.Trials.Count > 0 ? one.Trials : one.AtThroughput is { } only ? [only] : []), .. report.Measurements];
        // What RFC 2544 asks for is the latency at the throughput; a size that was not searched for has its best measurement.
        ReportMeasurement[] at = [.. report.Throughputs.Select(one => one.AtThroughput).OfType<ReportMeasurement>()];
        HashSet<(ReportPath, int)> searched = [.. at.Select(one => (one.Path, one.FrameSize))];
        best = ReportPlots.Best([.. at, .. trials.Where(one => !searched.Contains((one.Path, one.FrameSize)))]);
        fleet = Computers().Any(computer => computer is not null);
        if (report.Checks.Count > 0) sections.Add(("checks", "Checks", WriteChecks));
        if (report.Interfaces.Count > 0) sections.Add(("interfaces", "Interfaces", WriteInterfaces));
        if (trials.Count > 0 || report.Throughputs.Count > 0) sections.Add(("throughput", "Throughput", WriteThroughput));
        if (best.Any(HasLatency)) sections.Add(("latency", "Latency", WriteLatency));
        if (trials.Count > 0) sections.Add(("loss", "Loss", WriteLoss));
        if (best.Any(one => one.Rings.Count > 0)) sections.Add(("rings", "Rings", WriteRings));
    }

    internal byte[] Write()
    {
        using (html.Open("head"))
        {
            html.Empty("meta", ("charset", "utf-8"));
            html.Empty("meta", ("name", "viewport"), ("content", "width=device-width, initial-scale=1"));
            // The page asks for nothing; with this it could not.
            html.Empty("meta", ("http-equiv", "Content-Security-Policy"), ("content", "default-src 'none'; style-src 'unsafe-inline'"));
            html.Text("title", report.Title);
            html.Text("style", ReportStyle.Sheet);
        }

        using (html.Open("body"))
        using (html.Open("main"))
        {
            WriteSummary();
            foreach ((string id, string title, Action write) in sections)
            {
                html.Line();
                using HtmlWriter.Closing section = html.Open("section", ("id", id), ("aria-labelledby", $"{id}-head"), ("class", id == sections[0].Id ? "first" : null));
                html.Text("h2", title, ("id", $"{id}-head"));
                write();
            }

            WriteConventions();
        }

        return html.Finish();
    }

    private void WriteSummary()
    {
        using (html.Open("header"))
        {
            html.Text("h1", report.Title);
            using (html.Open("dl"))
            {
                Term("Made on", $"{report.Host}, Linux {report.Kernel}");
                using (Described("Date")) html.Text("time", ReportText.Time(report.Created), ("datetime", report.Created.ToString("yyyy-MM-ddTHH:mm:sszzz", CultureInfo.InvariantCulture)));
                string?[] computers = [.. Computers().Distinct().Order(StringComparer.Ordinal)];
                if (fleet) Term("Hosts", string.Join(", ", computers.Select(computer => computer ?? report.Host)));
                if (report.Verdict is { } verdict)
                {
                    using HtmlWriter.Closing checks = Described("Checks");
                    WriteVerdict(verdict);
                    html.Write($": {string.Join(", ", report.Checks.GroupBy(check => check.Status).OrderBy(group => group.Key).Select(group => $"{group.Count()} {group.Key}"))}");
                }

                if (trials.Count > 0) WriteMeasured();
                foreach (string deviation in report.Throughputs.SelectMany(one => one.Deviations).Distinct()) Term("Not as RFC 2544 says", deviation);
            }
        }

        using HtmlWriter.Closing nav = html.Open("nav", ("aria-label", "Sections"));
        using HtmlWriter.Closing list = html.Open("ul");
        foreach ((string id, string title, _) in sections)
        {
            using HtmlWriter.Closing item = html.Open("li");
            html.Text("a", title, ("href", $"#{id}"));
        }
    }

    private void WriteMeasured()
    {
        long sent = trials.Sum(one => one.Sent);
        long lost = trials.Sum(one => one.Lost);
        DateTimeOffset first = trials.Min(one => one.Start);
        DateTimeOffset last = trials.Max(one => one.Start);
        Term("Measured", $"{ReportText.Count(trials.Count)} {(trials.Count == 1 ? "time" : "times")}, {ReportText.Time(first)}{(last > first ? $" to {ReportText.Time(last)}" : "")}");
        Term("Frames", $"{ReportText.Count(sent)} sent, {ReportText.Count(lost)} lost{(sent > 0 ? $" ({ReportText.Percent((double)lost / sent)})" : "")}");
        if (trials.Any(HasLatency)) Term("Measuring error", $"{ReportText.Number(trials.Max(one => one.MeasuringError))} us at most: what measuring itself adds to a latency");
    }

    private void WriteConventions()
    {
        using HtmlWriter.Closing footer = html.Open("footer");
        html.Text("p", "Frame sizes include the frame check sequence of 4 bytes, as RFC 2544 states them: a frame of 64 bytes is one of 60 to a socket. "
            + "Bits a second are those of frames with it. The line rate allows each frame 20 bytes more, for preamble and gap. Latencies are microseconds.");
    }

    private void WriteChecks()
    {
        ReportTable<ReportCheck> table = new ReportTable<ReportCheck>("Checks of the interfaces")
            .When(fleet, t => t.Text("Host", row => row.Computer ?? report.Host))
            .Text("Interface", row => row.NetworkNamespace is { Length: > 0 } place ? $"{row.Interface} in {place}" : row.Interface)
            .Text("Check", row => row.Name)
            .Cell("Verdict", (_, row) => WriteVerdict(row.Status))
            .Sentence("Found", row => row.Detail)
            .Sentence("What to do", row => row.Remedy);
        table.Write(html, report.Checks);
    }

    private void WriteInterfaces() => new ReportTable<ReportInterface>("Interfaces")
        .When(fleet, t => t.Text("Host", row => row.Computer ?? report.Host))
        .Text("Interface", row => row.NetworkNamespace is { Length: > 0 } place ? $"{row.Name} in {place}" : row.Name)
        .Text("Driver", row => row.Driver ?? "none")
        .Number("Speed, Mbit/s", row => row.SpeedMbps)
        .Count("MTU", row => row.Mtu)
        .Count("Queues", row => row.Queues)
        .Write(html, report.Interfaces);

    private void WriteVerdict(XdpCheckStatus status)
    {
        // The sign and the word say what the colour does.
        string sign = status switch { XdpCheckStatus.Pass => "✓", XdpCheckStatus.Warn => "▲", XdpCheckStatus.Fail => "✗", _ => "?" };
        html.Text("span", $"{sign} {status}", ("class", $"verdict {status.ToString().ToLowerInvariant()}"));
    }

    private void Term(string name, string text)
    {
        html.Text("dt", name);
        html.Text("dd", text);
    }

    private HtmlWriter.Closing Described(string name)
    {
        html.Text("dt", name);
        return html.Open("dd");
    }

    private void Figure(Plot plot)
    {
        html.Line();
        using HtmlWriter.Closing figure = html.Open("figure");
        plot.Write(html, string.Create(CultureInfo.InvariantCulture, $"plot{++plots}"));
    }

    private IEnumerable<string?> Computers() => report.Checks.Select(one => one.Computer)
        .Concat(report.Interfaces.Select(one => one.Computer))
        .Concat(report.Throughputs.Select(one => one.Path.Computer))
        .Concat(report.Measurements.Select(one => one.Path.Computer));

    private static bool HasLatency(ReportMeasurement one) => one.Histogram.Count > 0 || one.Latency.Any(latency => latency is not null);
}
