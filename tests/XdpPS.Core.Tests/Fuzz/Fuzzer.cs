using System.Diagnostics;
using System.Globalization;
using System.Text;
using Xunit.Abstractions;

namespace XdpPS.Tests;

/// <summary>
/// Runs inputs through one part of the core: what once failed (tests/fuzz/regressions), what was kept (tests/fuzz/corpus), and
/// then mutations of these. Where coverage is collected, a mutation that reaches a new place is kept as well.
/// </summary>
/// <remarks>
/// XDPPS_FUZZ_SECONDS says how long, in CPU time and in place of a number of cases; XDPPS_FUZZ_SEED which mutations; XDPPS_FUZZ_KEEP names a
/// folder for the corpus as it is at the end, for the input that is being run, and for one that failed. See docs/fuzzing.md.
/// </remarks>
internal sealed class Fuzzer(string target, int longest, ITestOutputHelper output)
{
    private static readonly TimeSpan Hang = TimeSpan.FromSeconds(20);

    // On a machine that has no time for this process an input may take long without hanging.
    private static readonly TimeSpan Starvation = TimeSpan.FromMinutes(10);
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "fuzz");

    private readonly int seed = int.Parse(Environment.GetEnvironmentVariable("XDPPS_FUZZ_SEED") ?? "20261121", CultureInfo.InvariantCulture);
    private readonly string? seconds = Environment.GetEnvironmentVariable("XDPPS_FUZZ_SECONDS");
    private readonly string? keep = Environment.GetEnvironmentVariable("XDPPS_FUZZ_KEEP");
    private readonly CoverageMap? coverage = CoverageMap.Find();
    private readonly List<byte[]> corpus = [];
    private readonly Stopwatch clock = Stopwatch.StartNew();
    private readonly TimeSpan cpuAtBegin = Environment.CpuUsage.TotalTime;
    private byte[] running = [];
    private long cases;
    private long startedAt;
    private long cpuAtStart;

    private TimeSpan CpuTime => Environment.CpuUsage.TotalTime - cpuAtBegin;

    /// <summary>Pieces that mean something to what is tested.</summary>
    internal byte[][] Dictionary { get; init; } = [];

    /// <param name="seeds">Inputs to begin with, beside those that were kept.</param>
    /// <param name="count">How many mutations, unless a time is set.</param>
    /// <param name="execute">Throws where something is wrong.</param>
    internal void Run(IEnumerable<byte[]> seeds, int count, Action<byte[]> execute)
    {
        if (keep is not null) Directory.CreateDirectory(keep);
        using FileStream? current = keep is null ? null : new FileStream(Path.Combine(keep, $"{target}.running"), FileMode.Create);
        using Timer watch = new(_ => EndHang(), null, Hang, Hang);
        // The short ones first: what a longer one reaches beyond them has to be new.
        Begin(Regressions().Concat(Kept().OrderBy(input => input.Length)), execute, current);
        int kept = corpus.Count;
        Begin(seeds, execute, current);
        int begun = corpus.Count;
        TimeSpan until = seconds is null ? TimeSpan.MaxValue : TimeSpan.FromSeconds(double.Parse(seconds, CultureInfo.InvariantCulture));
        Random random = new(seed);
        Mutator mutator = new(random, Dictionary, longest);
        for (long i = 0; seconds is null ? i < count : CpuTime < until; i++)
        {
            byte[] input = mutator.Mutate(Pick(random), corpus[random.Next(corpus.Count)]);
            Execute(input, execute, current);
            if (coverage is not null && coverage.Grew()) corpus.Add(input);
        }

        // Seeds are there at the next run anyway.
        Keep(corpus.Take(kept).Concat(corpus.Skip(begun)));
        string guided = coverage is null ? "not guided by coverage" : $"{coverage.Reached} of {coverage.Places} places of the whole core reached, {corpus.Count - begun} inputs kept for new ones";
        output.WriteLine($"fuzz {target}: {cases} inputs in {CpuTime.TotalMinutes.ToString("F1", CultureInfo.InvariantCulture)} minutes of CPU time, seed {seed}, {begun} to begin with; {guided}");
    }

    internal static byte[] Text(string text) => Encoding.UTF8.GetBytes(text);

    /// <summary>The newest are the likeliest to lead on.</summary>
    private byte[] Pick(Random random) =>
        corpus[random.Next(3) == 0 ? random.Next(corpus.Count - (corpus.Count / 5) - 1, corpus.Count) : random.Next(corpus.Count)];

    private void Begin(IEnumerable<byte[]> inputs, Action<byte[]> execute, FileStream? current)
    {
        foreach (byte[] input in inputs)
        {
            Execute(input, execute, current);
            if (coverage is null || coverage.Grew()) corpus.Add(input);
        }
    }

    private void Execute(byte[] input, Action<byte[]> execute, FileStream? current)
    {
        running = input;
        Volatile.Write(ref cpuAtStart, CpuTime.Ticks);
        Volatile.Write(ref startedAt, clock.ElapsedMilliseconds);
        if (current is not null)
        {
            // Read by whoever looks after a process that ended at once.
            current.Position = 0;
            current.Write(input);
            current.SetLength(input.Length);
            current.Flush();
        }

        try
        {
            execute(input);
            cases++;
        }
        catch (Exception e)
        {
            if (keep is not null) File.WriteAllBytes(Path.Combine(keep, $"{target}-failed-{seed}-{cases}"), input);
            throw new InvalidOperationException($"{target}, input {cases}: {Convert.ToHexString(input)}", e);
        }
        finally
        {
            Volatile.Write(ref startedAt, long.MaxValue);
        }
    }

    private void EndHang()
    {
        long waited = clock.ElapsedMilliseconds - Volatile.Read(ref startedAt);
        TimeSpan used = CpuTime - TimeSpan.FromTicks(Volatile.Read(ref cpuAtStart));
        if (waited < Hang.TotalMilliseconds || (used < Hang / 2 && waited < Starvation.TotalMilliseconds)) return;
        Environment.FailFast($"{target}: an input was not done with after {waited / 1000} s, {used.TotalSeconds} of them of CPU time: {Convert.ToHexString(running)}");
    }

    private IEnumerable<byte[]> Regressions() =>
        Directory.Exists(Path.Combine(Folder, "regressions", target)) ? Directory.GetFiles(Path.Combine(Folder, "regressions", target)).Order(StringComparer.Ordinal).Select(File.ReadAllBytes) : [];

    /// <summary>An input a line, as hexadecimal digits.</summary>
    private IEnumerable<byte[]> Kept() =>
        File.Exists(Path.Combine(Folder, "corpus", $"{target}.txt")) ? File.ReadLines(Path.Combine(Folder, "corpus", $"{target}.txt")).Select(Convert.FromHexString) : [];

    private void Keep(IEnumerable<byte[]> inputs)
    {
        if (keep is null || coverage is null) return;
        File.WriteAllLines(Path.Combine(keep, $"{target}.txt"), inputs.Select(Convert.ToHexString));
    }
}
