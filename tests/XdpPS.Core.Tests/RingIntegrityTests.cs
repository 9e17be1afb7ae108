using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using XdpPS.Interop;

namespace XdpPS.Tests;

/// <summary>
/// Descriptors that a sound kernel never writes, on every way that a packet or a frame can take from a ring: each is
/// reported, nothing is read or written by it, and what came before it is not touched by it either.
/// </summary>
public sealed unsafe partial class RingIntegrityTests
{
    private const ulong FrameSize = 2048;
    private const ulong Length = PlayedKernel.Frames * FrameSize;

    /// <summary>What is wrong with a received descriptor.</summary>
    public enum Wrong
    {
        /// <summary>It begins where the UMEM ends.</summary>
        Behind,

        /// <summary>It is as far away as can be.</summary>
        FarAway,

        /// <summary>Its end is beyond 2^64.</summary>
        Wrapping,

        /// <summary>It begins in the last frame and ends outside.</summary>
        AcrossTheEnd,

        /// <summary>It has one byte more than its frame.</summary>
        LongerThanItsFrame,

        /// <summary>It has 4 GiB.</summary>
        AsLongAsCanBe,

        /// <summary>It is in a frame to send.</summary>
        FrameToSend,

        /// <summary>It is in a frame that was never given to the kernel.</summary>
        FrameNotOnFill,

        /// <summary>Its frame came before, and was given back.</summary>
        Again,
    }

    public static TheoryData<string, Wrong> ReceivedWrongly()
    {
        TheoryData<string, Wrong> data = [];
        foreach (string way in new[] { "read", "release", "read packets", "release packets", "forward", "filter", "copy", "forward packets", "filter packets" })
        {
            foreach (Wrong wrong in Enum.GetValues<Wrong>()) data.Add(way, wrong);
        }

        return data;
    }

    [KernelTheory]
    [MemberData(nameof(ReceivedWrongly))]
    public void A_received_descriptor_that_cannot_be_is_reported_and_never_followed(string way, Wrong wrong)
    {
        bool packets = way.Contains("packets", StringComparison.Ordinal);
        using PlayedKernel kernel = new(multiBuffer: packets);
        using Target target = new(kernel, way, packets);
        (ulong address, uint length) = Describe(kernel, wrong);
        kernel.Umem.Slice(0, (uint)Length).Fill(0xa5);
        kernel.Deliver(arrived: 0);
        kernel.Produce(address, length);
        Sockets.Fails(XskErrorId.RingCorrupted, () => target.Take(2));
        for (ulong frame = 0; frame < Length; frame += FrameSize)
        {
            Assert.Equal(-1, kernel.Umem.Slice(frame, 248).IndexOfAnyExcept((byte)0xa5));
            Assert.Equal(-1, kernel.Umem.Slice(frame + 256, 1792).IndexOfAnyExcept((byte)0xa5));
        }

        // A time is cleared where a packet was, and nowhere else.
        if (address < Length) Assert.Equal(-1, kernel.Umem.Slice(address - 8, 8).IndexOfAnyExcept((byte)0xa5));
        Assert.All(kernel.Queued, queued => Assert.True(queued.Address < Length && queued.Length == 60));
        target.AssertFree();
    }

    [KernelTheory]
    [InlineData("read")]
    [InlineData("forward")]
    [InlineData("forward packets")]
    public void One_frame_twice_in_a_batch_is_reported(string way)
    {
        bool packets = way.Contains("packets", StringComparison.Ordinal);
        using PlayedKernel kernel = new(multiBuffer: packets);
        using Target target = new(kernel, way, packets);
        ulong frame = kernel.Deliver(arrived: null);
        kernel.Produce(frame + 300, 60);
        Sockets.Fails(XskErrorId.RingCorrupted, () => target.Take(2));
        target.AssertFree();
        // It is not free twice, nor on FILL and free.
        ulong[] free = kernel.Pool.Free.ToArray();
        Assert.Equal(free.Length, free.Distinct().Count());
        Assert.InRange(free.Count(one => one == frame) + kernel.Queued.Count(one => one.Address - (one.Address % FrameSize) == frame), 0, 1);
    }

