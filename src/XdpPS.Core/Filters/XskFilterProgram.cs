namespace XdpPS;

/// <summary>What a filter becomes: the instructions of libpcap, those of the XDP program, and what the kernel says of these.</summary>
public sealed class XskFilterProgram
{
    /// <summary>The filter as text.</summary>
    public string Filter { get; init; } = "";

    /// <summary>Classic BPF, as tcpdump -d prints it. Where several programs are joined, a line before each says which it is.</summary>
    public string[] ClassicInstructions { get; init; } = [];

    /// <summary>eBPF of the program that New-XskSocket attaches, in the kernel's notation.</summary>
    public string[] Instructions { get; init; } = [];

    /// <summary>Whether the running kernel's verifier accepts the program; null where it could not be asked.</summary>
    public bool? Verified { get; init; }

    /// <summary>How many instructions the verifier went through; the kernel's limit is 1,000,000. Null where it did not say.</summary>
    public int? VerifierSteps { get; init; }

    /// <summary>What the verifier said, or why it could not be asked, in words.</summary>
    public string VerifierMessage { get; init; } = "";

    /// <summary>Lists a filter's instructions, and asks the kernel, where this process may, whether it accepts them. Nothing is attached.</summary>
    /// <exception cref="XskException">The filter is too large for the jumps of its program.</exception>
    public static XskFilterProgram From(PacketFilter filter)
    {
        ArgumentNullException.ThrowIfNull(filter);
        BpfInstruction[] program = XdpProgram.Redirect(0, filter);
        VerifierTrial trial = VerifierTrial.Of(filter);
        return new XskFilterProgram
        {
            Filter = filter.Expression,
            ClassicInstructions = Classic(filter),
            Instructions = BpfListing.Write(program),
            Verified = trial.Accepted,
            VerifierSteps = trial.Processed,
            VerifierMessage = Words(trial),
        };
    }

    /// <returns>The filter, how many instructions it has, and what the kernel said.</returns>
    public override string ToString() => $"{Filter}: {Instructions.Length} instructions, {VerifierMessage}";

    private static string Words(VerifierTrial trial) => trial.Accepted switch
    {
        true when trial.Processed is { } steps => $"accepted by this kernel's verifier after {steps} steps",
        true => "accepted by this kernel's verifier",
        false => trial.Reason,
        null => $"not verified: {trial.Reason}",
    };

    private static string[] Classic(PacketFilter filter)
    {
        FilterNode.Leaf[] leaves = [.. filter.Leaves];
        if (leaves.Length == 1 && leaves[0].Text == filter.Expression) return ClassicListing.Write(leaves[0].Instructions);
        return [.. leaves.SelectMany(leaf => ClassicListing.Write(leaf.Instructions).Prepend($"; {leaf.Text}"))];
    }
}
