namespace XdpPS;

/// <summary>What sparklines and bars are drawn with.</summary>
/// <param name="steps">From nothing to the highest.</param>
/// <param name="filled">A filled part of a bar.</param>
/// <param name="empty">The rest of it.</param>
internal sealed class Glyphs(string steps, char filled, char empty)
{
    internal static readonly Glyphs Blocks = new("▁▂▃▄▅▆▇█", '█', '░');
    internal static readonly Glyphs Ascii = new("_.,-=+*#", '#', '-');

    internal static bool Contains(char c) => c is >= '▁' and <= '█' or '░';

    /// <summary>The latest values, the last at the right, scaled to the highest of those that are shown.</summary>
    internal string Sparkline(IReadOnlyList<double> values, int width)
    {
        int count = Math.Min(values.Count, width);
        if (count <= 0) return new string(' ', Math.Max(0, width));
        double highest = 0;
        for (int i = values.Count - count; i < values.Count; i++) highest = Math.Max(highest, values[i]);
        return string.Create(width, (values, count, highest, steps), static (line, state) =>
        {
            (IReadOnlyList<double> values, int count, double highest, string steps) = state;
            line.Fill(' ');
            for (int i = 0; i < count; i++)
            {
                double value = values[values.Count - count + i];
                int step = value > 0 ? Math.Clamp((int)Math.Ceiling(value / highest * (steps.Length - 1)), 1, steps.Length - 1) : 0;
                line[line.Length - count + i] = steps[step];
            }
        });
    }

    /// <summary>A part of a whole, 0 to 1: full only when it is, and empty only when it is.</summary>
    internal string Bar(double part, int width)
    {
        int count = (int)Math.Round(part * width);
        if (part > 0) count = Math.Max(count, 1);
        if (part < 1) count = Math.Min(count, width - 1);
        count = Math.Clamp(count, 0, width);
        return new string(filled, count) + new string(empty, width - count);
    }
}
