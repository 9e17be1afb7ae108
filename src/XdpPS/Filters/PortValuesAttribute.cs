namespace XdpPS.Filters;

/// <summary>Ports and ranges of ports.</summary>
public sealed class PortValuesAttribute : FieldValuesAttribute
{
    private protected override string Allowed => "a port from 0 to 65535, or a range such as 8000-8100";

    private protected override object Convert(object?[] values) => values.Select(One).ToArray();

    private PortRange One(object? value) => value switch
    {
        PortRange range => range,
        string text when PortRange.TryParse(text, out PortRange range) => range,
        _ when TryNumber(value, 0, ushort.MaxValue, out int port) => new PortRange((ushort)port, (ushort)port),
        _ => throw Refused(value),
    };
}
