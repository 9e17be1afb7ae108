using System.Diagnostics;
using XdpPS.Interop;

namespace XdpPS;

/// <summary>
/// Measures the path from one socket to others, or to itself by way of a reflector, with frames that it numbers and
/// stamps with their time. It claims the sockets: while it lives, nobody else can send on the one or receive on the others.
/// </summary>
public sealed partial class XskPathMeter : IDisposable
{
    /// <summary>Bytes of a frame check sequence, with which RFC 2544 states frame sizes, and without which a socket sees frames.</summary>
    public const int FcsLength = 4;

    /// <summary>Samples of the rings' fill that a measurement takes at the most.</summary>
    private const int MostSamples = 100;

    private static readonly TimeSpan ProgressInterval = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LeastSampleInterval = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan FlushPatience = TimeSpan.FromSeconds(1);

    private static int runs = Random.Shared.Next(1, int.MaxValue);

    private readonly XskSocket transmit;
    private readonly XskSocket[] receive;
    private readonly XskPathOptions options;
    private readonly PathAddresses addresses;
    private readonly XskSender claim;
    private readonly XskPoller poller;

    /// <summary>Claims the sockets.</summary>
    /// <param name="transmit">Where to send.</param>
    /// <param name="receive">Where to receive: sockets of packets of one frame. That the first is also the other means a round trip.</param>
    /// <param name="options">How to measure.</param>
    /// <exception cref="XskException">A socket is closed, has not the ring that is needed, or is in use; its filter keeps the frames out; an address is missing; a CPU may not be used.</exception>
    public XskPathMeter(XskSocket transmit, IReadOnlyList<XskSocket> receive, XskPathOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(transmit);
        ArgumentNullException.ThrowIfNull(receive);
        ArgumentOutOfRangeException.ThrowIfZero(receive.Count);
        this.transmit = transmit;
        this.receive = [.. receive.Distinct()];
        this.options = options ?? new XskPathOptions();
        ArgumentOutOfRangeException.ThrowIfGreaterThan(this.options.Cpus.Count, 2);
        ArgumentOutOfRangeException.ThrowIfLessThan(this.options.Port, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(this.options.Port, ushort.MaxValue);
        ArgumentOutOfRangeException.ThrowIfLessThan(this.options.Drain, TimeSpan.Zero);
        IsRoundTrip = this.options.RoundTrip || this.receive.Contains(transmit);
        addresses = new PathAddresses(transmit, this.receive, this.options, IsRoundTrip);
        foreach (int cpu in this.options.Cpus) ThreadAffinity.Pin(cpu).Dispose();
        HasOneThread = this.options.Cpus.Count == 1 || ThreadAffinity.Allowed.Count == 1;
        foreach (XskSocket socket in this.receive)
        {
            if (socket.MultiBuffer) throw socket.NotSingleFrames();
            CheckFilter(socket);
        }

        // Where the program takes the time of arrival, it does not matter when a frame is read.
        bool coalesces = this.receive.All(socket => socket.ArrivalTimes);
        poller = new XskPoller(this.receive) { Coalescing = coalesces ? TimeSpan.FromMicroseconds(50) : TimeSpan.Zero };
        try
        {
            claim = new XskSender(transmit, 0, TimeSpan.Zero);
        }
        catch
        {
            poller.Dispose();
            throw;
        }
    }

    /// <summary>The frame sizes of RFC 2544 for Ethernet (section 9.1), with FCS.</summary>
    public static IReadOnlyList<int> StandardFrameSizes { get; } = [64, 128, 256, 512, 1024, 1280, 1518];

    /// <summary>The frames come back from a reflector.</summary>
    public bool IsRoundTrip { get; }

    /// <summary>One thread sends and receives in turn.</summary>
    public bool HasOneThread { get; }

    private string TransmitName => $"{transmit.InterfaceName}:{transmit.QueueId}";

    private string ReceiveName =>
        string.Join(' ', receive.GroupBy(socket => socket.InterfaceName).Select(queues => $"{queues.Key}:{string.Join(',', queues.Select(socket => socket.QueueId))}"));

    /// <summary>Checks that frames of a size can be sent and received.</summary>
    /// <param name="frameSize">The size with FCS.</param>
    /// <exception cref="XskException">There is no room for what marks a frame, or the frame is longer than the MTU or a socket's frames.</exception>
    public void CheckFrameSize(int frameSize)
    {
        if (frameSize < addresses.LeastFrameSize)
        {
            throw XskException.FromCheck(
                XskErrorId.FrameTooShort,
                $"A frame of {frameSize} bytes with FCS has no room for what is measured by: the least is {addresses.LeastFrameSize}",
                $"give a -FrameSize of {addresses.LeastFrameSize} or more");
        }

        int length = frameSize - FcsLength;
        int most = Math.Min(transmit.FrameSize, receive.Min(socket => socket.FrameSize - Umem.ReceiveOffset(socket.Headroom)));
        if (length > most)
        {
            throw XskException.FromCheck(
                XskErrorId.FrameTooLong,
                $"A frame of {frameSize} bytes with FCS, {length} without, is too long for these sockets: what they send may have {transmit.FrameSize} bytes, and what they receive {most}",
                $"measure with a smaller -FrameSize{(transmit.FrameSize < Environment.SystemPageSize ? $", or open the sockets with -FrameSize {Environment.SystemPageSize}" : "")}");
        }

        foreach (XskSocket socket in receive.Prepend(transmit)) socket.CheckFrame(addresses.Frame(length));
    }

    /// <summary>Sends frames of one size for a time and keeps account of them.</summary>
    /// <param name="frameSize">The size of a frame with FCS, 64 at least.</param>
    /// <param name="packetsPerSecond">The rate to keep; null for as fast as possible.</param>
    /// <param name="duration">How long to send.</param>
    /// <param name="progress">Called on this thread several times a second.</param>
    /// <param name="stop">Ends the measurement, without a result.</param>
    /// <exception cref="XskException">As <see cref="CheckFrameSize"/>; or a socket was closed, or its interface is down or gone.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public XskPathMeasurement Measure(
        int frameSize, double? packetsPerSecond, TimeSpan duration, Action<XskPathProgress>? progress = null, CancellationToken stop = default)
    {
        if (packetsPerSecond is { } rate) ArgumentOutOfRangeException.ThrowIfNegativeOrZero(rate);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(duration, TimeSpan.Zero);
        CheckFrameSize(frameSize);
        return Measure(frameSize, packetsPerSecond, duration, uint.MaxValue, progress, stop);
    }

