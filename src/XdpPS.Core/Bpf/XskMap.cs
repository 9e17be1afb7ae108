using XdpPS.Interop;

namespace XdpPS;

/// <summary>A BPF_MAP_TYPE_XSKMAP: from a receive queue to the socket that takes its packets.</summary>
internal sealed class XskMap : IDisposable
{
    /// <summary>The name by which libxdp and libbpf find the map of a program they did not load.</summary>
    internal const string ConventionalName = "xsks_map";

    private XskMap(FileDescriptor descriptor, int slots)
    {
        Descriptor = descriptor;
        Slots = slots;
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
            Name = BpfObjectName.From(ConventionalName),
        };
        int result = BpfCall.Invoke(BpfAbi.BPF_MAP_CREATE, ref attributes);
        if (result >= 0) return new XskMap(new FileDescriptor(result), slots);
        throw XdpProgram.BpfFailed(-result, $"bpf(BPF_MAP_CREATE, XSKMAP, {slots} entries)", "The map for the XDP program could not be made");
    }

    internal unsafe void Set(int queue, FileDescriptor socket)
    {
        uint key = (uint)queue;
        uint value = (uint)socket.Number;
        BpfMapElementAttr attributes = new()
        {
            MapDescriptor = (uint)Descriptor.Number,
            Key = (ulong)&key,
            Value = (ulong)&value,
        };
        int result = BpfCall.Invoke(BpfAbi.BPF_MAP_UPDATE_ELEM, ref attributes);
        if (result >= 0) return;
        string call = $"bpf(BPF_MAP_UPDATE_ELEM, xsks_map, queue {queue})";
        throw XskException.FromCall(
            XskErrorId.MapUpdateFailed, -result, call,
            $"The socket could not be put into the XDP program's map: {Errno.Text(-result)}",
            -result == Errno.E2BIG
                ? $"the map has {Slots} slots (0-{Slots - 1}): close the interface's other sockets so that a larger one is made"
                : "close this interface's sockets and open them again");
    }

    /// <summary>Takes a socket out, so that its packets go to the kernel again. Fails silently: closing the socket does the same.</summary>
    internal unsafe void Clear(int queue)
    {
        uint key = (uint)queue;
        BpfMapElementAttr attributes = new() { MapDescriptor = (uint)Descriptor.Number, Key = (ulong)&key };
        _ = BpfCall.Invoke(BpfAbi.BPF_MAP_DELETE_ELEM, ref attributes);
    }

    public void Dispose() => Descriptor.Dispose();
}
