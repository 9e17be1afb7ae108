using System.Net.NetworkInformation;

namespace XdpPS;

/// <summary>What was obtained when a socket was opened. This is what is left of a socket that crossed a process boundary.</summary>
public class XskSocketInfo
{
    /// <summary>Interface the socket is bound to.</summary>
    public required string InterfaceName { get; init; }

    /// <summary>The network namespace it is in, by the name or path that was given; null for the session's own.</summary>
    public string? NetworkNamespace { get; init; }

    /// <summary>Its index.</summary>
    public required int InterfaceIndex { get; init; }

    /// <summary>Its hardware address.</summary>
    public required PhysicalAddress MacAddress { get; init; }

    /// <summary>Its driver, or null where it has none.</summary>
    public string? Driver { get; init; }

    /// <summary>Queue the socket is bound to.</summary>
    public required int QueueId { get; init; }

    /// <summary>Where the XDP program runs; None without one.</summary>
    public required XdpMode AttachMode { get; init; }

    /// <summary>Id of the XDP program; 0 without one.</summary>
    public required int ProgramId { get; init; }

    /// <summary>The XDP program was loaded by another process, and this socket joined its map.</summary>
    public bool JoinedProgram { get; init; }

    /// <summary>Path of the pinned XSKMAP that the socket was put into; null without one.</summary>
    public string? XskMapPath { get; init; }

    /// <summary>The expression that says what the socket takes; null for every packet.</summary>
    public string? Filter { get; init; }

    /// <summary>What the kernel says of the bound socket (XDP_OPTIONS), whatever was asked for.</summary>
    public required XskBindMode BindMode { get; init; }

    /// <summary>The socket was bound with XDP_USE_NEED_WAKEUP.</summary>
    public required bool NeedWakeup { get; init; }

    /// <summary>The XDP program takes each packet's arrival time.</summary>
    public bool ArrivalTimes { get; init; }

    /// <summary>Microseconds a receive runs the driver itself before it sleeps, as the kernel has it; 0 without busy polling.</summary>
    public int BusyPollMicroseconds { get; init; }

    /// <summary>The most packets the driver takes in one such run; 0 without busy polling.</summary>
    public int BusyPollBudget { get; init; }

    /// <summary>The most frames one send call takes in copy mode.</summary>
    public int TxBudget { get; init; } = XskSocketOptions.DefaultTxBudget;

    /// <summary>The UMEM lies in pages of 2 MiB.</summary>
    public bool HugePages { get; init; }

    /// <summary>Bytes of a UMEM frame.</summary>
    public required int FrameSize { get; init; }

    /// <summary>
    /// Frames the socket had when it was opened: its UMEM's, or its part of a shared one. A socket that joined others
    /// on their queue receives into theirs, and has only those that it sends.
    /// </summary>
    public required int FrameCount { get; init; }

    /// <summary>Bytes kept free before each received packet.</summary>
    public required int Headroom { get; init; }

    /// <summary>A packet may lie in several frames: the socket was bound with XDP_USE_SG.</summary>
    public bool MultiBuffer { get; init; }

    /// <summary>The UMEM's frames need not be a power of two in size (XDP_UMEM_UNALIGNED_CHUNK_FLAG).</summary>
    public bool Unaligned { get; init; }

    /// <summary>Entries of the RX ring; 0 without one.</summary>
    public required int RxRingSize { get; init; }

    /// <summary>Entries of the TX ring; 0 without one.</summary>
    public required int TxRingSize { get; init; }

    /// <summary>Entries of the FILL ring, which all sockets on the queue share.</summary>
    public required int FillRingSize { get; init; }

    /// <summary>Entries of the COMPLETION ring, which all sockets on the queue share.</summary>
    public required int CompletionRingSize { get; init; }

    /// <summary>Open sockets on the UMEM: 1, or more where it is shared (<see cref="XskSocketOptions.ShareUmemWith"/>); 0 once the socket is closed.</summary>
    public virtual int UmemSockets { get; init; }

    /// <summary>Open, or Closed.</summary>
    public virtual string State => "Closed";

    /// <summary>What the interface is called by now, for messages: it may have been renamed since the socket was opened.</summary>
    internal virtual string AskForName() => InterfaceName;

    /// <returns>One line that says everything.</returns>
    public override string ToString()
    {
        string program = XskMapPath is not null ? $"map {XskMapPath}" : AttachMode == XdpMode.None ? "no XDP program" : $"{AttachMode.ToString().ToLowerInvariant()} XDP";
        string copying = BindMode == XskBindMode.ZeroCopy ? "zero-copy" : "copy";
        bool alike = RxRingSize == TxRingSize && TxRingSize == FillRingSize && FillRingSize == CompletionRingSize;
        string rings = alike
            ? $"rings {RxRingSize}"
            : $"rings RX {RxRingSize} TX {TxRingSize} FILL {FillRingSize} COMPLETION {CompletionRingSize}";
        string tuning = BusyPollMicroseconds > 0 ? $", busy poll {BusyPollMicroseconds} us budget {BusyPollBudget}" : "";
        if (TxBudget != XskSocketOptions.DefaultTxBudget) tuning += $", TX budget {TxBudget}";
        string place = NetworkNamespace is null ? "" : $" in {NetworkNamespace}";
        string frames = $"{FrameCount} x {FrameSize} B {(Unaligned ? "unaligned " : "")}frames{(HugePages ? " in huge pages" : "")}{(MultiBuffer ? ", multi-buffer" : "")}";
        return $"{InterfaceName} queue {QueueId}{place}: {program}, {copying}, {frames}, {rings}{tuning}, driver {Driver ?? "none"}{(Filter is null ? "" : $", filter {Filter}")}";
    }
}
