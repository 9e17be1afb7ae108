using System.Buffers.Binary;
using System.Diagnostics;

namespace XdpPS.Tests;

/// <summary>
/// From one cable to another: between them is a bridge, on which tcpdump sees what was sent, or a relay of the test's own
/// that loses, copies, swaps and delays frames, and knows which.
/// </summary>
public sealed class PathMeterTests : IDisposable
{
    private const int NumberAt = 22;

    private static readonly TimeSpan Moment = TimeSpan.FromSeconds(0.3);

    private readonly TestNetwork left = new();
    private readonly TestNetwork right = new();

    public void Dispose()
    {
        left.Dispose();
        right.Dispose();
    }

    [KernelFact("tcpdump")]
    public void What_is_counted_is_what_tcpdump_sees_on_the_way()
    {
        Bridge();
        using XskSocket from = Open(left, TestNetwork.Near);
        using XskSocket to = Open(left, "ynear");
        using Capture capture = new(left, "bridge");
        using XskPathMeter meter = new(from, [to]);
        XskPathMeasurement result = meter.Measure(64, 2000, Moment);
        List<byte[]> seen = capture.Stop([.. Enumerable.Repeat(new byte[60], (int)result.Sent)]);
        Assert.All(seen, frame => Assert.Equal((60, "XskQ"), (frame.Length, System.Text.Encoding.ASCII.GetString(frame, 14, 4))));
        Assert.Equal(Enumerable.Range(0, (int)result.Sent), seen.Select(Number));
        Assert.Single(seen.Select(frame => BinaryPrimitives.ReadUInt32BigEndian(frame.AsSpan(18))).Distinct());
        Assert.InRange(result.Sent, 1, 601);
        Assert.Equal((result.Sent, 0, 0, 0, 0), (result.Received, result.Lost, result.Duplicates, result.Reordered, result.Foreign));
        Assert.Equal((64, 60, false, $"{TestNetwork.Near}:0", "ynear:0"), (result.FrameSize, result.FrameLength, result.RoundTrip, result.Transmit, result.Receive));
        CheckLatencies(result);
        Sockets.AssertConserved(from, to);
    }

    [KernelTheory("tshark")]
    [InlineData("198.18.0.1", 64)]
    [InlineData("2001:2::1", 84)]
    public void Udp_arrives_with_checksums_that_tshark_finds_good(string source, int frameSize)
    {
        Bridge();
        using XskSocket from = Open(left, TestNetwork.Near);
        using XskSocket to = Open(left, "ynear");
        using Process tshark = left.Start(
            "tshark", "-i", "bridge", "-Q", "-l", "-c", "20", "-a", "duration:10", "-o", "udp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE",
            "-f", "udp port 7", "-T", "fields", "-e", "udp.checksum.status", "-e", "udp.dstport", "-e", "frame.len");
        Task<string> output = tshark.StandardOutput.ReadToEndAsync();
        using XskPathMeter meter = new(from, [to], new XskPathOptions { Protocol = XskPathProtocol.Udp, SourceAddress = System.Net.IPAddress.Parse(source), Drain = Moment });
        // tshark says nothing when it begins to listen.
        XskPathMeasurement result;
        do
        {
            result = meter.Measure(frameSize, 200, Moment);
            Assert.Equal((result.Sent, 0), (result.Received, result.Foreign));
        }
        while (!tshark.HasExited);
        string[] lines = output.Result.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(20, lines.Length);
        // 1 is good.
        Assert.All(lines, line => Assert.Equal($"1\t7\t{frameSize - 4}", line));
    }

