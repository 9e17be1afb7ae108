using System.Globalization;
using System.Text;

namespace XdpPS;

/// <summary>Names in DNS messages, with compression (RFC 1035, 4.1.4).</summary>
internal static class DnsName
{
    private const int Longest = 255;

    /// <param name="message">The whole message.</param>
    /// <param name="offset">Where the name begins; afterwards, where it ends.</param>
    /// <param name="name">The labels, dots between them.</param>
    /// <returns>Whether it is a name, and whole.</returns>
    internal static bool Read(ReadOnlySpan<byte> message, ref int offset, out string name)
    {
        StringBuilder text = new();
        name = "";
        int at = offset, end = -1, total = 0;
        // Each pointer must lead further back than the one before: so no chain of them is endless.
        int bound = message.Length;
        while (at < bound)
        {
            int length = message[at];
            if (length == 0)
            {
                offset = end < 0 ? at + 1 : end;
                name = text.ToString();
                return true;
            }

            if (length >= 0xc0)
            {
                if (at + 1 >= message.Length) return false;
                if (end < 0) end = at + 2;
                int target = ((length & 0x3f) << 8) | message[at + 1];
                if (target >= at) return false;
                at = target;
                continue;
            }

            total += length + 1;
            if (length > 63 || at + 1 + length > message.Length || total > Longest) return false;
            if (text.Length > 0) text.Append('.');
            Append(text, message.Slice(at + 1, length));
            at += length + 1;
        }

        return false;
    }

    private static void Append(StringBuilder text, ReadOnlySpan<byte> label)
    {
        foreach (byte value in label)
        {
            if (value is (byte)'.' or (byte)'\\') text.Append('\\').Append((char)value);
            else if (value is > 0x20 and < 0x7f) text.Append((char)value);
            else text.Append('\\').Append(value.ToString("d3", CultureInfo.InvariantCulture));
        }
    }
}
