namespace XdpPS;

/// <summary>
/// Our program on one interface: map, program and link, shared by all sockets of this process on that interface
/// and removed with the last of them.
/// </summary>
internal sealed class XdpAttachment
{
    private static readonly Lock Gate = new();

    // Weak: a socket that was forgotten without being closed must not be kept alive, nor its program, by this list.
    private static readonly Dictionary<int, WeakReference<XdpAttachment>> ByInterface = [];

    private readonly int interfaceIndex;
    private readonly XdpProgram program;
    private readonly XdpLink link;
    private int references = 1;

    private XdpAttachment(int interfaceIndex, XskMap map, XdpProgram program, XdpLink link)
    {
        this.interfaceIndex = interfaceIndex;
        Map = map;
        this.program = program;
        this.link = link;
    }

    internal XskMap Map { get; }

    internal XdpMode Mode => link.Mode;

    internal int ProgramId => program.Id;

    /// <summary>Whether our program still is what runs on the interface.</summary>
    internal bool IsActive => link.ActiveProgramId == program.Id;

    /// <summary>Joins this process's program on the interface, or attaches one. Every call needs one <see cref="Release"/>.</summary>
    internal static XdpAttachment Acquire(XdpInterface nic, XdpAttachMode mode, List<XskWarning> warnings)
    {
        lock (Gate)
        {
            if (ByInterface.TryGetValue(nic.Index, out WeakReference<XdpAttachment>? known)
                && known.TryGetTarget(out XdpAttachment? existing) && existing.IsActive)
            {
                if (mode != XdpAttachMode.Auto && (int)mode != (int)existing.Mode)
                {
                    throw XskException.FromCheck(
                        XskErrorId.ProgramAttached,
                        $"This process's XDP program on {nic.Name} runs in {existing.Mode.ToString().ToLowerInvariant()} mode already",
                        $"close its other sockets first, or leave out -AttachMode {mode}");
                }

                existing.references++;
                return existing;
            }

            XdpAttachment created = Create(nic, mode, warnings);
            ByInterface[nic.Index] = new WeakReference<XdpAttachment>(created);
            return created;
        }
    }

    internal void Release()
    {
        lock (Gate)
        {
            if (--references > 0) return;
            if (ByInterface.TryGetValue(interfaceIndex, out WeakReference<XdpAttachment>? known)
                && known.TryGetTarget(out XdpAttachment? current) && current == this)
                ByInterface.Remove(interfaceIndex);
            link.Dispose();
            program.Dispose();
            Map.Dispose();
        }
    }

    private static XdpAttachment Create(XdpInterface nic, XdpAttachMode mode, List<XskWarning> warnings)
    {
        XskMap? map = null;
        XdpProgram? program = null;
        try
        {
            map = XskMap.Create(Math.Max(nic.MaxRxQueues, nic.QueueCount));
            program = XdpProgram.LoadRedirectAll(map);
            XdpLink link = XdpLink.Attach(program, nic, mode, warnings);
            return new XdpAttachment(nic.Index, map, program, link);
        }
        catch
        {
            program?.Dispose();
            map?.Dispose();
            throw;
        }
    }
}