    [KernelTheory]
    [InlineData(false)]
    [InlineData(true)]
    public void Loss_copies_and_swapped_frames_are_reported_as_the_relay_made_them(bool oneThread)
    {
        using XskSocket from = Open(left, TestNetwork.Near);
        using XskSocket to = Open(right, TestNetwork.Near);
        using Relay relay = new(Open(left, TestNetwork.Far), Open(right, TestNetwork.Far), (frame, count) => (count % 10, count % 7, count % 4) switch
        {
            (9, _, _) => [],
            (_, 6, _) => [frame, frame],
            _ => [frame],
        }, swapsEvery: 25);
        using XskPathMeter meter = new(from, [to], new XskPathOptions { Drain = TimeSpan.FromSeconds(0.5), Cpus = oneThread ? [ThreadAffinity.Allowed[0]] : [] });
        Assert.Equal(oneThread || ThreadAffinity.Allowed.Count == 1, meter.HasOneThread);
        XskPathMeasurement result = meter.Measure(128, 3000, Moment);
        List<int> arrivals = [.. relay.Stop().Select(Number)];
        List<int> firsts = [.. arrivals.Distinct()];
        int highest = -1, reordered = 0;
        foreach (int number in firsts)
        {
            if (number < highest) reordered++;
            highest = Math.Max(highest, number);
        }

        Assert.Equal(
            (relay.Seen, firsts.Count, arrivals.Count - firsts.Count, reordered, relay.Seen - firsts.Count),
            (result.Sent, result.Received, result.Duplicates, result.Reordered, result.Lost));
        Assert.True(reordered > 0 && result.Lost > 0 && result.Duplicates > 0, $"{result}");
        Assert.Equal((double)result.Lost / result.Sent, result.LossRatio);
        CheckLatencies(result);
        Sockets.AssertConserved(from, to);
    }

    [KernelFact]
    public void A_delay_of_20_milliseconds_is_in_every_latency()
    {
        using XskSocket from = Open(left, TestNetwork.Near);
        using XskSocket to = Open(right, TestNetwork.Near);
        using Relay relay = new(Open(left, TestNetwork.Far), Open(right, TestNetwork.Far), (frame, _) => [frame], delay: TimeSpan.FromMilliseconds(20));
        using XskPathMeter meter = new(from, [to]);
        XskPathMeasurement result = meter.Measure(64, 500, Moment);
        Assert.Equal((result.Sent, 0), (result.Received, result.Lost));
        Assert.InRange(result.LatencyMin!.Value, 20_000, double.MaxValue);
        Assert.InRange(result.MeasuringError, double.Epsilon, double.MaxValue);
        Assert.All(result.Histogram, bucket => Assert.True(bucket.Microseconds >= 20_000));
        CheckLatencies(result);
    }

    [KernelFact]
    public void Frames_of_others_are_foreign_and_change_no_result()
    {
        using XskSocket from = Open(left, TestNetwork.Near);
        using XskSocket to = Open(right, TestNetwork.Near);
        using Relay relay = new(Open(left, TestNetwork.Far), Open(right, TestNetwork.Far), (frame, count) => [Changed(frame, 21, 1), frame, Changed(frame, 22, 0x7f), Changed(frame, 17, 'R'), frame[..30], Frames.Make(80, count)]);
        using XskPathMeter meter = new(from, [to]);
        XskPathMeasurement result = meter.Measure(64, 300, Moment);
        int arrivals = relay.Stop().Count;
        Assert.Equal((result.Sent, 0, 0, 0), (result.Received, result.Lost, result.Duplicates, result.Reordered));
        Assert.Equal((relay.Seen, arrivals - relay.Seen), (result.Sent, result.Foreign));
        Assert.Equal(6 * relay.Seen, arrivals);

        static byte[] Changed(byte[] frame, int at, int value)
        {
            byte[] copy = (byte[])frame.Clone();
            copy[at] ^= (byte)value;
            return copy;
        }
    }

