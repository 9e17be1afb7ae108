using System.Text.RegularExpressions;
using XdpPS.Interop;

namespace XdpPS;

/// <summary>What a socket takes: the packets that a filter matches. All others stay with the kernel.</summary>
public sealed partial class PacketFilter : IEquatable<PacketFilter>
{
    /// <summary>libpcap's time grows with the square of the length: at twice this it takes seconds, and the kernel refuses the result.</summary>
    private const int LongestExpression = 16_384;

    private readonly FilterNode node;

    private PacketFilter(FilterNode node) => this.node = node;

    internal PacketFilter(string expression, ClassicInstruction[] instructions) : this(new FilterNode.Leaf(expression, instructions))
    {
    }

    /// <summary>The filter as text, in the language of pcap-filter(7) where that has words for it.</summary>
    public string Expression => node.Expression;

    /// <summary>The classic programs that the filter is made of, from left to right.</summary>
    internal IEnumerable<FilterNode.Leaf> Leaves => node.Leaves;

    /// <summary>The filter looks at VLAN tags, which an interface may have taken out of the frame.</summary>
    internal bool LooksAtVlans => Leaves.Any(leaf => VlanPrimitive().IsMatch(leaf.Text));

    /// <summary>No instruction leads to "no match": the expression is blank, or says the same in more words.</summary>
    internal bool MatchesEverything
    {
        get
        {
            BpfAssembler.Label noMatch = new();
            Write(new BpfAssembler(), FrameAccess.Linear, new BpfAssembler.Label(), noMatch);
            return !noMatch.IsUsed;
        }
    }

    /// <summary>Compiles an expression of tcpdump's language (pcap-filter(7)) for Ethernet frames.</summary>
    /// <exception cref="XskException">libpcap is not installed, or does not accept the expression.</exception>
    public static PacketFilter Compile(string expression)
    {
        ArgumentNullException.ThrowIfNull(expression);
        if (expression.Length > LongestExpression)
        {
            throw XskException.FromCheck(
                XskErrorId.FilterTooLarge,
                $"A filter expression of {expression.Length} characters is too long: the limit is {LongestExpression}",
                "use net in place of many hosts, or filter part of it with Where-Object");
        }

        if (expression.Contains('\0', StringComparison.Ordinal))
        {
            throw XskException.FromCheck(
                XskErrorId.FilterSyntax,
                $"'{Shorten(expression.Replace('\0', '?'))}' has a null character in it, at which libpcap would stop reading",
                "leave it out");
        }

        ClassicInstruction[] instructions = Libpcap.Compile(expression);
        if (Array.Exists(instructions, instruction => instruction.LoadsAncillary))
        {
            throw XskException.FromCheck(
                XskErrorId.FilterSyntax,
                $"'{Shorten(expression)}' asks for what the kernel knows of a packet beside its bytes, such as its direction, and an XDP program sees the bytes alone",
                "leave out inbound (all that comes to a socket is), outbound (nothing is) and ifindex");
        }

        return new PacketFilter(expression.Trim(), instructions);
    }

    /// <summary>Compiles an expression for the packets that have the fields as well: with a VLAN among these, it looks behind that tag.</summary>
    /// <exception cref="XskException">libpcap is not installed, or does not accept the expression, or no packet can match both.</exception>
    public static PacketFilter Compile(string expression, PacketFields fields)
    {
        ArgumentNullException.ThrowIfNull(fields);
        // First alone: what is wrong with it is said of what was written.
        PacketFilter alone = Compile(expression);
        if (fields.IsEmpty) return alone;
        if (string.IsNullOrWhiteSpace(expression)) return FromFields(fields);
        try
        {
            return Compile($"{FilterNode.AsOperand(fields.Expression)} and {FilterNode.AsOperand(expression.Trim())}");
        }
        catch (XskException e) when (e.Cause.EndsWith(Libpcap.MatchesNothing, StringComparison.Ordinal))
        {
            // What was put together is not what was written.
            throw XskException.FromCheck(
                XskErrorId.FilterSyntax,
                $"No packet can match both '{Shorten(expression.Trim())}' and '{Shorten(fields.Expression)}', which the other parameters mean",
                "leave out one of them");
        }
    }

    /// <summary>A filter for what headers are to be. It needs no libpcap, and matches what tcpdump's expression for it does.</summary>
    /// <exception cref="XskException">No field is given, or no packet can have them all.</exception>
    public static PacketFilter FromFields(PacketFields fields)
    {
        ArgumentNullException.ThrowIfNull(fields);
        return new PacketFilter(fields.Expression, FieldFilter.Compile(fields));
    }

    /// <summary>An expression as a message can bear it.</summary>
    internal static string Shorten(string expression) => expression.Length <= 80 ? expression : expression[..77] + "...";

    /// <summary>A filter that matches what both match. Each looks at the frame from its beginning, also where the other is about VLANs.</summary>
    public PacketFilter And(PacketFilter other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return new PacketFilter(new FilterNode.Both(node, other.node));
    }

    /// <summary>
    /// A filter that matches every packet that this one does not, also one that is too short for this one to tell:
    /// there tcpdump's "not" matches neither.
    /// </summary>
    public PacketFilter Not() => new(node is FilterNode.Inverse { Of: var positive } ? positive : new FilterNode.Inverse(node));

    /// <summary>Writes the filter. The context is in R6 already. Control leaves to one of the two labels and never falls through.</summary>
    internal void Write(BpfAssembler code, FrameAccess frame, BpfAssembler.Label match, BpfAssembler.Label noMatch) =>
        node.Write(code, frame, match, noMatch);

    /// <returns>Whether both match by the same instructions, however they are written.</returns>
    public bool Equals(PacketFilter? other) => other is not null && node.Equals(other.node);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as PacketFilter);

    /// <inheritdoc/>
    public override int GetHashCode() => node.GetHashCode();

    /// <returns><see cref="Expression"/>.</returns>
    public override string ToString() => Expression;

    // The word, or a tag's EtherType.
    [GeneratedRegex(@"\bvlan\b|\b0x(8100|88a8|9100)\b", RegexOptions.IgnoreCase)]
    private static partial Regex VlanPrimitive();
}
