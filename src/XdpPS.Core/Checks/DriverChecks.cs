using XdpPS.Interop;

namespace XdpPS;

/// <summary>What the driver and its settings do with packets before a socket gets them.</summary>
internal static class DriverChecks
{
    internal static CheckFinding Link(CheckSubject subject)
    {
        XdpInterface nic = subject.Nic;
        if (!nic.IsUp) return CheckFinding.Fail($"{nic.Name} is down: nothing is received or sent", subject.Command($"ip link set {nic.Name} up"));
        if (nic.HasCarrier) return CheckFinding.Pass(nic.SpeedMbps is { } speed ? $"up, {speed} Mb/s" : "up");
        return CheckFinding.Fail(
            $"{nic.Name} is up and has no carrier",
            subject.IsVeth ? subject.PeerCommand("ip link set", "up") : $"check the cable and the other end: {subject.Command($"ethtool {nic.Name}")}");
    }

    internal static CheckFinding NativeXdp(CheckSubject subject)
    {
        XdpInterface nic = subject.Nic;
        string driver = nic.Driver ?? subject.VirtualKind ?? "its driver";
        if (nic.XdpFeatures is not { } features) return Untold(nic);
        if (features.HasFlag(XdpFeatures.Basic | XdpFeatures.Redirect)) return CheckFinding.Pass($"{driver} runs XDP programs and redirects to sockets");
        string slower = "sockets get their packets in generic mode, which is slower";
        if (features.HasFlag(XdpFeatures.Basic)) return CheckFinding.Warn($"{driver} runs XDP programs but does not redirect: {slower}", "use a NIC whose driver redirects, or -AttachMode Generic");
        if (subject.IsVeth && subject.Peer is { } peer && peer.TxQueues > nic.RxQueues)
        {
            // veth_set_xdp_features (drivers/net/veth.c).
            string enough = nic.MaxRxQueues >= peer.TxQueues
                ? subject.Command($"ethtool -L {nic.Name} rx {peer.TxQueues}")
                : peer.Command($"ethtool -L {peer.Name} tx {nic.RxQueues}");
            return CheckFinding.Warn($"a veth runs XDP programs with as many receive queues as its peer has transmit queues, and {nic.Name} has {nic.RxQueues} to the {peer.TxQueues} of {peer.Name}: {slower}", enough);
        }

        return CheckFinding.Warn(
            $"{driver} runs no XDP programs{(subject.VirtualKind is null ? " in this configuration" : "")}: {slower}",
            "use an interface whose driver runs them; on this one New-XskSocket falls back to generic mode");
    }

    internal static CheckFinding ZeroCopy(CheckSubject subject)
    {
        XdpInterface nic = subject.Nic;
        if (nic.SupportsZeroCopy is not { } supported) return Untold(nic);
        if (!supported) return CheckFinding.Warn($"{nic.Driver ?? subject.VirtualKind ?? "the driver"} has no zero-copy: packets are copied", "use a NIC whose driver has it where the rate matters; on this one New-XskSocket falls back to copying");
        foreach (XskSocketOptions socket in SocketsOf(subject))
        {
            if (socket.WhyPacketsComeInPieces(nic) is var (cause, _)) return CheckFinding.Warn(cause, $"use -FrameSize {Environment.SystemPageSize}");
        }

        // Where a queue goes with the program zero-copy is refused.
        int lasting = nic.CountLastingQueuesHere();
        int[] copying = [.. subject.Sockets.Where(socket => socket.BindMode == XskBindMode.Copy && socket.QueueId < lasting).Select(socket => socket.QueueId).Distinct().Order()];
        if (copying.Length > 0) return CheckFinding.Warn($"{nic.Driver} does zero-copy, and the socket on queue {string.Join(", ", copying)} copies", $"open it again with -BindMode ZeroCopy: New-XskSocket {nic.Name} -QueueId {string.Join(", ", copying)} -BindMode ZeroCopy");
        return CheckFinding.Pass($"{nic.Driver} does zero-copy{(nic.ZeroCopyMaxSegments is { } most ? $", with packets of up to {most} fragment{(most == 1 ? "" : "s")}" : "")}");
    }

    internal static CheckFinding AttachedProgram(CheckSubject subject)
    {
        XdpInterface nic = subject.Nic;
        if (nic.XdpPrograms.Count == 0) return CheckFinding.Pass("no XDP program is attached");
        if (subject.Sockets.FirstOrDefault(socket => socket.XskMapPath is not null) is { } pinned) return CheckFinding.Pass($"program {nic.XdpProgramId}, with the map {pinned.XskMapPath} that sockets of this session are in");
        HashSet<int> own = [.. subject.Sockets.Select(socket => socket.ProgramId)];
        AttachedProgram[] others = [.. nic.XdpPrograms.Where(program => !own.Contains(program.Id))];
        if (others.Length == 0) return CheckFinding.Pass($"program {nic.XdpProgramId}, {nic.XdpMode.ToString().ToLowerInvariant()} mode, of this session's sockets");
        if (XdpProgramInfo.Describe([nic]).FirstOrDefault(info => info.Id == others[0].Id) is not { } found) return CheckFinding.Pass("the XDP program that was attached is gone by now");
        string what = $"program {found.Id}{(found.Name is { Length: > 0 } name ? $" '{name}'" : "")}, {found.Mode.ToString().ToLowerInvariant()} mode{(found.Holders is { Count: > 0 } holders ? $", of {string.Join(", ", holders)}" : "")}";
        if (found.CanJoin is not { } joinable) return CheckFinding.Unknown($"{what}: whether sockets can join it is told to CAP_SYS_ADMIN only", "sudo pwsh");
        string remove = found.LinkId is { } link
            ? $"bpftool link detach id {link}"
            : subject.Command($"ip link set {nic.Name} {Kind(found.Mode)} off");
        return joinable
            ? CheckFinding.Warn($"{what}: a socket joins it, and it decides what arrives", remove)
            : CheckFinding.Fail($"{what}: it is in the way of sockets", remove);

        static string Kind(XdpMode mode) => mode switch
        {
            XdpMode.Generic => "xdpgeneric",
            XdpMode.Offload => "xdpoffload",
            _ => "xdp",
        };
    }

