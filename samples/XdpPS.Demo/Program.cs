using System.Globalization;
using XdpPS;
using XdpPS.Demo;

// samples/demo.ps1 without PowerShell. The arguments are the two ends of a cable: left right.
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
string[] ends = args.Length == 2 ? args : ["left", "right"];
try
{
    return Run(ends[0], ends[1]);
}
catch (XskException e)
{
    Console.Error.WriteLine(e.Message);
    return 1;
}

static int Run(string leftName, string rightName)
{
    Console.WriteLine("An AF_XDP socket on each end of the cable:");
    using XskSocket left = XskSocket.Open(new XskSocketOptions { InterfaceName = leftName });
    using XskSocket right = XskSocket.Open(new XskSocketOptions { InterfaceName = rightName });
    Console.WriteLine($"  {left}");
    Console.WriteLine($"  {right}");

    IReadOnlyList<byte[]> frames = new SampleFrames(left.MacAddress.GetAddressBytes(), right.MacAddress.GetAddressBytes()).All;
    Console.WriteLine();
    Console.WriteLine($"{leftName} sends {frames.Count} frames:");
    foreach (byte[] frame in frames)
    {
        left.CheckFrame(frame);
        while (!left.TrySend(frame)) left.Pump();
    }

    bool completed = left.Flush(TimeSpan.FromSeconds(2));
    Console.WriteLine(completed ? "  the kernel has completed all of them" : $"  the kernel has not completed {left.PendingSends} of them");

    Console.WriteLine();
    Console.WriteLine($"{rightName} receives:");
    List<XskPacket> packets = Receive(right, frames.Count, TimeSpan.FromSeconds(2));
    PrintPackets(packets);

    Console.WriteLine();
    Console.WriteLine("Ring statistics:");
    PrintStatistics([left.GetStatistics(), right.GetStatistics()]);

    Console.WriteLine();
    if (packets.Count < frames.Count)
    {
        Console.Error.WriteLine($"Only {packets.Count} of {frames.Count} frames arrived.");
        return 1;
    }

    Console.WriteLine($"All {frames.Count} frames arrived. Both sockets are closed, and their XDP programs removed.");
    return 0;
}

static List<XskPacket> Receive(XskSocket socket, int count, TimeSpan timeout)
{
    List<XskPacket> packets = [];
    XskPacketReader reader = new();
    using XskPoller poller = new([socket]);
    while (packets.Count < count)
    {
        if (reader.ReadOne(socket) is { } packet) packets.Add(packet);
        else if (!poller.Wait(timeout)) break;
    }

    return packets;
}

static void PrintPackets(List<XskPacket> packets)
{
    const string Row = "{0,4}  {1,-10}  {2,-18}  {3,-18}  {4,-8}  {5,6}";
    Console.WriteLine(Row, "No.", "Time", "Source", "Destination", "Protocol", "Length");
    Console.WriteLine(Row, "---", "----", "------", "-----------", "--------", "------");
    foreach (XskPacket packet in packets)
    {
        string time = packet.RelativeTime.TotalSeconds.ToString("F6");
        Console.WriteLine(Row, packet.Number, time, packet.Source, packet.Destination, packet.Protocol, packet.Length);
    }
}

static void PrintStatistics(XskRingStats[] stats)
{
    const string Row = "{0,-12}{1,12}{2,12}";
    Console.WriteLine(Row, "", stats[0].InterfaceName, stats[1].InterfaceName);
    foreach ((string name, Func<XskRingStats, object?> value) in new (string, Func<XskRingStats, object?>)[]
    {
        ("sent", s => s.TxPackets),
        ("completed", s => s.TxCompleted),
        ("received", s => s.RxPackets),
        ("lost", s => s.RxDropped + s.RxRingFull),
        ("RX", s => s.Rx),
        ("FILL", s => s.Fill),
        ("TX", s => s.Tx),
        ("COMPLETION", s => s.Completion),
    })
    {
        Console.WriteLine(Row, name, value(stats[0]), value(stats[1]));
    }
}
