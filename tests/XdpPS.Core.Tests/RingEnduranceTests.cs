using System.Diagnostics;
using System.Globalization;
using Xunit.Abstractions;

namespace XdpPS.Tests;

/// <summary>
/// One producer and one consumer, both ours, on two threads, over the wrap of the 32-bit index again and again: every
/// entry arrives once, in order and in one piece. XDPPS_RING_OPERATIONS says how many entries are handed over.
/// </summary>
public sealed class RingEnduranceTests(ITestOutputHelper output)
{
    private const long Default = 10_000_000;

    /// <summary>So many entries on one ring, before another of another size takes its turn.</summary>
    private const int Round = 2_000_000;

    private static long Operations =>
        long.TryParse(Environment.GetEnvironmentVariable("XDPPS_RING_OPERATIONS"), CultureInfo.InvariantCulture, out long count) ? count : Default;

    [Fact]
    public void Two_threads_lose_no_entry_and_tear_none_over_many_wraps()
    {
        Stopwatch watch = Stopwatch.StartNew();
        long done = 0, wraps = 0;
        for (int round = 0; done < Operations; round++)
        {
            Random random = new(round);
            // A ring of few entries makes both sides wait for each other at each one.
            int size = 1 << random.Next(13);
            int count = (int)Math.Min(Operations - done, size < 32 ? Round / 40 : Round);
            uint start = uint.MaxValue - (uint)random.Next(count);
            if (round % 2 == 0) HandOver(size, start, count, round, i => Entry.Of(i, round));
            else HandOver(size, start, count, round, i => Mix(i, round));
            done += count;
            wraps++;
        }

        output.WriteLine($"{done:N0} entries over {wraps:N0} wraps of the index in {watch.Elapsed.TotalSeconds:F1} s");
    }

    private static void HandOver<T>(int size, uint start, int count, int seed, Func<long, T> entry) where T : unmanaged, IEquatable<T>
    {
        using PlainRing memory = new(size, start);
        ProducerRing<T> to = new(memory.Layout);
        ConsumerRing<T> from = new(memory.Layout);
        using CancellationTokenSource given = new();
        TestNetwork.Running producer = new(() => OrGiveUp(() => Produce(to, count, new Random(seed), entry, given.Token)));
        try
        {
            OrGiveUp(() => Consume(from, count, new Random(~seed), entry, given.Token));
        }
        finally
        {
            producer.Join();
        }

        Assert.Equal((start + (uint)count, start + (uint)count), (memory.Producer, memory.Consumer));

        // The other side must not wait for one that has failed.
        void OrGiveUp(Action side)
        {
            try
            {
                side();
            }
            catch
            {
                given.Cancel();
                throw;
            }
        }
    }

    private static void Produce<T>(ProducerRing<T> ring, int count, Random random, Func<long, T> entry, CancellationToken given) where T : unmanaged
    {
        SpinWait wait = default;
        for (long next = 0; next < count;)
        {
            uint granted = ring.Reserve((uint)Math.Min(random.Next(1, 65), count - next), out uint index);
            // What is written and taken back must not be seen.
            uint kept = random.Next(8) == 0 ? (uint)random.Next((int)granted + 1) : granted;
            for (uint i = 0; i < granted; i++) ring[index + i] = entry(i < kept ? next + i : -1);
            ring.Cancel(granted - kept);
            ring.Submit(kept);
            next += kept;
            if (granted > 0) continue;
            if (given.IsCancellationRequested) return;
            wait.SpinOnce(sleep1Threshold: -1);
        }
    }

    private static void Consume<T>(ConsumerRing<T> ring, int count, Random random, Func<long, T> entry, CancellationToken given) where T : unmanaged, IEquatable<T>
    {
        SpinWait wait = default;
        for (long next = 0; next < count;)
        {
            uint found = ring.Peek((uint)random.Next(1, 65), out uint index);
            uint kept = random.Next(8) == 0 ? (uint)random.Next((int)found + 1) : found;
            for (uint i = 0; i < found; i++)
            {
                if (ring[index + i].Equals(entry(next + i))) continue;
                throw new InvalidOperationException($"Entry {next + i} of {count} on a ring of {ring.Size} is not what was written.");
            }

            ring.Cancel(found - kept);
            ring.Release(kept);
            next += kept;
            if (found > 0) continue;
            if (given.IsCancellationRequested) return;
            wait.SpinOnce(sleep1Threshold: -1);
        }
    }

    private static ulong Mix(long number, int seed) => ((ulong)(number + 1) * 0x9E3779B97F4A7C15UL) ^ ((ulong)(uint)seed << 32);

    /// <summary>As large as a descriptor, and its three parts belong together: what is torn between two is neither.</summary>
    private readonly record struct Entry(ulong Address, uint Length, uint Options)
    {
        internal static Entry Of(long number, int seed)
        {
            ulong mixed = Mix(number, seed);
            return new Entry(mixed, (uint)~mixed, (uint)(mixed >> 32) ^ (uint)mixed);
        }
    }
}
