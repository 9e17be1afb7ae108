using System.IO.Compression;
using System.Text;
using XdpPS.Interop;

namespace XdpPS.Tests;

/// <summary>Verdicts whose causes this machine does not have; the others are in Test-XdpInterface.Remedies.Tests.ps1.</summary>
public sealed class InterfaceCheckTests : IDisposable
{
    private const string Card = "/sys/bus/pci/devices/0000:00:02.0";

    private const ulong Raw = 1UL << Capabilities.CAP_NET_RAW;
    private const ulong Admin = 1UL << Capabilities.CAP_NET_ADMIN;
    private const ulong Bpf = 1UL << Capabilities.CAP_BPF;
    private const ulong SysAdmin = 1UL << Capabilities.CAP_SYS_ADMIN;

    private readonly string root = Directory.CreateTempSubdirectory("xdpps-doctor-").FullName;

    public void Dispose() => Directory.Delete(root, recursive: true);

    [Theory]
    [InlineData("5.10.0", XdpCheckStatus.Fail, "sockets need 5.11")]
    [InlineData("5.11", XdpCheckStatus.Warn, "telling what the driver can do (6.3) and -MultiBuffer (6.6)")]
    [InlineData("6.5.13", XdpCheckStatus.Warn, "lacks -MultiBuffer (6.6)")]
    [InlineData("6.6.0", XdpCheckStatus.Pass, "Linux 6.6.0")]
    public void A_kernels_version_says_what_it_lacks(string version, XdpCheckStatus status, string detail) =>
        Says(HostChecks.KernelVersion(new Version(version)), status, detail);

    [Fact]
    public void Options_come_from_the_first_file_that_has_them()
    {
        Write("/proc/sys/kernel/osrelease", "6.1.0-9-amd64\n");
        Write("/boot/config-6.1.0-9-amd64", "# CONFIG_FOO is not set\nCONFIG_BPF_SYSCALL=y\nCONFIG_XDP_SOCKETS=m\n");
        Says(HostChecks.KernelOptions(new SystemFiles(root)), XdpCheckStatus.Pass, "/boot/config-6.1.0-9-amd64 has CONFIG_XDP_SOCKETS=m, CONFIG_BPF_SYSCALL=y; not CONFIG_XDP_SOCKETS_DIAG");
        using (GZipStream packed = new(File.Create(Path.Join(root, "proc/config.gz")), CompressionLevel.Fastest))
            packed.Write("CONFIG_XDP_SOCKETS=y\n# CONFIG_BPF_SYSCALL is not set\n"u8);
        Says(HostChecks.KernelOptions(new SystemFiles(root)), XdpCheckStatus.Fail, "/proc/config.gz lacks CONFIG_BPF_SYSCALL (XDP programs)");
    }

    [KernelFact]
    public void Options_are_tried_where_no_file_has_them()
    {
        SystemFiles none = new(root);
        Says(HostChecks.KernelOptions(none), XdpCheckStatus.Pass, "by trying");
        Refuse("socket", Errno.EAFNOSUPPORT, IfXdp.AF_XDP, () =>
        {
            Says(HostChecks.KernelOptions(none), XdpCheckStatus.Fail, "no CONFIG_XDP_SOCKETS");
            Says(HostChecks.AfXdp(), XdpCheckStatus.Fail, "EAFNOSUPPORT");
        });
        Refuse("bpf", Errno.ENOSYS, null, () => Says(HostChecks.KernelOptions(none), XdpCheckStatus.Fail, "no CONFIG_BPF_SYSCALL"));
        Refuse("bpf", Errno.EPERM, null, () =>
        {
            Says(HostChecks.KernelOptions(none), XdpCheckStatus.Unknown, "bpf: EPERM");
            Says(HostChecks.Jit(none), XdpCheckStatus.Unknown, "no program can be loaded");
        });
        Refuse("socket", Errno.EPERM, IfXdp.AF_XDP, () => Says(HostChecks.AfXdp(), XdpCheckStatus.Fail, "security module or seccomp filter"));
    }

    [Theory]
    [InlineData(Raw | Admin | Bpf, true, XdpCheckStatus.Pass, "without CAP_SYS_ADMIN another process's program cannot be joined")]
    [InlineData(Raw | SysAdmin, true, XdpCheckStatus.Pass, "and CAP_SYS_ADMIN")]
    [InlineData(SysAdmin, true, XdpCheckStatus.Fail, "CAP_NET_RAW is missing")]
    [InlineData(Raw | Bpf, true, XdpCheckStatus.Fail, "CAP_NET_ADMIN is missing")]
    [InlineData(Raw, true, XdpCheckStatus.Fail, "CAP_NET_ADMIN and CAP_BPF are missing")]
    [InlineData(ulong.MaxValue, false, XdpCheckStatus.Fail, "this user namespace has only its own")]
    public void Privileges_are_counted_as_the_kernel_counts_them(ulong effective, bool initialUserNamespace, XdpCheckStatus status, string detail) =>
        Says(HostChecks.Privileges(effective, initialUserNamespace), status, detail);

    [Fact]
    public void Without_proc_privileges_are_unknown() => Says(HostChecks.Privileges(null, initialUserNamespace: true), XdpCheckStatus.Unknown, "/proc");