    /// <summary>Without the check the time would be read from, and cleared in, the frame before.</summary>
    [KernelTheory]
    [InlineData(0)]
    [InlineData(7)]
    public void An_arrival_time_is_never_looked_for_in_the_frame_before(int offset)
    {
        using PlayedKernel kernel = new();
        ulong frame = kernel.TakeFill();
        kernel.Umem.Slice(0, (uint)Length).Fill(0xa5);
        kernel.Produce(frame + (ulong)offset, 60);
        Sockets.Fails(XskErrorId.RingCorrupted, () =>
        {
            using ReceiveBatch batch = kernel.Take(1);
            Assert.Equal(60, batch[0].Data.Length);
            _ = batch[0].Timestamp;
        });
        Assert.Equal(-1, kernel.Umem.Slice(0, (uint)Length).IndexOfAnyExcept((byte)0xa5));
    }

    [KernelTheory]
    [InlineData("read")]
    [InlineData("forward")]
    [InlineData("copy")]
    public void The_beginning_of_a_packet_of_several_frames_is_reported_where_none_was_asked_for(string way)
    {
        using PlayedKernel kernel = new();
        using Target target = new(kernel, way, packets: false);
        kernel.Produce(kernel.TakeFill() + 256, 60, IfXdp.XDP_PKT_CONTD);
        Assert.Contains("options 0x1", Sockets.Fails(XskErrorId.RingCorrupted, () => target.Take(1)).Message, StringComparison.Ordinal);
        target.AssertFree();
    }

    /// <summary>A newer kernel may set more of them: what is not known is not followed.</summary>
    [KernelTheory]
    [InlineData("read", false)]
    [InlineData("forward", false)]
    [InlineData("read packets", true)]
    [InlineData("forward packets", true)]
    public void Options_that_nobody_knows_change_nothing(string way, bool packets)
    {
        using PlayedKernel kernel = new(multiBuffer: packets);
        using Target target = new(kernel, way, packets);
        for (uint bit = 2; bit != 0; bit <<= 1) kernel.Produce(kernel.TakeFill() + 256, 60, bit);
        kernel.Produce(kernel.TakeFill() + 256, 60, 0xfffffffe);
        Assert.Equal(32, target.Take(64));
        target.AssertFree();
    }

    [KernelTheory]
    [InlineData(0xffffUL, 0UL)]
    [InlineData(3008UL, 1UL)]
    [InlineData(2752UL, 256UL)]
    [InlineData(0x100UL, 0x800000000000UL)]
    public void An_offset_of_an_unaligned_address_that_leads_out_of_its_frame_is_reported(ulong offset, ulong more)
    {
        using PlayedKernel kernel = new(frameSize: 3000, unaligned: true);
        ulong good = kernel.TakeFill(), bad = kernel.TakeFill();
        kernel.Produce(good + (256UL << 48), 60);
        kernel.Produce((bad + more) | (offset << 48), 60);
        using (ReceiveBatch batch = kernel.Take(1)) Assert.Equal(60, batch[0].Data.Length);
        Sockets.Fails(XskErrorId.RingCorrupted, () =>
        {
            using ReceiveBatch batch = kernel.Take(1);
            _ = batch[0];
        });
    }

