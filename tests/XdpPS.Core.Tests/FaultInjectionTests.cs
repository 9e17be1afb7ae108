using System.Runtime;
using XdpPS.Interop;

namespace XdpPS.Tests;

/// <summary>
/// Each system call of Open is made to fail by seccomp, one at a time: Open must say which, and leave nothing.
/// </summary>
public sealed class FaultInjectionTests : IDisposable
{
    private const long SocketType = Libc.SOCK_RAW | Libc.SOCK_CLOEXEC;
    private const long UmemFlags = Libc.MAP_PRIVATE | Libc.MAP_ANONYMOUS | Libc.MAP_POPULATE;
    private const long RingFlags = Libc.MAP_SHARED | Libc.MAP_POPULATE;

    // 64 MiB, so that a UMEM that stays mapped is seen in the size of the address space.
    private const int Frames = 16384;
    private const int FrameSize = 4096;
    private const string NativeAttach = $"BPF_LINK_CREATE, XDP, {TestNetwork.Near}, XDP_FLAGS_DRV_MODE";
    private const long UmemLength = (long)Frames * FrameSize;

    private readonly TestNetwork network = new();

    public void Dispose() => network.Dispose();

    [KernelTheory]
    [InlineData(Errno.EPERM, XskErrorId.PermissionDenied)]
    [InlineData(Errno.EAFNOSUPPORT, XskErrorId.NotSupported)]
    [InlineData(Errno.EMFILE, XskErrorId.OutOfDescriptors)]
    [InlineData(Errno.ENOMEM, XskErrorId.SystemCallFailed)]
    public void Socket_fails(int errno, XskErrorId expected) =>
        Inject(expected, "socket(AF_XDP", errno, "socket", IfXdp.AF_XDP, SocketType);

    [KernelTheory]
    [InlineData(IfXdp.XDP_UMEM_REG, "XDP_UMEM_REG", Errno.ENOBUFS, XskErrorId.MemoryLockLimit)]
    [InlineData(IfXdp.XDP_UMEM_REG, "XDP_UMEM_REG", Errno.ENOMEM, XskErrorId.OutOfMemory)]
    [InlineData(IfXdp.XDP_UMEM_REG, "XDP_UMEM_REG", Errno.EINVAL, XskErrorId.FrameSizeInvalid)]
    [InlineData(IfXdp.XDP_UMEM_REG, "XDP_UMEM_REG", Errno.ENOPROTOOPT, XskErrorId.NotSupported)]
    [InlineData(IfXdp.XDP_UMEM_FILL_RING, "XDP_UMEM_FILL_RING", Errno.EINVAL, XskErrorId.RingSizeInvalid)]
    [InlineData(IfXdp.XDP_UMEM_COMPLETION_RING, "XDP_UMEM_COMPLETION_RING", Errno.ENOMEM, XskErrorId.OutOfMemory)]
    [InlineData(IfXdp.XDP_RX_RING, "XDP_RX_RING", Errno.ENOPROTOOPT, XskErrorId.NotSupported)]
    [InlineData(IfXdp.XDP_TX_RING, "XDP_TX_RING", Errno.ENOMEM, XskErrorId.OutOfMemory)]
    public void Setsockopt_fails(int option, string name, int errno, XskErrorId expected) =>
        Inject(expected, $"setsockopt(xsk, {name}", errno, "setsockopt", null, IfXdp.SOL_XDP, option);

    [KernelTheory]
    [InlineData(IfXdp.XDP_MMAP_OFFSETS, "XDP_MMAP_OFFSETS", Errno.ENOPROTOOPT, XskErrorId.NotSupported)]
    [InlineData(IfXdp.XDP_OPTIONS, "XDP_OPTIONS", Errno.EFAULT, XskErrorId.SystemCallFailed)]
    public void Getsockopt_fails(int option, string name, int errno, XskErrorId expected) =>
        Inject(expected, $"getsockopt(xsk, {name})", errno, "getsockopt", null, IfXdp.SOL_XDP, option);

    [KernelTheory]
    [InlineData("RX ring", IfXdp.XDP_PGOFF_RX_RING)]
    [InlineData("TX ring", IfXdp.XDP_PGOFF_TX_RING)]
    [InlineData("FILL ring", IfXdp.XDP_UMEM_PGOFF_FILL_RING)]
    [InlineData("COMPLETION ring", IfXdp.XDP_UMEM_PGOFF_COMPLETION_RING)]
    public void Mmap_of_a_ring_fails(string ring, long offset) =>
        Inject(XskErrorId.OutOfMemory, $"mmap({ring}", Errno.ENOMEM, "mmap", null, null, null, RingFlags, null, offset);

