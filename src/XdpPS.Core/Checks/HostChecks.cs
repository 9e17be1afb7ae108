using System.Globalization;
using System.Runtime.InteropServices;
using XdpPS.Interop;

namespace XdpPS;

/// <summary>What the kernel can do, and what this process may: the same for every interface.</summary>
internal static class HostChecks
{
    private const string JitSetting = "/proc/sys/net/core/bpf_jit_enable";

    private static readonly Version Oldest = new(5, 11);

    /// <summary>What came when, beside what the oldest has.</summary>
    private static readonly (Version Since, string What)[] Later =
    [
        (new Version(6, 3), "telling what the driver can do"),
        (new Version(6, 6), "-MultiBuffer"),
    ];

    /// <summary>What a socket with a program takes; the last two as the first user namespace has them.</summary>
    private static readonly (int Number, string Name)[] Needed =
    [
        (Capabilities.CAP_NET_RAW, "CAP_NET_RAW"),
        (Capabilities.CAP_NET_ADMIN, "CAP_NET_ADMIN"),
        (Capabilities.CAP_BPF, "CAP_BPF"),
    ];

    private static string StartWithAll
    {
        get
        {
            string caps = string.Join(',', Needed.Select(one => "+" + one.Name[4..].ToLowerInvariant()));
            return Libc.geteuid() == 0
                ? $"give the container or service {string.Join(", ", Needed.Select(one => one.Name))}"
                : $"sudo setpriv --reuid $(id -u) --regid $(id -g) --init-groups --inh-caps {caps} --ambient-caps {caps} pwsh";
        }
    }

    internal static CheckFinding KernelVersion(SystemFiles files) => KernelVersion(Environment.OSVersion.Version);

    internal static CheckFinding KernelVersion(Version version)
    {
        string found = $"Linux {version.ToString(Math.Min(3, version.Build < 0 ? 2 : 3))}";
        if (version < Oldest) return CheckFinding.Fail($"{found}: sockets need {Oldest}", $"install Linux {Oldest} or newer");
        string[] missing = [.. Later.Where(feature => version < feature.Since).Select(feature => $"{feature.What} ({feature.Since})")];
        return missing.Length == 0
            ? CheckFinding.Pass($"{found}; sockets need {Oldest}")
            : CheckFinding.Warn($"{found}, which lacks {string.Join(" and ", missing)}", $"install Linux {Later[^1].Since} or newer");
    }

    internal static CheckFinding KernelOptions(SystemFiles files)
    {
        (string Option, string For)[] needed = [("CONFIG_XDP_SOCKETS", "sockets"), ("CONFIG_BPF_SYSCALL", "XDP programs")];
        (string Option, string For)[] useful =
            [("CONFIG_XDP_SOCKETS_DIAG", "telling who holds a busy queue"), ("CONFIG_NET_RX_BUSY_POLL", "-BusyPoll")];
        if (KernelConfig.Find(files, out string places) is not { } config) return TriedOptions(places);
        string[] missing = [.. needed.Where(one => config[one.Option] is null).Select(one => $"{one.Option} ({one.For})")];
        string without = string.Join(" and ", useful.Where(one => config[one.Option] is null).Select(one => $"{one.Option} ({one.For})"));
        if (missing.Length > 0) return CheckFinding.Fail($"{config.Path} lacks {string.Join(" and ", missing)}", "use a kernel that was built with them");
        string has = $"{config.Path} has {string.Join(", ", needed.Select(one => $"{one.Option}={config[one.Option]}"))}";
        return CheckFinding.Pass(without.Length == 0 ? has : $"{has}; not {without}");
    }

