using System.Diagnostics;
using XdpPS.Interop;

namespace XdpPS;

/// <summary>
/// The XDP program of one interface as this process uses it: ours, or one that someone else attached and whose
/// <c>xsks_map</c> we joined. Shared by all sockets of this process on the interface and given up with the last of them.
/// </summary>
internal sealed class XdpAttachment
{
    private static readonly TimeSpan ChangePatience = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ChangePause = TimeSpan.FromMilliseconds(20);

    private const string LoadedByAnother = "was loaded by another process, which decides what it takes";

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

    /// <summary>What the program takes; null for everything. Unknown, and so null, where the program was joined.</summary>
    internal PacketFilter? Filter { get; private init; }

    /// <summary>The program leaves arrival times before its packets: ours does, in whichever process it was loaded.</summary>
    internal bool WritesTimestamps { get; private init; } = true;

    /// <summary>Whether the program still is what runs on the interface.</summary>
    internal bool IsActive => (link?.ActiveProgramId ?? LinkQuery.ByIndex(key.Index)?.XdpProgramId) == ProgramId;

    /// <summary>Uses the program that is on the interface, where it can be joined, or attaches ours. Every call needs one <see cref="Release"/>.</summary>
    /// <remarks>
    /// Another process may attach or detach at any moment. What was found is looked at once more before it is
    /// believed; while it keeps changing, all is tried again, for about a second.
    /// </remarks>
    internal static XdpAttachment Acquire(XdpInterface nic, XskSocketOptions options, List<XskWarning> warnings, CancellationToken cancellation)
    {
        (string?, int) key = (CurrentNamespace, nic.Index);
        Stopwatch waited = Stopwatch.StartNew();
        while (true)
        {
            int found = 0;
            try
            {
                lock (Gate)
                {
                    if (Known(key) is { IsActive: true } existing)
                    {
                        found = existing.ProgramId;
                        RequireMode(existing.Mode, options.AttachMode, nic);
                        existing.RequireFilter(options.Filter, nic);
                        existing.references++;
                        return existing;
                    }

                    XdpInterface now = LinkQuery.ByIndex(nic.Index) ?? nic;
                    found = now.XdpProgramId;
                    XdpAttachment? made = found != 0 ? Join(key, now, options) : Create(key, now, options, warnings);
                    if (made is not null)
                    {
                        ByInterface[key] = new WeakReference<XdpAttachment>(made);
                        return made;
                    }
                }
            }
            catch (XskException e) when (e.ErrorId == XskErrorId.ProgramAttached && waited.Elapsed < ChangePatience && (found == 0 || AttachedNow(nic) != found))
            {
                // It came or went in between: look again.
            }

            if (waited.Elapsed > ChangePatience) throw XdpLink.ProgramInTheWay(LinkQuery.ByIndex(nic.Index) ?? nic, null, 0);
            cancellation.WaitHandle.WaitOne(ChangePause);
            cancellation.ThrowIfCancellationRequested();
        }
    }

    internal void Release()
    {
        lock (Gate)
        {
            if (--references > 0) return;
            if (Known(key) == this) ByInterface.Remove(key);
            link?.Dispose();
            ownProgram?.Dispose();
            Map.Dispose();
        }
    }

    private static XdpAttachment? Known((string?, int) key) =>
        ByInterface.TryGetValue(key, out WeakReference<XdpAttachment>? known) && known.TryGetTarget(out XdpAttachment? target) ? target : null;

    private static int AttachedNow(XdpInterface nic) => LinkQuery.ByIndex(nic.Index)?.XdpProgramId ?? 0;

    private static void RequireMode(XdpMode existing, XdpAttachMode wanted, XdpInterface nic)
    {
        if (wanted == XdpAttachMode.Auto || (int)wanted == (int)existing) return;
        throw XskException.FromCheck(
            XskErrorId.ProgramAttached,
            $"The XDP program on {nic.Name} already runs in {existing.ToString().ToLowerInvariant()} mode",
            $"close the interface's other sockets first, or leave out -AttachMode {wanted}");
    }

    /// <summary>All queues of an interface run one program, and so have one filter.</summary>
    private void RequireFilter(PacketFilter? wanted, XdpInterface nic)
    {
        if (IsJoined ? wanted is null : Equals(wanted, Filter)) return;
        throw FilterConflict(
            nic,
            IsJoined ? LoadedByAnother : Filter is null ? "takes everything" : $"has the filter '{Filter}'",
            "give all sockets of an interface the same filter, or close the others first");
    }

    private static XskException FilterConflict(XdpInterface nic, string what, string remedy) => XskException.FromCheck(
        XskErrorId.FilterConflict, $"The XDP program on {nic.Name} {what}, and an interface has one program for all its queues", remedy);

    /// <summary>As libxdp does (xsk_lookup_bpf_maps): a program with an XSKMAP named xsks_map is meant to be shared.</summary>
    /// <returns>Null where the program was on its way out.</returns>
    private static XdpAttachment? Join((string?, int) key, XdpInterface nic, XskSocketOptions options)
    {
        using FileDescriptor? program = BpfCall.OpenById(BpfAbi.BPF_PROG_GET_FD_BY_ID, (uint)nic.XdpProgramId);
        XskMap? map = program is null ? null : XskMap.FindIn(program);
        if (map is null) throw XdpLink.ProgramInTheWay(nic, null, 0);
        XdpLink? link = null;
        try
        {
            RequireMode(nic.XdpMode, options.AttachMode, nic);
            if (options.Filter is not null) throw FilterConflict(nic, LoadedByAnother, "leave out the filter, or close the other process's sockets");
            link = XdpLink.FindHolding(nic.XdpProgramId, nic);
            // A link that is being freed cannot be found any more, while its program is attached a moment longer.
            if (link is null) Thread.Sleep(ChangePause);
            if (AttachedNow(nic) == nic.XdpProgramId)
            {
                bool ours = BpfCall.GetInfo(program!, out BpfProgramInfo info) >= 0 && info.Name.ToString() == XdpProgram.Name;
                return new XdpAttachment(key, map, nic.XdpProgramId, nic.XdpMode, null, link) { WritesTimestamps = ours };
            }
        }
        catch
        {
            link?.Dispose();
            map.Dispose();
            throw;
        }

        link?.Dispose();
        map.Dispose();
        return null;
    }

    private static XdpAttachment Create((string?, int) key, XdpInterface nic, XskSocketOptions options, List<XskWarning> warnings)
    {
        XskMap? map = null;
        XdpProgram? program = null;
        try
        {
            map = XskMap.Create(Math.Max(nic.MaxRxQueues, nic.QueueCount));
            program = XdpProgram.LoadRedirect(map, options.Filter);
            List<XskWarning> ofAttaching = [];
            XdpLink link = XdpLink.Attach(
                ref program, () => XdpProgram.TryLoadRedirectForFragments(map, options.Filter), nic, options.AttachMode, ofAttaching);
            warnings.AddRange(ofAttaching);
            return new XdpAttachment(key, map, program.Id, link.Mode, program, link) { Filter = options.Filter };
        }
        catch
        {
            program?.Dispose();
            map?.Dispose();
            throw;
        }
    }
}
