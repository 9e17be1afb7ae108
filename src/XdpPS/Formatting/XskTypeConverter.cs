using System.Management.Automation;
using System.Net.NetworkInformation;
using System.Reflection;

namespace XdpPS.Formatting;

/// <summary>Makes our types again from what came back through a job, remoting or Clixml.</summary>
public sealed class XskTypeConverter : PSTypeConverter
{
    /// <summary>Whether the source is a deserialized object of one of our types.</summary>
    public override bool CanConvertFrom(object sourceValue, Type destinationType) =>
        sourceValue is PSObject source && source.TypeNames.Any(name => name.StartsWith("Deserialized.XdpPS.", StringComparison.Ordinal));

    /// <summary>Sets every property that the source has.</summary>
    public override object ConvertFrom(object sourceValue, Type destinationType, IFormatProvider formatProvider, bool ignoreCase)
    {
        ArgumentNullException.ThrowIfNull(destinationType);
        PSObject source = (PSObject)sourceValue;
        object result = destinationType == typeof(XskPacket)
            ? new XskPacket(LanguagePrimitives.ConvertTo<byte[]>(source.Properties["Data"]?.Value) ?? [])
            : Activator.CreateInstance(destinationType)!;
        foreach (PropertyInfo property in destinationType.GetProperties().Where(property => property.CanWrite))
        {
            object? value = source.Properties[property.Name]?.Value;
            if (value is not null) property.SetValue(result, Convert(value, property.PropertyType));
        }

        return result;
    }

    /// <summary>Nothing is converted to a foreign type.</summary>
    public override bool CanConvertTo(object sourceValue, Type destinationType) => false;

    /// <summary>Never called: see <see cref="CanConvertTo"/>.</summary>
    public override object ConvertTo(object sourceValue, Type destinationType, IFormatProvider formatProvider, bool ignoreCase) =>
        throw new PSInvalidCastException();

    private static object? Convert(object value, Type type) => type == typeof(PhysicalAddress)
        ? PhysicalAddress.Parse(value.ToString())
        // PowerShell makes arrays, but no read-only lists.
        : type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IReadOnlyList<>)
        ? LanguagePrimitives.ConvertTo(value, type.GetGenericArguments()[0].MakeArrayType(), System.Globalization.CultureInfo.InvariantCulture)
        : LanguagePrimitives.ConvertTo(value, type, System.Globalization.CultureInfo.InvariantCulture);
}
