using System.Management.Automation;
using System.Net;
using System.Net.NetworkInformation;

namespace XdpPS.Frames;

/// <summary>Lets a parameter that is one MAC address be given as text in any of the usual notations.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class MacAddressAttribute : ArgumentTransformationAttribute
{
    /// <summary>Called by PowerShell while it binds the parameter.</summary>
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData) =>
        (inputData is PSObject wrapped ? wrapped.BaseObject : inputData) switch
        {
            PhysicalAddress address when address.GetAddressBytes().Length == 6 => address,
            string text when FieldSequence.TryParseMacs(text, out FieldSequence? one) && !one!.IsVarying => PhysicalAddress.Parse(one.ToString()),
            var other => throw new ArgumentTransformationMetadataException($"'{other}' is not possible: use a MAC address such as 02:00:00:00:00:01."),
        };
}

/// <summary>Lets a parameter that is one IP address be given as text, but not as what else IPAddress reads, such as 10.1 for 10.0.0.1.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class PlainAddressAttribute : ArgumentTransformationAttribute
{
    /// <summary>Called by PowerShell while it binds the parameter.</summary>
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData) =>
        (inputData is PSObject wrapped ? wrapped.BaseObject : inputData) switch
        {
            IPAddress address => address,
            string text when FieldSequence.TryParseAddresses(text, out FieldSequence? one) && !one!.IsVarying => IPAddress.Parse(one.ToString()),
            var other => throw new ArgumentTransformationMetadataException($"'{other}' is not possible: use an IPv4 or IPv6 address such as 10.0.0.1 or 2001:db8::1."),
        };
}
