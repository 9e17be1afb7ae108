using System.Numerics;
using System.Reflection;
using System.Runtime.InteropServices;

namespace XdpPS.Tests;

/// <summary>
/// How often each place of the core was reached, which is what 'dotnet test --collect "XPlat Code Coverage"' counts: coverlet
/// writes an array of counters into the assembly (its ModuleTrackerTemplate). Without it nothing guides the search.
/// </summary>
internal sealed class CoverageMap
{
    private const string TrackerNamespace = "Coverlet.Core.Instrumentation.Tracker";

    private readonly FieldInfo counters;
    private readonly int[] seen;

    private CoverageMap(FieldInfo counters)
    {
        this.counters = counters;
        seen = new int[Counters.Length];
    }

    /// <summary>Places reached up to now.</summary>
    internal int Reached { get; private set; }

    internal int Places => seen.Length;

    private int[] Counters => (int[])counters.GetValue(null)!;

    internal static CoverageMap? Find()
    {
        Type? tracker = Array.Find(typeof(XskPacket).Assembly.GetTypes(), type => type.Namespace == TrackerNamespace);
        return tracker?.GetField("HitsArray") is { } field ? new CoverageMap(field) : null;
    }

    /// <returns>Whether a place was reached that had not been.</returns>
    internal bool Grew()
    {
        int[] now = Counters;
        int before = Reached;
        ReadOnlySpan<Vector<int>> counts = MemoryMarshal.Cast<int, Vector<int>>(now);
        ReadOnlySpan<Vector<int>> known = MemoryMarshal.Cast<int, Vector<int>>(seen);
        for (int i = 0; i < counts.Length; i++)
        {
            if (Vector.EqualsAll(Vector.AndNot(Vector.OnesComplement(Vector.Equals(counts[i], Vector<int>.Zero)), known[i]), Vector<int>.Zero)) continue;
            Mark(now, i * Vector<int>.Count, (i + 1) * Vector<int>.Count);
        }

        Mark(now, counts.Length * Vector<int>.Count, now.Length);
        return Reached > before;
    }

    private void Mark(int[] now, int from, int to)
    {
        for (int i = from; i < to; i++)
        {
            if (now[i] == 0 || seen[i] != 0) continue;
            seen[i] = -1;
            Reached++;
        }
    }
}
