using System.Globalization;

namespace XdpPS;

/// <summary>A port of TCP, UDP or SCTP, or several in a row.</summary>
/// <param name="First">The lowest, from 0 to 65,535.</param>
/// <param name="Last">The highest, not below <paramref name="First"/>.</param>
public readonly record struct PortRange(ushort First, ushort Last)
{
    /// <summary>Reads "53" or "8000-8100".</summary>
    /// <returns>False where the text is neither.</returns>
    public static bool TryParse(string? text, out PortRange range)
    {
        string[] ends = (text ?? "").Split('-');
        range = default;
        if (ends.Length > 2 || !TryPort(ends[0], out ushort first) || !TryPort(ends[^1], out ushort last) || first > last) return false;
        range = new PortRange(first, last);
        return true;
    }

    /// <summary>"53" or "8000-8100".</summary>
    public override string ToString() => First == Last
        ? First.ToString(CultureInfo.InvariantCulture)
        : string.Create(CultureInfo.InvariantCulture, $"{First}-{Last}");

    /// <summary>In ascending order, and as one where they touch or overlap.</summary>
    internal static List<PortRange> Merge(IEnumerable<PortRange> ranges)
    {
        List<PortRange> merged = [];
        foreach (PortRange range in ranges.OrderBy(range => range.First))
        {
            if (merged.Count > 0 && range.First <= merged[^1].Last + 1)
                merged[^1] = merged[^1] with { Last = Math.Max(merged[^1].Last, range.Last) };
            else
                merged.Add(range);
        }

        return merged;
    }

    private static bool TryPort(string text, out ushort port) =>
        ushort.TryParse(text.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out port);
}
