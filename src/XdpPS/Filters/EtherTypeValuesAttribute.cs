namespace XdpPS.Filters;

/// <summary>EtherTypes: names or numbers.</summary>
public sealed class EtherTypeValuesAttribute : FieldValuesAttribute
{
    /// <summary>Below this the field is a length (IEEE 802.3).</summary>
    private const int Lowest = 0x600;

    private protected override string Allowed => $"{FieldNames.ListOf(FieldNames.EtherTypes)}, or a number from 0x0600 to 0xffff";

    private protected override object Convert(object?[] values) => values
        .Select(value => TryName(value, FieldNames.EtherTypes, out int number) || TryNumber(value, Lowest, ushort.MaxValue, out number) ? (ushort)number : throw Refused(value))
        .ToArray();
}
