using System.Globalization;
using System.Management.Automation;
using System.Text;

namespace XdpPS.Frames;

/// <summary>Lets a payload be given as text, or with 0x in front as hexadecimal digits.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class PayloadInputAttribute : ArgumentTransformationAttribute
{
    /// <summary>Called by PowerShell while it binds the parameter.</summary>
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        object? value = inputData is PSObject wrapped ? wrapped.BaseObject : inputData;
        // 0x4500 without quotes is the number 17664.
        if (value is int or long or uint or ulong && Convert.ToDecimal(value, CultureInfo.InvariantCulture) is < 0 or > byte.MaxValue)
            throw new ArgumentTransformationMetadataException($"The number {value} is not a byte; put text and hexadecimal digits in quotes, such as '0x4500'.");
        if (value is not string text) return inputData;
        if (!text.StartsWith("0x", StringComparison.OrdinalIgnoreCase)) return Encoding.UTF8.GetBytes(text);
        if (HexText.TryParse(text, out byte[] bytes)) return bytes;
        throw new ArgumentTransformationMetadataException(
            "A payload that begins with 0x is in hexadecimal, and this is not; give two digits a byte, with or without spaces, colons or dashes between them.");
    }
}
