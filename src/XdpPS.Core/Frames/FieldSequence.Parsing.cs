using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace XdpPS;

/// <content>Sequences from text.</content>
public sealed partial class FieldSequence
{
    /// <summary>Reads "7", "0x1f" or "1000-2000".</summary>
    /// <returns>False where the text is none of these.</returns>
    public static bool TryParseNumbers(string? text, out FieldSequence? sequence)
    {
        sequence = null;
        string[] ends = (text ?? "").Split('-');
        if (ends.Length > 2 || !TryNumber(ends[0], out uint first) || !TryNumber(ends[^1], out uint last) || first > last) return false;
        sequence = new FieldSequence(FieldKind.Number, [new Range(first, (UInt128)last - first + 1)]);
        return true;
    }

    /// <summary>
    /// Reads an address, a range such as 10.0.0.1-10.0.0.9, or a prefix such as 10.0.0.0/24, which stands for its hosts:
    /// all of its addresses but, where there are more than two, the first and of IPv4 the last.
    /// </summary>
    /// <returns>False where the text is none of these.</returns>
    public static bool TryParseAddresses(string? text, out FieldSequence? sequence)
    {
        sequence = null;
        string given = (text ?? "").Trim();
        if (given.Contains('/', StringComparison.Ordinal))
        {
            // IPNetwork reads 10.0.0.1/24 as 10.0.0.0/24, which may not be what was meant.
            if (!IPNetwork.TryParse(given, out IPNetwork network) || !TryAddress(given.Split('/')[0], out IPAddress address) || !address.Equals(network.BaseAddress)) return false;
            sequence = FromPrefix(network);
            return true;
        }

        string[] ends = given.Split('-');
        if (ends.Length > 2 || !TryAddress(ends[0], out IPAddress first) || !TryAddress(ends[^1], out IPAddress last) || first.AddressFamily != last.AddressFamily) return false;
        return TryRange(first.AddressFamily == AddressFamily.InterNetwork ? FieldKind.IPv4 : FieldKind.IPv6, first.GetAddressBytes(), last.GetAddressBytes(), out sequence);
    }

    /// <summary>The hosts of a prefix: all of its addresses but, where there are more than two, the first (the network, or the routers of RFC 4291) and of IPv4 the last (broadcast).</summary>
    public static FieldSequence FromPrefix(IPNetwork network)
    {
        bool isV4 = network.BaseAddress.AddressFamily == AddressFamily.InterNetwork;
        int hostBits = (isV4 ? 32 : 128) - network.PrefixLength;
        UInt128 first = Number(network.BaseAddress.GetAddressBytes());
        // 2^128 - 1 is as many as can be counted: the first is left out anyway.
        UInt128 count = hostBits == 128 ? UInt128.MaxValue : UInt128.One << hostBits;
        if (hostBits > 1)
        {
            first++;
            count -= hostBits == 128 ? UInt128.Zero : UInt128.One;
            if (isV4) count--;
        }

        return new FieldSequence(isV4 ? FieldKind.IPv4 : FieldKind.IPv6, [new Range(first, count)]);
    }

    /// <summary>Reads a MAC address with colons, dashes, dots or nothing between its bytes, or a range: 02:00:00:00:00:01-02:00:00:00:00:ff.</summary>
    /// <returns>False where the text is neither.</returns>
    public static bool TryParseMacs(string? text, out FieldSequence? sequence)
    {
        sequence = null;
        string given = (text ?? "").Trim();
        if (TryMac(given, out byte[] one)) return TryRange(FieldKind.Mac, one, one, out sequence);
        // A dash between two addresses; one within an address has six of them.
        for (int dash = given.IndexOf('-', StringComparison.Ordinal); dash >= 0; dash = given.IndexOf('-', dash + 1))
        {
            if (TryMac(given[..dash].Trim(), out byte[] first) && TryMac(given[(dash + 1)..].Trim(), out byte[] last)) return TryRange(FieldKind.Mac, first, last, out sequence);
        }

        return false;
    }

    private static bool TryRange(FieldKind kind, byte[] first, byte[] last, out FieldSequence? sequence)
    {
        UInt128 low = Number(first), high = Number(last);
        // All of 2^128 cannot be counted.
        sequence = low <= high && high - low < UInt128.MaxValue ? new FieldSequence(kind, [new Range(low, high - low + 1)]) : null;
        return sequence is not null;
    }

    private static bool TryNumber(string text, out uint number)
    {
        string trimmed = text.Trim();
        return trimmed.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            ? uint.TryParse(trimmed.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out number)
            : uint.TryParse(trimmed, NumberStyles.None, CultureInfo.InvariantCulture, out number);
    }

    /// <summary>Not what IPAddress reads besides: "10.1" as 10.0.0.1, octal and hexadecimal, and "[::1]:80".</summary>
    private static bool TryAddress(string text, out IPAddress address)
    {
        string trimmed = text.Trim();
        if (!IPAddress.TryParse(trimmed, out IPAddress? parsed) || trimmed.Contains('[', StringComparison.Ordinal))
        {
            address = IPAddress.None;
            return false;
        }

        address = parsed;
        return parsed.AddressFamily == AddressFamily.InterNetworkV6 || parsed.ToString() == trimmed;
    }

    private static bool TryMac(string text, out byte[] bytes)
    {
        bytes = [];
        string plain = text.Replace(".", "", StringComparison.Ordinal);
        if (text.Contains('.', StringComparison.Ordinal) && text.Length != 14) return false;
        if (!PhysicalAddress.TryParse(plain, out PhysicalAddress? address)) return false;
        bytes = address.GetAddressBytes();
        return bytes.Length == 6;
    }
}