    /// <summary>GRO comes after a native program, and an interface with a generic one has none; but see <see cref="MergedPackets"/>.</summary>
    internal static CheckFinding Offloads(CheckSubject subject)
    {
        if (subject.Offloads is not { } on) return CheckFinding.Unknown("the kernel does not tell the interface's features");
        string[] merging = [.. new[] { ("rx-lro", "lro"), ("rx-gro-hw", "rx-gro-hw") }.Where(one => on.Contains(one.Item1)).Select(one => one.Item2)];
        if (merging.Length > 0)
        {
            return CheckFinding.Warn(
                $"the NIC merges packets before an XDP program could see them ({string.Join(" and ", merging)}), and most drivers then refuse native mode",
                subject.Command($"ethtool -K {subject.Name} {string.Join(' ', merging.Select(name => $"{name} off"))}"));
        }

        bool gro = on.Contains("rx-gro");
        string state = $"LRO is off, GRO {(gro ? "on" : "off")}";
        if (!subject.IsGeneric) return CheckFinding.Pass(gro ? $"{state}, which comes after a native program" : state);
        if (MergedPackets.WhyMerged(subject.Nic, dropsLong: subject.Sockets.Count == 0 || subject.Sockets.Any(socket => !socket.MultiBuffer)) is var (cause, remedy, certain))
            return certain ? CheckFinding.Warn($"in generic mode {cause}", remedy) : CheckFinding.Unknown($"in generic mode {cause}", remedy);
        return CheckFinding.Pass(gro ? $"{state}, which merges nothing while a program runs in generic mode" : state);
    }

    internal static CheckFinding Mtu(CheckSubject subject)
    {
        XdpInterface nic = subject.Nic;
        XskSocketOptions[] sockets = SocketsOf(subject);
        foreach (XskSocketOptions socket in sockets)
        {
            if (socket.WhyPacketsDoNotFit(nic) is var (cause, remedy)) return CheckFinding.Warn(cause, remedy);
        }

        return CheckFinding.Pass(
            $"an MTU of {nic.Mtu}; a packet can have {sockets.Min(socket => socket.MaximumReceiveLength)} bytes{(subject.Sockets.Count == 0 ? " by default" : "")}");
    }

    /// <summary>A tag that the NIC has put beside the packet is in no byte that a filter could look at.</summary>
    internal static CheckFinding VlanOffload(CheckSubject subject)
    {
        if (subject.Offloads is not { } on) return CheckFinding.Unknown("the kernel does not tell the interface's features");
        const string hidden = "so that filters and packets do not show them";
        if (!subject.IsVeth)
        {
            return on.Contains("rx-vlan-hw-parse")
                ? CheckFinding.Warn($"the NIC takes VLAN tags out of the frames, {hidden}", subject.Command($"ethtool -K {subject.Name} rxvlan off"))
                : CheckFinding.Pass("VLAN tags stay in the frames");
        }

        // A veth takes nothing out: its peer never puts in what the stack has left to be inserted.
        string remedy = subject.PeerCommand("ethtool -K", "txvlan off");
        if (subject.Peer is not { } peer) return CheckFinding.Unknown("whether the peer leaves VLAN tags out of the frames is not told from a network namespace that is not known here", remedy);
        return VethPeer.Ask(subject.Nic, end => Ethtool.GetFeatures(end.Name))?.Contains("tx-vlan-hw-insert") switch
        {
            true => CheckFinding.Warn($"its peer {peer.Name} leaves VLAN tags out of the frames, {hidden}", remedy),
            false => CheckFinding.Pass("VLAN tags stay in the frames"),
            null => CheckFinding.Unknown($"the kernel does not tell the features of its peer {peer.Name}", remedy),
        };
    }

    private static CheckFinding Untold(XdpInterface nic) => Environment.OSVersion.Version < new Version(6, 3)
        ? CheckFinding.Unknown("Linux before 6.3 does not tell what a driver can do", $"try New-XskSocket {nic.Name} -AttachMode Native -BindMode ZeroCopy")
        : CheckFinding.Unknown("the kernel does not answer by generic netlink", $"try New-XskSocket {nic.Name} -AttachMode Native -BindMode ZeroCopy");

    /// <summary>Those that are open, else one as it would be by default.</summary>
    private static XskSocketOptions[] SocketsOf(CheckSubject subject) => subject.Sockets.Count == 0
        ? [new XskSocketOptions { InterfaceName = subject.Name }]
        : [.. subject.Sockets.Select(OptionsOf)];

    private static XskSocketOptions OptionsOf(XskSocketInfo socket) => new()
    {
        InterfaceName = socket.InterfaceName,
        FrameSize = socket.FrameSize,
        FrameCount = socket.FrameCount,
        Headroom = socket.Headroom,
        MultiBuffer = socket.MultiBuffer,
        RxRingSize = socket.RxRingSize,
        TxRingSize = socket.TxRingSize,
        FillRingSize = socket.FillRingSize,
        AttachProgram = CheckSubject.Receives(socket),
    };
}
