using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace XdpPS.Filters;

/// <summary>IP addresses and prefixes.</summary>
public sealed class AddressValuesAttribute : FieldValuesAttribute
{
    private protected override string Allowed => "an IPv4 or IPv6 address such as 10.0.0.1 or 2001:db8::1, or a prefix such as 10.0.0.0/8 or 2001:db8::/32";

    private protected override object Convert(object?[] values) => values.Select(One).ToArray();

    private IPNetwork One(object? value) => value switch
    {
        IPNetwork network => network,
        IPAddress address => Network(address, null, value),
        string text => Parse(text.Trim()),
        _ => throw Refused(value),
    };

    private IPNetwork Parse(string text)
    {
        string[] parts = text.Split('/');
        int length = 0;
        if (parts.Length > 2 || !IPAddress.TryParse(parts[0], out IPAddress? address) || !IsPlain(parts[0], address)) throw Refused(text);
        if (parts.Length == 2 && !int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out length)) throw Refused(text);
        return Network(address, parts.Length == 2 ? length : null, text);
    }

    /// <summary>
    /// Not what IPAddress accepts besides: "10.1" as 10.0.0.1, where tcpdump has a network in mind, octal and hexadecimal
    /// ("010.0.0.1" as 8.0.0.1), and "[::1]:80", whose port it drops.
    /// </summary>
    private static bool IsPlain(string text, IPAddress address) => address.AddressFamily == AddressFamily.InterNetwork
        ? address.ToString() == text
        : !text.Contains('[', StringComparison.Ordinal);

    private IPNetwork Network(IPAddress address, int? length, object given)
    {
        // Without a scope (%eth0), which is no part of the packet.
        IPAddress plain = length is null && address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : new IPAddress(address.GetAddressBytes());
        int longest = plain.AddressFamily == AddressFamily.InterNetwork ? 32 : 128;
        try
        {
            return new IPNetwork(plain, length ?? longest);
        }
        catch (ArgumentException)
        {
            throw Refused(given);
        }
    }
}
