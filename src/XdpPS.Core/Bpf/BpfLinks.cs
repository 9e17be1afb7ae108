using XdpPS.Interop;

namespace XdpPS;

/// <summary>The links of this system that matter to XDP: what is attached to interfaces, and what extends programs.</summary>
internal static class BpfLinks
{
    /// <param name="Id">The link's id.</param>
    /// <param name="ProgramId">The program that it attaches.</param>
    /// <param name="InterfaceIndex">Where to; 0 for an extension.</param>
    /// <param name="TargetProgramId">The program that it extends; 0 for an interface.</param>
    internal readonly record struct Entry(int Id, int ProgramId, int InterfaceIndex, int TargetProgramId);

    /// <returns>The links, or null where this process may not ask: that is for CAP_SYS_ADMIN.</returns>
    internal static List<Entry>? All()
    {
        List<Entry> found = [];
        BpfGetIdAttr attributes = default;
        while (true)
        {
            int result = BpfCall.Invoke(BpfAbi.BPF_LINK_GET_NEXT_ID, ref attributes);
            if (result < 0) return result == -Errno.ENOENT ? found : null;
            uint id = attributes.NextId;
            attributes = new BpfGetIdAttr { Id = id };
            using FileDescriptor? link = BpfCall.OpenById(BpfAbi.BPF_LINK_GET_FD_BY_ID, id);
            if (link is null || BpfCall.GetInfo(link, out BpfXdpLinkInfo info) < 0) continue;
            if (info.Type == BpfAbi.BPF_LINK_TYPE_XDP)
                found.Add(new Entry((int)id, (int)info.ProgramId, (int)info.InterfaceIndex, 0));
            else if (info.Type == BpfAbi.BPF_LINK_TYPE_TRACING && BpfCall.GetInfo(link, out BpfTracingLinkInfo tracing) >= 0)
                found.Add(new Entry((int)id, (int)tracing.ProgramId, 0, (int)tracing.TargetObjectId));
        }
    }

    /// <summary>The programs that stand in for functions of another, as libxdp's dispatcher calls them.</summary>
    /// <remarks>
    /// A tracing link on a function of a program has the same target. It changes nothing of what the program does, and
    /// its own type tells it apart.
    /// </remarks>
    internal static IEnumerable<(FileDescriptor Program, BpfProgramInfo Info, int LinkId)> Extensions(int programId, List<Entry>? links)
    {
        foreach (Entry link in (links ?? []).Where(link => link.TargetProgramId == programId).OrderBy(link => link.Id))
        {
            using FileDescriptor? program = BpfCall.OpenById(BpfAbi.BPF_PROG_GET_FD_BY_ID, (uint)link.ProgramId);
            if (program is null || BpfCall.GetInfo(program, out BpfProgramInfo info) < 0 || info.Type != BpfAbi.BPF_PROG_TYPE_EXT) continue;
            yield return (program, info, link.Id);
        }
    }
}
