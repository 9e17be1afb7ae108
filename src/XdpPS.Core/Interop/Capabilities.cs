using System.Globalization;

namespace XdpPS.Interop;

/// <summary>What the calling thread may do, to say what it lacks once a call was refused (include/uapi/linux/capability.h).</summary>
internal static class Capabilities
{
    internal const int CAP_NET_ADMIN = 12;
    internal const int CAP_NET_RAW = 13;
    internal const int CAP_IPC_LOCK = 14;
    internal const int CAP_SYS_ADMIN = 21;
    internal const int CAP_BPF = 39;

    // PROC_USER_INIT_INO of include/uapi/linux/nsfs.h.
    private const string InitialUserNamespace = "user:[4026531837]";

    private static readonly (int Number, string Name)[] ForBpf = [(CAP_NET_ADMIN, "CAP_NET_ADMIN"), (CAP_BPF, "CAP_BPF")];

    /// <summary>Root in a container may lack what root has elsewhere.</summary>
    internal static string RunWith => Environment.IsPrivilegedProcess ? "being root is not enough here: run with " : "run as root, or with ";

    /// <summary>What a socket with a program takes.</summary>
    internal static string RunWithAll => RunWith + "CAP_NET_RAW, CAP_NET_ADMIN and CAP_BPF, and CAP_IPC_LOCK where the UMEM is more than ulimit -l";

    /// <summary>Whether programs and links can be opened by their ids; true where that is not known.</summary>
    internal static bool MayOpenById => Effective() is not { } held || Has(held, CAP_SYS_ADMIN);

    /// <summary>Why BPF on a network interface was refused, and what would help.</summary>
    internal static (string Cause, string Remedy) WhyNoBpf() => WhyNoBpf(Effective(), InInitialUserNamespace);

    /// <summary>The one whose capabilities BPF and the limits of locked memory go by; true where that is not known.</summary>
    internal static bool InInitialUserNamespace => new FileInfo("/proc/self/ns/user").LinkTarget is null or InitialUserNamespace;

    internal static (string Cause, string Remedy) WhyNoBpf(ulong? effective, bool initialUserNamespace)
    {
        // The kernel asks for capabilities in the first user namespace only (bpf_token_capable without a token).
        if (!initialUserNamespace)
            return ("BPF takes the host's CAP_NET_ADMIN and CAP_BPF, and this user namespace has only its own", "run outside of it (a rootless container is one), as root or with these capabilities");
        if (effective is not { } held) return ("this process may not use BPF on network interfaces", RunWithAll);
        // CAP_SYS_ADMIN does for either.
        string[] missing = Has(held, CAP_SYS_ADMIN) ? [] : [.. ForBpf.Where(one => !Has(held, one.Number)).Select(one => one.Name)];
        return missing.Length switch
        {
            0 => ("a security module, a seccomp filter or lockdown forbids this process BPF, although it has the capabilities", "look for the denial in dmesg or the audit log, and allow bpf(2) in the profile of the container or service"),
            1 => ($"{missing[0]} is missing", RunWithAll),
            _ => ($"{string.Join(" and ", missing)} are missing", RunWithAll),
        };
    }

    internal static bool Has(ulong set, int capability) => (set >> capability & 1) != 0;

    /// <returns>The effective set, or null where /proc does not tell.</returns>
    internal static ulong? Effective()
    {
        const string name = "CapEff:";
        try
        {
            foreach (string line in File.ReadLines("/proc/thread-self/status"))
            {
                if (line.StartsWith(name, StringComparison.Ordinal)) return ulong.Parse(line.AsSpan(name.Length).Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
        }

        return null;
    }
}
