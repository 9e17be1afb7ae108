using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace XdpPS.Session;

/// <summary>Says when the kernel lost packets of a socket, why, and what to raise; each loss once, and not too often.</summary>
/// <param name="sockets">Whose packets.</param>
/// <param name="faster">What else makes the reader faster than opening the socket anew, as the beginning of the remedy.</param>
internal sealed class DropWatch(IReadOnlyList<XskSocket> sockets, string faster = "use -ReadCount, or ")
{
    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan WarnInterval = TimeSpan.FromSeconds(5);
    private static readonly ConditionalWeakTable<XskSocket, Reported> Known = [];

    private long lookedAt;
    private long warnedAt;

    private sealed class Reported
    {
        internal long Dropped { get; set; }

        internal long RingFull { get; set; }

        internal long FillEmpty { get; set; }
    }

    /// <summary>Cheap to call often: it looks once a second, and the first time.</summary>
    internal IEnumerable<string> LookNowAndThen()
    {
        if (lookedAt != 0 && Stopwatch.GetElapsedTime(lookedAt) < LookInterval) return [];
        if (warnedAt != 0 && Stopwatch.GetElapsedTime(warnedAt) < WarnInterval) return [];
        return Look();
    }

    /// <returns>A warning for each socket that lost packets since it was last asked about.</returns>
    internal List<string> Look()
    {
        lookedAt = Stopwatch.GetTimestamp();
        List<string> warnings = [];
        foreach (XskSocket socket in sockets)
        {
            XskRingStats stats;
            try
            {
                stats = socket.GetStatistics();
            }
            catch (XskException)
            {
                continue; // Closed meanwhile: its receive reports that.
            }

            Reported known = Known.GetOrCreateValue(socket);
            long full = stats.RxRingFull - known.RingFull;
            long dropped = stats.RxDropped - known.Dropped;
            bool starved = stats.FillRingEmpty > known.FillEmpty;
            (known.RingFull, known.Dropped, known.FillEmpty) = (stats.RxRingFull, stats.RxDropped, stats.FillRingEmpty);
            string name = $"{socket.InterfaceName} queue {socket.QueueId}: the kernel dropped";
            if (full > 0)
                warnings.Add($"{name} {full} packets because its RX ring was full (they came faster than they were read): {faster}open the socket with a larger -RxRingSize and -FrameCount.");
            if (dropped > 0 && starved)
                warnings.Add($"{name} {dropped} packets because its FILL ring was empty (they came faster than they were read): {faster}open the socket with a larger -FillRingSize, -RxRingSize and -FrameCount.");
            if (dropped > 0 && !starved)
                warnings.Add($"{name} {dropped} packets that did not fit its frames of {socket.FrameSize} bytes: {Larger(socket)}.{Merged(socket)}");
        }

        if (warnings.Count > 0) warnedAt = lookedAt;
        return warnings;
    }

    private static string Larger(XskSocket socket) => (socket.MultiBuffer, socket.FrameSize < Environment.SystemPageSize) switch
    {
        (true, _) => "open it with larger -RxRingSize, -FillRingSize and -FrameCount",
        (_, true) => $"open it with -FrameSize {Environment.SystemPageSize} or -MultiBuffer",
        _ => "open it with -MultiBuffer",
    };

    /// <summary>What it was warned of when it was opened may be the reason.</summary>
    private static string Merged(XskSocket socket) =>
        socket.Warnings.FirstOrDefault(warning => warning.Id == XskWarning.GenericDropsAggregates) is { } warning ? $" {warning.Message}" : "";
}
