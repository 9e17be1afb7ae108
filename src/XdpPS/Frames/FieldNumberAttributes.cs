using XdpPS.Filters;

namespace XdpPS.Frames;

/// <summary>One EtherType, by name or number; a number up to 1500 is a length (IEEE 802.3).</summary>
public sealed class EtherTypeValueAttribute : FieldValuesAttribute
{
    private protected override string Allowed => $"one of {FieldNames.ListOf(FieldNames.EtherTypes)}, or a number from 0 to 0xffff";

    private protected override object Convert(object?[] values) => values is [var value]
        && (value is EtherType ? TryNumber((ushort)value, 0, ushort.MaxValue, out int number) : TryName(value, FieldNames.EtherTypes, out number) || TryNumber(value, 0, ushort.MaxValue, out number))
        ? (ushort)number : throw Refused(values[^1]);
}

/// <summary>One IP protocol, by name or number.</summary>
public sealed class IPProtocolValueAttribute : FieldValuesAttribute
{
    private protected override string Allowed => $"one of {FieldNames.ListOf(FieldNames.IPProtocols)}, or a number from 0 to 255";

    private protected override object Convert(object?[] values) => values is [var value]
        && (value is IPProtocol ? TryNumber((byte)value, 0, byte.MaxValue, out int number) : TryName(value, FieldNames.IPProtocols, out number) || TryNumber(value, 0, byte.MaxValue, out number))
        ? (IPProtocol)number : throw Refused(values[^1]);
}
