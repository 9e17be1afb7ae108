using XdpPS.Interop;

namespace XdpPS.Tests;

/// <summary>Ring arithmetic on plain memory, where the indices can start next to the 32-bit wrap.</summary>
public sealed unsafe class RingTests
{
    public static TheoryData<int, uint> SizesAndStarts()
    {
        TheoryData<int, uint> data = [];
        foreach (int size in new[] { 1, 2, 4, 64, 2048 })
        {
            foreach (uint start in new[] { 0u, 1u, uint.MaxValue, uint.MaxValue - 1, uint.MaxValue - (uint)size, 0x7fffffffu, 0x80000000u }.Distinct())
                data.Add(size, start);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(SizesAndStarts))]
    public void A_producer_ring_carries_every_entry_once_and_in_order_across_the_wrap(int size, uint start)
    {
        using PlainRing memory = new(size, start);
        ProducerRing<ulong> ring = new(memory.Layout);
        Random random = new(size);
        Queue<ulong> expected = [];
        ulong next = 1;
        uint consumer = start;
        for (int round = 0; round < 2000; round++)
        {
            uint wanted = (uint)random.Next(0, size + 2);
            uint granted = ring.Reserve(wanted, out uint index);
            Assert.Equal(Math.Min(wanted, (uint)(size - expected.Count)), granted);
            uint kept = (uint)random.Next(0, (int)granted + 1);
            for (uint i = 0; i < granted; i++) ring[index + i] = next + i;
            ring.Cancel(granted - kept);
            ring.Submit(kept);
            for (uint i = 0; i < kept; i++) expected.Enqueue(next++);
            Assert.Equal(consumer + (uint)expected.Count, *memory.Layout.Producer);
            Assert.Equal(expected.Count, ring.Snapshot().Used);

            int consumed = random.Next(0, expected.Count + 1);
            for (int i = 0; i < consumed; i++)
                Assert.Equal(expected.Dequeue(), ((ulong*)memory.Layout.Entries)[consumer++ & (uint)(size - 1)]);
            *memory.Layout.Consumer = consumer;
        }
    }

    [Theory]
    [MemberData(nameof(SizesAndStarts))]
    public void A_consumer_ring_shows_every_entry_once_and_in_order_across_the_wrap(int size, uint start)
    {
        using PlainRing memory = new(size, start);
        ConsumerRing<ulong> ring = new(memory.Layout);
        Random random = new(size);
        ulong produced = 0, shown = 0;
        uint producer = start, released = 0;
        for (int round = 0; round < 2000; round++)
        {
            int free = size - (int)(produced - released);
            int more = random.Next(0, free + 1);
            for (int i = 0; i < more; i++) ((ulong*)memory.Layout.Entries)[producer++ & (uint)(size - 1)] = ++produced;
            *memory.Layout.Producer = producer;

            uint wanted = (uint)random.Next(0, size + 2);
            uint found = ring.Peek(wanted, out uint index);
            Assert.True(found <= wanted && found <= produced - shown);
            if (wanted > 0 && produced > shown) Assert.True(found > 0);
            for (uint i = 0; i < found; i++) Assert.Equal(++shown, ring[index + i]);

            uint held = (uint)shown - released;
            uint back = (uint)random.Next(0, (int)held + 1);
            ring.Release(back);
            released += back;
            Assert.Equal(start + released, *memory.Layout.Consumer);
            Assert.Equal((long)produced - released, ring.Snapshot().Used);
        }
    }

    [Fact]
    public void Two_threads_hand_a_million_entries_over_across_the_wrap()
    {
        const int count = 1_000_000;
        using PlainRing memory = new(256, uint.MaxValue - 500_000);
        ProducerRing<XdpDescriptor> to = new(memory.Layout);
        ConsumerRing<XdpDescriptor> from = new(memory.Layout);
        TestNetwork.Running producer = new(() =>
        {
            SpinWait wait = default;
            for (int sent = 0; sent < count;)
            {
                uint granted = to.Reserve((uint)Math.Min(32, count - sent), out uint index);
                for (uint i = 0; i < granted; i++, sent++)
                    to[index + i] = new XdpDescriptor { Address = (ulong)sent, Length = (uint)sent * 3, Options = ~(uint)sent };
                to.Submit(granted);
                if (granted == 0) wait.SpinOnce();
            }
        });

        long wrong = 0;
        SpinWait idle = default;
        for (int received = 0; received < count;)
        {
            uint found = from.Peek(32, out uint index);
            for (uint i = 0; i < found; i++, received++)
            {
                XdpDescriptor entry = from[index + i];
                bool right = entry.Address == (ulong)received && entry.Length == (uint)received * 3 && entry.Options == ~(uint)received;
                if (!right) wrong++;
            }

            from.Release(found);
            if (found == 0) idle.SpinOnce();
        }

        producer.Join();
        Assert.Equal(0, wrong);
        Assert.Equal(0, from.Snapshot().Used);
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(uint.MaxValue - 3)]
    public void A_producer_index_that_runs_ahead_of_the_ring_is_reported(uint start)
    {
        using PlainRing memory = new(8, start);
        ConsumerRing<ulong> ring = new(memory.Layout);
        *memory.Layout.Producer = start + 9;
        XskException failure = Sockets.Fails(XskErrorId.RingCorrupted, () => ring.Peek(8, out _));
        Assert.Contains("8 entries", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_consumer_index_that_overtakes_the_producer_is_reported()
    {
        using PlainRing memory = new(8, 100);
        ProducerRing<ulong> ring = new(memory.Layout);
        Assert.Equal(8u, ring.Reserve(8, out _));
        *memory.Layout.Consumer = 109;
        Sockets.Fails(XskErrorId.RingCorrupted, () => ring.Reserve(8, out _));
    }

    [Fact]
    public void Only_the_wakeup_bit_of_the_flags_asks_for_a_wakeup()
    {
        using PlainRing memory = new(8, 0);
        ProducerRing<ulong> ring = new(memory.Layout);
        Assert.False(ring.NeedsWakeup);
        *memory.Layout.Flags = 2;
        Assert.False(ring.NeedsWakeup);
        *memory.Layout.Flags = 3;
        Assert.True(ring.NeedsWakeup);
        Assert.True(ring.Snapshot().NeedWakeup);
    }
}
