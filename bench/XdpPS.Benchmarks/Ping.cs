using System.Diagnostics;

namespace XdpPS.Benchmarks;

/// <summary>One frame at a time: sent, waited for without sleeping, timed. One that is not back within 100 ms is lost.</summary>
internal static class Ping
{
    private const int Capacity = 1 << 21;

    internal static void Run(XskSocket socket, Meter meter, int length)
    {
        long limit = Stopwatch.Frequency / 10;
        long[] times = GC.AllocateUninitializedArray<long>(Capacity);
        Array.Fill(times, 0);
        int measured = 0;
        while (meter.Running && measured < Capacity)
        {
            long start = Stopwatch.GetTimestamp();
            using (SendBatch batch = socket.ReserveSend(1))
            {
                Transmit.Header.CopyTo(batch.Next);
                batch.Add(length);
            }

            socket.Pump();
            int back;
            long end;
            do
            {
                using (ReceiveBatch batch = socket.Receive(1)) back = batch.Count;
                end = Stopwatch.GetTimestamp();
            }
            while (back == 0 && end - start < limit && meter.Running);

            if (back == 0) continue;
            meter.Packets++;
            if (meter.IsWarm) times[measured++] = end - start;
        }

        if (measured == 0) return;
        Array.Sort(times, 0, measured);
        meter.Extra = $"p50={Microseconds(times[measured / 2]):F3} p99={Microseconds(times[(int)(measured * 99L / 100)]):F3} ";
    }

    private static double Microseconds(long ticks) => ticks * 1e6 / Stopwatch.Frequency;
}
