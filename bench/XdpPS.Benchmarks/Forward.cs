namespace XdpPS.Benchmarks;

/// <summary>Sends what comes in out again where it came in, with the MAC addresses exchanged, by the core's forwarder.</summary>
internal static class Forward
{
    private static readonly TimeSpan Turn = TimeSpan.FromMilliseconds(100);

    internal static void Run(XskSocket socket, Meter meter)
    {
        using XskForwarder forwarder = new(socket, socket, new XskForwarderOptions { SwapMac = true });
        meter.Counter = () => forwarder.Forwarded - socket.PendingSends;
        while (meter.Running) forwarder.Run(Turn);
        forwarder.Finish(TimeSpan.FromSeconds(1));
    }
}