    [KernelTheory]
    [InlineData(XskPathProtocol.Ethernet)]
    [InlineData(XskPathProtocol.Udp)]
    public void A_reflector_sends_back_what_it_is_meant_to_and_nothing_else(XskPathProtocol protocol)
    {
        using XskSocket near = Open(left, TestNetwork.Near);
        using XskSocket far = Open(left, TestNetwork.Far);
        using XskReflector reflector = new(far);
        using (XskPathMeter meter = new(near, [near], new XskPathOptions { DestinationMac = reflector.MacAddress, Protocol = protocol }))
        {
            Assert.True(meter.IsRoundTrip);
            XskPathMeasurement result = meter.Measure(256, 1000, Moment);
            Assert.Equal((result.Sent, 0, 0, true), (result.Received, result.Lost, result.Foreign, result.RoundTrip));
            Assert.Equal(result.Sent, reflector.Reflected);
            CheckLatencies(result);
        }

        // What is none of a measurement's frames, and the reply to one.
        byte[] reply = new NumberedFrames(Frames.Make(60), 77).Into(new byte[60]).ToArray();
        FrameTag.TurnAround(reply);
        byte[] broadcast = new NumberedFrames(Frames.Make(60), 78).Into(new byte[60]).ToArray();
        broadcast.AsSpan(0, 6).Fill(0xff);
        // A request that a switch has flooded, to another host; and one whose reply would go to a group.
        byte[] elsewhere = new NumberedFrames(Frames.Make(60), 79).Into(new byte[60]).ToArray();
        reflector.MacAddress.GetAddressBytes().CopyTo(elsewhere, 0);
        byte[] fromGroup = (byte[])elsewhere.Clone();
        elsewhere[5] ^= 1;
        elsewhere[6] &= 0xfe;
        fromGroup[6] |= 1;
        near.Send(Frames.Make(100), reply, broadcast, elsewhere, fromGroup);
        SpinWait.SpinUntil(() => reflector.Foreign == 5, TimeSpan.FromSeconds(5));
        Sockets.Fails(XskErrorId.SocketBusy, () => _ = new XskPoller([far]));
        Sockets.Fails(XskErrorId.SocketBusy, () => _ = new XskReflector(far));
        XskReflectorResult stopped = reflector.Stop();
        Assert.Same(stopped, reflector.Stop());
        Assert.Equal((5, 0, 0, XskReflectorState.Stopped), (stopped.Foreign, stopped.Dropped, stopped.ReceiveLost, reflector.State));
        Assert.Empty(near.Drain());
        Sockets.AssertConserved(near, far);
        // It can be received on again.
        near.Send(Frames.Make(100));
        Assert.Single(far.Take(1));
    }

    [KernelFact]
    public void A_reflector_whose_socket_is_closed_says_so()
    {
        using XskSocket far = Open(left, TestNetwork.Far);
        using XskReflector reflector = new(far);
        far.Close();
        Assert.True(SpinWait.SpinUntil(() => reflector.State == XskReflectorState.Failed, TimeSpan.FromSeconds(5)));
        Assert.Contains("closed", reflector.Stop().Failure, StringComparison.Ordinal);
    }

    [KernelFact]
    public void What_cannot_be_measured_is_refused_before_anything_is_sent()
    {
        using XskSocket from = Open(left, TestNetwork.Near);
        using XskSocket to = Open(left, TestNetwork.Far);
        using (XskPathMeter meter = new(from, [to]))
        {
            Sockets.Fails(XskErrorId.FrameTooLong, () => meter.Measure(1519, null, Moment));
            Sockets.Fails(XskErrorId.FrameTooLong, () => meter.Measure(2000, null, Moment));
            Sockets.Fails(XskErrorId.FrameTooShort, () => meter.Measure(63, null, Moment));
            Assert.Equal(1518, meter.Measure(1518, 100, TimeSpan.FromSeconds(0.05)).FrameSize);
            Sockets.Fails(XskErrorId.SocketBusy, () => _ = new XskPathMeter(from, [to]));
        }

        Sockets.Fails(XskErrorId.DestinationMissing, () => _ = new XskPathMeter(from, [from]));
        Sockets.Fails(XskErrorId.FrameFieldInvalid, () => _ = new XskPathMeter(from, [to], new XskPathOptions { SourceAddress = System.Net.IPAddress.Loopback, DestinationAddress = System.Net.IPAddress.IPv6Loopback }));
        Sockets.Fails(XskErrorId.CpuNotAllowed, () => _ = new XskPathMeter(from, [to], new XskPathOptions { Cpus = [8000] }));
        using XskPathMeter short6 = new(from, [to], new XskPathOptions { Protocol = XskPathProtocol.Udp, DestinationAddress = System.Net.IPAddress.IPv6Loopback });
        Sockets.Fails(XskErrorId.FrameTooShort, () => short6.Measure(64, null, Moment));
    }

