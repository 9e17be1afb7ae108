namespace XdpPS;

/// <summary>A capture in pcapng as pieces of bytes, for a pipe: each piece ends where a packet does. One thread at a time.</summary>
public sealed class XskCaptureFeed
{
    private const int PieceLength = 64 * 1024;

    private readonly BlockBuffer buffer;
    private readonly CaptureRecorder recorder;
    private readonly Queue<byte[]> pieces = [];

    /// <summary>Begins a capture.</summary>
    /// <param name="sockets">Where its packets come from.</param>
    /// <param name="snapLength">The most bytes to keep of a packet, at least 1.</param>
    public XskCaptureFeed(IEnumerable<XskSocket> sockets, int snapLength = int.MaxValue)
    {
        ArgumentNullException.ThrowIfNull(sockets);
        ArgumentOutOfRangeException.ThrowIfLessThan(snapLength, 1);
        buffer = new BlockBuffer(PieceLength, blocks => pieces.Enqueue(blocks.ToArray()));
        recorder = new CaptureRecorder(CaptureEncoder.Create(XskCaptureFormat.Pcapng, buffer, snapLength));
        recorder.Begin(comment: null);
        foreach (XskSocket socket in sockets) recorder.Declare(socket);
    }

    /// <summary>Packets taken up to now.</summary>
    public long Packets => recorder.Packets;

    /// <summary>Takes packets from a socket, without waiting.</summary>
    /// <param name="socket">One of those that the capture began with.</param>
    /// <param name="maximum">The most packets to take, at least 1.</param>
    /// <returns>How many there were.</returns>
    /// <exception cref="XskException">As <see cref="XskSocket.Receive"/>.</exception>
    public int Take(XskSocket socket, int maximum)
    {
        ArgumentNullException.ThrowIfNull(socket);
        return recorder.Write(socket, maximum);
    }

    /// <summary>Ends the capture with its statistics.</summary>
    public void Complete()
    {
        recorder.LookForLosses();
        recorder.End();
    }

    /// <summary>What has been taken since the last call.</summary>
    public IEnumerable<byte[]> Drain()
    {
        buffer.Flush();
        while (pieces.TryDequeue(out byte[]? piece)) yield return piece;
    }
}