    /// <summary>Where no file tells, the calls do; one that is refused may be so by the kernel or by a filter before it, and then tells nothing.</summary>
    private static CheckFinding TriedOptions(string places)
    {
        int socket = TrySocket();
        // Of a descriptor that cannot be, a kernel that has the call says so.
        BpfObjectInfoAttr nothing = new() { Descriptor = uint.MaxValue };
        int bpf = -BpfCall.Invoke(BpfAbi.BPF_OBJ_GET_INFO_BY_FD, ref nothing);
        const string remedy = "use a kernel that was built with it";
        string read = $"{places} cannot be read";
        if (socket == Errno.EAFNOSUPPORT) return CheckFinding.Fail("by trying, as " + read + ": no CONFIG_XDP_SOCKETS", remedy);
        if (bpf == Errno.ENOSYS) return CheckFinding.Fail("by trying, as " + read + ": no CONFIG_BPF_SYSCALL", remedy);
        return socket == 0 && bpf != Errno.EPERM
            ? CheckFinding.Pass("by trying, as " + read + ": CONFIG_XDP_SOCKETS and CONFIG_BPF_SYSCALL are there")
            : CheckFinding.Unknown($"{read}, and this process is refused what would tell (socket: {Result(socket)}, bpf: {Result(bpf)})", "sudo pwsh");

        static string Result(int errno) => errno == 0 ? "made" : Errno.Name(errno);
    }

    /// <summary>Makes a socket that is bound to nothing, and closes it.</summary>
    internal static CheckFinding AfXdp() => AfXdp(TrySocket(), Capabilities.Effective());

    internal static CheckFinding AfXdp(int errno, ulong? effective) => errno switch
    {
        0 => CheckFinding.Pass("a socket of AF_XDP can be made"),
        Errno.EAFNOSUPPORT => CheckFinding.Fail("socket(AF_XDP) gives EAFNOSUPPORT: the kernel was built without CONFIG_XDP_SOCKETS, or a sandbox forbids the family", "use a kernel that has it, outside of containers and services that restrict address families"),
        Errno.EPERM when effective is { } held && !Capabilities.Has(held, Capabilities.CAP_NET_RAW) => CheckFinding.Fail("socket(AF_XDP) gives EPERM: CAP_NET_RAW is missing", StartWithAll),
        Errno.EPERM => CheckFinding.Fail("socket(AF_XDP) gives EPERM: this is not the owner of the network namespace, or a security module or seccomp filter forbids it", "run as root of the host, and look for the denial in dmesg or the audit log"),
        Errno.EMFILE => CheckFinding.Unknown("socket(AF_XDP) gives EMFILE: no descriptor is left to try it", ResourceLimit.MoreDescriptors),
        _ => CheckFinding.Fail($"socket(AF_XDP) gives {Errno.Name(errno)}: {Errno.Text(errno)}", "see dmesg for what the kernel says of it"),
    };

    internal static CheckFinding Privileges(SystemFiles files) => Privileges(Capabilities.Effective(), Capabilities.InInitialUserNamespace);

    internal static CheckFinding Privileges(ulong? effective, bool initialUserNamespace)
    {
        if (!initialUserNamespace)
        {
            (string cause, string remedy) = Capabilities.WhyNoBpf(effective, initialUserNamespace);
            return CheckFinding.Fail(cause, remedy);
        }

        if (effective is not { } held) return CheckFinding.Unknown("/proc/thread-self/status cannot be read");
        bool administrator = Capabilities.Has(held, Capabilities.CAP_SYS_ADMIN);
        // CAP_SYS_ADMIN does for what BPF wants, and for nothing else.
        string[] missing = [.. Needed
            .Where(one => !Capabilities.Has(held, one.Number) && !(administrator && one.Number != Capabilities.CAP_NET_RAW))
            .Select(one => one.Name)];
        if (missing.Length > 0) return CheckFinding.Fail($"{string.Join(" and ", missing)} {(missing.Length == 1 ? "is" : "are")} missing", StartWithAll);
        string all = string.Join(", ", Needed.Select(one => one.Name));
        return CheckFinding.Pass(administrator ? $"{all} and CAP_SYS_ADMIN" : $"{all}; without CAP_SYS_ADMIN another process's program cannot be joined");
    }