    [KernelFact]
    public void Mmap_of_the_umem_fails() =>
        Inject(XskErrorId.OutOfMemory, "mmap(UMEM", Errno.ENOMEM, "mmap", null, UmemLength, null, UmemFlags);

    [KernelFact]
    public void Madvise_fails() =>
        Inject(XskErrorId.OutOfMemory, "madvise(UMEM", Errno.EINVAL, "madvise", null, UmemLength, Libc.MADV_DONTFORK);

    [KernelTheory]
    [InlineData(Errno.EINVAL, XskErrorId.QueueOutOfRange)]
    [InlineData(Errno.EBUSY, XskErrorId.QueueBusy)]
    [InlineData(Errno.ENODEV, XskErrorId.InterfaceGone)]
    [InlineData(Errno.EPERM, XskErrorId.PermissionDenied)]
    [InlineData(Errno.ENOMEM, XskErrorId.SystemCallFailed)]
    public void Bind_fails(int errno, XskErrorId expected) =>
        Inject(expected, $"bind(xsk, {{{TestNetwork.Near}, queue 0, XDP_COPY", errno, "bind", null, null, 16);

    [KernelTheory]
    [InlineData(Errno.ENXIO)]
    [InlineData(Errno.EINVAL)]
    [InlineData(Errno.EOPNOTSUPP)]
    public void The_probing_send_fails(int errno) =>
        Inject(XskErrorId.TransmitProbeFailed, $"sendto(xsk, {{{TestNetwork.Near}", errno, "sendto", null, 0, 0, Libc.MSG_DONTWAIT, 0, 0);

    [KernelTheory]
    [InlineData(BpfAbi.BPF_MAP_CREATE, "BPF_MAP_CREATE", Errno.EPERM, XskErrorId.PermissionDenied)]
    [InlineData(BpfAbi.BPF_MAP_CREATE, "BPF_MAP_CREATE", Errno.ENOMEM, XskErrorId.SystemCallFailed)]
    [InlineData(BpfAbi.BPF_PROG_LOAD, "BPF_PROG_LOAD", Errno.EPERM, XskErrorId.PermissionDenied)]
    [InlineData(BpfAbi.BPF_PROG_LOAD, "BPF_PROG_LOAD", Errno.EINVAL, XskErrorId.NotSupported)]
    [InlineData(BpfAbi.BPF_PROG_LOAD, "BPF_PROG_LOAD", Errno.EMFILE, XskErrorId.OutOfDescriptors)]
    [InlineData(BpfAbi.BPF_OBJ_GET_INFO_BY_FD, "BPF_OBJ_GET_INFO_BY_FD", Errno.EFAULT, XskErrorId.SystemCallFailed)]
    [InlineData(BpfAbi.BPF_LINK_CREATE, NativeAttach, Errno.EPERM, XskErrorId.PermissionDenied)]
    [InlineData(BpfAbi.BPF_LINK_CREATE, NativeAttach, Errno.EBUSY, XskErrorId.ProgramAttached)]
    [InlineData(BpfAbi.BPF_LINK_CREATE, NativeAttach, Errno.EEXIST, XskErrorId.ProgramAttached)]
    [InlineData(BpfAbi.BPF_LINK_CREATE, NativeAttach, Errno.ENODEV, XskErrorId.InterfaceGone)]
    [InlineData(BpfAbi.BPF_LINK_CREATE, "BPF_LINK_CREATE", Errno.EOPNOTSUPP, XskErrorId.SystemCallFailed)]
    [InlineData(BpfAbi.BPF_MAP_UPDATE_ELEM, "BPF_MAP_UPDATE_ELEM", Errno.E2BIG, XskErrorId.MapUpdateFailed)]
    [InlineData(BpfAbi.BPF_MAP_UPDATE_ELEM, "BPF_MAP_UPDATE_ELEM", Errno.ENOMEM, XskErrorId.MapUpdateFailed)]
    public void Bpf_fails(int command, string name, int errno, XskErrorId expected) =>
        Inject(expected, $"bpf({name}", errno, "bpf", command);

    [KernelTheory]
    [InlineData(Errno.EMFILE, XskErrorId.OutOfDescriptors)]
    [InlineData(Errno.EPERM, XskErrorId.InterfaceQueryFailed)]
    [InlineData(Errno.EAFNOSUPPORT, XskErrorId.InterfaceQueryFailed)]
    public void The_netlink_socket_fails(int errno, XskErrorId expected) =>
        Inject(expected, "socket(AF_NETLINK", errno, "socket", Libc.AF_NETLINK);