    [KernelFact]
    public void A_filter_that_keeps_the_frames_out_is_refused()
    {
        using XskSocket from = Open(left, TestNetwork.Near);
        using XskSocket to = XskSocket.Open(Options(left, TestNetwork.Far) with { Filter = PacketFilter.FromFields(new PacketFields { EtherTypes = [0x0800] }) });
        Assert.Contains("-EtherType 0x88b5", Sockets.Fails(XskErrorId.FilterConflict, () => _ = new XskPathMeter(from, [to])).Message, StringComparison.Ordinal);
        using XskPathMeter meter = new(from, [to], new XskPathOptions { Protocol = XskPathProtocol.Udp });
        Assert.True(meter.Measure(64, 100, TimeSpan.FromSeconds(0.05)).Received > 0);
    }

    [KernelFact]
    public void A_measurement_that_is_stopped_has_no_result_and_gives_the_sockets_back()
    {
        using XskSocket from = Open(left, TestNetwork.Near);
        using XskSocket to = Open(left, TestNetwork.Far);
        using CancellationTokenSource stop = new();
        using (XskPathMeter meter = new(from, [to]))
        {
            Assert.Throws<OperationCanceledException>(() => meter.Measure(64, 100, TimeSpan.FromSeconds(60), progress =>
            {
                if (progress.Sent > 0) stop.Cancel();
            }, stop.Token));
        }

        Sockets.AssertConserved(from, to);
        from.Send(Frames.Make(100));
        Assert.Contains(to.Drain(), frame => frame.SequenceEqual(Frames.Make(100)));
    }

    [KernelFact]
    public void A_socket_that_is_closed_under_a_measurement_ends_it_with_an_error()
    {
        using XskSocket from = Open(left, TestNetwork.Near);
        using XskSocket to = Open(left, TestNetwork.Far);
        using XskPathMeter meter = new(from, [to]);
        Sockets.Fails(XskErrorId.SocketClosed, () => meter.Measure(64, 100, TimeSpan.FromSeconds(60), progress =>
        {
            if (progress.Sent > 0 && from.IsOpen) from.Close();
        }));
    }

    [KernelTheory]
    [InlineData(XskPathProtocol.Ethernet)]
    [InlineData(XskPathProtocol.Udp)]
    public void Neither_end_allocates_anything_for_a_frame(XskPathProtocol protocol)
    {
        const int Frames = 20_000;
        using XskSocket from = Open(left, TestNetwork.Near);
        using XskSocket to = Open(left, TestNetwork.Far);
        byte[] frame = new PathAddresses(from, [to], new XskPathOptions { Protocol = protocol }, roundTrip: false).Frame(60);
        PathSender sender = new(from, new NumberedFrames(frame, 4711), null, TimeSpan.FromSeconds(60), Frames);
        PathReceiver receiver = new([to], 4711, roundTrip: false);
        long before = 0;
        while (!sender.IsDone)
        {
            if (before == 0 && sender.Sent > Frames / 2) before = GC.GetAllocatedBytesForCurrentThread();
            sender.Turn(Interop.KernelClock.Monotonic, out _);
            receiver.Turn(sender);
        }

        // It asks for nothing at all; a page of the account, which comes once in a million frames, would be 131,072.
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1000);
        Assert.Equal(Frames, sender.Sent);
        from.Flush(TimeSpan.FromSeconds(1));
        while (receiver.Turn(sender))
        {
        }

