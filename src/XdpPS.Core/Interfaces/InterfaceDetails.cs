using XdpPS.Interop;

namespace XdpPS;

/// <summary>What takes calls of its own to find out: speed, XDP features, the program's name.</summary>
internal static class InterfaceDetails
{
    internal static IReadOnlyList<XdpInterface> Complete(IReadOnlyList<XdpInterface> interfaces)
    {
        Dictionary<int, NetdevFeatures> features = Features(interfaces);
        return [.. interfaces.Select(nic => Complete(nic, features.GetValueOrDefault(nic.Index)))];
    }

    private static XdpInterface Complete(XdpInterface nic, NetdevFeatures? features) => nic with
    {
        SpeedMbps = Ethtool.GetSpeed(nic.Name),
        XdpFeatures = features?.Xdp,
        ZeroCopyMaxSegments = features?.ZeroCopyMaxSegments,
        RxMetadataFeatures = features?.RxMetadata,
        XskFeatures = features?.Xsk,
        XdpProgramName = nic.XdpProgramId == 0 ? null : ProgramName(nic.XdpProgramId),
    };

    /// <summary>By index; without those of which nothing is told.</summary>
    internal static Dictionary<int, NetdevFeatures> Features(IReadOnlyList<XdpInterface> interfaces)
    {
        try
        {
            if (interfaces.Count != 1) return interfaces.Count == 0 ? [] : NetdevFeatures.QueryAll();
            int index = interfaces[0].Index;
            return NetdevFeatures.Query(index) is { } one ? new Dictionary<int, NetdevFeatures> { [index] = one } : [];
        }
        catch (XskException)
        {
            // Generic netlink is blocked here: unknown, and no reason to withhold the rest.
            return [];
        }
    }

    private static string? ProgramName(int id)
    {
        using FileDescriptor? program = BpfCall.OpenById(BpfAbi.BPF_PROG_GET_FD_BY_ID, (uint)id);
        return program is not null && BpfCall.GetInfo(program, out BpfProgramInfo info) >= 0 ? info.Name.ToString() : null;
    }
}
