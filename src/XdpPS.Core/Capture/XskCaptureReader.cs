using System.Buffers.Binary;
using XdpPS.Interop;

namespace XdpPS;

/// <summary>A capture file, pcap or pcapng, of either byte order, as packets. One thread at a time.</summary>
public sealed class XskCaptureReader : IDisposable
{
    private readonly CaptureSource source;
    private readonly CaptureReader reader;
    private long first;
    private PacketOrigin? place;
    private PacketOrigin origin = PacketOrigin.None;

    private XskCaptureReader(CaptureSource source)
    {
        this.source = source;
        reader = Recognise(source);
    }

    /// <summary>Packets read up to now.</summary>
    public long Packets { get; private set; }

    /// <summary>The file.</summary>
    public string Path => source.Path;

    /// <summary>Opens a capture file, or a pipe that somebody writes one to.</summary>
    /// <param name="path">Where it is.</param>
    /// <param name="cancellationToken">Ends the wait for what is yet to be written to a pipe, now and in <see cref="Read"/>.</param>
    /// <exception cref="XskException">There is no such file, it may not be read, is no capture, or its packets are not Ethernet frames.</exception>
    /// <exception cref="OperationCanceledException">The wait for a pipe was cancelled.</exception>
    public static XskCaptureReader Open(string path, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (path.Contains('\0', StringComparison.Ordinal))
            throw XskException.FromCheck(XskErrorId.CaptureNotFound, $"There is no file '{path.Replace('\0', '?')}': its name has a null character in it", "leave it out");
        ushort kind = CaptureFile.KindOf(path);
        // Opening a device may do something, and reading from one nobody could stop.
        if (kind is not (Libc.S_IFREG or Libc.S_IFDIR or Libc.S_IFIFO)) throw new CaptureSource(Stream.Null, path).Unreadable("it is a device or a socket");
        Stream stream;
        try
        {
            stream = kind == Libc.S_IFIFO ? PipeStream.Open(path, cancellationToken) : new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 256 * 1024, FileOptions.SequentialScan);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw XskException.FromCheck(
                XskErrorId.CaptureNotFound,
                $"There is no file '{path}'",
                "see where you are with Get-Location, and what is there with Get-ChildItem");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            string why = Directory.Exists(path) ? "Is a directory" : e is UnauthorizedAccessException ? "Permission denied" : e.Message.TrimEnd('.');
            throw new CaptureSource(Stream.Null, path).Unreadable(why);
        }

        return Open(stream, path);
    }

    /// <summary>Reads a capture from a stream, which is disposed with the reader.</summary>
    /// <param name="stream">The bytes of the file.</param>
    /// <param name="path">Its name, for messages.</param>
    /// <exception cref="XskException">It is no capture, or its packets are not Ethernet frames.</exception>
    public static XskCaptureReader Open(Stream stream, string path)
    {
        ArgumentNullException.ThrowIfNull(stream);
        CaptureSource source = new(stream, path);
        try
        {
            return new XskCaptureReader(source);
        }
        catch (IOException e)
        {
            source.Dispose();
            throw source.Unreadable(e.Message.TrimEnd('.'));
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    /// <summary>Reads the next packet.</summary>
    /// <returns>The packet, or null at the end of the file.</returns>
    /// <exception cref="XskException">
    /// The file is damaged from here on (<see cref="XskErrorId.CaptureDamaged"/>, with the offset in the message), or packets
    /// of another link type were left out (<see cref="XskErrorId.CaptureNotEthernet"/>, at the end).
    /// </exception>
    /// <exception cref="OperationCanceledException">It is a pipe, and the wait for more was cancelled.</exception>
    public XskPacket? Read()
    {
        CapturedPacket packet;
        try
        {
            if (!reader.Read(out packet)) return null;
        }
        catch (IOException e)
        {
            throw source.Damaged(source.Position, e.Message.TrimEnd('.'));
        }

        if (Packets == 0) first = packet.Timestamp;
        int? length = packet.Data.Length < packet.Length ? packet.Length : null;
        if (!ReferenceEquals(packet.Origin, place) || origin.Length != length || !ReferenceEquals(origin.Notes, packet.Notes))
        {
            place = packet.Origin;
            origin = place with { TimestampSource = XskTimestampSource.Arrival, FirstTimestamp = first, RelativeTime = null, Length = length, Notes = packet.Notes };
        }

        return new XskPacket(packet.Data.ToArray(), origin, packet.Timestamp, ++Packets);
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => source.Dispose();

    internal static CaptureReader Recognise(CaptureSource source)
    {
        ReadOnlySpan<byte> start = source.Read(4);
        if (start.Length < 4) throw source.Unreadable(start.IsEmpty ? "truncated: the file is empty" : "truncated file header");
        uint little = BinaryPrimitives.ReadUInt32LittleEndian(start), big = BinaryPrimitives.ReadUInt32BigEndian(start);
        if (little == Pcapng.SectionHeader) return new PcapngFileReader(source);
        if (IsPcap(little)) return new PcapFileReader(source, little, bigEndian: false);
        if (IsPcap(big)) return new PcapFileReader(source, big, bigEndian: true);
        throw source.Unreadable(Compression(start) is { } tool ? $"it is compressed; unpack it with {tool} first" : "unknown file format");
    }

    private static bool IsPcap(uint magic) => magic is PcapFileReader.Microseconds or PcapFileReader.Nanoseconds or PcapFileReader.Patched;

    private static string? Compression(ReadOnlySpan<byte> start) => start switch
    {
        [0x1f, 0x8b, ..] => "gunzip",
        [0x28, 0xb5, 0x2f, 0xfd] => "unzstd",
        [0x04, 0x22, 0x4d, 0x18] => "unlz4",
        [0xfd, 0x37, 0x7a, 0x58] => "unxz",
        _ => null,
    };
}
