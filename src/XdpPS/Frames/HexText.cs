using System.Management.Automation;

namespace XdpPS.Frames;

/// <summary>Frames written as hexadecimal digits, with or without a leading 0x and separators.</summary>
internal static class HexText
{
    internal static bool TryParse(string text, out byte[] bytes)
    {
        ReadOnlySpan<char> trimmed = text.AsSpan().Trim();
        if (trimmed.StartsWith("0x", StringComparison.OrdinalIgnoreCase)) trimmed = trimmed[2..];
        bytes = [];
        char[] digits = new char[trimmed.Length];
        int count = 0;
        foreach (char c in trimmed)
        {
            // A line may have been broken anywhere.
            if (c is '\r' or '\n') continue;
            if (char.IsWhiteSpace(c) || c is ':' or '-' or '.' or ',')
            {
                // Between two bytes, never within one: "1:2" is a mistake and not 0x12.
                if (count % 2 != 0) return false;
                continue;
            }

            if (!char.IsAsciiHexDigit(c)) return false;
            digits[count++] = c;
        }

        if (count == 0 || count % 2 != 0) return false;
        bytes = Convert.FromHexString(digits.AsSpan(0, count));
        return true;
    }
}

/// <summary>Lets a byte[] parameter be given as hexadecimal text.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class HexTransformationAttribute : ArgumentTransformationAttribute
{
    /// <summary>Called by PowerShell while it binds the parameter.</summary>
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        object? value = inputData is PSObject wrapped ? wrapped.BaseObject : inputData;
        if (value is not string text) return inputData;
        if (HexText.TryParse(text, out byte[] bytes)) return bytes;
        throw new ArgumentTransformationMetadataException(
            "This text is not a frame in hexadecimal; give two digits a byte, with or without spaces, colons or dashes between them.");
    }
}
