using XdpPS.Interop;

namespace XdpPS;

/// <summary>A BPF_MAP_TYPE_XSKMAP: from a receive queue to the socket that takes its packets.</summary>
internal sealed class XskMap : IDisposable
{
    /// <summary>The name by which libxdp and libbpf find the map of a program they did not load.</summary>
    internal const string ConventionalName = "xsks_map";

    private readonly string? path;

    internal XskMap(FileDescriptor descriptor, int slots, string? path = null)
    {
        Descriptor = descriptor;
        Slots = slots;
        this.path = path;
    }

    internal FileDescriptor Descriptor { get; }

    internal int Slots { get; }

    internal static XskMap Create(int slots)
    {
        BpfMapCreateAttr attributes = new()
        {
            MapType = BpfAbi.BPF_MAP_TYPE_XSKMAP,
            KeySize = sizeof(uint),
            ValueSize = sizeof(uint),
            MaxEntries = (uint)slots,
            Name = KernelName.From(ConventionalName),
        };
        int result = BpfCall.Invoke(BpfAbi.BPF_MAP_CREATE, ref attributes);
        if (result >= 0) return new XskMap(new FileDescriptor(result), slots);
        throw XdpProgram.BpfFailed(-result, $"bpf(BPF_MAP_CREATE, XSKMAP, {slots} entries)", "The map for the XDP program could not be made");
    }

    /// <summary>Finds the XSKMAP of a program that someone else loaded, by libxdp's name for it.</summary>
    /// <returns>The map, or null where the program has none.</returns>
    internal static XskMap? FindIn(FileDescriptor program)
    {
        foreach (uint id in BpfCall.MapIds(program))
        {
            FileDescriptor? descriptor = BpfCall.OpenById(BpfAbi.BPF_MAP_GET_FD_BY_ID, id);
            if (descriptor is null) continue;
            bool readable = BpfCall.GetInfo(descriptor, out BpfMapInfo info) >= 0;
            if (readable && IsConventional(info)) return new XskMap(descriptor, (int)info.MaxEntries);
            descriptor.Dispose();
        }

        return null;
    }

    /// <summary>Whether it is a map that programs put up for others to join.</summary>
    internal static bool IsConventional(BpfMapInfo info) => info.Type == BpfAbi.BPF_MAP_TYPE_XSKMAP && info.Name.ToString() == ConventionalName;

    /// <summary>Whether both are the kernel's same map, wherever each was found.</summary>
    internal bool IsSame(XskMap? other) => other == this || (other is not null && Id != 0 && Id == other.Id);

    private uint Id => BpfCall.GetInfo(Descriptor, out BpfMapInfo info) >= 0 ? info.Id : 0;

    /// <summary>Puts a socket into a free slot.</summary>
    internal void Set(int queue, FileDescriptor socket)
    {
        int result = Update(queue, socket, BpfAbi.BPF_NOEXIST);
        if (result >= 0) return;
        string call = $"bpf(BPF_MAP_UPDATE_ELEM, xsks_map, queue {queue})";
        throw -result switch
        {
            Errno.EEXIST => XskException.FromCall(
                XskErrorId.QueueBusy, -result, call, $"{(path is null ? "The XDP program already sends queue" : $"The XSKMAP {path} already has a socket for queue")} {queue}{(path is null ? " to another AF_XDP socket" : "")}",
                "close that socket, or use another queue"),
            Errno.E2BIG => XskException.FromCall(
                XskErrorId.MapUpdateFailed, -result, call, $"{(path is null ? "The XDP program's map" : $"The XSKMAP {path}")} has {Slots} {(Slots == 1 ? "slot (0)" : $"slots (0-{Slots - 1})")}, and none for queue {queue}",
                path is null ? "use a queue that it has, or close all sockets of the interface so that a larger map is made" : "use a queue that it has, or pin a larger map"),
            _ => XskException.FromCall(
                XskErrorId.MapUpdateFailed, -result, call, $"The socket could not be put into {(path is null ? "the XDP program's map" : $"the XSKMAP {path}")}: {Errno.Text(-result)}",
                path is null ? "close this interface's sockets and open them again" : "see with 'bpftool map show pinned' whether it may be written to"),
        };
    }

    /// <summary>Puts a socket in the place of another, so that no packet goes elsewhere in between.</summary>
    internal bool TryReplace(int queue, FileDescriptor socket) => Update(queue, socket, BpfAbi.BPF_ANY) >= 0;

    /// <summary>Takes a socket out, so that its packets go to the kernel again. Fails silently: closing the socket does the same.</summary>
    internal unsafe void Clear(int queue)
    {
        uint key = (uint)queue;
        BpfMapElementAttr attributes = new() { MapDescriptor = (uint)Descriptor.Number, Key = (ulong)&key };
        _ = BpfCall.Invoke(BpfAbi.BPF_MAP_DELETE_ELEM, ref attributes);
    }

    public void Dispose() => Descriptor.Dispose();

    private unsafe int Update(int queue, FileDescriptor socket, ulong flags)
    {
        uint key = (uint)queue;
        uint value = (uint)socket.Number;
        BpfMapElementAttr attributes = new()
        {
            MapDescriptor = (uint)Descriptor.Number,
            Key = (ulong)&key,
            Value = (ulong)&value,
            Flags = flags,
        };
        return BpfCall.Invoke(BpfAbi.BPF_MAP_UPDATE_ELEM, ref attributes);
    }
}
