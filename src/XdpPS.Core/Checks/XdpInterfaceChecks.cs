namespace XdpPS;

/// <summary>Looks an interface over for what keeps sockets from working, or from working well. Changes nothing: it attaches and binds nothing.</summary>
public static class XdpInterfaceChecks
{
    private static readonly (string Name, string About, Func<SystemFiles, CheckFinding>? OfHost, Func<CheckSubject, CheckFinding>? OfInterface)[] All =
    [
        ("KernelVersion", "is the kernel new enough?", HostChecks.KernelVersion, null),
        ("KernelOptions", "was it built with AF_XDP and BPF?", HostChecks.KernelOptions, null),
        ("AfXdp", "can an AF_XDP socket be made?", null, _ => HostChecks.AfXdp()),
        ("Privileges", "which capabilities are missing?", HostChecks.Privileges, null),
        ("LockedMemory", "may a UMEM be locked in memory?", HostChecks.LockedMemory, null),
        ("Jit", "are XDP programs compiled?", HostChecks.Jit, null),
        ("Link", "is the interface up, with a carrier?", null, DriverChecks.Link),
        ("NativeXdp", "does the driver run XDP programs?", null, DriverChecks.NativeXdp),
        ("ZeroCopy", "does the driver do zero-copy?", null, DriverChecks.ZeroCopy),
        ("AttachedProgram", "is another XDP program in the way?", null, DriverChecks.AttachedProgram),
        ("Queues", "has every queue a socket?", null, QueueChecks.Queues),
        ("Rss", "do packets go to queues without a socket?", null, QueueChecks.Rss),
        ("Offloads", "does GRO or LRO merge packets?", null, DriverChecks.Offloads),
        ("Mtu", "do the longest packets fit a frame?", null, DriverChecks.Mtu),
        ("VlanOffload", "are VLAN tags taken out of the frames?", null, DriverChecks.VlanOffload),
        ("NicRings", "are the NIC's own rings long enough?", null, QueueChecks.NicRings),
        ("IrqPlacement", "does one CPU take all interrupts?", null, InterruptCheck.Placement),
    ];

    /// <summary>The names of the checks, in their order.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. All.Select(check => check.Name)];

    /// <summary>What a check asks, in a few words.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    public static string About(string name) => All.First(check => check.Name == name).About;

    /// <summary>Runs checks on one interface, in their order.</summary>
    /// <param name="interfaceName">Exact name of the interface.</param>
    /// <param name="networkNamespace">As <see cref="XskSocketOptions.NetworkNamespace"/>.</param>
    /// <param name="names">Which of <see cref="Names"/>; null for all.</param>
    /// <param name="sockets">Gives the open sockets that the caller has on an interface, by its namespace's <see cref="NetworkNamespace.Id"/> and its index; null where there are none.</param>
    /// <exception cref="XskException">There is no such interface, the kernel could not be asked, or the namespace not be entered.</exception>
    public static IReadOnlyList<XdpInterfaceCheck> Run(
        string interfaceName, string? networkNamespace = null, IReadOnlyCollection<string>? names = null,
        Func<string, int, IReadOnlyList<XskSocketInfo>>? sockets = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(interfaceName);
        using NetworkNamespace place = string.IsNullOrEmpty(networkNamespace) ? NetworkNamespace.Current() : NetworkNamespace.Open(networkNamespace);
        // Of the host, outside of the namespace: net.core has its settings in the first one only.
        Dictionary<string, CheckFinding> found = [];
        foreach (var check in All.Where(check => check.OfHost is not null && IsWanted(check.Name))) found[check.Name] = check.OfHost!(SystemFiles.Host);
        XdpInterface nic = place.Run(() =>
        {
            XdpInterface nic = InterfaceDetails.Complete([XdpInterface.GetHere(interfaceName, networkNamespace)])[0];
            CheckSubject subject = new(nic, sockets?.Invoke(place.Id, nic.Index) ?? [], SystemFiles.Host);
            foreach (var check in All.Where(check => check.OfInterface is not null && IsWanted(check.Name))) found[check.Name] = Try(check.OfInterface!, subject);
            return nic;
        });
        return [.. All.Where(check => found.ContainsKey(check.Name)).Select(check => new XdpInterfaceCheck
        {
            Interface = nic.Name,
            NetworkNamespace = nic.NetworkNamespace,
            Name = check.Name,
            Status = found[check.Name].Status,
            Detail = found[check.Name].Detail,
            Remedy = found[check.Name].Remedy,
        })];

        bool IsWanted(string name) => names is null || names.Contains(name, StringComparer.OrdinalIgnoreCase);
    }

    private static CheckFinding Try(Func<CheckSubject, CheckFinding> check, CheckSubject subject)
    {
        try
        {
            return check(subject);
        }
        catch (XskException e)
        {
            // The kernel could not be asked for this one thing.
            return CheckFinding.Unknown(e.Cause, e.Remedy);
        }
    }
}
