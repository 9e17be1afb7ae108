using System.Globalization;
using System.Net.NetworkInformation;

namespace XdpPS.Formatting;

/// <summary>Text for the cells of XdpPS.Format.ps1xml.</summary>
public static class XskFormat
{
    /// <summary>A hardware address with colons; PhysicalAddress itself prints without separators.</summary>
    public static string Mac(PhysicalAddress? address)
    {
        byte[] bytes = address?.GetAddressBytes() ?? [];
        return bytes.Length == 0 ? "no MAC" : string.Join(':', bytes.Select(b => b.ToString("x2", CultureInfo.InvariantCulture)));
    }

    /// <summary>Seconds with six digits, as packet lists show them.</summary>
    public static string Seconds(TimeSpan time) => time.TotalSeconds.ToString("F6", CultureInfo.InvariantCulture);

    /// <summary>Program mode and copy mode in two words.</summary>
    public static string Modes(XskSocketInfo socket)
    {
        ArgumentNullException.ThrowIfNull(socket);
        string program = socket.AttachMode == XdpMode.None ? "no program" : socket.AttachMode.ToString().ToLowerInvariant();
        return $"{program}, {(socket.BindMode == XskBindMode.ZeroCopy ? "zero-copy" : "copy")}";
    }

    /// <summary>The ring sizes: one number where all are alike, else RX/TX/FILL/COMPLETION.</summary>
    public static string Rings(XskSocketInfo socket)
    {
        ArgumentNullException.ThrowIfNull(socket);
        int[] sizes = [socket.RxRingSize, socket.TxRingSize, socket.FillRingSize, socket.CompletionRingSize];
        return sizes.Distinct().Count() == 1 ? sizes[0].ToString(CultureInfo.InvariantCulture) : string.Join('/', sizes);
    }

    /// <summary>A count or rate without decimals, grouped by spaces from ten thousand on.</summary>
    public static string Count(double value)
    {
        NumberFormatInfo format = new() { NumberGroupSeparator = " ", NumberDecimalDigits = 0 };
        return value.ToString(value >= 10_000 ? "N0" : "F0", format);
    }
}