    /// <summary>Whose lengths add up to more than an int, and to a buffer of gigabytes for the filter.</summary>
    [KernelTheory]
    [InlineData("forward packets")]
    [InlineData("filter packets")]
    [InlineData("copy packets")]
    public void The_lengths_of_a_packets_parts_are_checked_before_they_are_added_up(string way)
    {
        using PlayedKernel kernel = new(multiBuffer: true);
        using Target target = new(kernel, way, packets: true);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 3; i++) kernel.Produce(kernel.TakeFill() + 256, 0x60000000, IfXdp.XDP_PKT_CONTD);
        kernel.Produce(kernel.TakeFill() + 256, 1);
        Sockets.Fails(XskErrorId.RingCorrupted, () => target.Take(1));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
        Assert.Empty(kernel.Queued);
        target.AssertFree();
    }

    [KernelTheory]
    [InlineData(false, Length)]
    [InlineData(false, ulong.MaxValue)]
    [InlineData(false, 1UL << 47)]
    [InlineData(true, Length)]
    [InlineData(true, ulong.MaxValue)]
    public void A_completion_of_what_is_no_frame_is_reported(bool shared, ulong address) => Completion(shared, (_, _) => address);

    [KernelTheory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_completion_of_what_was_not_sent_is_reported(bool shared)
    {
        Completion(shared, (kernel, _) => kernel.SendPool.Free[0]);
        Completion(shared, (kernel, _) => kernel.Pool.Free[0]);
        Completion(shared, (kernel, _) => kernel.TakeFill());
    }

    /// <summary>Although others are still out, so that their number alone would not tell.</summary>
    [KernelTheory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_second_completion_of_a_frame_is_reported(bool shared)
    {
        using PlayedKernel kernel = Sending(shared, out ulong[] sent);
        kernel.CompleteAs(sent[0]);
        kernel.Transmit.Reap();
        Assert.Equal(1, kernel.Transmit.Completed);
        kernel.CompleteAs(sent[0]);
        Sockets.Fails(XskErrorId.RingCorrupted, kernel.Transmit.Reap);
        Completion(shared, (_, first) => first);
    }

    [KernelFact]
    public void A_queue_index_that_cannot_be_is_reported_on_every_way_and_every_time()
    {
        Report(kernel => kernel.Received += 65, kernel => kernel.Take(64).Dispose());
        Report(kernel => kernel.Received -= 1, kernel => kernel.Take(64).Dispose());
        Report(kernel => kernel.Completions += 65, kernel => kernel.Transmit.Reap());
        Report(kernel => kernel.Completions -= 1, kernel => kernel.Transmit.Reap());
        Report(kernel => kernel.Sent += 1, kernel => kernel.Reserve(64).Dispose());
        Report(kernel => kernel.Sent -= 65, kernel => kernel.Reserve(64).Dispose());
        Report(kernel => kernel.FillTaken += 65, kernel => kernel.Receive.Refill());
        Report(kernel => kernel.FillTaken -= 1, kernel => kernel.Receive.Refill());

        static void Report(Action<PlayedKernel> spoil, Action<PlayedKernel> use)
        {
            foreach (bool multiBuffer in new[] { false, true })
            {
                using PlayedKernel kernel = new(multiBuffer: multiBuffer);
                spoil(kernel);
                for (int i = 0; i < 3; i++)
                {
                    Sockets.Fails(XskErrorId.RingCorrupted, () => use(kernel));
                    kernel.Receive.Gate.Leave();
                    kernel.Transmit.Gate.Leave();
                }
            }
        }
    }

    /// <summary>
    /// Whatever is written to the rings' memory: what is read lies in one frame of the UMEM, nothing is thrown but the
    /// report, and no frame is free twice.
    /// </summary>
    [KernelFact]
    public void Whatever_is_scribbled_on_the_rings_only_frames_are_read_and_only_the_report_is_thrown()
    {
        int reports = 0, reads = 0;
        for (int round = 0; round < 3_000; round++)
        {
            Random random = new(round);
            bool packets = random.Next(2) == 0;
            using PlayedKernel kernel = new(multiBuffer: packets);
            string way = (packets, random.Next(3)) switch
            {
                (false, 0) => "read",
                (false, 1) => "forward",
                (false, _) => "filter",
                (true, 0) => "read packets",
                (true, 1) => "forward packets",
                _ => "filter packets",
            };
            using Target target = new(kernel, way, packets);
            for (int i = 0; i < 8; i++) kernel.Deliver(arrived: null);
            for (int step = 0; step < 40; step++)
            {
                try
                {
                    switch (random.Next(8))
                    {
                        case 0:
                            kernel.Produce((ulong)random.Next(PlayedKernel.Frames) * FrameSize + 256, (uint)random.Next(2000), (uint)random.Next(3));
                            break;
                        case 1:
                            kernel.CompleteAs((ulong)random.Next(PlayedKernel.Frames) * FrameSize);
                            break;
                        case 2:
                            kernel.Scribble(random);
                            break;
                        case 3:
                            kernel.Transmit.Reap();
                            break;
                        case 4 when kernel.CanDeliver:
                            kernel.Deliver(arrived: null);
                            break;
                        default:
                            reads += target.Take(random.Next(1, 65));
                            break;
                    }
                }
                catch (XskException e)
                {
                    Assert.Equal(XskErrorId.RingCorrupted, e.ErrorId);
                    reports++;
                    target.AssertFree();
                }

                foreach (FramePool pool in new[] { kernel.Pool, kernel.SendPool })
                {
                    ulong[] free = pool.Free.ToArray();
                    Assert.Equal(free.Length, free.Distinct().Count());
                    Assert.All(free, frame => Assert.Same(pool, kernel.Umem.OwnerOf(frame)));
                }
            }
        }

        Assert.True(reports > 3_000 && reads > 3_000, $"{reports} reports, {reads} reads");
    }

    private static void Completion(bool shared, Func<PlayedKernel, ulong, ulong> wrong)
    {
        using PlayedKernel kernel = Sending(shared, out ulong[] sent);
        int free = kernel.SendPool.Count;
        kernel.CompleteAs(sent[0]);
        kernel.CompleteAs(wrong(kernel, sent[0]));
        Sockets.Fails(XskErrorId.RingCorrupted, kernel.Transmit.Reap);
        ulong[] now = kernel.SendPool.Free.ToArray();
        Assert.Equal(now.Length, now.Distinct().Count());
        Assert.InRange(now.Length, free, free + 1);
    }

    private static PlayedKernel Sending(bool shared, out ulong[] sent)
    {
        PlayedKernel kernel = new();
        if (shared) kernel.Queue.Share(kernel.Info);
        using (SendBatch batch = kernel.Reserve(8))
        {
            for (int i = 0; i < 8; i++) batch.Add(60);
        }

        sent = [.. kernel.Queued.Select(descriptor => descriptor.Address)];
        return kernel;
    }

    private static (ulong Address, uint Length) Describe(PlayedKernel kernel, Wrong wrong)
    {
        switch (wrong)
        {
            case Wrong.Behind:
                return (Length, 60);
            case Wrong.FarAway:
                return (ulong.MaxValue - 4096, 60);
            case Wrong.Wrapping:
                return (ulong.MaxValue - 10, 60);
            case Wrong.FrameToSend:
                using (SendBatch batch = kernel.Reserve(1)) batch.Add(60);
                return (kernel.Queued[0].Address + 256, 60);
            case Wrong.FrameNotOnFill:
                return (kernel.Pool.Free[0] + 256, 60);
            case Wrong.Again:
                ulong again = kernel.Deliver(arrived: null);
                Assert.True(kernel.Receive.Gate.TryEnter());
                Assert.Equal(1u, kernel.Receive.Peek(1, out uint index));
                if (kernel.Receive.IsMultiBuffer) kernel.Receive.ReleasePackets(index, 1, 1);
                else kernel.Receive.Release(index, 1);
                kernel.Receive.Gate.Leave();
                return (again + 256, 60);
            default:
                ulong frame = kernel.TakeFill();
                if (wrong == Wrong.AcrossTheEnd) return (frame + 256, (uint)(Length - frame) - 255);
                return (frame + 256, wrong == Wrong.LongerThanItsFrame ? 1793 : uint.MaxValue);
        }
    }
}
