namespace XdpPS.Benchmarks;

/// <summary>Receive and drop on several queues: a socket and a thread each, pinned in turn to the CPUs that the process may use.</summary>
internal static class ReceiveOnQueues
{
    /// <summary>Each thread counts on cache lines of its own.</summary>
    private const int Spacing = 16;

    private static readonly TimeSpan Wait = TimeSpan.FromMilliseconds(100);

    internal static void Run(XskSocket[] sockets, Meter meter)
    {
        long[] counts = new long[(sockets.Length + 1) * Spacing];
        meter.Counter = () => Enumerable.Range(1, sockets.Length).Sum(i => Volatile.Read(ref counts[i * Spacing]));
        IReadOnlyList<int> cpus = ThreadAffinity.Allowed;
        Thread[] threads = [.. sockets.Select((socket, i) => new Thread(() => Receive(socket, cpus[i % cpus.Count], ref counts[(i + 1) * Spacing], meter)))];
        foreach (Thread thread in threads) thread.Start();
        foreach (Thread thread in threads) thread.Join();
        meter.Extra = $"least={Enumerable.Range(1, sockets.Length).Min(i => counts[i * Spacing])} ";
    }

    private static void Receive(XskSocket socket, int cpu, ref long packets, Meter meter)
    {
        using ThreadAffinity pinned = ThreadAffinity.Pin(cpu);
        using XskPoller poller = new([socket]);
        while (meter.Running)
        {
            int count;
            using (ReceiveBatch batch = socket.Receive(ReceiveAndDrop.Batch)) count = batch.Count;
            Volatile.Write(ref packets, packets + count);
            if (count == 0) poller.Wait(Wait);
        }
    }
}
