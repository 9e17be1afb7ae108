using System.Buffers.Binary;

namespace XdpPS;

/// <summary>A checksum of a template: what its bytes sum up to without those that vary, so that a frame's costs no look at the others.</summary>
/// <param name="Offset">Where it is written.</param>
/// <param name="Sum">Over what it covers, with the checksum and the varying fields as zero.</param>
/// <param name="Protocol">UDP writes 0 as 0xffff, since 0 means that there is none (RFC 768).</param>
/// <param name="Wrong">It is to be wrong.</param>
internal readonly record struct FrameChecksum(int Offset, ulong Sum, IPProtocol Protocol, bool Wrong)
{
    internal void Write(Span<byte> frame, ulong varying) =>
        BinaryPrimitives.WriteUInt16BigEndian(frame[Offset..], Wrong ? MakeWrong(Finish(Sum + varying, Protocol)) : Finish(Sum + varying, Protocol));

    /// <returns>The checksum for a sum.</returns>
    internal static ushort Finish(ulong sum, IPProtocol protocol)
    {
        while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
        ushort checksum = (ushort)~sum;
        return checksum == 0 && protocol == IPProtocol.UDP ? (ushort)0xffff : checksum;
    }

    /// <returns>A checksum that is neither right nor, for UDP, none.</returns>
    private static ushort MakeWrong(ushort right) => right == 0x5555 ? (ushort)0xaaaa : (ushort)(right ^ 0x5555);
}
