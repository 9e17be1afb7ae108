using System.Diagnostics;

namespace XdpPS.Tests;

/// <summary>The sender that the cmdlet uses: it claims, paces, wakes and counts.</summary>
public sealed class SenderTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly TestNetwork network = new();

    public void Dispose() => network.Dispose();

    [KernelFact]
    public void A_second_sender_is_refused_until_the_first_is_gone() => network.Run(() =>
    {
        using XskSocket socket = Sockets.Open();
        XskSender first = new(socket, 0, Patience);
        Sockets.Fails(XskErrorId.SocketBusy, () => Claim(socket).Dispose());
        first.Dispose();
        Claim(socket).Dispose();
        socket.Close();
        Sockets.Fails(XskErrorId.SocketClosed, () => Claim(socket).Dispose());
    });

    [KernelFact]
    public void What_was_accepted_is_sent_although_the_sender_was_given_up() => network.Run(() =>
    {
        using XskSocket socket = Sockets.Open();
        using XskSocket far = Sockets.Open(TestNetwork.Far);
        using (XskSender sender = new(socket, 0, Patience))
        {
            foreach (byte[] frame in Frames.Series(5)) Assert.True(sender.Send(frame));
            Assert.Empty(far.Drain(50));
        }

        Assert.Equal(Frames.Series(5), far.Take(5));
    });

    [KernelFact]
    public void More_frames_than_the_ring_has_are_sent_in_order() => network.Run(() =>
    {
        using XskSocket socket = Sockets.Open();
        using XskSocket far = XskSocket.Open(Sockets.Options(TestNetwork.Far, frames: 1024, rx: 512, fill: 512));
        using XskSender sender = new(socket, 0, Patience);
        foreach (byte[] frame in Frames.Series(300)) Assert.True(sender.Send(frame));
        Assert.True(sender.Finish(Patience));
        Assert.Equal(Frames.Series(300), far.Take(300));
        XskSendResult result = sender.GetResult();
        Assert.Equal((300, 30_000, 300, 0), (result.Frames, result.Bytes, result.Completed, result.DriverDropped));
        Sockets.AssertConserved(socket, far);
    });

    [KernelFact]
    public void The_deadline_ends_sending_between_two_frames() => network.Run(() =>
    {
        using XskSocket socket = Sockets.Open();
        using XskSender sender = new(socket, 10, Patience);
        sender.Duration = TimeSpan.FromSeconds(0.25);
        int sent = 0;
        while (sender.Send(Frames.Make(60))) sent++;
        Assert.InRange(sent, 1, 3);
    });

    [KernelFact]
    public void A_pause_in_the_input_is_not_made_up_for_in_a_burst() => network.Run(() =>
    {
        using XskSocket socket = Sockets.Open();
        using XskSender sender = new(socket, 100, Patience);
        sender.Send(Frames.Make(60));
        Thread.Sleep(300);
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < 10; i++) sender.Send(Frames.Make(60));
        Assert.True(Stopwatch.GetElapsedTime(start).TotalMilliseconds > 50);
    });

    [KernelFact]
    public void A_stop_ends_every_wait() => network.Run(() =>
    {
        using CancellationTokenSource stop = new();
        using XskSocket socket = Sockets.Open();
        using XskSender sender = new(socket, 0.1, Patience, stop.Token);
        Assert.True(sender.Send(Frames.Make(60)));
        stop.CancelAfter(100);
        Assert.False(sender.Send(Frames.Make(60)));
        Assert.False(sender.Send(Frames.Make(60)));
    });

    [KernelFact]
    public void Whoever_sends_is_called_while_a_frame_is_far_off() => network.Run(() =>
    {
        using XskSocket socket = Sockets.Open();
        using XskSocket far = Sockets.Open(TestNetwork.Far);
        using XskSender sender = new(socket, FramePacer.AtRecordedTimes(2), Patience);
        int calls = 0;
        sender.Waiting = () => calls++;
        byte[][] frames = Frames.Series(3);
        long start = Stopwatch.GetTimestamp();
        Assert.True(sender.Send(frames[0], 1_000_000_000));
        Assert.True(sender.Send(frames[1], 1_000_000_000));
        Assert.Equal(0, calls);
        Assert.True(sender.Send(frames[2], 1_600_000_000));
        Assert.True(Stopwatch.GetElapsedTime(start).TotalMilliseconds >= 300);
        Assert.InRange(calls, 1, 15);
        // Sent when it was due: nobody has woken the kernel since.
        Assert.Equal(frames, far.Take(3));
    });

    [KernelFact]
    public void On_an_interface_that_is_down_the_error_says_so() => network.Run(() =>
    {
        using XskSocket socket = Sockets.Open();
        network.Ip("link", "set", TestNetwork.Near, "down");
        using XskSender sender = new(socket, 0, Patience);
        Assert.True(sender.Send(Frames.Make(60)));
        Sockets.Fails(XskErrorId.InterfaceDown, sender.Wake);
    });

    [KernelFact]
    public void Frames_that_come_quickly_share_a_wake_up_and_the_last_ones_do_not_wait_for_more() => network.Run(() =>
    {
        using XskSocket socket = Sockets.Open();
        using XskSocket far = XskSocket.Open(Sockets.Options(TestNetwork.Far, frames: 8192, rx: 4096, fill: 4096));
        using XskSender sender = new(socket, 0, Patience);
        // No whole number of batches.
        byte[][] frames = Frames.Series(3215);
        foreach (byte[] frame in frames) Give(sender, frame);
        Assert.Equal(frames, far.Take(frames.Length));
        Assert.InRange(socket.GetStatistics().TxWakeups, 1, frames.Length / 2);
    });

    [KernelFact]
    public void A_frame_that_comes_after_a_pause_leaves_before_the_next() => network.Run(() =>
    {
        using XskSocket socket = Sockets.Open();
        using XskSocket far = Sockets.Open(TestNetwork.Far);
        using XskSender sender = new(socket, 0, Patience);
        foreach (byte[] frame in Frames.Series(100))
        {
            Give(sender, frame);
            Assert.Equal([frame], far.Take(1));
        }
    });

    [KernelFact]
    public void The_waker_and_the_sender_do_not_meet() => network.Run(() =>
    {
        using XskSocket socket = Sockets.Open();
        using XskSocket far = XskSocket.Open(Sockets.Options(TestNetwork.Far, frames: 16384, rx: 8192, fill: 8192));
        byte[][] frames = Frames.Series(6000);
        Random random = new(1);
        using (XskSender sender = new(socket, 0, Patience))
        {
            int next = 0;
            foreach (byte[] frame in frames)
            {
                Give(sender, frame);
                if (--next > 0) continue;
                next = random.Next(1, 100);
                Spin(random.Next(0, 2500));
            }

            Assert.True(sender.Finish(Patience));
            Assert.Equal((6000, 6000), (sender.GetResult().Frames, sender.GetResult().Completed));
        }

        Assert.Equal(frames, far.Take(frames.Length));
        Sockets.AssertConserved(socket, far);

        static void Spin(int microseconds)
        {
            long start = Stopwatch.GetTimestamp();
            while (Stopwatch.GetElapsedTime(start).TotalMicroseconds < microseconds) Thread.SpinWait(10);
        }
    });

    [KernelFact]
    public void What_the_waker_met_is_the_sender_s_error() => network.Run(() =>
    {
        using XskSocket socket = Sockets.Open();
        // On a busy machine, or an emulated one, inputs are not as quick as that.
        using XskSender sender = new(socket, 0, Patience) { QuickInput = Stopwatch.Frequency };
        byte[] frame = Frames.Make(60);
        foreach (byte[] other in Frames.Series(500)) Give(sender, other);
        Assert.True(sender.Finish(Patience));
        network.Ip("link", "set", TestNetwork.Near, "down");
        long wakeups = socket.GetStatistics().TxWakeups;
        Give(sender, frame);
        Assert.True(SpinWait.SpinUntil(() => socket.GetStatistics().TxWakeups > wakeups, Patience));
        XskException? late = null;
        Assert.True(SpinWait.SpinUntil(() => (late = Record.Exception(() => sender.Send(frame)) as XskException) is not null, Patience));
        Assert.Equal(XskErrorId.InterfaceDown, late!.ErrorId);
    });

    /// <summary>As the cmdlet does with an input.</summary>
    private static void Give(XskSender sender, byte[] frame)
    {
        Assert.True(sender.Send(frame));
        sender.WakeSoon();
    }

    private static XskSender Claim(XskSocket socket) => new(socket, 0, Patience);
}
