using XdpPS.Errors;
using XdpPS.Session;

namespace XdpPS.Commands;

/// <summary>Opens the sockets of one interface for a cmdlet, all or none, and tells the user what there is to tell.</summary>
internal static class XskSocketOpener
{
    /// <param name="command">Whose warnings and errors they are, and whose stop ends the opening.</param>
    /// <param name="interfaceName">What an error is about.</param>
    /// <param name="queues">One a socket; asking for them may fail as opening does.</param>
    /// <param name="use">What else has to be done with each for the opening to have succeeded.</param>
    /// <returns>The sockets; none where one could not be opened, which has been reported, or where the pipeline is stopped.</returns>
    internal static IReadOnlyList<XskSocket> Open(
        XskCommand command, string interfaceName, IEnumerable<XskSocketOptions> queues, Action<XskSocket>? use = null)
    {
        List<XskSocket> opened = [];
        try
        {
            foreach (XskSocketOptions options in queues)
            {
                XskSocket socket = XskSocket.Open(options, command.StopToken);
                opened.Add(socket);
                SocketRegistry.Add(socket);
            }

            foreach (string warning in Warnings(opened)) command.WriteWarning(warning);
            if (use is not null) opened.ForEach(use);
            return opened;
        }
        catch (XskException e)
        {
            Close(opened);
            command.WriteError(XskErrorRecord.From(e, interfaceName));
        }
        catch (OperationCanceledException) when (command.Stopping)
        {
            Close(opened);
        }
        catch
        {
            // -WarningAction Stop, or a stop: nobody gets these sockets.
            Close(opened);
            throw;
        }

        return [];
    }

    /// <summary>
    /// One a receive queue, counted while they are opened: there may be more with a program. Those go with it, and cannot be
    /// bound zero-copy.
    /// </summary>
    internal static IEnumerable<XskSocketOptions> AllQueues(Func<int, XskSocketOptions> of)
    {
        for (int queue = 0, count = 1; queue < count; queue++)
        {
            XskSocketOptions options = of(queue);
            yield return options;
            XdpInterface nic = XdpInterface.Get(options.InterfaceName, options.NetworkNamespace);
            bool zeroCopy = (options.ShareUmemWith?.BindMode ?? options.BindMode) == XskBindMode.ZeroCopy;
            // Where the kernel does not tell which these are, opening the next one says what to do.
            count = zeroCopy && nic.CountLastingQueues() is > 0 and int lasting ? Math.Min(nic.RxQueues, lasting) : nic.RxQueues;
        }
    }

    private static void Close(List<XskSocket> opened)
    {
        foreach (XskSocket socket in opened) socket.Close();
    }

    /// <summary>The sockets' own warnings, each text once, and one about queues that nobody listens to.</summary>
    private static IEnumerable<string> Warnings(List<XskSocket> opened)
    {
        IEnumerable<string> own = opened.SelectMany(socket => socket.Warnings).Select(warning => warning.Message).Distinct();
        XskSocket? receiving = opened.Find(socket => socket.AttachMode != XdpMode.None && socket.RxRingSize > 0);
        return receiving is not null && MissedQueues(receiving) is { } missed ? own.Append(missed) : own;
    }

    private static string? MissedQueues(XskSocket socket)
    {
        XdpInterface nic = XdpInterface.Get(socket.InterfaceName, socket.NetworkNamespace);
        HashSet<int> bound = [.. SocketRegistry.OnInterface(socket.NetworkNamespaceId, nic.Index).Select(other => other.QueueId)];
        List<int> missed = [];
        for (int queue = 0; queue < nic.RxQueues; queue++)
        {
            if (!bound.Contains(queue)) missed.Add(queue);
        }

        if (missed.Count == 0) return null;
        string kind = nic.CombinedQueues > 0 ? "combined" : "rx";
        // The kernel does not take a queue away that has a socket, nor virtio_net any while it runs a program.
        bool fixedQueues = nic is { Driver: "virtio_net", XdpMode: XdpMode.Native };
        string fewer = !fixedQueues && bound.All(queue => queue == 0) && nic.CombinedQueues != 1 ? $", or run '{nic.Command($"ethtool -L {nic.Name} {kind} 1")}'" : "";
        // What came with the program cannot be zero-copy.
        string how = missed[^1] >= nic.CountLastingQueues() ? "-AllQueues -BindMode Auto" : "-AllQueues";
        string list = missed.Count > 8 ? $"{missed[0]}-{missed[^1]}" : string.Join(", ", missed);
        return $"{nic.Name} has {nic.RxQueues} receive queues, and this process has no socket on {(missed.Count == 1 ? "queue" : "queues")} {list}: "
            + "packets that arrive there go to the kernel, or to another process's socket, and are not seen here. "
            + $"Bind all of them with {how}{fewer}.";
    }
}
