using XdpPS.Interop;

namespace XdpPS.Tests;

/// <summary>Each system call that joins a queue is made to fail: nothing is left of the attempt, and the socket that was there goes on.</summary>
public sealed class SharedQueueFaultTests : IDisposable
{
    private const long RingFlags = Libc.MAP_SHARED | Libc.MAP_POPULATE;

    private readonly TestNetwork network = new();

    public void Dispose() => network.Dispose();

    [KernelFact]
    public void Without_zero_copy_on_the_other_interface_the_first_socket_is_to_be_opened_in_copy_mode() => network.Run(() =>
    {
        using XskSocket owner = Sockets.Open();
        SystemCallFilter.Fail("bind", Errno.EOPNOTSUPP, null, null, 16L);
        XskException failure = Sockets.Fails(XskErrorId.ZeroCopyNotSupported, () => owner.Share(TestNetwork.Far));
        Assert.Contains("open the socket whose UMEM is shared with -BindMode Copy", failure.Message, StringComparison.Ordinal);
    });

    [KernelTheory]
    [InlineData("socket", Errno.EMFILE, XskErrorId.OutOfDescriptors, (long)IfXdp.AF_XDP)]
    [InlineData("setsockopt", Errno.ENOMEM, XskErrorId.OutOfMemory, null, (long)IfXdp.SOL_XDP, (long)IfXdp.XDP_RX_RING)]
    [InlineData("setsockopt", Errno.ENOMEM, XskErrorId.OutOfMemory, null, (long)IfXdp.SOL_XDP, (long)IfXdp.XDP_TX_RING)]
    [InlineData("mmap", Errno.ENOMEM, XskErrorId.OutOfMemory, null, null, null, RingFlags, null, IfXdp.XDP_PGOFF_RX_RING)]
    [InlineData("mmap", Errno.ENOMEM, XskErrorId.OutOfMemory, null, null, null, RingFlags, null, IfXdp.XDP_PGOFF_TX_RING)]
    [InlineData("mmap", Errno.ENOMEM, XskErrorId.OutOfMemory, null, null, null, RingFlags, null, IfXdp.XDP_UMEM_PGOFF_FILL_RING)]
    [InlineData("mmap", Errno.ENOMEM, XskErrorId.OutOfMemory, null, null, null, RingFlags, null, IfXdp.XDP_UMEM_PGOFF_COMPLETION_RING)]
    [InlineData("bind", Errno.EINVAL, XskErrorId.QueueOutOfRange, null, null, 16L)]
    [InlineData("getsockopt", Errno.EFAULT, XskErrorId.SystemCallFailed, null, (long)IfXdp.SOL_XDP, (long)IfXdp.XDP_OPTIONS)]
    [InlineData("sendto", Errno.EINVAL, XskErrorId.TransmitProbeFailed, null, 0L, 0L, (long)Libc.MSG_DONTWAIT, 0L, 0L)]
    public void A_failed_joining_leaves_the_queue_as_it_was(string call, int errno, XskErrorId expected, params long?[] arguments) => network.Run(() =>
    {
        using XskSocket owner = Sockets.Open();
        owner.Share().Dispose();
        int frames = owner.CountFrames().Total;
        Residue before = Residue.Now();
        new TestNetwork.Running(() =>
        {
            Kernel.EnterNamespace(network.Name);
            SystemCallFilter.Fail(call, errno, arguments);
            Assert.Equal(errno, Sockets.Fails(expected, () => owner.Share()).ErrorNumber);
        }).Join();
        Residue.AssertNoMoreThan(before);
        Assert.Equal(frames, owner.CountFrames().Total);
        using XskSocket far = Sockets.Open(TestNetwork.Far);
        AssertWorks(owner, far);
        using XskSocket sharer = owner.Share();
        AssertWorks(sharer, far, receives: false);
        Sockets.AssertConserved(owner, sharer, far);
        Assert.Equal(128, owner.CountFrames().Total + sharer.CountFrames().Total);
    });

    /// <summary>A kernel before 6.4 maps FILL and COMPLETION only before bind: they stay mapped through the socket that was first.</summary>
    [KernelTheory]
    [InlineData(true)]
    [InlineData(false)]
    public void Where_a_bound_socket_cannot_map_the_rings_the_first_mapping_serves_to_the_end(bool ownerFirst) => network.Run(() =>
    {
        Sockets.Open().Dispose();
        Residue before = Residue.Now();
        XskSocket owner = Sockets.Open();
        XskSocket? sharer = null;
        new TestNetwork.Running(() =>
        {
            Kernel.EnterNamespace(network.Name);
            SystemCallFilter.Fail("mmap", Errno.EBUSY, null, null, null, RingFlags, null, IfXdp.XDP_UMEM_PGOFF_FILL_RING);
            sharer = owner.Share();
        }).Join();
        using (XskSocket far = Sockets.Open(TestNetwork.Far))
        {
            AssertWorks(owner, far);
            (XskSocket leaving, XskSocket staying) = ownerFirst ? (owner, sharer!) : (sharer!, owner);
            leaving.Close();
            AssertWorks(staying, far);
            Sockets.AssertConserved(staying, far);
            staying.Close();
            using XskSocket next = Sockets.Open();
            AssertWorks(next, far);
        }

        Residue.AssertNoMoreThan(before);
    });

    private static void AssertWorks(XskSocket socket, XskSocket far, bool receives = true)
    {
        socket.Send(Frames.Series(20));
        Assert.Equal(Frames.Series(20), far.Take(20));
        if (!receives) return;
        far.Send(Frames.Series(20, 200));
        Assert.Equal(Frames.Series(20, 200), socket.Take(20));
    }
}
