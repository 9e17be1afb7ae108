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

    /// <summary>How a program is attached, in a word.</summary>
    public static string Attached(XdpProgramInfo program)
    {
        ArgumentNullException.ThrowIfNull(program);
        return program.AttachedBy switch
        {
            XdpAttachMethod.BpfLink => "bpf_link",
            XdpAttachMethod.Netlink => "netlink",
            _ => "unknown",
        };
    }

    /// <summary>The processes that hold a program, or "-" for none; empty where that is not known.</summary>
    public static string Holders(XdpProgramInfo program)
    {
        ArgumentNullException.ThrowIfNull(program);
        return program.Holders switch
        {
            null => "",
            { Count: 0 } => "-",
            { } holders => string.Join(", ", holders),
        };
    }

    /// <summary>Seconds as packet lists show them: six decimals, and fewer from 100 seconds on, so that nine characters do.</summary>
    public static string Seconds(TimeSpan time) => time.TotalSeconds.ToString(
        time.TotalSeconds switch { < 100 => "F6", < 1_000 => "F5", < 10_000 => "F4", < 100_000 => "F3", _ => "F0" }, CultureInfo.InvariantCulture);

    /// <summary>The interface, and in parentheses its network namespace where that was named.</summary>
    public static string Interface(XskSocketInfo socket)
    {
        ArgumentNullException.ThrowIfNull(socket);
        return string.IsNullOrEmpty(socket.NetworkNamespace) ? socket.InterfaceName : $"{socket.InterfaceName} ({socket.NetworkNamespace})";
    }

    /// <summary>Program mode and copy mode in two words.</summary>
    public static string Modes(XskSocketInfo socket)
    {
        ArgumentNullException.ThrowIfNull(socket);
        string program = socket.XskMapPath is not null ? "pinned map" : socket.AttachMode == XdpMode.None ? "no program" : socket.AttachMode.ToString().ToLowerInvariant();
        return $"{program}, {(socket.BindMode == XskBindMode.ZeroCopy ? "zero-copy" : "copy")}";
    }

    /// <summary>The ring sizes: one number where all are alike, else RX/TX/FILL/COMPLETION.</summary>
    public static string Rings(XskSocketInfo socket)
    {
        ArgumentNullException.ThrowIfNull(socket);
        int[] sizes = [socket.RxRingSize, socket.TxRingSize, socket.FillRingSize, socket.CompletionRingSize];
        return sizes.Distinct().Count() == 1 ? sizes[0].ToString(CultureInfo.InvariantCulture) : string.Join('/', sizes);
    }

    /// <summary>What is on the rings: RX/FILL/TX/COMPLETION.</summary>
    public static string Fill(XskRingStats stats)
    {
        ArgumentNullException.ThrowIfNull(stats);
        return string.Join('/', stats.Rx?.Used ?? 0, stats.Fill.Used, stats.Tx?.Used ?? 0, stats.Completion.Used);
    }

    /// <summary>A filter's two listings, one after the other, under what they are.</summary>
    public static string Program(XskFilterProgram program)
    {
        ArgumentNullException.ThrowIfNull(program);
        string[] lines =
        [
            $"Filter:   {program.Filter}", $"Verifier: {program.VerifierMessage}", "", "Classic BPF:", .. program.ClassicInstructions,
            "", "XDP program (eBPF):", .. program.Instructions,
        ];
        return string.Join(Environment.NewLine, lines);
    }

    /// <summary>Seconds as microseconds with one decimal; empty where there are none.</summary>
    public static string Microseconds(double? seconds) => seconds is { } value ? (value * 1e6).ToString("F1", CultureInfo.InvariantCulture) : "";

    /// <summary>Microseconds in at most seven characters: with one decimal up to 100,000, in milliseconds from ten million on; empty where there are none.</summary>
    public static string Latency(double? microseconds) => microseconds switch
    {
        null => "",
        < 99_999.95 => microseconds.Value.ToString("F1", CultureInfo.InvariantCulture),
        < 1e7 => microseconds.Value.ToString("F0", CultureInfo.InvariantCulture),
        _ => (microseconds.Value / 1e3).ToString("F0", CultureInfo.InvariantCulture) + "m",
    };

    /// <summary>A count or rate in at most eight characters: whole up to ten million, then in millions (M) or billions (G).</summary>
    public static string Count(double value) => value switch
    {
        < 1e7 => value.ToString("F0", CultureInfo.InvariantCulture),
        < 1e10 => (value / 1e6).ToString("F1", CultureInfo.InvariantCulture) + "M",
        _ => (value / 1e9).ToString("F1", CultureInfo.InvariantCulture) + "G",
    };
}
