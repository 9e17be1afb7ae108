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
            try
            {
                using XdpProgram program = XdpProgram.LoadRedirect(map, filter);
            }
            catch (XskException e)
            {
                bool refused = e.ErrorId is XskErrorId.FilterTooLarge or XskErrorId.ProgramRejected;
                return new VerifierTrial(refused ? false : null, null, e.Cause);
            }

            return new VerifierTrial(true, Count(XdpProgram.Redirect(map.Descriptor.Number, filter)), "");
        }
    }

    private static int? Count(BpfInstruction[] instructions)
    {
        byte[] log = new byte[4096];
        int result = XdpProgram.Load(XdpProgram.Name, instructions, fragments: false, log, BPF_LOG_STATS);
        if (result < 0) return null;
        new FileDescriptor(result).Dispose();
        string text = Encoding.ASCII.GetString(log);
        int at = text.IndexOf(CountPrefix, StringComparison.Ordinal);
        return at >= 0 && int.TryParse(text[(at + CountPrefix.Length)..].Split(' ')[0], out int count) ? count : null;
    }
}