    /// <summary>Gives the sockets back; it does not close them.</summary>
    public void Dispose()
    {
        claim.Dispose();
        poller.Dispose();
    }

    private static uint NextRun()
    {
        uint run = (uint)Interlocked.Increment(ref runs);
        return run != 0 ? run : NextRun();
    }

    private static double Microseconds(long nanoseconds) => nanoseconds / 1000.0;

    private XskPathMeasurement Measure(
        int frameSize, double? rate, TimeSpan duration, long limit, Action<XskPathProgress>? progress, CancellationToken stop)
    {
        byte[] frame = addresses.Frame(frameSize - FcsLength);
        double error = MeasuringError(frame, batch: rate is null ? 64 : 1);
        uint run = NextRun();
        PathSender sender = new(transmit, new NumberedFrames(frame, run), rate, duration, limit);
        PathReceiver receiver = new(receive, run, IsRoundTrip);
        long driverDropped = transmit.GetStatistics().DriverDropped, receiveDropped = ReceiveDropped();
        PathReceiver.Clear(receive);
        DateTimeOffset start = DateTimeOffset.Now;
        List<XskRingSample> samples = [Sample(TimeSpan.Zero)];
        using (PathRun one = new(sender, receiver, transmit, poller, options, HasOneThread, FlushPatience, stop))
        {
            TimeSpan interval = duration / MostSamples < LeastSampleInterval ? LeastSampleInterval : duration / MostSamples;
            TimeSpan due = interval;
            long started = Stopwatch.GetTimestamp();
            while (!one.Wait(interval < ProgressInterval ? interval : ProgressInterval))
            {
                TimeSpan elapsed = Stopwatch.GetElapsedTime(started);
                if (elapsed >= due && samples.Count < MostSamples && !sender.IsDone)
                {
                    samples.Add(Sample(elapsed));
                    due = elapsed + interval;
                }

                progress?.Invoke(new XskPathProgress(frameSize, rate, elapsed, duration, sender.Sent, receiver.Received));
            }
        }

        stop.ThrowIfCancellationRequested();
        TimeSpan sending = sender.Sent > 0 ? TimeSpan.FromMicroseconds(Microseconds(sender.Last - sender.Origin)) : TimeSpan.Zero;
        TimeSpan receiving = TimeSpan.FromMicroseconds(Microseconds(receiver.Last - receiver.First));
        LogLinearHistogram latencies = receiver.Latencies;
        return new XskPathMeasurement
        {
            Transmit = TransmitName,
            Receive = ReceiveName,
            FrameSize = frameSize,
            FrameLength = frame.Length,
            OfferedPacketsPerSecond = rate,
            Duration = sending,
            Sent = sender.Sent,
            Received = receiver.Account.Received,
            Duplicates = receiver.Account.Duplicates,
            Reordered = receiver.Account.Reordered,
            Foreign = receiver.Foreign,
            DriverDropped = transmit.GetStatistics().DriverDropped - driverDropped,
            ReceiveDropped = ReceiveDropped() - receiveDropped,
            SentPacketsPerSecond = Rate(sender.Sent, sending),
            ReceivedPacketsPerSecond = Rate(receiver.Account.Received, receiving),
            RoundTrip = IsRoundTrip,
            LatencyUntil = receiver.ByArrival && latencies.Total > 0 ? XskTimestampSource.Arrival : XskTimestampSource.Read,
            LatencyMin = latencies.Total > 0 ? Microseconds(latencies.Least) : null,
            LatencyP50 = Percentile(50),
            LatencyP90 = Percentile(90),
            LatencyP99 = Percentile(99),
            LatencyP999 = Percentile(99.9),
            LatencyMax = latencies.Total > 0 ? Microseconds(latencies.Most) : null,
            Jitter = receiver.Jitter / 1000,
            // Arrays, which PowerShell can index, and not what the compiler makes of a collection expression.
            Histogram = latencies.Classes().Select(one => new XskLatencyBucket { Microseconds = Microseconds(one.Last), Count = one.Count }).ToArray(),
            RingSamples = samples.ToArray(),
            MeasuringError = error,
            Start = start,
        };

        // From the first to the last there is a gap less than there are frames.
        static double Rate(long frames, TimeSpan time) => frames > 1 && time > TimeSpan.Zero ? (frames - 1) / time.TotalSeconds : 0;

        double? Percentile(double percent) => latencies.Total > 0 ? Microseconds(latencies.Percentile(percent)) : null;
    }

