using Xunit.Abstractions;

namespace XdpPS.Tests;

public sealed partial class MultiBufferTests
{
    [KernelFact]
    public void Who_shares_a_umem_inherits_it_on_the_same_queue_and_on_others() => network.Run(() =>
    {
        Residue before = Residue.Now();
        using (XskSocket owner = XskSocket.Open(Jumbo(frames: 2048)))
        using (XskSocket sameQueue = owner.Share())
        using (XskSocket otherQueue = owner.Share(queue: 1))
        using (XskSocket far = owner.Share(TestNetwork.Far))
        {
            Assert.All([sameQueue, otherQueue, far], socket => Assert.True(socket.MultiBuffer));
            byte[][] frames = [.. Enumerable.Range(0, 4).Select(i => Frames.Make(Longest - i, i))];
            far.Send(frames);
            Assert.Equal(frames, owner.Take(4));
            owner.Send(frames[..2]);
            sameQueue.Send(frames[2..]);
            Assert.Equal(frames, far.Take(4));
            Assert.Equal((2L, 2L), (owner.GetStatistics().TxCompleted, sameQueue.GetStatistics().TxCompleted));
            Sockets.AssertConserved(owner, sameQueue, otherQueue, far);

            owner.Close();
            far.Send(frames);
            Assert.Equal(frames, sameQueue.Take(4));
            Sockets.AssertConserved(sameQueue, otherQueue, far);
        }

        Residue.AssertNoMoreThan(before);
    });

    [KernelFact]
    public void A_sharer_cannot_ask_for_what_the_first_socket_has_not() => network.Run(() =>
    {
        using XskSocket plain = Sockets.Open();
        XskException failure = Sockets.Fails(
            XskErrorId.UmemNotShareable,
            () => XskSocket.Open(new XskSocketOptions { InterfaceName = TestNetwork.Far, ShareUmemWith = plain, MultiBuffer = true }));
        Assert.Contains("open the first socket with -MultiBuffer", failure.Message, StringComparison.Ordinal);
        Assert.False(network.HasProgram(TestNetwork.Far));
    });

    [KernelFact]
    public void Closing_gives_back_what_nobody_has_read_of_a_shared_queue() => network.Run(() =>
    {
        using XskSocket owner = XskSocket.Open(Jumbo());
        using XskSocket second = owner.Share();
        Kernel.SendRaw(TestNetwork.Far, [Frames.Make(Longest), Frames.Make(Longest)]);
        SpinWait.SpinUntil(() => owner.GetStatistics().Rx!.Used == 12, TimeSpan.FromSeconds(5));
        owner.Close();
        Sockets.AssertConserved(second);
        Kernel.SendRaw(TestNetwork.Far, [Frames.Make(Longest)]);
        Assert.Equal([Frames.Make(Longest)], second.Take(1));
        Sockets.AssertConserved(second);
    });
}
