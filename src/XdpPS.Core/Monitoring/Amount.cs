using System.Globalization;

namespace XdpPS;

/// <summary>Numbers as people read them.</summary>
internal static class Amount
{
    /// <summary>Three digits, a prefix and a unit: "995 pps", "1.23 Mbit/s".</summary>
    internal static string Rate(double value, string unit)
    {
        (string digits, string prefix) = Scale(value);
        return $"{digits} {prefix}{unit}";
    }

    /// <summary>Three digits and a prefix, without a space: "995", "1.23M".</summary>
    internal static string Short(double value)
    {
        (string digits, string prefix) = Scale(value);
        return digits + prefix;
    }

    /// <summary>A part of a whole, 0 to 1; 0 % and 100 % only where it is just that.</summary>
    internal static string Percent(double part)
    {
        double percent = Math.Round(part * 100);
        if (part > 0) percent = Math.Max(percent, 1);
        if (part < 1) percent = Math.Min(percent, 99);
        return string.Create(CultureInfo.InvariantCulture, $"{percent:F0} %");
    }

    private static (string Digits, string Prefix) Scale(double value)
    {
        string[] prefixes = ["", "k", "M", "G", "T"];
        int prefix = 0;
        while (value >= 999.5 && prefix < prefixes.Length - 1)
        {
            value /= 1000;
            prefix++;
        }

        string format = prefix == 0 || value >= 99.95 ? "F0" : value >= 9.995 ? "F1" : "F2";
        return (value.ToString(format, CultureInfo.InvariantCulture), prefixes[prefix]);
    }
}