    [KernelFact]
    public void The_netlink_question_fails() =>
        Inject(XskErrorId.InterfaceQueryFailed, "sendto(NETLINK_ROUTE", Errno.ENOBUFS, "sendto", null, null, null, 0);

    [KernelFact]
    public void The_netlink_answer_fails() =>
        Inject(XskErrorId.InterfaceQueryFailed, "recvfrom(NETLINK_ROUTE", Errno.ENOMEM, "recvfrom", null, null, null, 0);

    [KernelFact]
    public void Taking_a_descriptor_over_fails_and_leaves_it_open()
    {
        using FileDescriptor descriptor = Libc.socket(IfXdp.AF_XDP, (int)SocketType, 0);
        Inject(XskErrorId.OutOfDescriptors, "fcntl(", Errno.EMFILE, descriptor, "fcntl", null, Libc.F_DUPFD_CLOEXEC);
        Assert.False(descriptor.IsClosed);
    }

    [KernelFact]
    public void A_poller_without_a_descriptor_for_its_signal_fails_and_claims_nothing() => network.Run(() =>
    {
        using XskSocket socket = Sockets.Open();
        new TestNetwork.Running(() =>
        {
            SystemCallFilter.Fail("eventfd2", Errno.EMFILE);
            Sockets.Fails(XskErrorId.OutOfDescriptors, () => new XskPoller([socket]).Dispose());
        }).Join();
        new XskPoller([socket]).Dispose();
    });

    [KernelFact]
    public void Statistics_that_cannot_be_read_are_an_error_and_the_socket_stays_open() => network.Run(() =>
    {
        using XskSocket socket = Sockets.Open();
        new TestNetwork.Running(() =>
        {
            SystemCallFilter.Fail("getsockopt", Errno.EINVAL, null, IfXdp.SOL_XDP, IfXdp.XDP_STATISTICS);
            XskException failure = Sockets.Fails(XskErrorId.SystemCallFailed, () => socket.GetStatistics());
            Assert.Contains("XDP_STATISTICS", failure.Message, StringComparison.Ordinal);
        }).Join();
        socket.GetStatistics();
    });

    [KernelTheory]
    [InlineData(Errno.EAGAIN)]
    [InlineData(Errno.ENOBUFS)]
    [InlineData(Errno.EBUSY)]
    [InlineData(Errno.ENETDOWN)]
    public void A_probing_send_that_is_busy_for_the_moment_does_not_fail_the_opening(int errno) => network.Spawn(() =>
    {
        SystemCallFilter.Fail("sendto", errno, null, 0, 0, Libc.MSG_DONTWAIT, 0, 0);
        Sockets.Open().Dispose();
    }).Join();

    private void Inject(XskErrorId expected, string call, int errno, string name, params long?[] arguments) =>
        Inject(expected, call, errno, null, name, arguments);

    private void Inject(XskErrorId expected, string call, int errno, FileDescriptor? adopted, string name, params long?[] arguments)
    {
        // What the runtime maps for itself at a first opening is not to be counted.
        network.Run(() => Sockets.Open().Dispose());
        // Nor what an earlier test has forgotten on purpose.
        GC.Collect();
        GC.WaitForPendingFinalizers();
        Residue before = Residue.Now(), after = before;
        long space = Residue.AddressSpace();
        XskSocketOptions options = Options(adopted);
        network.Run(() =>
        {
            // What Open forgets, the garbage collector would tidy up; it is not to have the chance.
            Assert.True(GC.TryStartNoGCRegion(64 << 20));
            XskException failure;
            try
            {
                SystemCallFilter.Fail(name, errno, arguments);
                failure = Sockets.Fails(expected, () => XskSocket.Open(options).Dispose());
                after = Residue.Now();
                space = Residue.AddressSpace() - space;
            }
            finally
            {
                if (GCSettings.LatencyMode == GCLatencyMode.NoGCRegion) GC.EndNoGCRegion();
            }

            Assert.Equal(errno, failure.ErrorNumber);
            Assert.StartsWith(call, failure.Call, StringComparison.Ordinal);
            Assert.Contains(Errno.Name(errno), failure.Message, StringComparison.Ordinal);
        });
        Assert.Equal(before, after);
        // The region without collections reserves memory as well, but less than a forgotten UMEM.
        Assert.InRange(space, long.MinValue, UmemLength >> 21);
        Assert.False(network.HasProgram());
        network.Run(() => Sockets.Open().Dispose());
    }

    private static XskSocketOptions Options(FileDescriptor? adopted) => new()
    {
        InterfaceName = TestNetwork.Near,
        FrameCount = Frames,
        FrameSize = FrameSize,
        Descriptor = adopted,
    };
}