    internal static CheckFinding LockedMemory(SystemFiles files)
    {
        ulong wanted = (ulong)XskSocketOptions.DefaultFrameSize * XskSocketOptions.DefaultFrameCount;
        bool unlimited = Capabilities.InInitialUserNamespace && Capabilities.Effective() is { } held && Capabilities.Has(held, Capabilities.CAP_IPC_LOCK);
        return LockedMemory(wanted, ResourceLimit.LockedMemory, unlimited);
    }

    internal static CheckFinding LockedMemory(ulong wanted, ulong? limit, bool unlimited)
    {
        string takes = $"a socket's UMEM locks {Size(wanted)} by default";
        if (unlimited) return CheckFinding.Pass($"{takes}; CAP_IPC_LOCK knows no limit");
        if (limit is not { } most) return CheckFinding.Pass($"{takes}; ulimit -l is unlimited");
        return wanted <= most
            ? CheckFinding.Pass($"{takes}; ulimit -l allows this user {Size(most)} in all")
            : CheckFinding.Fail($"{takes}; ulimit -l allows this user {Size(most)} in all, and CAP_IPC_LOCK is missing", ResourceLimit.RaiseLockedMemory(wanted));
    }

    internal static CheckFinding Jit(SystemFiles files)
    {
        const string remedy = "sysctl -w net.core.bpf_jit_enable=1";
        if (files.Read(JitSetting) is { } setting)
        {
            return setting switch
            {
                "0" => CheckFinding.Warn("net.core.bpf_jit_enable is 0: XDP programs are interpreted, several times slower", remedy),
                "1" => CheckFinding.Pass("net.core.bpf_jit_enable is 1"),
                _ => CheckFinding.Pass($"net.core.bpf_jit_enable is {setting}: compiled, with the code in the kernel log"),
            };
        }

        // The setting is shown in the first network namespace only: what becomes of a program tells it elsewhere.
        return TrialLength() switch
        {
            > 0 and uint length => CheckFinding.Pass($"a program of two instructions was compiled to {length} bytes"),
            0 => CheckFinding.Warn("a program of two instructions was not compiled: XDP programs are interpreted, several times slower", remedy),
            _ => KernelConfig.Find(files, out _)?["CONFIG_BPF_JIT_ALWAYS_ON"] is not null
                ? CheckFinding.Pass("the kernel has CONFIG_BPF_JIT_ALWAYS_ON")
                : CheckFinding.Unknown("net.core.bpf_jit_enable is not to be seen in this network namespace, and no program can be loaded to find out", "sysctl net.core.bpf_jit_enable"),
        };
    }

    /// <summary>Bytes of machine code that a program becomes, which is attached nowhere; null where none can be loaded.</summary>
    private static uint? TrialLength()
    {
        BpfInstruction[] pass = new BpfAssembler().Move(BpfRegister.R0, 2).Exit().Assemble();
        try
        {
            using XdpProgram program = XdpProgram.Load("xdpps_trial", pass);
            return BpfCall.GetInfo(program.Descriptor, out BpfProgramInfo info) >= 0 ? info.JitedLength : null;
        }
        catch (XskException)
        {
            return null;
        }
    }

    /// <returns>0, or the errno.</returns>
    private static int TrySocket()
    {
        using FileDescriptor descriptor = Libc.socket(IfXdp.AF_XDP, Libc.SOCK_RAW | Libc.SOCK_CLOEXEC, 0);
        return descriptor.IsInvalid ? Marshal.GetLastPInvokeError() : 0;
    }

    private static string Size(ulong bytes) => bytes < 1 << 20
        ? string.Create(CultureInfo.InvariantCulture, $"{bytes / 1024.0:0.#} KiB")
        : string.Create(CultureInfo.InvariantCulture, $"{bytes / 1048576.0:0.#} MiB");
}
