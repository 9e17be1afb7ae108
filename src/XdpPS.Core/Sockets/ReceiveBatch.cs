namespace XdpPS;

/// <summary>A received packet, readable until its batch is disposed.</summary>
public readonly ref struct ReceivedFrame
{
    private readonly ReceivePath path;
    private readonly uint index;

    internal ReceivedFrame(ReceivePath path, uint index)
    {
        this.path = path;
        this.index = index;
        Data = path.Data(index);
    }

    /// <summary>The bytes, from the destination address on, without FCS. They lie in the UMEM: copy what must live longer.</summary>
    public ReadOnlySpan<byte> Data { get; }

    /// <summary>Nanoseconds since 1970-01-01 UTC. It is found when it is asked for.</summary>
    public long Timestamp => path.Timestamp(index, out _);

    /// <summary>The XDP program took <see cref="Timestamp"/> when the packet arrived; else it is the time of asking.</summary>
    public bool IsKernelTimestamp => path.ArrivedAt(index) != 0;

    /// <summary>CLOCK_MONOTONIC as the XDP program read it; 0 where it did not.</summary>
    internal long ArrivedAt => path.ArrivedAt(index);
}

/// <summary>
/// Packets taken from the RX ring. Disposing gives their frames back to the kernel; until then no other thread
/// can receive on the socket, and it cannot be closed.
/// </summary>
public ref struct ReceiveBatch
{
    private readonly ReceivePath path;
    private readonly uint first;
    private bool disposed;

    internal ReceiveBatch(ReceivePath path, int maximum)
    {
        this.path = path;
        Count = (int)path.Peek((uint)maximum, out first);
    }

    /// <summary>How many packets there are; 0 when none had arrived.</summary>
    public readonly int Count { get; }

    /// <summary>A packet of this batch.</summary>
    /// <param name="index">From 0 to <see cref="Count"/> minus 1.</param>
    /// <exception cref="XskException">Its descriptor is not of this UMEM (<see cref="XskErrorId.RingCorrupted"/>).</exception>
    public readonly ReceivedFrame this[int index]
    {
        get
        {
            ObjectDisposedException.ThrowIf(disposed, typeof(ReceiveBatch));
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)Count, nameof(index));
            return new ReceivedFrame(path, first + (uint)index);
        }
    }

    /// <summary>Begins to fetch a packet of this batch, or where there are no more, the one that comes after it.</summary>
    internal readonly void Prefetch(int index)
    {
        if (index < Count) path.Prefetch(first + (uint)index);
        else if (index == Count) path.PrefetchNext();
    }

    /// <summary>Gives the frames back.</summary>
    public void Dispose()
    {
        if (disposed) return;
        disposed = true;
        try
        {
            if (Count > 0) path.Release(first, (uint)Count);
        }
        finally
        {
            path.Gate.Leave();
        }
    }
}
