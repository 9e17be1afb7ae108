using System.Text;
using XdpPS.Interop;

namespace XdpPS;

/// <summary>What the kernel's verifier says of a program that is loaded to ask it and let go at once; it is attached nowhere.</summary>
/// <param name="Accepted">Whether the kernel took it; null where this process may not ask.</param>
/// <param name="Processed">How many instructions the verifier went through, where it said so.</param>
/// <param name="Reason">Why the kernel refused, or why it could not be asked; else empty.</param>
internal sealed record VerifierTrial(bool? Accepted, int? Processed, string Reason)
{
    /// <summary>BPF_LOG_STATS (include/linux/bpf_verifier.h): the counts alone, on one line. Linux 5.2.</summary>
    private const uint BPF_LOG_STATS = 4;

    private const string CountPrefix = "processed ";

    private static readonly string[] Statistics = ["verification time ", "stack depth ", CountPrefix];

    /// <summary>Asks about the program that a socket with this filter would attach.</summary>
    /// <exception cref="XskException">The filter is too large for the instructions' jumps.</exception>
    internal static VerifierTrial Of(PacketFilter filter)
    {
        XskMap map;
        try
        {
            map = XskMap.Create(1);
        }
        catch (XskException e)
        {
            return new VerifierTrial(null, null, e.Cause);
        }

        using (map)
        {
            byte[] log = new byte[64 << 10];
            BpfInstruction[] program = XdpProgram.Redirect(map.Descriptor.Number, filter);
            int result = XdpProgram.Load(XdpProgram.Name, program, fragments: false, log, BPF_LOG_STATS);
            string text = Encoding.ASCII.GetString(log).TrimEnd('\0', '\n');
            if (result >= 0)
            {
                new FileDescriptor(result).Dispose();
                return new VerifierTrial(true, Count(text), "");
            }

            // Without a log the verifier was never reached.
            return text.Length > 0
                ? new VerifierTrial(false, Count(text), Refusal(text))
                : new VerifierTrial(null, null, XdpProgram.BpfFailed(-result, "bpf(BPF_PROG_LOAD)", "The XDP program could not be loaded").Cause);
        }
    }

    /// <summary>The last line before the statistics (print_verification_stats).</summary>
    private static string Refusal(string log)
    {
        string? line = log.Split('\n').TakeWhile(line => !Statistics.Any(prefix => line.StartsWith(prefix, StringComparison.Ordinal))).LastOrDefault();
        return $"refused by this kernel's verifier: {line ?? log}";
    }

    private static int? Count(string log)
    {
        int at = log.LastIndexOf(CountPrefix, StringComparison.Ordinal);
        return at >= 0 && int.TryParse(log[(at + CountPrefix.Length)..].Split(' ')[0], out int count) ? count : null;
    }
}
