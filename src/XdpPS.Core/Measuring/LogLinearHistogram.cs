using System.Numerics;

namespace XdpPS;

/// <summary>
/// Counts values in classes of which each power of two has as many, as HdrHistogram does: what it says is too much by at
/// most one part in so many. Adding allocates nothing.
/// </summary>
internal sealed class LogLinearHistogram
{
    private readonly int bits;
    private readonly int perPower;
    private readonly long[] counts;

    /// <param name="bits">The binary logarithm of how many classes a power of two has.</param>
    internal LogLinearHistogram(int bits)
    {
        this.bits = bits;
        perPower = 1 << bits;
        counts = new long[(64 - bits) * perPower];
    }

    internal long Total { get; private set; }

    /// <summary>The least that was added; nothing sensible before that.</summary>
    internal long Least { get; private set; } = long.MaxValue;

    /// <summary>The most that was added.</summary>
    internal long Most { get; private set; }

    /// <param name="number">Negative counts as 0.</param>
    internal void Add(long number)
    {
        long value = Math.Max(number, 0);
        counts[ClassOf(value)]++;
        Total++;
        if (value > Most) Most = value;
        if (value < Least) Least = value;
    }

    /// <returns>What so many of a hundred did not exceed; 0 when nothing was added.</returns>
    internal long Percentile(double percent)
    {
        long rank = Math.Max(1, (long)Math.Ceiling(Total * percent / 100));
        long seen = 0;
        for (int i = 0; i < counts.Length; i++)
        {
            seen += counts[i];
            if (seen >= rank) return Math.Min(Last(i), Most);
        }

        return Most;
    }

    /// <returns>The classes that are not empty: the largest value of each, and how many values it has.</returns>
    internal IEnumerable<(long Last, long Count)> Classes()
    {
        for (int i = 0; i < counts.Length; i++)
        {
            if (counts[i] > 0) yield return (Last(i), counts[i]);
        }
    }

    private int ClassOf(long value)
    {
        if (value < perPower) return (int)value;
        int power = BitOperations.Log2((ulong)value);
        return ((power - bits + 1) * perPower) + (int)((value >> (power - bits)) & (perPower - 1));
    }

    /// <returns>The largest value of a class.</returns>
    private long Last(int index)
    {
        if (index < perPower) return index;
        int shift = (index / perPower) - 1;
        return ((perPower + (index % perPower) + 1L) << shift) - 1;
    }
}
