using System.Globalization;

namespace XdpPS;

/// <summary>Bytes in hexadecimal.</summary>
internal static class HexNotation
{
    private const string Digits = "0123456789abcdef";

    /// <returns>Two digits a byte, colons between them.</returns>
    internal static string Colons(ReadOnlySpan<byte> bytes)
    {
        Span<char> text = bytes.Length <= 32 ? stackalloc char[32 * 3] : new char[bytes.Length * 3];
        for (int i = 0; i < bytes.Length; i++)
        {
            text[i * 3] = Digits[bytes[i] >> 4];
            text[(i * 3) + 1] = Digits[bytes[i] & 15];
            text[(i * 3) + 2] = ':';
        }

        return bytes.IsEmpty ? "" : text[..((bytes.Length * 3) - 1)].ToString();
    }

    internal static string Number(ushort value) => "0x" + value.ToString("x4", CultureInfo.InvariantCulture);

    internal static string Number(uint value) => "0x" + value.ToString("x8", CultureInfo.InvariantCulture);
}
