namespace XdpPS;

/// <content>Packets of several frames.</content>
public ref partial struct SendBatch
{
    /// <summary>
    /// Adds the frame that was written to <see cref="Next"/> as a part of a packet, on a multi-buffer socket. A packet
    /// whose end was not added when the batch is disposed is not sent.
    /// </summary>
    /// <param name="length">Bytes of this part: at least 14 of the first and 1 of the others, at most the frame size.</param>
    /// <param name="continues">The packet goes on in the next frame that is added.</param>
    /// <exception cref="InvalidOperationException">The batch is full, the socket is no multi-buffer one, or the packet has more frames than the kernel takes.</exception>
    public void Add(int length, bool continues)
    {
        ObjectDisposedException.ThrowIf(disposed, typeof(SendBatch));
        if (!path.IsMultiBuffer) throw new InvalidOperationException("The socket was opened without MultiBuffer.");
        int begun = 0;
        while (begun < Count && path.Continues(first + (uint)(Count - begun) - 1)) begun++;
        ArgumentOutOfRangeException.ThrowIfLessThan(length, begun == 0 ? EthernetFrame.HeaderLength : 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, path.FrameSize);
        if (Count == Capacity) throw new InvalidOperationException("The batch is full.");
        if (continues && begun + 1 == path.MaximumFragments) throw new InvalidOperationException($"A packet can have {path.MaximumFragments} frames here.");
        uint at = first + (uint)Count;
        path.SetLength(at, length);
        if (continues) path.SetContinues(at);
        Count++;
    }

    /// <summary>Copies a packet into as many frames as it needs and adds them, where there is room for all.</summary>
    /// <returns>False when there is not.</returns>
    /// <exception cref="InvalidOperationException">The packet needs more frames than the kernel takes, or several and the socket is no multi-buffer one.</exception>
    public bool TryAddPacket(ReadOnlySpan<byte> packet)
    {
        int size = path.FrameSize;
        if (packet.Length <= size) return TryAdd(packet);
        int needed = path.FramesFor(packet.Length);
        if (needed > path.MaximumFragments) throw new InvalidOperationException($"The packet needs {needed} frames, and can have {path.MaximumFragments} here.");
        if (Capacity - Count < needed) return false;
        while (packet.Length > size)
        {
            packet[..size].CopyTo(Next);
            Add(size, continues: true);
            packet = packet[size..];
        }

        packet.CopyTo(Next);
        Add(packet.Length, continues: false);
        return true;
    }
}
