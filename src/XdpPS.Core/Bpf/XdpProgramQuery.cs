using System.Globalization;
using System.Runtime.InteropServices;
using XdpPS.Interop;

namespace XdpPS;

/// <summary>Looks up what the kernel and /proc tell of attached programs; the lists of links and holders are read once.</summary>
internal sealed class XdpProgramQuery
{
    private const string LinkTarget = "anon_inode:bpf_link";
    private const string LinkTargetWithDash = "anon_inode:bpf-link";
    private const string ProgramTarget = "anon_inode:bpf-prog";

    private readonly List<BpfLinks.Entry>? links = BpfLinks.All();
    private readonly List<(int Process, bool IsLink, int Id, int ProgramId, int InterfaceIndex)> held = [];
    private readonly bool someHidden;

    internal XdpProgramQuery()
    {
        foreach (ProcessDescriptors.Entry entry in ProcessDescriptors.Find(target => target is LinkTarget or LinkTargetWithDash or ProgramTarget, out someHidden))
        {
            Dictionary<string, string> info = ProcessDescriptors.Info(entry);
            bool isLink = entry.Target != ProgramTarget;
            held.Add((entry.Process, isLink, Number(info, isLink ? "link_id" : "prog_id"), Number(info, "prog_id"), Number(info, "ifindex")));
        }
    }

    internal XdpProgramInfo Describe(XdpInterface nic, XdpMode mode, int id)
    {
        // Without the right to list links there still are those of the processes that may be looked into.
        int linkId = links is not null
            ? links.Find(link => link.ProgramId == id && link.InterfaceIndex == nic.Index).Id
            : held.Find(one => one.IsLink && one.ProgramId == id && one.InterfaceIndex == nic.Index).Id;
        List<XdpProgramHolder> holders = Holders(id, linkId);
        using FileDescriptor? program = BpfCall.OpenById(BpfAbi.BPF_PROG_GET_FD_BY_ID, (uint)id);
        bool visible = program is not null;
        BpfProgramInfo info = default;
        if (visible) visible = BpfCall.GetInfo(program!, out info) >= 0;
        List<XdpExtensionInfo>? extensions = visible && links is not null ? Extensions(id, out _) : null;
        return new XdpProgramInfo
        {
            InterfaceName = nic.Name,
            NetworkNamespace = nic.NetworkNamespace,
            InterfaceIndex = nic.Index,
            Mode = mode,
            Id = id,
            Name = visible ? info.Name.ToString() : null,
            Tag = visible ? Tag(info) : null,
            AttachedBy = linkId != 0 ? XdpAttachMethod.BpfLink : links is not null ? XdpAttachMethod.Netlink : XdpAttachMethod.Unknown,
            LinkId = linkId != 0 ? linkId : null,
            LoadTime = visible ? SinceBoot(info.LoadTime) : null,
            UserId = visible ? info.CreatedByUserId : null,
            Maps = visible ? Maps(program!, out _) : null,
            Extensions = extensions,
            CanJoin = visible ? CanJoin(program!, id) : null,
            Holders = holders.Count > 0 || !someHidden ? holders : null,
        };
    }

    private bool CanJoin(FileDescriptor program, int id)
    {
        _ = Maps(program, out bool own);
        if (own) return true;
        _ = Extensions(id, out bool ofExtension);
        return ofExtension;
    }

    private List<XdpExtensionInfo> Extensions(int programId, out bool canJoin)
    {
        List<XdpExtensionInfo> found = [];
        canJoin = false;
        foreach ((FileDescriptor program, BpfProgramInfo info, int linkId) in BpfLinks.Extensions(programId, links))
        {
            List<XdpMapInfo> maps = Maps(program, out bool joinable);
            canJoin |= joinable;
            found.Add(new XdpExtensionInfo { Id = (int)info.Id, Name = info.Name.ToString(), Tag = Tag(info), LinkId = linkId, Maps = maps });
        }

        return found;
    }

    private static List<XdpMapInfo> Maps(FileDescriptor program, out bool hasXskMap)
    {
        List<XdpMapInfo> maps = [];
        hasXskMap = false;
        foreach (uint id in BpfCall.MapIds(program))
        {
            using FileDescriptor? map = BpfCall.OpenById(BpfAbi.BPF_MAP_GET_FD_BY_ID, id);
            if (map is null || BpfCall.GetInfo(map, out BpfMapInfo info) < 0) continue;
            hasXskMap |= XskMap.IsConventional(info);
            maps.Add(new XdpMapInfo { Id = (int)info.Id, Name = info.Name.ToString() });
        }

        return maps;
    }

    /// <summary>Who holds the link; where there is none, who holds the program.</summary>
    private List<XdpProgramHolder> Holders(int programId, int linkId)
    {
        bool isLink = linkId != 0;
        int id = isLink ? linkId : programId;
        return [.. held.Where(one => one.IsLink == isLink && one.Id == id).Select(one => one.Process).Distinct().Order().Select(process => new XdpProgramHolder
        {
            ProcessId = process,
            Command = ProcessDescriptors.Command(process),
            HoldsLink = isLink,
        })];
    }

    private static string Tag(BpfProgramInfo info) =>
        Convert.ToHexStringLower(MemoryMarshal.AsBytes(new ReadOnlySpan<ulong>(ref info.Tag)));

    private static DateTime SinceBoot(ulong nanoseconds)
    {
        long realtime = KernelClock.Realtime - KernelClock.BootTime + (long)nanoseconds;
        return DateTime.UnixEpoch.AddTicks(realtime / 100).ToLocalTime();
    }

    private static int Number(Dictionary<string, string> info, string name) =>
        info.TryGetValue(name, out string? text) && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int value) ? value : 0;
}
