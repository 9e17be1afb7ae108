using System.Collections;
using System.Globalization;
using System.Management.Automation;
using System.Net;
using System.Net.NetworkInformation;

namespace XdpPS.Frames;

/// <summary>Turns what was given for a field of a frame, one value or several, into a sequence.</summary>
[AttributeUsage(AttributeTargets.Property)]
public abstract class FieldInputAttribute : ArgumentTransformationAttribute
{
    /// <summary>Called by PowerShell while it binds the parameter.</summary>
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        if (inputData is FieldSequence or PSObject { BaseObject: FieldSequence }) return inputData;
        FieldSequence[] values = [.. Flatten(inputData).Select(value => Read(value) ?? throw Refused(value))];
        if (values.Length == 0) throw Refused(null);
        return Combine(values);
    }

    private protected abstract string Allowed { get; }

    private protected abstract FieldSequence? Read(object? value);

    private protected virtual object Combine(FieldSequence[] values)
    {
        try
        {
            return FieldSequence.Concat(values);
        }
        catch (ArgumentException e)
        {
            throw new ArgumentTransformationMetadataException(e.Message, e);
        }
    }

    private protected ArgumentTransformationMetadataException Refused(object? value)
    {
        string what = value?.ToString() is { Length: > 0 } text ? $"'{text}' is not possible" : "A value is missing";
        return new ArgumentTransformationMetadataException($"{what}: use {Allowed}.");
    }

    /// <summary>The values of lists within lists: 53,(8000..8100).</summary>
    private static IEnumerable<object?> Flatten(object? value)
    {
        object? plain = value is PSObject wrapped ? wrapped.BaseObject : value;
        return plain is IEnumerable several and not string ? several.Cast<object?>().SelectMany(Flatten) : [plain];
    }
}

/// <summary>IP addresses.</summary>
public sealed class AddressInputAttribute : FieldInputAttribute
{
    private protected override string Allowed =>
        "an IPv4 or IPv6 address such as 10.0.0.1 or 2001:db8::1, a range such as 10.0.0.1-10.0.0.9, or a prefix such as 10.0.0.0/24 with no bits beyond its length";

    private protected override FieldSequence? Read(object? value) => value switch
    {
        FieldSequence { Kind: FieldKind.IPv4 or FieldKind.IPv6 } sequence => sequence,
        IPAddress address => FieldSequence.FromAddresses(address),
        IPNetwork network => FieldSequence.FromPrefix(network),
        string text when FieldSequence.TryParseAddresses(text, out FieldSequence? sequence) => sequence,
        _ => null,
    };
}

/// <summary>MAC addresses.</summary>
public sealed class MacInputAttribute : FieldInputAttribute
{
    private protected override string Allowed => "a MAC address such as 02:00:00:00:00:01, or a range such as 02:00:00:00:00:01-02:00:00:00:00:ff";

    private protected override FieldSequence? Read(object? value) => value switch
    {
        FieldSequence { Kind: FieldKind.Mac } sequence => sequence,
        PhysicalAddress address when address.GetAddressBytes().Length == 6 => FieldSequence.FromMacs(address),
        string text when FieldSequence.TryParseMacs(text, out FieldSequence? sequence) => sequence,
        _ => null,
    };
}

/// <summary>Whole numbers.</summary>
public class NumberInputAttribute : FieldInputAttribute
{
    private readonly uint maximum;

    /// <summary>Numbers from 0 to a largest one.</summary>
    public NumberInputAttribute(uint maximum) => this.maximum = maximum;

    private protected override string Allowed => string.Create(CultureInfo.InvariantCulture, $"a whole number from 0 to {maximum}, or a range such as '10-20'");

    private protected override FieldSequence? Read(object? value)
    {
        FieldSequence? sequence = value switch
        {
            FieldSequence { Kind: FieldKind.Number } given => given,
            PortRange range => FieldSequence.TryParseNumbers(range.ToString(), out FieldSequence? parsed) ? parsed : null,
            sbyte or byte or short or ushort or int or uint or long or ulong =>
                FieldSequence.TryParseNumbers(System.Convert.ToString(value, CultureInfo.InvariantCulture), out FieldSequence? parsed) ? parsed : null,
            string text => FieldSequence.TryParseNumbers(text, out FieldSequence? parsed) ? parsed : null,
            _ => null,
        };
        return sequence is not null && sequence.IsWithin(maximum) ? sequence : null;
    }
}

/// <summary>VLAN identifiers: each value is a tag, outermost first, and a range varies.</summary>
public sealed class VlanInputAttribute() : NumberInputAttribute(4095)
{
    private protected override object Combine(FieldSequence[] values) => values;

    private protected override string Allowed => "a VLAN id from 0 to 4095 for each tag, outermost first; a range such as '100-199' varies";
}
