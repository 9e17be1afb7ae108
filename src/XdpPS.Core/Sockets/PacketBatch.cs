namespace XdpPS;

/// <summary>A received packet that may lie in several frames, readable until its batch is disposed.</summary>
public readonly ref struct ReceivedPacket
{
    private readonly ReceivePath path;
    private readonly uint first;

    internal ReceivedPacket(ReceivePath path, uint first, int fragmentCount, int length)
    {
        this.path = path;
        this.first = first;
        FragmentCount = fragmentCount;
        Length = length;
        Timestamp = path.Timestamp(first, out bool fromKernel);
        IsKernelTimestamp = fromKernel;
    }

    /// <summary>Bytes of the whole packet, without FCS.</summary>
    public int Length { get; }

    /// <summary>How many frames it lies in, at least 1.</summary>
    public int FragmentCount { get; }

    /// <summary>Nanoseconds since 1970-01-01 UTC.</summary>
    public long Timestamp { get; }

    /// <summary>The XDP program took <see cref="Timestamp"/> when the packet arrived; else it is the time of reading.</summary>
    public bool IsKernelTimestamp { get; }

    /// <summary>The bytes in one frame; the first begins with the destination address. They lie in the UMEM: copy what must live longer.</summary>
    /// <param name="index">From 0 to <see cref="FragmentCount"/> minus 1.</param>
    public ReadOnlySpan<byte> Fragment(int index)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)FragmentCount, nameof(index));
        return path.Data(first + (uint)index);
    }

    /// <summary>Copies the packet, or as much of its beginning as there is room for.</summary>
    /// <returns>How many bytes were copied.</returns>
    public int CopyTo(Span<byte> destination)
    {
        int copied = 0;
        for (int i = 0; i < FragmentCount && copied < destination.Length; i++)
        {
            ReadOnlySpan<byte> fragment = Fragment(i);
            if (fragment.Length > destination.Length - copied) fragment = fragment[..(destination.Length - copied)];
            fragment.CopyTo(destination[copied..]);
            copied += fragment.Length;
        }

        return copied;
    }
}

/// <summary>
/// Whole packets taken from the RX ring, each in one frame or, on a multi-buffer socket, in several. Disposing gives
/// their frames back to the kernel; until then no other thread can receive on the socket, and it cannot be closed.
/// </summary>
public ref struct PacketBatch
{
    private readonly ReceivePath path;
    private readonly uint first;
    private readonly uint descriptors;
    private bool disposed;

    internal PacketBatch(ReceivePath path, int maximum)
    {
        this.path = path;
        Count = (int)path.PeekPackets((uint)maximum, out first, out descriptors);
    }

    /// <summary>How many packets there are; 0 when none had arrived.</summary>
    public readonly int Count { get; }

    /// <summary>The packets, in the order they arrived.</summary>
    /// <exception cref="XskException">A descriptor is not of this UMEM (<see cref="XskErrorId.RingCorrupted"/>).</exception>
    public readonly Enumerator GetEnumerator()
    {
        ObjectDisposedException.ThrowIf(disposed, typeof(PacketBatch));
        return new Enumerator(path, first, descriptors);
    }

    /// <summary>Gives the frames back.</summary>
    public void Dispose()
    {
        if (disposed) return;
        disposed = true;
        try
        {
            if (Count > 0) path.ReleasePackets(first, descriptors, (uint)Count);
        }
        finally
        {
            path.Gate.Leave();
        }
    }

    /// <summary>Goes from packet to packet.</summary>
    public ref struct Enumerator
    {
        private readonly ReceivePath path;
        private uint at;
        private uint left;

        internal Enumerator(ReceivePath path, uint first, uint descriptors)
        {
            this.path = path;
            at = first;
            left = descriptors;
        }

        /// <summary>The packet that <see cref="MoveNext"/> went to.</summary>
        public ReceivedPacket Current { get; private set; }

        /// <summary>Goes to the next packet.</summary>
        /// <returns>False where there is none.</returns>
        public bool MoveNext()
        {
            if (left == 0) return false;
            uint first = at;
            int length = 0;
            bool continues;
            do
            {
                length += path.Data(at).Length;
                continues = path.Continues(at++);
                left--;
            }
            while (continues && left > 0);
            Current = new ReceivedPacket(path, first, (int)(at - first), length);
            return true;
        }
    }
}
