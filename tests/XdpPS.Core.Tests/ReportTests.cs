using System.Globalization;
using System.Xml.Linq;

namespace XdpPS.Tests;

/// <summary>A report's scales, and its page for all that might be in it.</summary>
public sealed class ReportTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(0.00003)]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(99.9)]
    [InlineData(100)]
    [InlineData(1_488_095)]
    [InlineData(1e12)]
    public void A_linear_scale_has_a_few_round_ticks_and_room_for_the_greatest(double greatest)
    {
        PlotScale scale = PlotScale.Linear(greatest);
        Assert.InRange(scale.Ticks.Count, 2, 10);
        Assert.InRange(scale.Map(greatest), 0, 1 + 1e-9);
        Assert.Equal(0, scale.Map(0));
        Assert.Equal(1, scale.Map(scale.Ticks[^1].Value), 9);
        Assert.Equal(scale.Ticks.Count, scale.Ticks.Select(tick => tick.Label).Distinct().Count());
    }

    [Fact]
    public void Other_scales_map_between_0_and_1()
    {
        PlotScale logarithmic = PlotScale.Logarithmic([0.5, 30, 0]);
        Assert.Equal(["0.1", "1", "10", "100"], logarithmic.Ticks.Select(tick => tick.Label));
        Assert.Equal(1.0 / 3, logarithmic.Map(1), 9);
        PlotScale quantiles = PlotScale.Quantiles(3);
        Assert.Equal(["0 %", "90 %", "99 %", "99.9 %"], quantiles.Ticks.Select(tick => tick.Label));
        Assert.Equal([0.0, 1.0 / 3, 2.0 / 3, 1, 1], new[] { 0, 0.9, 0.99, 0.999, 1 }.Select(value => Math.Round(quantiles.Map(value), 9)), (a, b) => Math.Abs(a - b) < 1e-6);
        PlotScale places = PlotScale.Places([1518, 64, 64, 512]);
        Assert.Equal(["64", "512", "1518"], places.Ticks.Select(tick => tick.Label));
        Assert.Equal(0.5, places.Map(512), 9);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(40)]
    public void Every_page_is_well_formed_whatever_was_measured(int count)
    {
        XskReport report = new() { Title = "t" };
        report.Checks.Add(new ReportCheck(null, "eth1", "lab", "Jit", XdpCheckStatus.Warn, "d", null));
        for (int i = 0; i < count; i++)
        {
            // Of some there is only a part: nothing received, no rings, one class, numbers that are none.
            report.Measurements.Add(new ReportMeasurement
            {
                Path = new ReportPath(i % 3 == 0 ? "host" : null, $"a{i % 4}:0", "b:0", i % 5 == 0),
                FrameSize = 64 << (i % 5),
                Offered = i % 2 == 0 ? null : i * 1e5,
                Sent = i % 9 == 0 ? 0 : 10,
                LossRatio = i % 7 == 0 ? double.NaN : i / 40.0,
                ReceivedRate = i % 6 == 0 ? 0 : i * 1e4,
                Histogram = i % 4 == 0 ? [] : [new ReportBucket(i, 1), new ReportBucket(i + 0.5, i)],
                Latency = [i, null, null, null, null, i],
                Rings = i % 2 == 0 ? [] : [new ReportRingSample(0, 0, 0, 0, 1), new ReportRingSample(0, 1, 1, 1, 0)],
            });
        }

        string page = System.Text.Encoding.UTF8.GetString(report.ToHtml());
        XDocument parsed = XDocument.Parse(page);
        Assert.StartsWith("<!DOCTYPE html>", page, StringComparison.Ordinal);
        // What is no number must not get into a path: a browser draws nothing from there on.
        foreach (XAttribute drawn in parsed.Descendants().Where(e => e.Name.NamespaceName.EndsWith("svg", StringComparison.Ordinal)).Attributes())
            Assert.DoesNotContain("NaN", drawn.Value, StringComparison.Ordinal);
        IEnumerable<XElement> tables = parsed.Descendants().Where(e => e.Name.LocalName == "table" && e.Elements().First().Value.StartsWith("Every measurement", StringComparison.Ordinal));
        Assert.Equal(count, tables.Sum(table => table.Descendants().Count(e => e.Name.LocalName == "tr") - 1));
        Assert.Equal(XdpCheckStatus.Warn, report.Verdict);
    }

    [Fact]
    public void Where_nothing_was_sent_no_loss_is_no_result()
    {
        ReportMeasurement mute = new() { Path = new ReportPath(null, "a", "b", false), FrameSize = 64 };
        ReportMeasurement lossy = mute with { Sent = 100, LossRatio = 0.5, ReceivedRate = 99 };
        Assert.Same(lossy, Assert.Single(ReportPlots.Best([mute, lossy])));

        XskReport report = new() { Title = "t" };
        report.Measurements.Add(mute);
        XElement page = XDocument.Parse(System.Text.Encoding.UTF8.GetString(report.ToHtml())).Root!;
        XElement[] tables = [.. page.Descendants().Where(e => e.Name.LocalName == "table")];
        Assert.Equal(2, tables.Length);
        foreach (XElement table in tables)
        {
            int column = table.Descendants().Where(e => e.Name.LocalName == "th").ToList().FindIndex(head => head.Value == "Lost, %");
            Assert.Equal("–", table.Descendants().Where(e => e.Name.LocalName == "td").ElementAt(column).Value);
        }

        Assert.DoesNotContain(page.Descendants(), e => e.Name.LocalName == "title" && e.Value.StartsWith("Loss", StringComparison.Ordinal));
    }

    [Fact]
    public void A_page_is_the_same_in_every_culture()
    {
        XskReport report = new() { Title = "t", Created = new DateTimeOffset(2026, 11, 21, 20, 0, 0, TimeSpan.Zero) };
        report.Checks.Add(new ReportCheck(null, "eth1", null, "Jit", XdpCheckStatus.Pass, "d", null));
        report.Interfaces.Add(new ReportInterface(null, "a", null, "ice", 1500, 4, 2500.5));
        report.Measurements.Add(new ReportMeasurement
        {
            Path = new ReportPath(null, "a:0", "b:0", false), FrameSize = 64, Sent = 100_000, Lost = 1500, LossRatio = 0.015, SentRate = 12_345.5, ReceivedRate = 12_160.25,
            Latency = [0.125, 1.5, 2.5, 3.5, 4.5, 1234.5], Histogram = [new ReportBucket(1.5, 99_000), new ReportBucket(1234.5, 1000)],
            Rings = [new ReportRingSample(0.25, 0.125, 0, 0.5, 1), new ReportRingSample(0.5, 0.125, 0, 0.75, 1)],
        });
        CultureInfo before = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
            byte[] invariant = report.ToHtml();
            // Without the data of a country's culture it would be the invariant one.
            CultureInfo other = (CultureInfo)CultureInfo.InvariantCulture.Clone();
            other.NumberFormat = new NumberFormatInfo { NumberDecimalSeparator = ",", NumberGroupSeparator = ".", NegativeSign = "~" };
            CultureInfo.CurrentCulture = other;
            Assert.Equal(System.Text.Encoding.UTF8.GetString(invariant), System.Text.Encoding.UTF8.GetString(report.ToHtml()));
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Fact]
    public void A_quantile_is_the_class_that_the_frame_is_in()
    {
        ReportMeasurement one = new()
        {
            Path = new ReportPath(null, "a", "b", false),
            FrameSize = 64,
            Histogram = [new ReportBucket(1, 50), new ReportBucket(2, 49), new ReportBucket(9, 1)],
        };
        Assert.Equal([1.0, 2, 2, 9], new[] { 0.5, 0.51, 0.99, 1 }.Select(quantile => one.LatencyAt(quantile)!.Value));
        Assert.Null((one with { Histogram = [] }).LatencyAt(0.5));
        Assert.Equal([1_488_095.0, 81_274, 14_880_952], new[] { (1000, 64), (1000, 1518), (10_000, 64) }.Select(of => Math.Floor(ReportPlots.LineRate(of.Item1, of.Item2))));
    }
}