        Assert.InRange(receiver.Account.Received, Frames / 2, Frames);
    }

    [KernelFact]
    public void What_has_come_when_the_wait_is_over_is_not_lost()
    {
        const int Frames = 640;
        using XskSocket from = Open(left, TestNetwork.Near);
        using XskSocket to = Open(left, TestNetwork.Far);
        byte[] frame = new PathAddresses(from, [to], new XskPathOptions(), roundTrip: false).Frame(60);
        PathSender sender = new(from, new NumberedFrames(frame, 4712), null, TimeSpan.FromSeconds(60), Frames);
        PathReceiver receiver = new([to], 4712, roundTrip: false);
        while (!sender.IsDone) sender.Turn(Interop.KernelClock.Monotonic, out _);
        from.Flush(TimeSpan.FromSeconds(5));
        Assert.True(SpinWait.SpinUntil(() => to.GetStatistics().Rx!.Used == Frames, TimeSpan.FromSeconds(10)));
        using XskPoller poller = new([to]);
        using (PathRun run = new(sender, receiver, from, poller, new XskPathOptions { Drain = TimeSpan.Zero }, oneThread: true, TimeSpan.FromSeconds(1), default))
            Assert.True(run.Wait(TimeSpan.FromSeconds(30)));
        Assert.Equal((Frames, 0), (receiver.Account.Received, receiver.Foreign));
    }

    [KernelFact]
    public void Progress_comes_often_however_long_it_takes()
    {
        using XskSocket from = Open(left, TestNetwork.Near);
        using XskSocket to = Open(left, TestNetwork.Far);
        // A hundredth of its time, after which a sample of the rings is due, is 36 seconds.
        using CancellationTokenSource stop = new(TimeSpan.FromSeconds(20));
        int shown = 0;
        using XskPathMeter meter = new(from, [to]);
        Assert.Throws<OperationCanceledException>(() => meter.Measure(64, 100, TimeSpan.FromHours(1), _ =>
        {
            if (++shown == 2) stop.Cancel();
        }, stop.Token));
        Assert.Equal(2, shown);
    }

    [KernelFact]
    public void The_benchmarks_of_rfc_2544_run_on_a_path()
    {
        using XskSocket from = Open(left, TestNetwork.Near);
        using XskSocket to = Open(left, TestNetwork.Far);
        using XskPathMeter meter = new(from, [to], new XskPathOptions { Drain = TimeSpan.FromSeconds(0.05) });
        XskThroughputResult result = meter.MeasureThroughput(64, new XskThroughputOptions { TrialDuration = TimeSpan.FromSeconds(0.05), Resolution = 0.25 });
        Assert.InRange(result.Trials.Count, 2, 20);
        Assert.All(result.Trials, trial => Assert.InRange(trial.Received, 0, trial.Sent));
        Assert.Contains(result.Deviations, line => line.Contains("(section 24)", StringComparison.Ordinal));
        if (result.AtThroughput is { } at) Assert.Equal((0, result.Throughput), (at.Lost, at.SentPacketsPerSecond));
        Sockets.AssertConserved(from, to);
    }

    private static void CheckLatencies(XskPathMeasurement result)
    {
        double[] ascending = [result.LatencyMin!.Value, result.LatencyP50!.Value, result.LatencyP90!.Value, result.LatencyP99!.Value, result.LatencyP999!.Value, result.LatencyMax!.Value];
        Assert.Equal(ascending.Order(), ascending);
        Assert.True(ascending[0] > 0);
        Assert.Equal(result.Received, result.Histogram.Sum(bucket => bucket.Count));
        Assert.NotNull(result.Jitter);
        Assert.NotEmpty(result.RingSamples);
        Assert.All(result.RingSamples, sample => Assert.All([sample.TxFill, sample.RxFill, sample.FillFill, sample.CompletionFill], fill => Assert.InRange(fill, 0, 1)));
    }

    private static int Number(byte[] frame) => (int)BinaryPrimitives.ReadUInt32BigEndian(frame.AsSpan(NumberAt));

    private static XskSocketOptions Options(TestNetwork network, string name) =>
        Sockets.Options(name, frames: 4096, rx: 1024, tx: 1024, fill: 2048, completion: 1024, networkNamespace: network.Name);

    private static XskSocket Open(TestNetwork network, string name) => XskSocket.Open(Options(network, name));

    /// <summary>A second cable in the left namespace, and a bridge between the far ends of both.</summary>
    private void Bridge() => left.Batch(
        "link add bridge type bridge mcast_snooping 0", "link set bridge up",
        "link add ynear type veth peer name yfar", "link set ynear up", "link set yfar up",
        $"link set {TestNetwork.Far} master bridge", "link set yfar master bridge");
}
