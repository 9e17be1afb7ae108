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
    private static readonly Dictionary<Place, WeakReference<XdpAttachment>> ByInterface = [];

    private readonly Place key;
    private readonly XdpProgram? ownProgram;
    private readonly XdpLink? link;
    private readonly int extensionId;
    private ReplacedProgram? replaced;
    private int references = 1;

    private XdpAttachment(Place key, XskMap map, int programId, XdpMode mode, XdpProgram? ownProgram, XdpLink? link, int extensionId = 0)
    {
        this.key = key;
        this.extensionId = extensionId;
        Map = map;
        ProgramId = programId;
        Mode = mode;
        this.ownProgram = ownProgram;
        this.link = link;
    }

    internal XskMap Map { get; }

    internal XdpMode Mode { get; }

    internal int ProgramId { get; }

    internal bool IsJoined => ownProgram is null;

    /// <summary>What the program takes; null for everything, and where a program was joined that is not as ours would be.</summary>
    internal PacketFilter? Filter { get; private init; }

    /// <summary>The name of a program that was joined and is not as ours would be; null for any other.</summary>
    private string? Stranger { get; init; }

    /// <summary>The program leaves arrival times before its packets: ours does, in whichever process it was loaded.</summary>
    internal bool WritesTimestamps { get; private init; } = true;

    /// <summary>Whether the program still is what runs on the interface.</summary>
    internal bool IsActiveIn(NetworkNamespace place)
    {
        int active;
        try
        {
            active = link?.ActiveProgramId ?? place.Run(() => LinkQuery.ByIndex(key.Index))?.XdpProgramId ?? 0;
        }
        catch (XskException e) when (e.ErrorId == XskErrorId.OutOfDescriptors)
        {
            return true; // It cannot be asked just now, and for that nobody has to stop receiving.
        }

        if (active == ProgramId) return true;
        if (active == 0 || extensionId == 0) return false;
        // Whenever a program comes or goes, libxdp makes a new dispatcher and moves the others into it.
        foreach ((_, BpfProgramInfo info, _) in BpfLinks.Extensions(active, BpfLinks.All()))
        {
            if (info.Id == extensionId) return true;
        }

        return false;
    }

    /// <summary>Uses the program that is on the interface, where it can be joined, or attaches ours. Every call needs one <see cref="Release"/>.</summary>
    /// <remarks>
    /// Another process may attach or detach at any moment. What was found is looked at once more before it is
    /// believed; while it keeps changing, all is tried again, for about a second.
    /// </remarks>
    internal static XdpAttachment Acquire(
        NetworkNamespace place, XdpInterface nic, XskSocketOptions options, List<XskWarning> warnings, CancellationToken cancellation)
    {
        Place key = new(place.Id, nic.Index);
        Stopwatch waited = Stopwatch.StartNew();
        while (true)
        {
            int found = 0;
            try
            {
                lock (Gate)
                {
                    if (Known(key) is { } existing && existing.IsActiveIn(place))
                    {
                        found = existing.ProgramId;
                        RequireMode(existing.Mode, options.AttachMode, nic);
                        existing.RequireFilter(options, nic);
                        existing.references++;
                        if (existing.Stranger is { } name) WarnOfAnother(nic, existing.ProgramId, name, warnings);
                        else existing.WarnOfTimes(options, nic, warnings);
                        return existing;
                    }

                    XdpInterface now = nic.Refreshed();
                    found = now.XdpProgramId;
                    XdpAttachment? made = found != 0 ? Join(key, now, options, warnings) : Create(key, now, options, warnings, replace: false);
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

            if (waited.Elapsed > ChangePatience) throw XdpLink.ProgramInTheWay(nic.Refreshed(), null, 0);
            cancellation.WaitHandle.WaitOne(ChangePause);
            cancellation.ThrowIfCancellationRequested();
        }
    }

    /// <summary>The first socket is open: what was replaced need not be put back any more.</summary>
    internal void Settle()
    {
        lock (Gate)
        {
            replaced?.Dispose();
            replaced = null;
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
            // Only where opening failed is it still held; an index means the same interface only in its namespace.
            if (NetworkNamespace.OwnId() == key.Namespace) replaced?.Restore();
            replaced?.Dispose();
        }
    }

    private sealed record Place(string Namespace, int Index);

    private static XdpAttachment? Known(Place key) =>
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
    private void RequireFilter(XskSocketOptions options, XdpInterface nic)
    {
        PacketFilter? wanted = options.Filter;
        if (Stranger is null ? Equals(wanted, Filter) : wanted is null) return;
        if (Stranger is not null) throw FilterConflict(nic, LoadedByAnother, $"leave out {options.WhatFilters}, or close this process's other sockets on the interface first");
        string has = Filter is null ? "takes everything" : $"has the filter '{PacketFilter.Shorten(Filter.Expression)}'";
        // libpcap makes other instructions of 'port 53' than -Port 53 does.
        if (Filter is not null && Filter.Expression == wanted?.Expression) has += " in other instructions: made by -Filter, or by -Port and the like, as this one is not";
        throw FilterConflict(nic, has, "give all sockets of an interface the same filter in the same way, or close the others first");
    }

    private static void WarnOfAnother(XdpInterface nic, int programId, string name, List<XskWarning> warnings) => warnings.Add(new XskWarning(
        XskWarning.DecidedByAnother,
        $"The XDP program on {nic.Name} (id {programId}, name '{name}') was loaded by another process and joined as it is. It decides what arrives here, which need not be everything"
        + (name == XdpProgram.Name ? ": give this socket the filter that it has, to be told where they differ." : ".")));

    private void WarnOfTimes(XskSocketOptions options, XdpInterface nic, List<XskWarning> warnings)
    {
        if (options.ArrivalTimes == WritesTimestamps) return;
        warnings.Add(new XskWarning(
            "ArrivalTimesShared",
            $"The first socket of {nic.Name} was opened {(WritesTimestamps ? "without" : "with")} -NoArrivalTime, and an interface has one program for all its queues: "
            + $"packets come {(WritesTimestamps ? "with" : "without")} their arrival time here, too, until all of them are closed."));
    }

    private static XskException FilterConflict(XdpInterface nic, string what, string remedy) => XskException.FromCheck(
        XskErrorId.FilterConflict, $"The XDP program on {nic.Name} {what}, and an interface has one program for all its queues", remedy);

    /// <summary>As libxdp does (xsk_lookup_bpf_maps): a program with an XSKMAP named xsks_map is meant to be shared.</summary>
    /// <returns>Null where the program was on its way out.</returns>
    private static XdpAttachment? Join(Place key, XdpInterface nic, XskSocketOptions options, List<XskWarning> warnings)
    {
        using FileDescriptor? program = BpfCall.OpenById(BpfAbi.BPF_PROG_GET_FD_BY_ID, (uint)nic.XdpProgramId);
        int extension = 0;
        XskMap? map = program is null ? null : XskMap.FindIn(program) ?? FindInExtensions(nic.XdpProgramId, out extension);
        XdpLink? link = null;
        try
        {
            link = program is null ? null : XdpLink.FindHolding(nic.XdpProgramId, nic);
            // A link that is being freed cannot be found any more, while its program is attached a moment longer.
            if (link is null) Thread.Sleep(ChangePause);
            bool stays = AttachedNow(nic) == nic.XdpProgramId;
            bool replaceable = stays && link is null && program is not null;
            bool arrivalTimes = false;
            bool alike = map is not null && TakesTheSame(program!, map, options.Filter, out arrivalTimes);
            bool replace = (map is null || (options.Filter is not null && !alike)) && options.Force && replaceable;
            if (replace || map is null)
            {
                // Who holds the program or its link will be looked up, and that should not be us.
                program?.Dispose();
                link?.Dispose();
                map?.Dispose();
                return replace ? Create(key, nic, options, warnings, replace) : throw XdpLink.ProgramInTheWay(nic, null, 0);
            }

            RequireMode(nic.XdpMode, options.AttachMode, nic);
            string name = BpfCall.GetInfo(program!, out BpfProgramInfo info) >= 0 ? info.Name.ToString() : "";
            bool ours = name == XdpProgram.Name;
            if (options.Filter is not null && !alike)
            {
                string same = ours ? "give all sockets of an interface the same filter in the same way, " : "";
                string replacing = replaceable ? ", or replace the program with -Force" : link is not null ? ": it hangs on a bpf_link, which cannot be replaced" : "";
                // Without a filter the host's own traffic is looked after again: there only -Force joins.
                throw FilterConflict(
                    nic,
                    ours ? "was loaded by another process, with another filter or none" : LoadedByAnother,
                    $"{same}leave out {options.WhatFilters} (with -Force where the host lives on the interface), or close the other process's sockets{replacing}");
            }

            if (stays)
            {
                if (!alike) WarnOfAnother(nic, nic.XdpProgramId, name, warnings);
                XdpAttachment joined = new(key, map, nic.XdpProgramId, nic.XdpMode, null, link, extension)
                {
                    Filter = options.Filter,
                    Stranger = alike ? null : name,
                    WritesTimestamps = alike ? arrivalTimes : ours,
                };
                if (alike) joined.WarnOfTimes(options, nic, warnings);
                return joined;
            }
        }
        catch
        {
            link?.Dispose();
            map?.Dispose();
            throw;
        }

        link?.Dispose();
        map?.Dispose();
        return null;
    }

    /// <summary>Whether another process's program takes what ours would, by its tag: its filter cannot be read back, but ours can be loaded beside it.</summary>
    private static bool TakesTheSame(FileDescriptor program, XskMap map, PacketFilter? filter, out bool arrivalTimes)
    {
        arrivalTimes = false;
        if (BpfCall.GetInfo(program, out BpfProgramInfo info) < 0 || info.Name.ToString() != XdpProgram.Name) return false;
        for (int variant = 0; variant < 4; variant++)
        {
            arrivalTimes = variant % 2 == 0;
            using XdpProgram? ours = variant < 2
                ? XdpProgram.LoadRedirect(map, filter, arrivalTimes: arrivalTimes)
                : XdpProgram.TryLoadRedirectForFragments(map, filter, arrivalTimes);
            if (ours?.Tag == info.Tag) return true;
        }

        return false;
    }

    /// <summary>A dispatcher has no map for sockets itself: one of the programs that it calls may.</summary>
    private static XskMap? FindInExtensions(int programId, out int extension)
    {
        foreach ((FileDescriptor program, BpfProgramInfo info, _) in BpfLinks.Extensions(programId, BpfLinks.All()))
        {
            extension = (int)info.Id;
            if (XskMap.FindIn(program) is { } map) return map;
        }

        extension = 0;
        return null;
    }

    /// <param name="key">Namespace and index of the interface.</param>
    /// <param name="nic">The interface.</param>
    /// <param name="options">Filter and mode.</param>
    /// <param name="warnings">Gets what should be known of it.</param>
    /// <param name="replace">A program that netlink attached is there, and goes as soon as ours is loaded.</param>
    private static XdpAttachment Create(Place key, XdpInterface nic, XskSocketOptions options, List<XskWarning> warnings, bool replace)
    {
        XskMap? map = null;
        XdpProgram? program = null;
        ReplacedProgram? replaced = null;
        try
        {
            map = XskMap.Create(Math.Max(nic.MaxRxQueues, nic.QueueCount));
            program = Load(map, options);
            List<XskWarning> ofAttaching = [];
            if (replace)
            {
                replaced = ReplacedProgram.Detach(nic);
                ofAttaching.Add(new XskWarning(
                    "ProgramReplaced",
                    $"The XDP program on {nic.Name} ({XdpLink.Describe(replaced.Info)}) was detached to make way for ours, and does not come back when the socket is closed."));
            }

            XdpLink link = XdpLink.Attach(
                ref program, () => options.UsesMultiBuffer ? null : XdpProgram.TryLoadRedirectForFragments(map, options.Filter, options.ArrivalTimes), nic, options.AttachMode, ofAttaching);
            warnings.AddRange(ofAttaching);
            return new XdpAttachment(key, map, program.Id, link.Mode, program, link) { Filter = options.Filter, WritesTimestamps = options.ArrivalTimes, replaced = replaced };
        }
        catch
        {
            replaced?.Restore();
            program?.Dispose();
            map?.Dispose();
            throw;
        }
    }

    /// <summary>For a multi-buffer socket always the variant for fragments: the MTU may be raised while it is open.</summary>
    private static XdpProgram Load(XskMap map, XskSocketOptions options)
    {
        if (options.UsesMultiBuffer)
        {
            try
            {
                return XdpProgram.LoadRedirect(map, options.Filter, fragments: true, options.ArrivalTimes);
            }
            catch (XskException e) when (e.ErrorId == XskErrorId.NotSupported)
            {
                // Before Linux 5.18. Binding says what this kernel lacks.
            }
        }

        return XdpProgram.LoadRedirect(map, options.Filter, arrivalTimes: options.ArrivalTimes);
    }
}