    [Theory]
    [InlineData(16UL << 20, false, XdpCheckStatus.Pass, "allows this user 16 MiB")]
    [InlineData((16UL << 20) - 1, false, XdpCheckStatus.Fail, "CAP_IPC_LOCK is missing")]
    [InlineData(0UL, true, XdpCheckStatus.Pass, "CAP_IPC_LOCK knows no limit")]
    [InlineData(null, false, XdpCheckStatus.Pass, "unlimited")]
    public void Locked_memory_has_a_limit_or_none(ulong? limit, bool unlimited, XdpCheckStatus status, string detail) =>
        Says(HostChecks.LockedMemory(16UL << 20, limit, unlimited), status, detail);

    [Theory]
    [InlineData("0", XdpCheckStatus.Warn, "interpreted")]
    [InlineData("1", XdpCheckStatus.Pass, "is 1")]
    [InlineData("2", XdpCheckStatus.Pass, "in the kernel log")]
    public void The_setting_says_whether_programs_are_compiled(string setting, XdpCheckStatus status, string detail)
    {
        Write("/proc/sys/net/core/bpf_jit_enable", setting + "\n");
        Says(HostChecks.Jit(new SystemFiles(root)), status, detail);
    }

    /// <summary>An 82576 with two queues as a machine with two CPUs shows it.</summary>
    [Fact]
    public void Interrupts_of_queues_on_one_cpu_are_warned_of()
    {
        SystemFiles files = new(root);
        Write("/sys/devices/system/cpu/online", "0-1\n");
        Says(InterruptCheck.Placement(files, "0000:00:02.0"), XdpCheckStatus.Unknown, "shows no interrupt in use");
        Interrupt(26, "eth0", "0-1", "1");
        Interrupt(27, "eth0-TxRx-0", "0-1", "0");
        Says(InterruptCheck.Placement(files, "0000:00:02.0"), XdpCheckStatus.Pass, "1 interrupt (27 'eth0-TxRx-0') on CPU 0");
        Interrupt(28, "eth0-TxRx-1", "0-1", "0");
        CheckFinding bad = InterruptCheck.Placement(files, "0000:00:02.0");
        Says(bad, XdpCheckStatus.Warn, "2 interrupts of queues (27, 28) on CPU 0 alone, of 2");
        Assert.Equal("echo 1 > /proc/irq/28/smp_affinity_list", bad.Remedy);
        Interrupt(28, "eth0-TxRx-1", "1", "1");
        Says(InterruptCheck.Placement(files, "0000:00:02.0"), XdpCheckStatus.Pass, "on CPUs 0, 1");
        // Moved, and not yet interrupted there.
        Interrupt(28, "eth0-TxRx-1", "0", "1");
        Says(InterruptCheck.Placement(files, "0000:00:02.0"), XdpCheckStatus.Warn, "on CPU 0 alone");
        // A kernel that does not tell the one that it chose.
        Interrupt(27, "eth0-TxRx-0", "0", null);
        Interrupt(28, "eth0-TxRx-1", "0", null);
        Says(InterruptCheck.Placement(files, "0000:00:02.0"), XdpCheckStatus.Warn, "on CPU 0 alone");
        Write("/sys/devices/system/cpu/online", "0\n");
        Says(InterruptCheck.Placement(files, "0000:00:02.0"), XdpCheckStatus.Pass, "on CPU 0");
    }

    [Fact]
    public void Lists_of_numbers_are_read_as_the_kernel_writes_them()
    {
        Assert.Equal([0, 1, 2, 3, 7], SystemFiles.ParseList("0-3,7\n"));
        Assert.Empty(SystemFiles.ParseList(null));
        Assert.Empty(SystemFiles.ParseList("x"));
    }

    private static void Says(CheckFinding finding, XdpCheckStatus status, string detail)
    {
        Assert.Contains(detail, finding.Detail, StringComparison.Ordinal);
        Assert.Equal(status, finding.Status);
        if (status is XdpCheckStatus.Warn or XdpCheckStatus.Fail) Assert.NotNull(finding.Remedy);
        if (status is XdpCheckStatus.Pass) Assert.Null(finding.Remedy);
    }

    /// <summary>On a thread of its own, which ends with the filter.</summary>
    private static void Refuse(string call, int errno, long? first, Action body) => new TestNetwork.Running(() =>
    {
        SystemCallFilter.Fail(call, errno, first);
        body();
    }).Join();

    private void Interrupt(int number, string name, string allowed, string? effective)
    {
        Write($"{Card}/msi_irqs/{number}", "msix\n");
        Directory.CreateDirectory(Path.Join(root, $"/proc/irq/{number}/{name}"));
        Write($"/proc/irq/{number}/smp_affinity_list", allowed + "\n");
        if (effective is null) File.Delete(Path.Join(root, $"/proc/irq/{number}/effective_affinity_list"));
        else Write($"/proc/irq/{number}/effective_affinity_list", effective + "\n");
    }

    private void Write(string path, string text)
    {
        string file = Path.Join(root, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text, Encoding.ASCII);
    }
}
