using XdpPS.Interop;

namespace XdpPS;

/// <summary>An interface, and what several of its checks ask for.</summary>
/// <param name="nic">With its details.</param>
/// <param name="sockets">The open sockets there that the caller knows of.</param>
/// <param name="files">The machine's files.</param>
internal sealed class CheckSubject(XdpInterface nic, IReadOnlyList<XskSocketInfo> sockets, SystemFiles files)
{
    private readonly Lazy<XdpInterface?> peer = new(() => VethPeer.Ask(nic, end => end));
    private readonly Lazy<HashSet<string>?> offloads = new(() => Ethtool.GetFeatures(nic.Name));

    internal XdpInterface Nic { get; } = nic;

    internal string Name => Nic.Name;

    internal IReadOnlyList<XskSocketInfo> Sockets { get; } = sockets;

    internal SystemFiles Files { get; } = files;

    /// <summary>The features that are on, by their names in the kernel; null where it does not tell.</summary>
    internal HashSet<string>? Offloads => offloads.Value;

    /// <summary>rtnetlink says of virtual interfaces what they are; hardware has no kind.</summary>
    internal string? VirtualKind => Nic.IsLoopback ? "loopback" : Nic.Kind;

    internal bool IsVeth => Nic.Kind == "veth";

    /// <summary>A veth's other end; null where that is in a network namespace that is not known here.</summary>
    internal XdpInterface? Peer => peer.Value;

    /// <summary>A socket would have its program in the generic path: it has one there, or the driver can do no other.</summary>
    internal bool IsGeneric => Nic.XdpMode == XdpMode.Generic || (Nic.XdpMode == XdpMode.None && Nic.XdpFeatures is { } features && !features.HasFlag(XdpFeatures.Basic | XdpFeatures.Redirect));

    /// <summary>Whether a program has packets for the socket.</summary>
    internal static bool Receives(XskSocketInfo socket) => socket.RxRingSize > 0 && (socket.ProgramId != 0 || socket.XskMapPath is not null);

    /// <summary>A command about the interface, as it has to be typed.</summary>
    internal string Command(string command) => Nic.Command(command);

    /// <summary>A command about the other end of a veth, which has to be typed where that is.</summary>
    internal string PeerCommand(string before, string after) => Peer is null ? $"{before} <peer> {after}" : Peer.Command($"{before} {Peer.Name} {after}");
}
