namespace XdpPS;

/// <summary>
/// Room for frames on the TX ring, to be written in place. Disposing publishes what was added and gives the rest
/// back; until then no other thread can send on the socket, and it cannot be closed.
/// </summary>
public ref partial struct SendBatch
{
    private readonly TransmitPath path;
    private readonly uint first;
    private bool disposed;

    internal SendBatch(TransmitPath path, int count)
    {
        this.path = path;
        Capacity = (int)path.Reserve((uint)count, out first);
    }

    /// <summary>How many frames there is room for: from 0 to what was asked for.</summary>
    public readonly int Capacity { get; }

    /// <summary>How many were added; on a multi-buffer socket a packet may have taken several.</summary>
    public int Count { get; private set; }

    /// <summary>The next frame's memory, as large as a UMEM frame. It still has what was sent with it before.</summary>
    public readonly Span<byte> Next
    {
        get
        {
            ObjectDisposedException.ThrowIf(disposed, typeof(SendBatch));
            if (Count == Capacity) throw new InvalidOperationException("The batch is full.");
            return path.Buffer(first + (uint)Count);
        }
    }

    /// <summary>Adds the frame that was written to <see cref="Next"/>.</summary>
    /// <param name="length">Its length in bytes without FCS, from 14 to the frame size.</param>
    public void Add(int length)
    {
        ObjectDisposedException.ThrowIf(disposed, typeof(SendBatch));
        ArgumentOutOfRangeException.ThrowIfLessThan(length, EthernetFrame.HeaderLength);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, path.FrameSize);
        if (Count == Capacity) throw new InvalidOperationException("The batch is full.");
        path.SetLength(first + (uint)Count, length);
        Count++;
    }

    /// <summary>Copies a frame and adds it, where there is room.</summary>
    /// <returns>False when the batch is full.</returns>
    public bool TryAdd(ReadOnlySpan<byte> frame)
    {
        if (Count == Capacity) return false;
        frame.CopyTo(Next);
        Add(frame.Length);
        return true;
    }

    /// <summary>Publishes what was added.</summary>
    public void Dispose()
    {
        if (disposed) return;
        disposed = true;
        try
        {
            path.Submit(first, (uint)Count, (uint)Capacity);
        }
        finally
        {
            path.Gate.Leave();
        }
    }
}
