using System.Text;

namespace XdpPS;

/// <summary>Control bits of TCP.</summary>
[Flags]
public enum TcpControlBits : ushort
{
    /// <summary>None is set.</summary>
    None = 0,

    /// <summary>The sender is done.</summary>
    Fin = 0x001,

    /// <summary>Synchronizes sequence numbers.</summary>
    Syn = 0x002,

    /// <summary>Resets the connection.</summary>
    Rst = 0x004,

    /// <summary>Push.</summary>
    Psh = 0x008,

    /// <summary>The acknowledgment number counts.</summary>
    Ack = 0x010,

    /// <summary>The urgent pointer counts.</summary>
    Urg = 0x020,

    /// <summary>Congestion was met on the way (RFC 3168).</summary>
    Ece = 0x040,

    /// <summary>The congestion window was reduced (RFC 3168).</summary>
    Cwr = 0x080,

    /// <summary>Accurate ECN (RFC 9768); before, the nonce sum.</summary>
    Ae = 0x100,
}

/// <summary>Kinds of TCP option.</summary>
public enum TcpOptionKind : byte
{
    /// <summary>End of options.</summary>
    EndOfOptions = 0,

    /// <summary>No operation: padding.</summary>
    NoOperation = 1,

    /// <summary>Maximum segment size.</summary>
    MaximumSegmentSize = 2,

    /// <summary>Window scale (RFC 7323).</summary>
    WindowScale = 3,

    /// <summary>Selective acknowledgment is permitted (RFC 2018).</summary>
    SackPermitted = 4,

    /// <summary>Selective acknowledgment (RFC 2018).</summary>
    Sack = 5,

    /// <summary>Timestamps (RFC 7323).</summary>
    Timestamps = 8,

    /// <summary>Fast open cookie (RFC 7413).</summary>
    FastOpenCookie = 34,
}

/// <summary>A TCP option.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Data">What is in it, without kind and length.</param>
public sealed record TcpOption(TcpOptionKind Kind, byte[] Data)
{
    /// <returns>Kind and data.</returns>
    public override string ToString() => Data.Length == 0 ? $"{Kind}" : $"{Kind} {Convert.ToHexStringLower(Data)}";
}

/// <summary>Transmission Control Protocol (RFC 9293).</summary>
public sealed class TcpLayer : TransportLayer
{
    private const int ShortestHeader = 20;

    internal TcpLayer(LayerBytes bytes) : base(bytes)
    {
    }

    /// <summary>Number of the first byte of the payload, or of SYN, as it is in the packet.</summary>
    public uint? SequenceNumber => UInt32(4);

    /// <summary>Number of the next byte the sender expects, where <see cref="Flags"/> has Ack.</summary>
    public uint? AcknowledgmentNumber => UInt32(8);

    /// <summary>Length of the header in 32-bit words, 5 to 15.</summary>
    public byte? DataOffset => UInt8(12) is { } value ? (byte)(value >> 4) : null;

    /// <summary>The control bits.</summary>
    public TcpControlBits? Flags => UInt16(12) is { } value ? (TcpControlBits)(value & 0x1ff) : null;

    /// <summary>Bytes the sender takes, not yet scaled by <see cref="WindowScale"/>, which only the packets with SYN say.</summary>
    public ushort? Window => UInt16(14);

    /// <summary>The checksum.</summary>
    public ushort? Checksum => UInt16(16);

    /// <summary>Whether the checksum is right; null where the segment is a fragment or cut off.</summary>
    public bool? ChecksumValid => Malformed || IsHeaderCut ? null : this.VerifyChecksum(IPProtocol.TCP, Span);

    /// <summary>Where urgent data end, where <see cref="Flags"/> has Urg.</summary>
    public ushort? UrgentPointer => UInt16(18);

