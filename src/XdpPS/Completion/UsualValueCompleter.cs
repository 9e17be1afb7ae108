using System.Collections;
using System.Globalization;
using System.Management.Automation;
using System.Management.Automation.Language;

namespace XdpPS.Completion;

/// <summary>Completes numbers of which few are in daily use: sizes, ports, code points. Others can be typed. Never throws.</summary>
public sealed class UsualValueCompleter : IArgumentCompleter
{
    /// <summary>As IANA's registry of service names has them.</summary>
    private static readonly (int Number, string Name)[] Ports =
    [
        (7, "echo"), (9, "discard"), (22, "SSH"), (53, "DNS"), (67, "DHCP server"), (68, "DHCP client"), (69, "TFTP"), (80, "HTTP"), (123, "NTP"),
        (161, "SNMP"), (179, "BGP"), (443, "HTTPS"), (514, "syslog"), (546, "DHCPv6 client"), (547, "DHCPv6 server"), (4789, "VXLAN"), (5353, "mDNS"),
    ];

    /// <summary>RFC 2474, 2597, 3246 and 8622.</summary>
    private static readonly (int Number, string Name)[] CodePoints =
    [
        (0, "default"), (1, "LE"), (8, "CS1"), (10, "AF11"), (12, "AF12"), (14, "AF13"), (16, "CS2"), (18, "AF21"), (20, "AF22"), (22, "AF23"), (24, "CS3"),
        (26, "AF31"), (28, "AF32"), (30, "AF33"), (32, "CS4"), (34, "AF41"), (36, "AF42"), (38, "AF43"), (40, "CS5"), (46, "EF"), (48, "CS6"), (56, "CS7"),
    ];

    /// <summary>Called by PowerShell for every Tab.</summary>
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        foreach ((int number, string name) in Values(parameterName))
        {
            string text = number.ToString(CultureInfo.InvariantCulture), shown = name.Length == 0 ? text : $"{text} {name}";
            if (text.StartsWith(wordToComplete ?? "", StringComparison.Ordinal))
                yield return new CompletionResult(text, shown, CompletionResultType.ParameterValue, shown);
        }
    }

    private static IEnumerable<(int Number, string Name)> Values(string parameterName) => parameterName switch
    {
        "Port" or "SourcePort" or "DestinationPort" => Ports,
        "DifferentiatedServicesCodePoint" => CodePoints,
        "FrameSize" => Plain([2048, 4096]),
        "FrameCount" => PowersOfTwo(10, 17),
        "RxRingSize" or "TxRingSize" => PowersOfTwo(8, 16).Prepend((0, "(none)")),
        "FillRingSize" or "CompletionRingSize" => PowersOfTwo(8, 16),
        "VlanPriority" => Plain(Enumerable.Range(0, 8)),
        "TimeToLive" => Plain([1, 64, 128, 255]),
        _ => [],
    };

    private static IEnumerable<(int Number, string Name)> Plain(IEnumerable<int> numbers) => numbers.Select(number => (number, ""));

    private static IEnumerable<(int Number, string Name)> PowersOfTwo(int first, int last) => Plain(Enumerable.Range(first, last - first + 1).Select(power => 1 << power));
}
