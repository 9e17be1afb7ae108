using System.Collections;
using System.Globalization;
using System.Management.Automation;

namespace XdpPS.Filters;

/// <summary>Turns what was given for a field of a filter, one value or several, into an array of the field's type.</summary>
[AttributeUsage(AttributeTargets.Property)]
public abstract class FieldValuesAttribute : ArgumentTransformationAttribute
{
    /// <summary>Called by PowerShell while it binds the parameter.</summary>
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        object?[] values = [.. Flatten(inputData)];
        return values.Length > 0 ? Convert(values) : throw Refused(null);
    }

    private protected abstract object Convert(object?[] values);

    /// <summary>What is allowed, as the end of a sentence.</summary>
    private protected abstract string Allowed { get; }

    private protected ArgumentTransformationMetadataException Refused(object? value)
    {
        string what = value?.ToString() is { Length: > 0 } text ? $"'{text}' is not possible" : "A value is missing";
        return new ArgumentTransformationMetadataException($"{what}: use {Allowed}.");
    }

    /// <summary>A whole number in range, or text that is one, decimal or with 0x.</summary>
    private protected static bool TryNumber(object? value, int minimum, int maximum, out int number)
    {
        number = 0;
        string? text = value is string given ? given.Trim() : value is sbyte or byte or short or ushort or int or uint or long or ulong ? System.Convert.ToString(value, CultureInfo.InvariantCulture) : null;
        if (text is null) return false;
        bool isHex = text.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        bool isNumber = isHex
            ? int.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out number)
            : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
        return isNumber && number >= minimum && number <= maximum;
    }

    private protected static bool TryName(object? value, IReadOnlyList<(string Name, int Number, string Meaning)> names, out int number)
    {
        number = value is string text ? names.FirstOrDefault(entry => entry.Name.Equals(text.Trim(), StringComparison.OrdinalIgnoreCase)).Number : 0;
        return number != 0;
    }

    /// <summary>The values of lists within lists: 53,(8000..8100).</summary>
    private static IEnumerable<object?> Flatten(object? value)
    {
        object? plain = value is PSObject wrapped ? wrapped.BaseObject : value;
        return plain is IEnumerable several and not string ? several.Cast<object?>().SelectMany(Flatten) : [plain];
    }
}
