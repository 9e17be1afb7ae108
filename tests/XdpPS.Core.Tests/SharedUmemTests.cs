namespace XdpPS.Tests;

/// <summary>Several sockets on one UMEM, as xsk_socket__create_shared has it.</summary>
public sealed class SharedUmemTests : IDisposable
{
    private readonly TestNetwork network = new(queues: 2);

    public void Dispose() => network.Dispose();

    [KernelFact]
    public void Two_interfaces_on_one_umem_send_to_each_other() => network.Run(() =>
    {
        using XskSocket near = Sockets.Open();
        using XskSocket far = near.Share(TestNetwork.Far);
        far.Send(Frames.Series(20));
        Assert.Equal(Frames.Series(20), near.Take(20));
        near.Send(Frames.Series(12));
        Assert.Equal(Frames.Series(12), far.Take(12));
        Sockets.AssertConserved(near, far);
        Assert.Equal(128, near.CountFrames().Total + far.CountFrames().Total);
    });

    [KernelFact]
    public void Two_queues_of_one_interface_share_a_umem() => network.Run(() =>
    {
        using XskSocket first = Sockets.Open();
        using XskSocket second = first.Share(TestNetwork.Near, queue: 1);
        using XskSocket far = XskSocket.Open(Sockets.Options(TestNetwork.Far, queue: 1));
        far.Send(Frames.Series(10));
        Assert.Equal(Frames.Series(10), second.Take(10));
        Assert.Empty(first.Drain());
        Sockets.AssertConserved(first, second, far);
    });

    [KernelFact]
    public void The_umem_outlives_its_owner_and_is_unmapped_with_the_last_socket() => network.Run(() =>
    {
        Sockets.Open().Dispose();
        Residue before = Residue.Now();
        XskSocket owner = Sockets.Open();
        XskSocket sharer = owner.Share(TestNetwork.Far);
        owner.Close();
        using (XskSocket peer = Sockets.Open())
        {
            peer.Send(Frames.Series(10));
            Assert.Equal(Frames.Series(10), sharer.Take(10));
            sharer.Send(Frames.Series(5));
            Assert.Equal(Frames.Series(5), peer.Take(5));
        }

        sharer.Close();
        Residue.AssertNoMoreThan(before);
    });

    /// <summary>A driver without room for metadata leaves these bytes as they are.</summary>
    [KernelFact]
    public unsafe void Frames_that_were_sent_before_do_not_come_to_a_sharer_with_what_looks_like_an_arrival_time() => network.Run(() =>
    {
        using XskSocket owner = Sockets.Open();
        byte[] frame = Frames.Make(1500);
        Array.Fill(frame, (byte)0xff, 14, frame.Length - 14);
        owner.Send([.. Enumerable.Repeat(frame, 64)]);
        Umem umem = owner.LendUmem();
        try
        {
            HashSet<FramePool?> before = [.. umem.Owners];
            using XskSocket sharer = owner.Share(TestNetwork.Far, tx: 0);
            int checkedFrames = 0;
            for (int i = 0; i < umem.FrameCount; i++)
            {
                ulong start = (ulong)i * 2048;
                if (before.Contains(umem.OwnerOf(start))) continue;
                Assert.Equal(0, *umem.TimestampSlot(start + 256));
                // Only the time's place is touched: it was sent, with its bytes behind that.
                Assert.Equal(0xff, umem.Slice(start + 256, 1)[0]);
                checkedFrames++;
            }

            Assert.Equal(sharer.FrameCount, checkedFrames);
        }
        finally
        {
            umem.Release();
        }
    });

    [KernelFact]
    public void A_closed_sharer_gives_its_frames_to_the_next() => network.Run(() =>
    {
        using XskSocket owner = Sockets.Open();
        int ofFirst, left = owner.CountFrames().Total;
        using (XskSocket sharer = owner.Share(TestNetwork.Far)) ofFirst = sharer.FrameCount;
        for (int i = 0; i < 20; i++)
        {
            using XskSocket next = owner.Share(TestNetwork.Far);
            Assert.True(next.FrameCount >= ofFirst);
            Sockets.AssertConserved(owner, next);
        }

        Assert.True(owner.CountFrames().Total < left);
    });

    [KernelFact]
    public void The_owners_copy_mode_is_inherited_and_a_closed_socket_shares_nothing() => network.Run(() =>
    {
        using XskSocket owner = Sockets.Open();
        Sockets.Fails(XskErrorId.UmemNotShareable, () => owner.Share(TestNetwork.Far, bind: XskBindMode.ZeroCopy));
        using XskSocket sharer = owner.Share(TestNetwork.Far);
        Assert.Equal(XskBindMode.Copy, sharer.BindMode);
        Assert.Equal(owner.FrameSize, sharer.FrameSize);
        owner.Close();
        Sockets.Fails(XskErrorId.SocketClosed, () => owner.Share(TestNetwork.Near, queue: 1));
    });

    [KernelFact]
    public void A_failed_sharing_leaves_nothing_behind_and_a_second_takes_no_more_frames() => network.Run(() =>
    {
        using XskSocket owner = Sockets.Open();
        using XskSocket holder = Sockets.Open(TestNetwork.Far);
        Residue before = Residue.Now();
        Sockets.Fails(XskErrorId.QueueBusy, () => owner.Share(TestNetwork.Far));
        int left = owner.CountFrames().Total;
        Sockets.Fails(XskErrorId.QueueBusy, () => owner.Share(TestNetwork.Far));
        Assert.Equal(left, owner.CountFrames().Total);
        Residue.AssertNoMoreThan(before);
        Sockets.AssertConserved(owner, holder);
        holder.Send(Frames.Series(10));
        Assert.Equal(Frames.Series(10), owner.Take(10));
    });
}
