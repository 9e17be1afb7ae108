using XdpPS.Interop;

namespace XdpPS;

/// <summary>
/// A program attached by bpf_link: the kernel detaches it when the last descriptor of the link is closed, be it
/// by the death of the process (Linux 5.9, bpf_xdp_link_attach).
/// </summary>
internal sealed class XdpLink : IDisposable
{
    private readonly FileDescriptor descriptor;

    private XdpLink(FileDescriptor descriptor, XdpMode mode)
    {
        this.descriptor = descriptor;
        Mode = mode;
    }

    internal XdpMode Mode { get; }

    /// <summary>The program that the link runs on its interface, or 0 once it was detached or the interface is gone.</summary>
    internal int ActiveProgramId => BpfCall.GetInfo(descriptor, out BpfXdpLinkInfo info) >= 0 && info.InterfaceIndex != 0
        ? (int)info.ProgramId
        : 0;

    /// <summary>Attaches natively, or, where the driver says that it cannot and <paramref name="mode"/> allows, generically.</summary>
    internal static XdpLink Attach(XdpProgram program, XdpInterface nic, XdpAttachMode mode, List<XskWarning> warnings) =>
        Attach(ref program, () => null, nic, mode, warnings);

    /// <summary>The same, but where the MTU is too large for one buffer a packet, with a variant of the program that can do with fragments.</summary>
    /// <param name="program">What to attach; the variant, and what it replaces is disposed, where that was attached.</param>
    /// <param name="forFragments">Loads the variant, or gives null where this kernel has none.</param>
    /// <param name="nic">Where.</param>
    /// <param name="mode">How.</param>
    /// <param name="warnings">Takes what the user should know.</param>
    internal static XdpLink Attach(ref XdpProgram program, Func<XdpProgram?> forFragments, XdpInterface nic, XdpAttachMode mode, List<XskWarning> warnings)
    {
        if (mode != XdpAttachMode.Generic)
        {
            int result = Create(program, nic, BpfAbi.XDP_FLAGS_DRV_MODE);
            if (result >= 0) return new XdpLink(new FileDescriptor(result), XdpMode.Native);
            int errno = -result;
            // Only these mean "not here, not like this" (veth.c, dev_xdp_attach). EBUSY, EEXIST and EPERM mean
            // that someone else was first or that we may not, and generic mode is no way round that.
            bool unsupported = errno is Errno.EOPNOTSUPP or Errno.ERANGE or Errno.ENOSPC or Errno.ENOTCONN || IsAboutMtu(errno, nic);
            if (!unsupported) throw Failed(errno, nic, "XDP_FLAGS_DRV_MODE");
            if (errno is Errno.EOPNOTSUPP or Errno.ERANGE or Errno.EINVAL && AttachForFragments(ref program, forFragments, nic) is { } link) return link;
            string reason = WhyNotNative(errno, nic);
            if (mode == XdpAttachMode.Native)
            {
                throw XskException.FromCall(
                    XskErrorId.NativeModeNotSupported, errno, Call(nic, "XDP_FLAGS_DRV_MODE"),
                    $"Native XDP is not possible on {nic.Name}: {reason}",
                    "use -AttachMode Auto or Generic, or remove the cause");
            }

            warnings.Add(new XskWarning("GenericFallback", $"Native XDP is not possible on {nic.Name} ({Errno.Name(errno)}): {reason}. Generic mode is used, which is slower."));
        }

        int generic = Create(program, nic, BpfAbi.XDP_FLAGS_SKB_MODE);
        if (generic < 0) throw Failed(-generic, nic, "XDP_FLAGS_SKB_MODE");
        return new XdpLink(new FileDescriptor(generic), XdpMode.Generic);
    }

    /// <summary>
    /// Our own reference to the link by which someone else attached a program. Without it, a socket that joined the
    /// program would go deaf, without any error, when the other process ends.
    /// </summary>
    /// <returns>The link, or null where the program is attached by netlink or this process may not open links by id.</returns>
    internal static XdpLink? FindHolding(int programId, XdpInterface nic)
    {
        int id = BpfLinks.All()?.Find(link => link.ProgramId == programId && link.InterfaceIndex == nic.Index).Id ?? 0;
        FileDescriptor? descriptor = id == 0 ? null : BpfCall.OpenById(BpfAbi.BPF_LINK_GET_FD_BY_ID, (uint)id);
        if (descriptor is null) return null;
        // Ids are not used again so soon, but what a link runs may be changed.
        XdpLink link = new(descriptor, nic.XdpMode);
        if (link.ActiveProgramId == programId) return link;
        link.Dispose();
        return null;
    }

    internal static XskException ProgramInTheWay(XdpInterface nic, string? call, int errno)
    {
        List<XdpProgramInfo> programs = XdpProgramInfo.Describe([nic]);
        string cause = $"Another XDP program is attached to {nic.Name}{Describe(programs)}";
        string remedy = $"{Remedy(nic, programs)}, or transmit only with -NoProgram";
        return call is null
            ? XskException.FromCheck(XskErrorId.ProgramAttached, cause, remedy)
            : XskException.FromCall(XskErrorId.ProgramAttached, errno, call, cause, remedy);
    }

