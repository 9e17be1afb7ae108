using System.Buffers.Binary;

namespace XdpPS;

/// <summary>Kinds of DNS query.</summary>
public enum DnsOpcode : byte
{
    /// <summary>A standard query.</summary>
    Query = 0,

    /// <summary>An inverse query; no longer used.</summary>
    InverseQuery = 1,

    /// <summary>Asks for a server's state.</summary>
    Status = 2,

    /// <summary>A zone changed (RFC 1996).</summary>
    Notify = 4,

    /// <summary>Changes a zone (RFC 2136).</summary>
    Update = 5,
}

/// <summary>How a DNS server answered.</summary>
public enum DnsResponseCode : byte
{
    /// <summary>No error.</summary>
    NoError = 0,

    /// <summary>The query was not understood.</summary>
    FormatError = 1,

    /// <summary>The server failed.</summary>
    ServerFailure = 2,

    /// <summary>There is no such name.</summary>
    NoSuchName = 3,

    /// <summary>The server does not do that.</summary>
    NotImplemented = 4,

    /// <summary>The server does not want to.</summary>
    Refused = 5,
}

/// <summary>Types of DNS record.</summary>
public enum DnsType : ushort
{
    /// <summary>Not a type.</summary>
    None = 0,

    /// <summary>IPv4 address.</summary>
    A = 1,

    /// <summary>Name server.</summary>
    NS = 2,

    /// <summary>Canonical name.</summary>
    CNAME = 5,

    /// <summary>Start of authority.</summary>
    SOA = 6,

#pragma warning disable CA1720 // PTR is the record's name.
    /// <summary>Name of an address.</summary>
    PTR = 12,
#pragma warning restore CA1720

    /// <summary>Mail exchange.</summary>
    MX = 15,

    /// <summary>Text.</summary>
    TXT = 16,

    /// <summary>IPv6 address.</summary>
    AAAA = 28,

    /// <summary>Location of a service.</summary>
    SRV = 33,

    /// <summary>Extensions (EDNS).</summary>
    OPT = 41,

    /// <summary>Delegation signer.</summary>
    DS = 43,

    /// <summary>Signature.</summary>
    RRSIG = 46,

    /// <summary>Public key.</summary>
    DNSKEY = 48,

    /// <summary>Service binding.</summary>
    SVCB = 64,

    /// <summary>Service binding of HTTPS.</summary>
    HTTPS = 65,

    /// <summary>Zone transfer.</summary>
    AXFR = 252,

    /// <summary>All records.</summary>
    ANY = 255,

    /// <summary>Who may sign certificates.</summary>
    CAA = 257,
}

/// <summary>A question of a DNS message.</summary>
/// <param name="Name">The name (QNAME), without the last dot; bytes that do not print as \ and three decimal digits.</param>
/// <param name="Type">The type (QTYPE).</param>
/// <param name="Class">The class (QCLASS), 1 for the Internet; in mDNS the highest bit asks for a unicast answer.</param>
public sealed record DnsQuestion(string Name, DnsType Type, ushort Class)
{
    /// <returns>Type and name.</returns>
    public override string ToString() => $"{Type} {(Name.Length == 0 ? "." : Name)}";
}

/// <summary>Domain Name System (RFC 1035): header and questions. Over TCP, messages that are in one segment.</summary>
public sealed class DnsLayer : PacketLayer
{
    internal const int MulticastPort = 5353;

    internal DnsLayer(LayerBytes bytes) : base(bytes)
    {
    }

    /// <summary>Ties a response to its query.</summary>
    public ushort? Id => UInt16(0);

    /// <summary>It is a response (QR).</summary>
    public bool? Response => Bit(2, 0x80);

    /// <summary>Kind of query.</summary>
    public DnsOpcode? Opcode => UInt8(2) is { } value ? (DnsOpcode)((value >> 3) & 15) : null;

    /// <summary>The server is an authority for the name (AA).</summary>
    public bool? AuthoritativeAnswer => Bit(2, 0x04);

    /// <summary>The message was too long and is cut off (TC).</summary>
    public bool? Truncation => Bit(2, 0x02);

