namespace XdpPS.Tests;

/// <summary>Who owns which frame of a UMEM.</summary>
public sealed class FramePoolTests : IDisposable
{
    private readonly Umem umem = new(2048, 16, 0);

    public void Dispose() => umem.Release();

    [Fact]
    public void A_pool_gives_each_frame_once_and_takes_it_back_by_any_address_inside()
    {
        FramePool pool = umem.Lease(8);
        Assert.Equal((8, 8), (pool.Capacity, umem.Unleased));
        HashSet<ulong> taken = [];
        while (pool.Count > 0) Assert.True(taken.Add(pool.Take()));
        Assert.Equal(8, taken.Count);
        Assert.All(taken, address => Assert.True(address % 2048 == 0 && address < 16 * 2048));
        foreach (ulong address in taken) pool.Give(address + 2047);
        Assert.Equal(taken.Order(), pool.Free.ToArray().Order());
    }

    [Fact]
    public void Two_pools_have_no_frame_in_common_and_together_all()
    {
        FramePool first = umem.Lease(5), second = umem.Lease(100);
        Assert.Equal((5, 11, 0), (first.Capacity, second.Capacity, umem.Unleased));
        ulong[] all = [.. first.Free, .. second.Free];
        Assert.Equal(Enumerable.Range(0, 16).Select(i => (ulong)i * 2048), all.Order());
    }

    [Fact]
    public void A_frame_of_another_pool_is_refused()
    {
        FramePool first = umem.Lease(8), second = umem.Lease(8);
        ulong foreign = second.Take();
        first.Take();
        XskException failure = Sockets.Fails(XskErrorId.RingCorrupted, () => first.Give(foreign));
        Assert.Contains($"0x{foreign:x}", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(16 * 2048)]
    [InlineData(long.MaxValue)]
    public void An_address_outside_the_umem_is_refused(long address)
    {
        FramePool pool = umem.Lease(16);
        pool.Take();
        Sockets.Fails(XskErrorId.RingCorrupted, () => pool.Give((ulong)address));
    }

    [Fact]
    public void More_frames_than_went_out_are_refused()
    {
        FramePool pool = umem.Lease(2);
        Sockets.Fails(XskErrorId.RingCorrupted, () => pool.Give(pool.Free[0]));
    }

    [Fact]
    public void Frames_given_away_can_be_leased_again_and_are_the_old_pools_no_more()
    {
        FramePool first = umem.Lease(16);
        ulong[] donated = first.Donate(6);
        umem.Accept(donated);
        Assert.Equal((10, 6, 6), (first.Capacity, donated.Length, umem.Unleased));
        FramePool second = umem.Lease(6);
        Assert.Equal(donated.Order(), second.Free.ToArray().Order());
        first.Take();
        Sockets.Fails(XskErrorId.RingCorrupted, () => first.Give(donated[0]));
    }

    [Fact]
    public void A_closed_sockets_frames_come_back_wherever_they_were()
    {
        FramePool pool = umem.Lease(16);
        pool.Take();
        pool.Take();
        umem.Return(pool);
        Assert.Equal(16, umem.Unleased);
    }

    [Theory]
    [InlineData(16ul * 2048, 1u)]
    [InlineData((16ul * 2048) - 10, 11u)]
    [InlineData(ulong.MaxValue, 1u)]
    [InlineData(0ul, uint.MaxValue)]
    public void A_descriptor_outside_the_umem_is_never_read(ulong address, uint length)
    {
        XskException failure = Sockets.Fails(XskErrorId.RingCorrupted, () => umem.Slice(address, length));
        Assert.Contains($"{length} bytes at 0x{address:x}", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_last_byte_of_the_umem_can_be_read() => Assert.Equal(10, umem.Slice((16 * 2048) - 10, 10).Length);
}
