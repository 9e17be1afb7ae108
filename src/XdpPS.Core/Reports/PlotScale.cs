using System.Globalization;

namespace XdpPS;

/// <summary>An axis: where a value lies between 0 and 1, and what is written beside it.</summary>
internal abstract class PlotScale
{
    internal abstract IReadOnlyList<(double Value, string Label)> Ticks { get; }

    internal abstract double Map(double value);

    /// <summary>From 0 to a round number that is at least the greatest.</summary>
    internal static PlotScale Linear(double greatest, string unit = "")
    {
        if (!(greatest > 0) || !double.IsFinite(greatest)) greatest = 1;
        double step = Math.Pow(10, Math.Floor(Math.Log10(greatest / 4)));
        step *= (greatest / step) switch { > 20 => 5, > 10 => 2.5, > 5 => 2, _ => 1 };
        int count = (int)Math.Ceiling((greatest / step) - 1e-9);
        return new LinearScale(step, Math.Max(count, 1), unit);
    }

    /// <summary>Whole powers of ten around the values, all of them above 0.</summary>
    internal static PlotScale Logarithmic(IEnumerable<double> values)
    {
        double[] all = [.. values.Where(value => value > 0 && double.IsFinite(value))];
        int low = all.Length == 0 ? 0 : (int)Math.Floor(Math.Log10(all.Min()) + 1e-9);
        int high = all.Length == 0 ? 1 : (int)Math.Ceiling(Math.Log10(all.Max()) - 1e-9);
        return new LogarithmicScale(low, Math.Max(high, low + 1));
    }

    /// <summary>A place for each value, all as wide.</summary>
    internal static PlotScale Places(IReadOnlyList<double> values) => new PlaceScale(values);

    /// <summary>Quantiles as HdrHistogram's plots have them: 0, 90, 99, 99.9 % as far apart from each other.</summary>
    /// <param name="nines">How many nines the last tick has.</param>
    internal static PlotScale Quantiles(int nines) => new QuantileScale(Math.Max(nines, 1));

    private static string Short(double value)
    {
        (double divisor, string prefix) = Math.Abs(value) switch { >= 1e9 => (1e9, "G"), >= 1e6 => (1e6, "M"), >= 1e4 => (1e3, "k"), _ => (1.0, "") };
        return (value / divisor).ToString("0.######", CultureInfo.InvariantCulture) + prefix;
    }

    private sealed class LinearScale(double step, int count, string unit) : PlotScale
    {
        internal override IReadOnlyList<(double Value, string Label)> Ticks { get; } =
            [.. Enumerable.Range(0, count + 1).Select(i => (Math.Round(i * step, 12), Short(Math.Round(i * step, 12)) + unit))];

        internal override double Map(double value) => value / (step * count);
    }

    private sealed class LogarithmicScale(int low, int high) : PlotScale
    {
        internal override IReadOnlyList<(double Value, string Label)> Ticks { get; } =
            [.. Enumerable.Range(low, high - low + 1).Select(power => (Math.Pow(10, power), Short(Math.Pow(10, power))))];

        internal override double Map(double value) => Math.Clamp((Math.Log10(Math.Max(value, 1e-300)) - low) / (high - low), 0, 1);
    }

    private sealed class PlaceScale(IReadOnlyList<double> values) : PlotScale
    {
        private readonly double[] places = [.. values.Distinct().Order()];

        internal override IReadOnlyList<(double Value, string Label)> Ticks => [.. places.Select(value => (value, Short(value)))];

        internal override double Map(double value) => (Array.IndexOf(places, value) + 0.5) / places.Length;
    }

    private sealed class QuantileScale(int nines) : PlotScale
    {
        internal override IReadOnlyList<(double Value, string Label)> Ticks { get; } =
            [.. Enumerable.Range(0, nines + 1).Select(n => (1 - Math.Pow(10, -n), n == 0 ? "0 %" : (100 - Math.Pow(10, 2 - n)).ToString("0.########", CultureInfo.InvariantCulture) + " %"))];

        internal override double Map(double value) => value >= 1 ? 1 : Math.Clamp(-Math.Log10(1 - value) / nines, 0, 1);
    }
}
