namespace XdpPS;

/// <content>What it lends to sockets on the same UMEM.</content>
public sealed partial class XskSocket
{
    /// <summary>The UMEM for whoever shares it; it lives until both are closed.</summary>
    internal Umem LendUmem()
    {
        lock (closing)
        {
            ThrowIfClosed();
            resources.Umem!.AddReference();
            return resources.Umem;
        }
    }

    /// <summary>Leaves to a sharer what closed ones have left, and where that is less, up to half of the free frames.</summary>
    /// <param name="toReceive">It needs frames to receive into.</param>
    /// <param name="toSend">It needs frames to send.</param>
    internal void GiveFrames(bool toReceive, bool toSend)
    {
        lock (closing)
        {
            ThrowIfClosed();
            Umem umem = resources.Umem!;
            int spare = umem.Unleased;
            if (toReceive) Share(receive?.Gate, receive is null ? null : receive.Share);
            if (toReceive || toSend) Share(transmit?.Gate, transmit is null ? null : transmit.Frames.Share);
            if (toSend && umem.Unleased == 0) Share(receive?.Gate, receive is null ? null : receive.Share);

            void Share(DirectionGate? gate, Func<int, ulong[]>? share)
            {
                // The frames belong to whoever is receiving or sending.
                if (gate is null || share is null || !gate.Await(this)) return;
                try
                {
                    umem.Accept(share(spare));
                }
                finally
                {
                    gate.Leave();
                }
            }
        }
    }
}
