namespace XdpPS.Filters;

/// <summary>VLAN ids, or "Any", which becomes an empty array.</summary>
public sealed class VlanValuesAttribute : FieldValuesAttribute
{
    internal const string Any = "Any";

    private protected override string Allowed => "a VLAN id from 0 to 4095, or Any for every tagged frame";

    private protected override object Convert(object?[] values)
    {
        if (values is [string text] && text.Trim().Equals(Any, StringComparison.OrdinalIgnoreCase)) return Array.Empty<ushort>();
        return values.Select(value => TryNumber(value, 0, 4095, out int id) ? (ushort)id : throw Refused(value)).ToArray();
    }
}
