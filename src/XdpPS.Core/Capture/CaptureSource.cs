namespace XdpPS;

/// <summary>The bytes of a capture file, in order, with the place in it for messages.</summary>
internal sealed class CaptureSource(Stream stream, string path) : IDisposable
{
    private const int Step = 64 * 1024;

    private byte[] buffer = new byte[Step];

    internal string Path => path;

    /// <summary>Where the next byte is.</summary>
    internal long Position { get; private set; }

    /// <summary>There is not one byte. Only of a file.</summary>
    internal bool IsEmpty => stream.Length == 0;

    /// <summary>Damage was met, and it is that the file ends too early.</summary>
    internal bool EndedEarly { get; private set; }

    /// <summary>The next bytes, valid until the next call.</summary>
    /// <returns>Fewer where the file ends.</returns>
    internal Span<byte> Read(int length)
    {
        int read = 0;
        while (read < length)
        {
            // What a damaged length claims is not allocated before it is there.
            if (read == buffer.Length) Array.Resize(ref buffer, (int)Math.Min(2L * buffer.Length, Math.Max(length, Step)));
            int got = stream.Read(buffer, read, Math.Min(length, buffer.Length) - read);
            if (got == 0) break;
            read += got;
        }

        Position += read;
        return buffer.AsSpan(0, read);
    }

    /// <returns>How many bytes there were to skip.</returns>
    internal long Skip(long length)
    {
        long skipped = 0;
        while (skipped < length)
        {
            int got = stream.Read(buffer, 0, (int)Math.Min(length - skipped, buffer.Length));
            if (got == 0) break;
            skipped += got;
        }

        Position += skipped;
        return skipped;
    }

    internal XskException Damaged(long offset, string what) => XskException.FromCheck(
        XskErrorId.CaptureDamaged,
        $"'{path}' is damaged at byte {offset}: {what}",
        "what was read before the damage stands; capture it again for the rest");

    internal XskException Cut(long offset, string what, long there, long needed)
    {
        EndedEarly = true;
        return Damaged(offset, $"the file ends after {there} of the {needed} bytes of {what}");
    }

    internal XskException Unreadable(string why) => XskException.FromCheck(
        XskErrorId.CaptureUnreadable, $"'{path}' cannot be read as a capture: {why}", "give a pcap or pcapng file that tcpdump -r can read");

    public void Dispose() => stream.Dispose();
}
