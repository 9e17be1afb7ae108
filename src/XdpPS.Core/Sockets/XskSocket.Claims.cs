namespace XdpPS;

/// <content>Who receives on it and who sends: one of each at a time.</content>
public sealed partial class XskSocket
{
    private XskPoller? waiter;
    private XskSender? sender;

    internal void Claim(XskPoller poller)
    {
        ThrowIfClosed();
        if (receive is null) throw Disabled("receive", "-RxRingSize");
        if (Interlocked.CompareExchange(ref waiter, poller, null) is null) return;
        throw XskException.FromCheck(
            XskErrorId.SocketBusy,
            $"Another receive is running on {InterfaceName} queue {QueueId}",
            "wait for it to end or stop it; one receive at a time may run on a socket");
    }

    internal void Unclaim(XskPoller poller)
    {
        if (Interlocked.CompareExchange(ref waiter, null, poller) != poller || !receive!.Gate.TryEnter()) return;
        try
        {
            // Nobody may come back for long: what the last batches left over belongs to the kernel meanwhile.
            receive.Refill();
        }
        finally
        {
            receive.Gate.Leave();
        }
    }

    /// <summary>Runs the driver's receive side once, where the socket busy-polls and nobody is receiving on it.</summary>
    /// <returns>Whether there are packets.</returns>
    internal bool TryBusyPoll()
    {
        if (BusyPollMicroseconds == 0 || !receive!.Gate.TryEnter()) return false;
        try
        {
            return receive.BusyPoll();
        }
        finally
        {
            receive.Gate.Leave();
        }
    }

    /// <summary>Packets have arrived, and nobody is receiving.</summary>
    internal bool HasArrivals()
    {
        if (!receive!.Gate.TryEnter()) return false;
        bool any = !receive.Ring.IsEmpty;
        receive.Gate.Leave();
        return any;
    }

    internal long DescriptorsRead => receive!.Packets;

    internal void Claim(XskSender sender)
    {
        ThrowIfClosed();
        if (transmit is null) throw Disabled("send", "-TxRingSize");
        if (Interlocked.CompareExchange(ref this.sender, sender, null) is null) return;
        throw XskException.FromCheck(
            XskErrorId.SocketBusy,
            $"Another send is running on {InterfaceName} queue {QueueId}",
            "wait for it to end or stop it; one send at a time may run on a socket");
    }

    internal void Unclaim(XskSender sender) => Interlocked.CompareExchange(ref this.sender, null, sender);
}
