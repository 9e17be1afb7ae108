using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using XdpPS.Interop;

namespace XdpPS;

/// <summary>What a socket takes: the packets that a tcpdump expression matches. All others stay with the kernel.</summary>
public sealed partial class PacketFilter : IEquatable<PacketFilter>
{
    /// <summary>libpcap's time grows with the square of the length: at twice this it takes seconds, and the kernel refuses the result.</summary>
    private const int LongestExpression = 16_384;

    internal PacketFilter(string expression, ClassicInstruction[] instructions)
    {
        Expression = expression;
        Instructions = instructions;
    }

    /// <summary>The expression, as pcap-filter(7) has it.</summary>
    public string Expression { get; }

    /// <summary>What libpcap made of it.</summary>
    internal ClassicInstruction[] Instructions { get; }

    /// <summary>The expression looks at VLAN tags, which an interface may have taken out of the frame.</summary>
    internal bool LooksAtVlans => VlanPrimitive().IsMatch(Expression);

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

        return new PacketFilter(expression.Trim(), Libpcap.Compile(expression));
    }

    /// <summary>An expression as a message can bear it.</summary>
    internal static string Shorten(string expression) => expression.Length <= 80 ? expression : expression[..77] + "...";

    /// <returns>Whether both match by the same instructions, however they are written.</returns>
    public bool Equals(PacketFilter? other) => other is not null && MemoryMarshal.AsBytes(Instructions.AsSpan()).SequenceEqual(MemoryMarshal.AsBytes(other.Instructions.AsSpan()));

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as PacketFilter);

    /// <inheritdoc/>
    public override int GetHashCode() => Instructions.Length;

    /// <returns><see cref="Expression"/>.</returns>
    public override string ToString() => Expression;

    [GeneratedRegex(@"\bvlan\b")]
    private static partial Regex VlanPrimitive();
}
