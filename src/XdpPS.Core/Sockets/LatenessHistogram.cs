using System.Numerics;

namespace XdpPS;

/// <summary>How late frames were, in classes of which each power of two has 16: what it says is at most a sixteenth too much.</summary>
internal sealed class LatenessHistogram
{
    private const int Bits = 4;
    private const int PerPower = 1 << Bits;

    private readonly long[] counts = new long[64 * PerPower];
    private long total;

    /// <summary>The most that was added.</summary>
    internal long Most { get; private set; }

    /// <param name="lateness">Negative counts as 0.</param>
    internal void Add(long lateness)
    {
        long value = Math.Max(lateness, 0);
        counts[ClassOf(value)]++;
        total++;
        if (value > Most) Most = value;
    }

    /// <returns>What so many of a hundred did not exceed; 0 when nothing was added.</returns>
    internal long Percentile(double percent)
    {
        long rank = Math.Max(1, (long)Math.Ceiling(total * percent / 100));
        long seen = 0;
        for (int i = 0; i < counts.Length; i++)
        {
            seen += counts[i];
            if (seen >= rank) return Math.Min(Last(i), Most);
        }

        return Most;
    }

    private static int ClassOf(long value)
    {
        if (value < PerPower) return (int)value;
        int power = BitOperations.Log2((ulong)value);
        return ((power - Bits + 1) * PerPower) + (int)((value >> (power - Bits)) & (PerPower - 1));
    }

    /// <returns>The largest value of a class.</returns>
    private static long Last(int index)
    {
        if (index < PerPower) return index;
        int shift = (index / PerPower) - 1;
        return ((PerPower + (index % PerPower) + 1L) << shift) - 1;
    }
}