    /// <summary>The server shall ask others (RD).</summary>
    public bool? RecursionDesired => Bit(2, 0x01);

    /// <summary>The server asks others (RA).</summary>
    public bool? RecursionAvailable => Bit(3, 0x80);

    /// <summary>The server verified signatures (AD, RFC 4035).</summary>
    public bool? AuthenticData => Bit(3, 0x20);

    /// <summary>The server shall not verify signatures (CD, RFC 4035).</summary>
    public bool? CheckingDisabled => Bit(3, 0x10);

    /// <summary>How the server answered (RCODE).</summary>
    public DnsResponseCode? ResponseCode => UInt8(3) is { } value ? (DnsResponseCode)(value & 15) : null;

    /// <summary>Number of questions (QDCOUNT).</summary>
    public ushort? QuestionCount => UInt16(4);

    /// <summary>Number of answers (ANCOUNT).</summary>
    public ushort? AnswerCount => UInt16(6);

    /// <summary>Number of records about authorities (NSCOUNT).</summary>
    public ushort? AuthorityCount => UInt16(8);

    /// <summary>Number of additional records (ARCOUNT).</summary>
    public ushort? AdditionalCount => UInt16(10);

    /// <summary>The questions, in order, up to where they are cut off or make no sense.</summary>
    public IReadOnlyList<DnsQuestion> Questions
    {
        get
        {
            List<DnsQuestion> questions = [];
            int offset = HeaderLength;
            for (int i = 0; i < (QuestionCount ?? 0) && ReadQuestion(ref offset) is { } question; i++) questions.Add(question);
            return questions;
        }
    }

    /// <inheritdoc/>
    public override string Name => Outer is UdpLayer { SourcePort: MulticastPort } or UdpLayer { DestinationPort: MulticastPort } ? "MDNS" : "DNS";

    /// <inheritdoc/>
    public override string Info
    {
        get
        {
            if (Id is not { } id || Opcode is not { } opcode) return "";
            string kind = opcode == DnsOpcode.Query ? "Standard query" : Enum.IsDefined(opcode) ? opcode.ToString() : $"Opcode {(byte)opcode}";
            string questions = string.Concat(Questions.Select(question => " " + question));
            string answers = Response != true ? ""
                : ResponseCode is { } code and not DnsResponseCode.NoError ? $", {code}"
                : AnswerCount == 1 ? ", 1 answer" : $", {AnswerCount} answers";
            return $"{kind}{(Response == true ? " response" : "")} {HexNotation.Number(id)}{questions}{answers}";
        }
    }

    /// <inheritdoc/>
    public override int HeaderLength => 12;

    /// <summary>Questions are announced that the message has no bytes for, or that make no sense.</summary>
    public override bool Malformed => QuestionCount is { } count && Outer is not { Truncated: true } && (Questions.Count < count || IsHeaderCut);

    private DnsQuestion? ReadQuestion(ref int offset)
    {
        if (!DnsName.Read(Span, ref offset, out string name) || offset + 4 > Span.Length) return null;
        ushort type = UInt16(offset)!.Value, kind = UInt16(offset + 2)!.Value;
        offset += 4;
        return new DnsQuestion(name, (DnsType)type, kind);
    }
}

public abstract partial class Packet
{
    /// <summary>Domain Name System.</summary>
    public DnsLayer? Dns => Find<DnsLayer>();
}

internal static partial class LayerRegistry
{
    private static readonly bool Dns = Add(LayerKey.UdpPort, static bytes => new DnsLayer(bytes), 53, DnsLayer.MulticastPort) && Add(LayerKey.TcpPort, DnsInSegment, 53);

    /// <summary>Over TCP the length goes before; a message that goes on in another segment is none here.</summary>
    private static DnsLayer? DnsInSegment(LayerBytes segment) =>
        segment.Bytes.Length > 2 && BinaryPrimitives.ReadUInt16BigEndian(segment.Bytes.Span) is var length and > 0 && length <= segment.Bytes.Length - 2
            ? new DnsLayer(segment with { Bytes = segment.Bytes.Slice(2, length), Offset = segment.Offset + 2 })
            : null;
}
