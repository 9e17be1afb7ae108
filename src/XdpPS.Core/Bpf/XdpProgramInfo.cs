using XdpPS.Interop;

namespace XdpPS;

/// <summary>How an XDP program hangs on its interface.</summary>
public enum XdpAttachMethod
{
    /// <summary>This process may not see it.</summary>
    Unknown = 0,

    /// <summary>By netlink, as <c>ip link set … xdp</c> does: it stays until someone detaches it, and can be replaced.</summary>
    Netlink = 1,

    /// <summary>By a bpf_link: it goes with the last process or pin that holds the link, and cannot be replaced.</summary>
    BpfLink = 2,
}

/// <summary>A map of an XDP program.</summary>
public sealed class XdpMapInfo
{
    /// <summary>The map's id.</summary>
    public required int Id { get; init; }

    /// <summary>The map's name, 15 characters at most.</summary>
    public required string Name { get; init; }

    /// <returns>Name and id.</returns>
    public override string ToString() => $"{Name} ({Id})";
}

/// <summary>A process that keeps an XDP program attached or loaded.</summary>
public sealed class XdpProgramHolder
{
    /// <summary>The process's id.</summary>
    public required int ProcessId { get; init; }

    /// <summary>The process's name, 15 characters at most.</summary>
    public required string Command { get; init; }

    /// <summary>It holds the bpf_link, so that the program stays attached while it lives; else it holds the program only.</summary>
    public required bool HoldsLink { get; init; }

    /// <returns>Name and process id.</returns>
    public override string ToString() => $"{Command} ({ProcessId})";
}

/// <summary>A program that an XDP program calls in place of a function of its own, as libxdp's dispatcher does (freplace).</summary>
public sealed class XdpExtensionInfo
{
    /// <summary>The extension program's id.</summary>
    public required int Id { get; init; }

    /// <summary>Its name, 15 characters at most.</summary>
    public required string Name { get; init; }

    /// <summary>Its tag, as bpftool prints it.</summary>
    public required string Tag { get; init; }

    /// <summary>The link that joins it to the program.</summary>
    public required int LinkId { get; init; }

    /// <summary>Its maps.</summary>
    public required IReadOnlyList<XdpMapInfo> Maps { get; init; }

    /// <returns>Name and id.</returns>
    public override string ToString() => $"{Name} ({Id})";
}

/// <summary>
/// An XDP program on an interface, at the moment it was asked about. Id and mode are for everyone; the rest is for
/// CAP_SYS_ADMIN, and null without it.
/// </summary>
public sealed class XdpProgramInfo
{
    /// <summary>The interface it is attached to.</summary>
    public required string InterfaceName { get; init; }

    /// <summary>The network namespace of the interface, by the name or path that was given; null for the session's own.</summary>
    public string? NetworkNamespace { get; init; }

    /// <summary>That interface's index.</summary>
    public required int InterfaceIndex { get; init; }

    /// <summary>Where it runs.</summary>
    public required XdpMode Mode { get; init; }

    /// <summary>The program's id.</summary>
    public required int Id { get; init; }

    /// <summary>The program's name, 15 characters at most; empty where it was loaded without one.</summary>
    public string? Name { get; init; }

    /// <summary>Its tag, a hash of its instructions, as bpftool prints it: 16 hexadecimal digits.</summary>
    public string? Tag { get; init; }

    /// <summary>How it is attached.</summary>
    public XdpAttachMethod AttachedBy { get; init; }

    /// <summary>The bpf_link's id; null where it is attached by netlink.</summary>
    public int? LinkId { get; init; }

    /// <summary>When it was loaded, in local time.</summary>
    public DateTime? LoadTime { get; init; }

    /// <summary>The user who loaded it.</summary>
    public long? UserId { get; init; }

    /// <summary>Its own maps.</summary>
    public IReadOnlyList<XdpMapInfo>? Maps { get; init; }

    /// <summary>The programs that it calls as parts of itself; empty for a plain one.</summary>
    public IReadOnlyList<XdpExtensionInfo>? Extensions { get; init; }

    /// <summary>It, or an extension of it, has an XSKMAP named <c>xsks_map</c>: a socket can join it.</summary>
    public bool? CanJoin { get; init; }

    /// <summary>
    /// The processes that hold its link or, where it has none, the program itself. Empty where none does (a link may be
    /// pinned to a BPF file system); null where none is seen and there are processes that this one may not look into.
    /// </summary>
    public IReadOnlyList<XdpProgramHolder>? Holders { get; init; }

    /// <summary>The programs on every interface of a network namespace, by interface index.</summary>
    /// <param name="networkNamespace">As <see cref="XskSocketOptions.NetworkNamespace"/>.</param>
    /// <exception cref="XskException">The kernel could not be asked, or the namespace not be entered.</exception>
    public static IReadOnlyList<XdpProgramInfo> GetAll(string? networkNamespace = null) => Describe(XdpInterface.GetAll(networkNamespace));

    /// <summary>The programs on one interface: none, one, or one for each mode.</summary>
    /// <param name="interfaceName">Exact name of the interface.</param>
    /// <param name="networkNamespace">As <see cref="XskSocketOptions.NetworkNamespace"/>.</param>
    /// <exception cref="XskException">There is no such interface, the kernel could not be asked, or the namespace not be entered.</exception>
    public static IReadOnlyList<XdpProgramInfo> Get(string interfaceName, string? networkNamespace = null) =>
        Describe([XdpInterface.Get(interfaceName, networkNamespace)]);

    internal static List<XdpProgramInfo> Describe(IEnumerable<XdpInterface> interfaces)
    {
        List<XdpProgramInfo> found = [];
        XdpProgramQuery? query = null;
        foreach (XdpInterface nic in interfaces)
        {
            foreach ((XdpMode mode, int id) in nic.XdpPrograms)
            {
                query ??= new XdpProgramQuery();
                found.Add(query.Describe(nic, mode, id));
            }
        }

        return found;
    }

    /// <returns>Interface, id, name, mode and attachment on one line.</returns>
    public override string ToString()
    {
        string name = Name is null ? "" : $" '{Name}'";
        string attached = AttachedBy switch
        {
            XdpAttachMethod.Netlink => ", attached by netlink",
            XdpAttachMethod.BpfLink => $", attached by bpf_link {LinkId}",
            _ => "",
        };
        string holders = Holders is { Count: > 0 } ? $", held by {string.Join(", ", Holders)}" : "";
        return $"{InterfaceName}: program {Id}{name}, {Mode.ToString().ToLowerInvariant()} mode{attached}{holders}";
    }
}
