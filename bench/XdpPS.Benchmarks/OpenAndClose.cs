using System.Diagnostics;

namespace XdpPS.Benchmarks;

/// <summary>Opens and closes a socket, with a pause after each until the kernel has freed the queue.</summary>
internal static class OpenAndClose
{
    internal static void Run(Settings settings)
    {
        double[] opening = new double[settings.Repeats], closing = new double[settings.Repeats];
        for (int i = 0; i < settings.Repeats; i++)
        {
            long start = Stopwatch.GetTimestamp();
            XskSocket socket = XskSocket.Open(settings.SocketOptions);
            opening[i] = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            start = Stopwatch.GetTimestamp();
            socket.Close();
            closing[i] = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            Thread.Sleep(100);
        }

        double first = opening[0];
        Array.Sort(opening);
        Array.Sort(closing);
        Console.WriteLine($"first_open={first:F2} open={opening[settings.Repeats / 2]:F2} close={closing[settings.Repeats / 2]:F2}");
    }
}
