namespace XdpPS;

/// <content>
/// Memory that another CPU has just written, fetched before it is read: without that, the wait for it is most of what
/// copying a short packet takes.
/// </content>
internal sealed partial class ReceivePath
{
    /// <summary>Begins to fetch a peeked packet and its arrival time, which lies before it.</summary>
    internal void Prefetch(uint index)
    {
        ulong address = rx[index].Address;
        umem.Prefetch(address);
        if (readTimestamps) umem.Prefetch(address - sizeof(long));
    }

    /// <summary>The same of the packet after those that were peeked, where it is known to have arrived.</summary>
    internal void PrefetchNext()
    {
        if (!umem.IsUnaligned && rx.TryLookAhead(out uint index)) Prefetch(index);
    }
}
