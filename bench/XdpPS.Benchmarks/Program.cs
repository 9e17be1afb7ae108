using System.Globalization;
using XdpPS;
using XdpPS.Benchmarks;

// The core at the tasks of bench/peer/xsk_peer.c, with the same options and the same line of key=value at the end.
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
if (Settings.Parse(args) is not { } settings)
{
    Console.Error.WriteLine("usage: XdpPS.Benchmarks rxdrop|txonly|l2fwd|ping|pong|open|queues IFNAME [-t seconds] [-w seconds] [-g] [-b] [-a] [-h] [-p microseconds] [-k frames] [-q queue] [-s bytes] [-n count]");
    return 2;
}

try
{
    if (settings.Mode == "open")
    {
        OpenAndClose.Run(settings);
        return 0;
    }

    if (settings.Mode == "queues")
    {
        XskSocket[] sockets = [.. Enumerable.Range(0, settings.Repeats).Select(queue => XskSocket.Open(settings.SocketOptions with { QueueId = queue }))];
        Console.WriteLine("ready");
        using Meter sum = new(settings);
        sum.Measure(() => ReceiveOnQueues.Run(sockets, sum));
        foreach (XskSocket each in sockets) each.Dispose();
        return 0;
    }

    using XskSocket socket = XskSocket.Open(settings.SocketOptions);
    Console.WriteLine("ready");
    using Meter meter = new(settings);
    Action loop = settings.Mode switch
    {
        "rxdrop" => () => ReceiveAndDrop.Run(socket, meter, settings.Spins),
        "txonly" => () => Transmit.Run(socket, meter, settings.Length),
        "l2fwd" => () => Forward.Run(socket, meter),
        "pong" => () => Pong.Run(socket, meter),
        _ => () => Ping.Run(socket, meter, settings.Length),
    };
    meter.Measure(loop);
    return 0;
}
catch (XskException e)
{
    Console.Error.WriteLine(e.Message);
    return 1;
}
