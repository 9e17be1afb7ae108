using System.Globalization;
using XdpPS.Interop;

namespace XdpPS;

/// <summary>Where packets go: the queues, what spreads packets over them, and the NIC's own rings.</summary>
internal static class QueueChecks
{
    internal static CheckFinding Queues(CheckSubject subject)
    {
        XdpInterface nic = subject.Nic;
        int[] taken = [.. Taken(subject)];
        int[] free = Free(nic, taken);
        string queues = nic.RxQueues == 1 ? "1 receive queue" : $"{nic.RxQueues} receive queues";
        if (free.Length == 0) return CheckFinding.Pass($"{queues}, {(nic.RxQueues == 1 ? "with a socket" : "each with a socket")}");
        if (nic.RxQueues == 1) return CheckFinding.Pass($"{queues}: one socket gets everything");
        return CheckFinding.Warn(
            taken.Length == 0
                ? $"{queues} and no socket: one on a single queue gets a part of the packets"
                : $"{queues}, {taken.Length} with a socket: what arrives on queue {string.Join(", ", free)} goes to the kernel",
            OpenOn(nic, free));
    }

    internal static CheckFinding Rss(CheckSubject subject)
    {
        XdpInterface nic = subject.Nic;
        if (nic.RxQueues == 1) return CheckFinding.Pass("1 receive queue: there is nothing to spread");
        int[] taken = [.. Taken(subject)];
        if (Free(nic, taken).Length == 0) return CheckFinding.Pass($"each of the {nic.RxQueues} receive queues has a socket, wherever packets go");
        return Ethtool.GetIndirection(nic.Name) is { } table
            ? Rss(table, taken, subject)
            : CheckFinding.Unknown(
                $"{nic.Driver ?? subject.VirtualKind ?? "the driver"} does not tell how it spreads packets over its {nic.RxQueues} queues",
                OpenOn(nic, Free(nic, taken)));
    }

    private static CheckFinding Rss(uint[] table, int[] taken, CheckSubject subject)
    {
        // A socket is opened on queue 0 unless another is given.
        int[] sockets = taken.Length == 0 ? [0] : taken;
        IGrouping<uint, uint>[] shares = [.. table.GroupBy(queue => queue).OrderBy(share => share.Key)];
        string spread = $"the indirection table sends {string.Join(", ", shares.Select(share => $"{Percent(share.Count(), table.Length)} to queue {share.Key}"))}";
        int reached = table.Count(queue => sockets.Contains((int)queue));
        string get = taken.Length switch
        {
            0 => "a socket on queue 0, the default, gets",
            1 => $"the socket on queue {taken[0]} gets",
            _ => $"the sockets on queues {string.Join(", ", taken)} get",
        };
        return reached == table.Length
            ? CheckFinding.Pass($"{spread}: {get} all of it")
            : CheckFinding.Warn($"{spread}: {get} {Percent(reached, table.Length)} of it", subject.Command($"ethtool -X {subject.Name} {Steering(sockets)}"));
    }

    /// <summary>How ethtool has all of the traffic go to these queues: the first ones in equal shares, or by weight.</summary>
    private static string Steering(int[] queues)
    {
        bool first = queues.Order().SequenceEqual(Enumerable.Range(0, queues.Length));
        return first ? $"equal {queues.Length}" : $"weight {string.Join(' ', Enumerable.Range(0, queues.Max() + 1).Select(queue => queues.Contains(queue) ? 1 : 0))}";
    }

    internal static CheckFinding NicRings(CheckSubject subject)
    {
        if (Ethtool.GetRings(subject.Name) is not { MaxRx: > 0 } rings)
        {
            return subject.VirtualKind is { } kind
                ? CheckFinding.Pass($"a virtual interface ({kind}), without a NIC's rings")
                : CheckFinding.Unknown($"{subject.Nic.Driver ?? "the driver"} does not tell the sizes of its rings");
        }

        uint wanted = (uint)subject.Sockets.Select(socket => socket.RxRingSize).DefaultIfEmpty(XskSocketOptions.DefaultRingSize).Max();
        string found = $"RX {rings.Rx} of at most {rings.MaxRx} descriptors, TX {rings.Tx} of {rings.MaxTx}";
        if (rings.Rx >= rings.MaxRx || rings.Rx >= wanted) return CheckFinding.Pass(found);
        return CheckFinding.Warn(
            $"{found}: a burst overruns the NIC's ring before the {wanted} entries of a socket's RX ring",
            subject.Command($"ethtool -G {subject.Name} rx {Math.Min(rings.MaxRx, wanted)}"));
    }

    /// <summary>The queues with a socket that receives: of the caller, and on other queues of whoever the kernel lists.</summary>
    private static IEnumerable<int> Taken(CheckSubject subject)
    {
        HashSet<int> own = [.. subject.Sockets.Select(socket => socket.QueueId)];
        IEnumerable<int> others = (XdpDiag.Query() ?? [])
            .Where(entry => entry.InterfaceIndex == subject.Nic.Index && !own.Contains(entry.QueueId))
            .Select(entry => entry.QueueId);
        return subject.Sockets.Where(CheckSubject.Receives).Select(socket => socket.QueueId).Concat(others).Distinct().Order();
    }

    private static int[] Free(XdpInterface nic, int[] taken) => [.. Enumerable.Range(0, nic.RxQueues).Except(taken)];

    private static string OpenOn(XdpInterface nic, int[] queues) =>
        $"New-XskSocket {nic.Name} -QueueId {string.Join(", ", queues)}{(nic.NetworkNamespace is { } home ? $" -NetworkNamespace {home}" : "")}";

    private static string Percent(int part, int whole) => string.Create(CultureInfo.InvariantCulture, $"{100.0 * part / whole:0.#} %");
}
