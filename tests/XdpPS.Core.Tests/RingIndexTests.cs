namespace XdpPS.Tests;

/// <summary>Indices that a sound kernel never writes, on rings in plain memory: each is reported, and as often as it is looked at.</summary>
public sealed unsafe class RingIndexTests
{
    private const int Size = 8;

    private static readonly uint[] Starts = [0, 1, 100, 0x7fffffff, uint.MaxValue - 3, uint.MaxValue];

    public static TheoryData<uint, int> ProducersOfAnEmptyRing() => Cross([Size + 1, Size + 2, 1000, int.MaxValue, int.MinValue, -1, -2, -Size]);

    public static TheoryData<uint, int> ConsumersOfAFullRing() => Cross([Size + 1, Size + 2, 1000, int.MaxValue, int.MinValue, -1, -Size, -1000]);

    [Theory]
    [MemberData(nameof(ProducersOfAnEmptyRing))]
    public void A_producer_index_ahead_by_more_than_the_ring_or_gone_back_is_reported_again_and_again(uint start, int moved)
    {
        using PlainRing memory = new(Size, start);
        ConsumerRing<ulong> ring = new(memory.Layout);
        memory.Producer = start + (uint)moved;
        for (int i = 0; i < 3; i++)
        {
            XskException failure = Sockets.Fails(XskErrorId.RingCorrupted, () => ring.Peek(Size, out _));
            Assert.Contains($"producer {start + (uint)moved} and consumer {start}", failure.Message, StringComparison.Ordinal);
        }

        memory.Producer = start + 3;
        Assert.Equal(3u, ring.Peek(Size, out uint index));
        Assert.Equal(start, index);
    }

    [Fact]
    public void A_producer_index_that_goes_back_between_what_was_released_and_what_was_peeked_is_reported()
    {
        foreach (uint start in Starts)
        {
            using PlainRing memory = new(Size, start);
            ConsumerRing<ulong> ring = new(memory.Layout);
            memory.Producer = start + 6;
            Assert.Equal(4u, ring.Peek(4, out _));
            ring.Release(2);
            for (uint back = 2; back < 6; back++)
            {
                memory.Producer = start + back;
                XskException failure = Sockets.Fails(XskErrorId.RingCorrupted, () => ring.Peek(4, out _));
                Assert.Contains($"after producer {start + 6}", failure.Message, StringComparison.Ordinal);
            }

            memory.Producer = start + 7;
            Assert.Equal(3u, ring.Peek(4, out uint index));
            Assert.Equal(start + 4, index);
        }
    }

    [Theory]
    [MemberData(nameof(ConsumersOfAFullRing))]
    public void A_consumer_index_ahead_of_the_producer_or_too_far_behind_is_reported_again_and_again(uint start, int moved)
    {
        using PlainRing memory = new(Size, start);
        ProducerRing<ulong> ring = new(memory.Layout);
        Assert.Equal((uint)Size, ring.Reserve(Size, out _));
        ring.Submit(Size);
        memory.Consumer = start + (uint)moved;
        for (int i = 0; i < 3; i++) Sockets.Fails(XskErrorId.RingCorrupted, () => ring.Reserve(1, out _));
        memory.Consumer = start + 1;
        Assert.Equal(1u, ring.Reserve(Size, out uint index));
        Assert.Equal(start + Size, index);
    }

    [Fact]
    public void A_consumer_index_may_not_be_ahead_of_what_was_published_although_more_is_reserved()
    {
        using PlainRing memory = new(Size, uint.MaxValue);
        ProducerRing<ulong> ring = new(memory.Layout);
        Assert.Equal((uint)Size, ring.Reserve(Size, out _));
        ring.Submit(3);
        memory.Consumer = 3;
        Sockets.Fails(XskErrorId.RingCorrupted, () => ring.Reserve(1, out _));
    }

    [Fact]
    public void Indices_that_are_wrong_from_the_first_are_reported_at_the_first_use()
    {
        foreach (uint start in Starts)
        {
            using PlainRing memory = new(Size, start);
            memory.Producer = start + Size + 1;
            ProducerRing<ulong> fill = new(memory.Layout);
            ConsumerRing<ulong> rx = new(memory.Layout);
            for (int i = 0; i < 2; i++)
            {
                Sockets.Fails(XskErrorId.RingCorrupted, () => fill.Reserve(1, out _));
                Sockets.Fails(XskErrorId.RingCorrupted, () => rx.Peek(1, out _));
            }
        }
    }

    /// <summary>Against what may be: an index is either honest, and all of it is granted, or an error.</summary>
    [Fact]
    public void Whatever_the_kernel_writes_is_either_taken_for_what_it_says_or_reported()
    {
        Random random = new(11);
        int honest = 0, reported = 0;
        for (int round = 0; round < 200_000; round++)
        {
            uint start = Starts[random.Next(Starts.Length)];
            using PlainRing memory = new(Size, start);
            ConsumerRing<ulong> ring = new(memory.Layout);
            uint known = (uint)random.Next(Size + 1);
            memory.Producer = start + known;
            Assert.Equal(known, ring.Peek(Size, out _));
            uint released = (uint)random.Next((int)known + 1);
            ring.Release(released);

            uint written = random.Next(3) == 0 ? (uint)random.NextInt64(1L << 32) : start + (uint)random.Next(-3, 2 * Size + 3);
            memory.Producer = written;
            long ahead = (int)(written - start);
            if (ahead >= known && ahead - released <= Size)
            {
                Assert.Equal((uint)(ahead - known), ring.Peek(2 * Size, out uint index));
                Assert.Equal(start + known, index);
                honest++;
            }
            else
            {
                Assert.Equal(XskErrorId.RingCorrupted, Assert.Throws<XskException>(() => ring.Peek(2 * Size, out _)).ErrorId);
                reported++;
            }
        }

        Assert.True(honest > 10_000 && reported > 10_000, $"{honest} honest, {reported} reported");
    }

    [Fact]
    public void Counting_the_frames_ends_whatever_the_indices_say()
    {
        using PlainRing memory = new(Size, 5);
        ConsumerRing<ulong> rx = new(memory.Layout);
        ProducerRing<ulong> fill = new(memory.Layout);
        Assert.Equal(4u, fill.Reserve(4, out _));
        fill.Submit(2);
        memory.Producer = 0x80000000;
        memory.Consumer = 0x90000000;
        List<ulong> published = [], held = [];
        rx.CopyTo(published, held);
        Assert.Equal((Size, 0), (published.Count, held.Count));
        published.Clear();
        fill.CopyTo(published, held);
        Assert.Equal((Size, 2), (published.Count, held.Count));
    }

    private static TheoryData<uint, int> Cross(int[] moves)
    {
        TheoryData<uint, int> data = [];
        foreach (uint start in Starts)
        {
            foreach (int moved in moves) data.Add(start, moved);
        }

        return data;
    }
}