    /// <summary>The options, in order, paddings included; up to where they are cut off or make no sense.</summary>
    public IReadOnlyList<TcpOption> Options
    {
        get
        {
            List<TcpOption> options = [];
            OptionReader reader = new(OptionBytes);
            while (reader.Read(out byte kind, out ReadOnlySpan<byte> data)) options.Add(new TcpOption((TcpOptionKind)kind, data.ToArray()));
            return options;
        }
    }

    /// <summary>The option of that name: the largest segment the sender takes.</summary>
    public ushort? MaximumSegmentSize => FindOption(TcpOptionKind.MaximumSegmentSize, 2) is { Length: 2 } data ? Word(data) : null;

    /// <summary>The option of that name: by how many bits windows are to be shifted.</summary>
    public byte? WindowScale => FindOption(TcpOptionKind.WindowScale, 1) is { Length: 1 } data ? data[0] : null;

    /// <summary>Whether selective acknowledgment is permitted, by the option of that name.</summary>
    public bool SackPermitted
    {
        get
        {
            OptionReader reader = new(OptionBytes);
            while (reader.Read(out byte kind, out _))
            {
                if (kind == (byte)TcpOptionKind.SackPermitted) return true;
            }

            return false;
        }
    }

    /// <summary>The sender's clock, in the timestamps option (TSval).</summary>
    public uint? TimestampValue => FindOption(TcpOptionKind.Timestamps, 8) is { Length: 8 } data ? Long(data) : null;

    /// <summary>The receiver's clock that is echoed, in the timestamps option (TSecr).</summary>
    public uint? TimestampEchoReply => FindOption(TcpOptionKind.Timestamps, 8) is { Length: 8 } data ? Long(data[4..]) : null;

    /// <inheritdoc/>
    public override string Name => "TCP";

    /// <inheritdoc/>
    public override string Info
    {
        get
        {
            StringBuilder text = new($"{SourcePort} > {DestinationPort}");
            if (Flags is { } flags)
            {
                text.Append($" [{flags.ToString().ToUpperInvariant()}] Seq={SequenceNumber}");
                if (flags.HasFlag(TcpControlBits.Ack)) text.Append($" Ack={AcknowledgmentNumber}");
                if (Window is { } window) text.Append($" Win={window}");
                text.Append($" Len={PayloadBytes.Length}");
            }

            return text.ToString();
        }
    }

    /// <inheritdoc/>
    public override int HeaderLength => Math.Max(ShortestHeader, (DataOffset ?? 0) * 4);

    /// <summary>The header says that it is shorter than it can be, or longer than the segment.</summary>
    public override bool Malformed => DataOffset is < 5 || (IsHeaderCut && Outer is InternetLayer { IsFragment: false, Truncated: false } && DataOffset is not null);

    private ReadOnlySpan<byte> OptionBytes => Malformed && DataOffset < 5 ? [] : Span[Math.Min(ShortestHeader, Span.Length)..Math.Min(HeaderLength, Span.Length)];

    private protected override PacketLayer? FindNext() => CreateByPort(LayerKey.TcpPort);

    private static ushort Word(ReadOnlySpan<byte> data) => (ushort)((data[0] << 8) | data[1]);

    private static uint Long(ReadOnlySpan<byte> data) => ((uint)Word(data) << 16) | Word(data[2..]);

    private ReadOnlySpan<byte> FindOption(TcpOptionKind kind, int length)
    {
        OptionReader reader = new(OptionBytes);
        while (reader.Read(out byte found, out ReadOnlySpan<byte> data))
        {
            if (found == (byte)kind && data.Length == length) return data;
        }

        return [];
    }
}

public abstract partial class Packet
{
    /// <summary>Transmission Control Protocol.</summary>
    public TcpLayer? Tcp => Find<TcpLayer>();
}

internal static partial class LayerRegistry
{
    private static readonly bool Tcp = Add(LayerKey.IPProtocol, static bytes => new TcpLayer(bytes), (int)IPProtocol.TCP);
}
