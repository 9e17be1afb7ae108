using System.Globalization;
using System.Text;

namespace XdpPS;

/// <summary>A line of a plot.</summary>
/// <param name="Name">What the legend says.</param>
/// <param name="Points">From left to right.</param>
/// <param name="Marked">A marker at each point.</param>
/// <param name="Reference">Drawn thin: what others are compared with.</param>
internal sealed record PlotSeries(string Name, IReadOnlyList<(double X, double Y)> Points, bool Marked = true, bool Reference = false)
{
    /// <summary>Points that have an arrow: the value is that or more.</summary>
    internal IReadOnlySet<(double X, double Y)> LowerBounds { get; init; } = new HashSet<(double X, double Y)>();
}

/// <summary>A plot as SVG. Lines differ in colour, dashes and markers, so that any one of these tells them apart.</summary>
internal sealed class Plot
{
    private const int Width = 720;
    private const int Left = 84;
    private const int Right = 40;
    private const int Top = 14;
    private const int Inner = 260;
    private const int Below = 52;
    private const int LegendRow = 20;
    private const int Colors = 6;

    private static readonly string[] Dashes = ["", "8 4", "2 3", "10 3 2 3"];

    internal required string Title { get; init; }

    /// <summary>What a reader who does not see it is told.</summary>
    internal required string Description { get; init; }

    internal required string XLabel { get; init; }

    internal required string YLabel { get; init; }

    internal required PlotScale X { get; init; }

    internal required PlotScale Y { get; init; }

    internal required IReadOnlyList<PlotSeries> Series { get; init; }

    /// <param name="html">Where to.</param>
    /// <param name="id">Of its title and description; no other plot has it.</param>
    internal void Write(HtmlWriter html, string id)
    {
        int rows = (Series.Count + LegendColumns - 1) / LegendColumns;
        int height = Top + Inner + Below + (LegendRow * rows) + 6;
        using HtmlWriter.Closing svg = html.Open(
            "svg", ("viewBox", $"0 0 {Width} {height}"), ("role", "img"), ("aria-labelledby", $"{id}-title {id}-text"));
        html.Text("title", Title, ("id", $"{id}-title"));
        html.Text("desc", Description, ("id", $"{id}-text"));
        WriteAxes(html);
        for (int i = 0; i < Series.Count; i++) WriteSeries(html, Series[i], i);
    }

    /// <summary>As many as the longest name leaves room for.</summary>
    private int LegendColumns => Series.Max(one => one.Name.Length) switch { <= 13 => 4, <= 34 => 2, _ => 1 };

    private static string Style(int index) => $"s{index % Colors}";

    private double Across(double value) => Left + (X.Map(value) * (Width - Left - Right));

    private double Down(double value) => Top + ((1 - Y.Map(value)) * Inner);

    private void WriteAxes(HtmlWriter html)
    {
        foreach ((double value, string label) in Y.Ticks)
        {
            double y = Down(value);
            html.Empty("line", ("class", "grid"), ("x1", Left), ("x2", Width - Right), ("y1", Round(y)), ("y2", Round(y)));
            html.Text("text", label, ("class", "tick"), ("x", Left - 8), ("y", Round(y + 4)), ("text-anchor", "end"));
        }

        foreach ((double value, string label) in X.Ticks)
        {
            double x = Across(value);
            html.Empty("line", ("class", "grid"), ("x1", Round(x)), ("x2", Round(x)), ("y1", Top), ("y2", Top + Inner));
            html.Text("text", label, ("class", "tick"), ("x", Round(x)), ("y", Top + Inner + 18), ("text-anchor", "middle"));
        }

        html.Empty("path", ("class", "axis"), ("d", $"M{Left} {Top}V{Top + Inner}H{Width - Right}"));
        html.Text("text", XLabel, ("x", (Left + Width - Right) / 2), ("y", Top + Inner + 40), ("text-anchor", "middle"));
        html.Text(
            "text", YLabel, ("x", 0), ("y", 0), ("text-anchor", "middle"), ("transform", $"translate(16 {Top + (Inner / 2)}) rotate(-90)"));
    }

    private void WriteSeries(HtmlWriter html, PlotSeries series, int index)
    {
        string dashes = series.Reference ? "" : Dashes[index % Dashes.Length];
        (double X, double Y)[] points = [.. series.Points.Where(point => double.IsFinite(point.X) && double.IsFinite(point.Y))];
        using HtmlWriter.Closing group = html.Open("g", ("class", series.Reference ? "reference" : Style(index)));
        StringBuilder line = new();
        foreach ((double x, double y) in points)
            line.Append(line.Length == 0 ? 'M' : 'L').Append(Round(Across(x))).Append(' ').Append(Round(Down(y)));
        if (points.Length > 1) html.Empty("path", ("class", "line"), ("d", line.ToString()), ("stroke-dasharray", dashes.Length > 0 ? dashes : null));
        if (series.Marked || points.Length == 1)
        {
            foreach ((double x, double y) in points) WriteMarker(html, index, Across(x), Down(y));
        }

        foreach ((double x, double y) in points.Where(series.LowerBounds.Contains))
            html.Empty("path", ("class", "line"), ("d", $"M{Round(Across(x))} {Round(Down(y) - 4)}v-10m-4 4l4 -4l4 4"));

        int legendX = Left + (index % LegendColumns * (Width - Left - Right) / LegendColumns);
        int legendY = Top + Inner + Below + (LegendRow * (index / LegendColumns)) + 12;
        html.Empty("path", ("class", "line"), ("d", $"M{legendX} {legendY}h36"), ("stroke-dasharray", dashes.Length > 0 ? dashes : null));
        if (series.Marked) WriteMarker(html, index, legendX + 18, legendY);
        html.Text("text", series.Name, ("x", legendX + 44), ("y", legendY + 4));
    }

    private static void WriteMarker(HtmlWriter html, int index, double x, double y)
    {
        string shape = (index % 5) switch
        {
            0 => "m-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0",
            1 => "m-4 -4h8v8h-8z",
            2 => "m0 -5l5 9h-10z",
            3 => "m0 -5l5 5l-5 5l-5 -5z",
            _ => "m-4 -4l8 8m0 -8l-8 8",
        };
        html.Empty("path", ("class", "marker"), ("d", $"M{Round(x)} {Round(y)}{shape}"));
    }

    private static string Round(double value) => value.ToString("0.#", CultureInfo.InvariantCulture);
}
