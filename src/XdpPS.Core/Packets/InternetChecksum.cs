using System.Buffers.Binary;

namespace XdpPS;

/// <summary>The checksum of IP, ICMP, UDP and TCP (RFC 1071).</summary>
internal static class InternetChecksum
{
    /// <returns>The sum of 16-bit words, not yet folded; an odd last byte is the first of its word.</returns>
    internal static ulong Sum(ReadOnlySpan<byte> bytes, ulong sum = 0)
    {
        for (; bytes.Length >= 2; bytes = bytes[2..]) sum += BinaryPrimitives.ReadUInt16BigEndian(bytes);
        return bytes.IsEmpty ? sum : sum + ((ulong)bytes[0] << 8);
    }

    /// <returns>Whether a sum over bytes with their checksum in them is what it must be.</returns>
    internal static bool IsValid(ulong sum)
    {
        while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
        return sum == 0xffff;
    }
}
