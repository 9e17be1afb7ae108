using XdpPS.Interop;

namespace XdpPS;

/// <summary>
/// The XDP program of one interface as this process uses it: ours, or one that someone else attached and whose
/// <c>xsks_map</c> we joined. Shared by all sockets of this process on the interface and given up with the last of them.
/// </summary>
internal sealed class XdpAttachment
{
    private static readonly Lock Gate = new();

    // Weak: a socket that was forgotten without being closed must not be kept alive, nor its program, by this list.
    private static readonly Dictionary<(string? Namespace, int Index), WeakReference<XdpAttachment>> ByInterface = [];

    private readonly (string? Namespace, int Index) key;
    private readonly XdpProgram? ownProgram;
    private readonly XdpLink? link;
    private int references = 1;

    private XdpAttachment((string?, int) key, XskMap map, int programId, XdpMode mode, XdpProgram? ownProgram, XdpLink? link)
    {
        this.key = key;
        Map = map;
        ProgramId = programId;
        Mode = mode;
        this.ownProgram = ownProgram;
        this.link = link;
    }

    /// <summary>The network namespace of this thread, as "net:[inode]": interface indices repeat from one to the next.</summary>
    private static string? CurrentNamespace => new FileInfo("/proc/thread-self/ns/net").LinkTarget;

    internal XskMap Map { get; }

    internal XdpMode Mode { get; }

    internal int ProgramId { get; }

    internal bool IsJoined => ownProgram is null;

    /// <summary>The program leaves arrival times before its packets: ours does, in whichever process it was loaded.</summary>
    internal bool WritesTimestamps { get; private init; } = true;

    /// <summary>Whether the program still is what runs on the interface.</summary>
    internal bool IsActive => (link?.ActiveProgramId ?? LinkQuery.ByIndex(key.Index)?.XdpProgramId) == ProgramId;

    /// <summary>Uses the program that is on the interface, where it can be joined, or attaches ours. Every call needs one <see cref="Release"/>.</summary>
    internal static XdpAttachment Acquire(XdpInterface nic, XdpAttachMode mode, List<XskWarning> warnings)
    {
        (string?, int) key = (CurrentNamespace, nic.Index);
        lock (Gate)
        {
            if (ByInterface.TryGetValue(key, out WeakReference<XdpAttachment>? known)
                && known.TryGetTarget(out XdpAttachment? existing) && existing.IsActive)
            {
                RequireMode(existing.Mode, mode, nic);
                existing.references++;
                return existing;
            }

            XdpAttachment made = nic.XdpProgramId != 0 ? Join(key, nic, mode) : Create(key, nic, mode, warnings);
            ByInterface[key] = new WeakReference<XdpAttachment>(made);
            return made;
        }
    }

    internal void Release()
    {
        lock (Gate)
        {
            if (--references > 0) return;
            if (ByInterface.TryGetValue(key, out WeakReference<XdpAttachment>? known)
                && known.TryGetTarget(out XdpAttachment? current) && current == this)
                ByInterface.Remove(key);
            link?.Dispose();
            ownProgram?.Dispose();
            Map.Dispose();
        }
    }

    private static void RequireMode(XdpMode existing, XdpAttachMode wanted, XdpInterface nic)
    {
        if (wanted == XdpAttachMode.Auto || (int)wanted == (int)existing) return;
        throw XskException.FromCheck(
            XskErrorId.ProgramAttached,
            $"The XDP program on {nic.Name} already runs in {existing.ToString().ToLowerInvariant()} mode",
            $"close the interface's other sockets first, or leave out -AttachMode {wanted}");
    }

    /// <summary>As libxdp does (xsk_lookup_bpf_maps): a program with an XSKMAP named xsks_map is meant to be shared.</summary>
    private static XdpAttachment Join((string?, int) key, XdpInterface nic, XdpAttachMode mode)
    {
        using FileDescriptor? program = BpfCall.OpenById(BpfAbi.BPF_PROG_GET_FD_BY_ID, (uint)nic.XdpProgramId);
        XskMap? map = program is null ? null : XskMap.FindIn(program);
        if (map is null) throw XdpLink.ProgramInTheWay(nic, null, 0);
        try
        {
            RequireMode(nic.XdpMode, mode, nic);
            XdpLink? link = XdpLink.FindHolding(nic.XdpProgramId, nic);
            bool ours = BpfCall.GetInfo(program!, out BpfProgramInfo info) >= 0 && info.Name.ToString() == XdpProgram.Name;
            return new XdpAttachment(key, map, nic.XdpProgramId, nic.XdpMode, null, link) { WritesTimestamps = ours };
        }
        catch
        {
            map.Dispose();
            throw;
        }
    }

    private static XdpAttachment Create((string?, int) key, XdpInterface nic, XdpAttachMode mode, List<XskWarning> warnings)
    {
        XskMap? map = null;
        XdpProgram? program = null;
        try
        {
            map = XskMap.Create(Math.Max(nic.MaxRxQueues, nic.QueueCount));
            program = XdpProgram.LoadRedirectAll(map);
            XdpLink link = XdpLink.Attach(program, nic, mode, warnings);
            return new XdpAttachment(key, map, program.Id, link.Mode, program, link);
        }
        catch
        {
            program?.Dispose();
            map?.Dispose();
            throw;
        }
    }
}
