using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;

namespace XdpPS.Completion;

/// <summary>Completes the last word of a tcpdump expression with what can stand there (see man pcap-filter). Never throws.</summary>
public sealed class FilterCompleter : IArgumentCompleter
{
    /// <summary>What a condition begins with; an entry that ends with a space wants a value after it.</summary>
    private static readonly (string Text, string Tip)[] Conditions =
    [
        ("arp", "ARP"), ("icmp", "ICMP for IPv4"), ("icmp6", "ICMP for IPv6"), ("ip", "IPv4"), ("ip6", "IPv6"), ("tcp", "TCP"), ("udp", "UDP"),
        ("tcp port ", "TCP from or to a port"), ("udp port ", "UDP from or to a port"), ("port ", "TCP, UDP or SCTP from or to a port"),
        ("portrange ", "from or to a range of ports, such as 8000-8080"), ("host ", "from or to an address"), ("src host ", "from an address"),
        ("dst host ", "to an address"), ("net ", "from or to a network, such as 10.0.0.0/8"), ("ether host ", "from or to a MAC address"),
        ("ether proto ", "of an EtherType, such as 0x88b5"), ("vlan ", "with a VLAN tag; what follows looks behind it"), ("broadcast", "to everyone"),
        ("multicast", "to a group"), ("greater ", "of at least so many bytes"), ("less ", "of at most so many bytes"), ("not ", "what does not match"),
    ];

    private static readonly string[] Joints = ["and", "or", "not", "("];

    /// <summary>Called by PowerShell for every Tab.</summary>
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        string typed = (wordToComplete ?? "").Trim('\'', '"');
        // Behind the last and, or, not or bracket a condition begins.
        int start = 0;
        for (int i = 0; i < typed.Length; i++)
        {
            if (typed[i] == '(') start = i + 1;
            else if (typed[i] == ' ' && Joints.Contains(typed[..i].Split(' ', '(')[^1], StringComparer.Ordinal)) start = i + 1;
        }

        string before = typed[..start], condition = typed[start..].TrimStart();
        return Conditions
            .Where(one => one.Text.StartsWith(condition, StringComparison.Ordinal) && one.Text.TrimEnd() != condition)
            .Select(one => new CompletionResult($"'{before}{one.Text}'", one.Text.TrimEnd(), CompletionResultType.ParameterValue, one.Tip));
    }
}
