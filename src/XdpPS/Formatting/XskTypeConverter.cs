using System.Globalization;
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

    private static object? Convert(object value, Type type)
    {
        if (type == typeof(PhysicalAddress)) return PhysicalAddress.Parse(value.ToString());
        // What PowerShell writes of it are its properties.
        if (type == typeof(DateTimeOffset) && value is PSObject time && time.Properties[nameof(DateTimeOffset.UtcTicks)]?.Value is long ticks)
            return new DateTimeOffset(ticks, TimeSpan.Zero).ToOffset(ConvertTo<TimeSpan>(time.Properties[nameof(DateTimeOffset.Offset)].Value));
        // A bag of properties, which nothing else makes a time of.
        if (type == typeof(DateTimeOffset) && value is PSObject bag && bag.Properties["UtcDateTime"]?.Value is DateTime utc)
        {
            return new DateTimeOffset(utc, TimeSpan.Zero).ToOffset(bag.Properties["Offset"]?.Value is TimeSpan offset ? offset : TimeSpan.Zero);
        }

        // Bits of a newer kernel that have no name here are no reason to lose the object.
        Type plain = Nullable.GetUnderlyingType(type) ?? type;
        if (plain.IsEnum && plain.IsDefined(typeof(FlagsAttribute))) return Enum.ToObject(plain, ConvertTo<long>(value));
        if (plain.IsGenericType && plain.GetGenericTypeDefinition() == typeof(IReadOnlyList<>)) type = plain.GetGenericArguments()[0].MakeArrayType();
        return LanguagePrimitives.ConvertTo(value, type, CultureInfo.InvariantCulture);
    }

    private static T ConvertTo<T>(object value) => (T)LanguagePrimitives.ConvertTo(value, typeof(T), CultureInfo.InvariantCulture);
}