    private double MeasuringError(byte[] frame, int batch)
    {
        uint run = NextRun();
        PathReceiver receiver = new([], run, roundTrip: false);
        using (MemoryLoop loop = new(new NumberedFrames(frame, run))) loop.Run(receiver, batch, HasOneThread);
        return Microseconds(receiver.Latencies.Percentile(99));
    }

    private long ReceiveDropped()
    {
        long dropped = 0;
        foreach (XskSocket socket in receive)
        {
            XskRingStats stats = socket.GetStatistics();
            dropped += stats.RxDropped + stats.RxRingFull;
        }

        return dropped;
    }

    /// <summary>Of several sockets that receive, the fullest RX ring and the emptiest FILL ring: the one that loses first.</summary>
    private XskRingSample Sample(TimeSpan elapsed)
    {
        XskRingStats sending = transmit.GetStatistics();
        double rx = 0, fill = 1;
        foreach (XskSocket socket in receive)
        {
            XskRingStats receiving = socket == transmit ? sending : socket.GetStatistics();
            rx = Math.Max(rx, Fill(receiving.Rx!));
            fill = Math.Min(fill, Fill(receiving.Fill));
        }

        return new XskRingSample { Elapsed = elapsed, TxFill = Fill(sending.Tx!), CompletionFill = Fill(sending.Completion), RxFill = rx, FillFill = fill };

        static double Fill(RingSnapshot ring) => (double)ring.Used / ring.Size;
    }

    /// <exception cref="XskException">The socket's filter keeps the frames of this measurement out.</exception>
    private void CheckFilter(XskSocket socket)
    {
        // A program that was joined, or that uses a pinned map, has no filter that is known here.
        if (socket.Filter is null || socket.JoinedProgram || socket.XskMapPath is not null) return;
        PacketFilter filter = PacketFilter.Compile(socket.Filter);
        byte[] frame = addresses.Frame(addresses.LeastFrameSize - FcsLength);
        if (IsRoundTrip) FrameTag.TurnAround(new NumberedFrames(frame, 1).Into(frame));
        if (new FilterTester(filter).Matches(frame)) return;
        throw XskException.FromCheck(
            XskErrorId.FilterConflict,
            $"The filter of {socket.InterfaceName} queue {socket.QueueId}, '{PacketFilter.Shorten(socket.Filter)}', keeps out the frames that are to be measured",
            options.Protocol == XskPathProtocol.Ethernet ? $"open it with -EtherType 0x{FrameTag.EtherType:x4}" : $"open it with -Port {options.Port}");
    }
}
