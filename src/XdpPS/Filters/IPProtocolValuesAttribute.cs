namespace XdpPS.Filters;

/// <summary>IP protocols: names or numbers.</summary>
public sealed class IPProtocolValuesAttribute : FieldValuesAttribute
{
    private protected override string Allowed => $"{FieldNames.ListOf(FieldNames.IPProtocols)}, or a number from 0 to 255";

    private protected override object Convert(object?[] values) => values
        .Select(value => TryName(value, FieldNames.IPProtocols, out int number) || TryNumber(value, 0, byte.MaxValue, out number) ? (byte)number : throw Refused(value))
        .ToArray();
}
