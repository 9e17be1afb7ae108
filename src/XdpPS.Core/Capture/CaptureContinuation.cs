namespace XdpPS;

/// <summary>What is in a file that is to be continued.</summary>
internal static class CaptureContinuation
{
    /// <summary>Reads the file through, and leaves it where its last whole packet ends.</summary>
    /// <returns>What it says to be its longest packet; null where there is nothing in it yet.</returns>
    /// <exception cref="XskException">It is of another format or kind, or damaged before its end.</exception>
    internal static int? Prepare(CaptureFile file, XskCaptureFormat format, int snapLength)
    {
        int? limit = null;
        file.ContinueAfter(source =>
        {
            if (source.IsEmpty) return 0;
            CaptureReader reader = Open(source);
            Check(file.Path, format, reader);
            try
            {
                while (reader.Read(out _)) { }
            }
            catch (XskException) when (source.EndedEarly)
            {
                // A capture that was killed: what is whole stays.
            }
            catch (XskException e)
            {
                throw NotAppendable(e.Cause);
            }

            limit = reader.SnapLength == 0 ? Pcapng.LongestPacket : reader.SnapLength;
            if (reader.BigEndian)
                throw NotAppendable($"'{file.Path}' is in big-endian byte order, and tools that read it would not read what follows in another");
            if (limit < Math.Min(snapLength, Pcapng.LongestPacket))
            {
                throw XskException.FromCheck(
                    XskErrorId.CaptureNotAppendable, $"'{file.Path}' says that it has no more than {limit} bytes of a packet", $"use -SnapLength {limit}, or write to another file");
            }

            return reader.WholeEnd;
        });
        return limit;
    }

    private static CaptureReader Open(CaptureSource source)
    {
        try
        {
            return XskCaptureReader.Recognise(source);
        }
        catch (XskException e)
        {
            throw NotAppendable(e.Cause);
        }
    }

    private static void Check(string path, XskCaptureFormat format, CaptureReader reader)
    {
        if (reader is PcapngFileReader != (format == XskCaptureFormat.Pcapng))
        {
            XskCaptureFormat other = format == XskCaptureFormat.Pcapng ? XskCaptureFormat.Pcap : XskCaptureFormat.Pcapng;
            throw XskException.FromCheck(XskErrorId.CaptureNotAppendable, $"'{path}' is a {other.ToString().ToLowerInvariant()} file", $"use -Format {other}, or write to another file");
        }

        if (reader is PcapFileReader { IsNanoseconds: false }) throw NotAppendable($"The times in '{path}' are not in nanoseconds");
    }

    private static XskException NotAppendable(string cause) =>
        XskException.FromCheck(XskErrorId.CaptureNotAppendable, cause, "write to another file; 'mergecap -a' joins the two");
}
