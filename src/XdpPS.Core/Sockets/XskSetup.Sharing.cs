namespace XdpPS;

/// <content>Where the socket's frames and its queue's rings come from: its own, or those of the sockets it shares with.</content>
internal sealed partial class XskSetup
{
    /// <summary>The queue has sockets on the same UMEM already, and its FILL and COMPLETION rings are theirs.</summary>
    private bool joinsQueue;

    private void TakeFrames(XdpInterface nic)
    {
        resources.Umem = options.ShareUmemWith?.LendUmem() ?? CreateUmem();
        bool receives = options.RxRingSize > 0;
        if (options.ShareUmemWith is { } owner)
        {
            resources.Queue = resources.Umem.FindQueue(KeyOf(nic));
            joinsQueue = resources.Queue is not null;
            resources.Queue?.Share(owner);
            // What arrives on a queue goes into the frames of the queue, whoever takes it.
            if (resources.Queue is { ReceiveFrames.Capacity: > 0 }) receives = false;
            owner.GiveFrames(receives, options.TxRingSize > 0);
        }

        int available = resources.Umem.Unleased;
        resources.ReceiveFrames = resources.Umem.Lease(receives ? options.ReceiveShareOf(available) : 0);
        if (options.ShareUmemWith is not null) resources.Umem.ClearTimestamps(resources.ReceiveFrames);
        resources.TransmitFrames = resources.Umem.Lease(options.TxRingSize == 0 ? 0 : available);
        bool tooFew = (receives && resources.ReceiveFrames.Capacity == 0) || (options.TxRingSize > 0 && resources.TransmitFrames.Capacity == 0);
        if (tooFew && options.ShareUmemWith is { } full)
        {
            throw XskException.FromCheck(
                XskErrorId.UmemNotShareable,
                $"The UMEM of {full.InterfaceName} queue {full.QueueId} has no frame to spare for another socket: all {resources.Umem.FrameCount} are on its rings or with other sharers",
                "open the first socket with a larger -FrameCount");
        }

        if (joinsQueue && receives) resources.Queue!.Supply(resources.ReceiveFrames);
    }

    private void MakeRings(XdpInterface nic)
    {
        resources.Rings = new XskRings(resources.Descriptor!, options, joinsQueue);
        resources.Queue ??= new QueueRings(KeyOf(nic), resources.Umem!, resources.Rings.OfQueue!, resources.ReceiveFrames!);
    }

    private void JoinQueue(XdpInterface nic, bool takesPackets)
    {
        bool delivers = resources.Queue!.Join(resources, takesPackets);
        if (!joinsQueue) resources.Umem!.Add(resources.Queue);
        if (delivers) return;
        warnings.Add(new XskWarning(
            "QueueShared",
            $"The packets of {nic.Name} queue {options.QueueId} go to the socket that shares it and was there first: this one sends now, and receives once that one is closed, or what another program redirects to it."));
    }

    private QueueKey KeyOf(XdpInterface nic) => new(resources.Namespace!.Id, nic.Index, options.QueueId);
}