    public void Dispose() => descriptor.Dispose();

    /// <summary>Of an MTU too large for one buffer veth says ERANGE, ice and bnxt EOPNOTSUPP, i40e and virtio_net EINVAL.</summary>
    private static bool IsAboutMtu(int errno, XdpInterface nic) => errno == Errno.EINVAL && nic.Mtu > EthernetFrame.StandardMtu;

    private static XdpLink? AttachForFragments(ref XdpProgram program, Func<XdpProgram?> load, XdpInterface nic)
    {
        XdpProgram? variant = load();
        if (variant is null) return null;
        int result = Create(variant, nic, BpfAbi.XDP_FLAGS_DRV_MODE);
        if (result < 0)
        {
            variant.Dispose();
            return null;
        }

        program.Dispose();
        program = variant;
        return new XdpLink(new FileDescriptor(result), XdpMode.Native);
    }

    private static int Create(XdpProgram program, XdpInterface nic, uint flags)
    {
        BpfLinkCreateAttr attributes = new()
        {
            ProgramDescriptor = (uint)program.Descriptor.Number,
            TargetInterfaceIndex = (uint)nic.Index,
            AttachType = BpfAbi.BPF_XDP,
            Flags = flags,
        };
        return BpfCall.Invoke(BpfAbi.BPF_LINK_CREATE, ref attributes);
    }

    private static string Call(XdpInterface nic, string flags) => $"bpf(BPF_LINK_CREATE, XDP, {nic.Name}, {flags})";

    private static string WhyNotNative(int errno, XdpInterface nic) => errno switch
    {
        Errno.ENOTCONN => "its veth peer is gone",
        Errno.ERANGE or Errno.EINVAL => $"the MTU of {nic.Name} or of its peer is too large for one page per packet",
        Errno.ENOSPC => "it has fewer receive queues than its peer has transmit queues",
        _ => $"its driver ({nic.Driver ?? "unknown"}) has no support for it",
    };

    private static XskException Failed(int errno, XdpInterface nic, string flags)
    {
        string call = Call(nic, flags);
        if (errno == Errno.ENODEV)
        {
            return XskException.FromCall(
                XskErrorId.InterfaceGone, errno, call, $"Interface {nic.Name} disappeared while the socket was being opened",
                "see ip link, and open the socket again once it is back");
        }

        if (errno is not (Errno.EBUSY or Errno.EEXIST))
            return XdpProgram.BpfFailed(errno, call, $"The XDP program could not be attached to {nic.Name}");
        return ProgramInTheWay(nic.Refreshed(), call, errno);
    }

    private static string Describe(List<XdpProgramInfo> programs) => programs.Count == 0 ? "" : $" ({string.Join("; and ", programs.Select(Describe))})";

    internal static string Describe(XdpProgramInfo program)
    {
        string mode = $"{program.Mode.ToString().ToLowerInvariant()} mode";
        string known = program.Name is null
            ? $"id {program.Id}, {mode}; only CAP_SYS_ADMIN may see its name"
            : $"id {program.Id}, name '{program.Name}', tag {program.Tag}, {mode}";
        string attached = program.AttachedBy switch
        {
            XdpAttachMethod.Netlink => ", attached by netlink",
            XdpAttachMethod.BpfLink => $", attached by bpf_link {program.LinkId}",
            _ => "",
        };
        string held = program.Holders switch
        {
            { Count: > 0 } holders => $", held by {string.Join(", ", holders)}",
            { Count: 0 } when program.AttachedBy != XdpAttachMethod.Unknown => ", held by no process that can be seen here",
            _ => "",
        };
        return $"{known}{attached}{held}";
    }

    private static string Remedy(XdpInterface nic, List<XdpProgramInfo> programs)
    {
        if (programs.Find(program => program.AttachedBy == XdpAttachMethod.BpfLink) is { } linked)
        {
            string end = linked.Holders is { Count: > 0 } holders ? $"end {string.Join(", ", holders)}" : "remove what holds it, perhaps a pin in a BPF file system";
            return $"a bpf_link cannot be replaced, with -Force or without: {end}, detach it with 'bpftool link detach id {linked.LinkId}'";
        }

        XdpMode mode = programs.Count > 0 ? programs[0].Mode : nic.XdpMode;
        string detach = $"'{nic.Command($"ip link set dev {nic.Name} {(mode == XdpMode.Generic ? "xdpgeneric" : mode == XdpMode.Offload ? "xdpoffload" : "xdp")} off")}'";
        if (programs.Exists(program => program.AttachedBy == XdpAttachMethod.Netlink)) return $"replace it with -Force, detach it with {detach}";
        return (Capabilities.MayOpenById ? "" : $"{Capabilities.RunWith}CAP_SYS_ADMIN, which joining another process's program takes, ")
            + $"close what loaded it, or detach it with {detach} ('bpftool link detach' where a bpf_link holds it)";
    }
}
