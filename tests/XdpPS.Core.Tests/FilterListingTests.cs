using System.Text;
using System.Text.RegularExpressions;
using XdpPS.Interop;

namespace XdpPS.Tests;

/// <summary>What -ShowProgram prints, against tcpdump's listing and the verifier's.</summary>
public sealed partial class FilterListingTests
{
    private const uint BPF_LOG_LEVEL2 = 2;

    [KernelFact("tcpdump")]
    public void Classic_instructions_are_listed_as_tcpdump_lists_them()
    {
        HashSet<int> forms = [];
        foreach (string expression in FilterOracle.Expressions)
        {
            string expected = Command.Run("tcpdump", "-y", "EN10MB", "-d", "--", expression);
            ClassicInstruction[] program = PacketFilter.Compile(expression).Leaves.Single().Instructions;
            Assert.Equal(expected.TrimEnd('\n').Split('\n'), ClassicListing.Write(program));
            forms.UnionWith(program.Select(instruction => (int)instruction.Code));
        }

        Assert.True(forms.Count >= 38, $"only {forms.Count} instruction forms were compared");
    }

    [KernelFact("tcpdump")]
    public void Instructions_are_listed_as_the_verifier_lists_them()
    {
        HashSet<byte> compared = [], emitted = [];
        using XskMap map = XskMap.Create(1);
        // The verifier goes round the loop of protochain so often that its log takes seconds to write.
        foreach (BpfInstruction[] program in FilterOracle.Expressions
            .Where(expression => !expression.Contains("protochain", StringComparison.Ordinal))
            .Select(expression => XdpProgram.Redirect(map.Descriptor.Number, PacketFilter.Compile(expression)))
            .OrderBy(program => program.Length))
        {
            // Short programs have short logs; of the longer ones, those that bring something new are enough.
            emitted.UnionWith(program.Select(instruction => instruction.Code));
            if (compared.Count > 0 && program.All(instruction => instruction.Code == 0 || compared.Contains(instruction.Code))) continue;
            Dictionary<int, string> ours = BpfListing.Write(program).ToDictionary(line => int.Parse(line.Split(':')[0], null));
            foreach (Match line in VerifierLine().Matches(VerifierLog(program)))
            {
                string theirs = MapAddress().Replace(line.Groups["text"].Value, "map[xsks_map]");
                Assert.Equal(theirs, ours[int.Parse(line.Groups["index"].Value, null)].Split(": ", 2)[1]);
                compared.Add(Convert.ToByte(line.Groups["code"].Value, 16));
            }
        }

        // The second half of a 64-bit constant is no instruction of its own.
        emitted.Remove(0);
        Assert.Equal(emitted.Order(), compared.Order());
        Assert.True(compared.Count >= 30, $"only {compared.Count} instruction forms were compared");
    }

    private static string VerifierLog(BpfInstruction[] program)
    {
        byte[] log = new byte[4 << 20];
        int result = XdpProgram.Load("listing", program, fragments: false, log, BPF_LOG_LEVEL2);
        string text = Encoding.ASCII.GetString(log).TrimEnd('\0');
        Assert.True(result >= 0, $"{Errno.Name(-result)}: {text}");
        new FileDescriptor(result).Dispose();
        return text;
    }

    [GeneratedRegex(@"^(?<index>\d+): (?<text>\((?<code>[0-9a-f]{2})\) .*?)\s*(;.*)?$", RegexOptions.Multiline)]
    private static partial Regex VerifierLine();

    [GeneratedRegex("0x[0-9a-f]{16}$|0x0$|0xffff[0-9a-f]+$")]
    private static partial Regex MapAddress();
}
