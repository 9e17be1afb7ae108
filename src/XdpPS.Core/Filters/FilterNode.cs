using System.Runtime.InteropServices;
using System.Text.RegularExpressions;

namespace XdpPS;

/// <summary>What a filter is made of: classic BPF programs, joined by "and" and "not" on the level of eBPF.</summary>
internal abstract partial record FilterNode
{
    /// <summary>The node as text, in tcpdump's language where it has words for it.</summary>
    internal abstract string Expression { get; }

    /// <summary>The classic programs, from left to right.</summary>
    internal abstract IEnumerable<Leaf> Leaves { get; }

    /// <summary>Writes the node. The context is in R6 already. Control leaves to one of the two labels and never falls through.</summary>
    internal abstract void Write(BpfAssembler code, FrameAccess frame, BpfAssembler.Label match, BpfAssembler.Label noMatch);

    /// <summary>An expression as an operand: in parentheses unless it is plain words.</summary>
    internal static string AsOperand(string expression) => PlainWords().IsMatch(expression) && !Operator().IsMatch(expression) ? expression : $"({expression})";

    /// <summary>One classic program. It begins with A, X and its memory at zero, whatever ran before it.</summary>
    /// <param name="Text">The expression it stands for, or a name.</param>
    /// <param name="Instructions">The program; "match" is a return of anything but 0.</param>
    internal sealed record Leaf(string Text, ClassicInstruction[] Instructions) : FilterNode
    {
        internal override string Expression => Text;

        internal override IEnumerable<Leaf> Leaves => [this];

        internal override void Write(BpfAssembler code, FrameAccess frame, BpfAssembler.Label match, BpfAssembler.Label noMatch) =>
            FilterTranslator.Write(code, frame, Instructions, match, noMatch);

        public bool Equals(Leaf? other) => other is not null && Bytes.SequenceEqual(other.Bytes);

        public override int GetHashCode() => Instructions.Length;

        private ReadOnlySpan<byte> Bytes => MemoryMarshal.AsBytes(Instructions.AsSpan());
    }

    internal sealed record Both(FilterNode Left, FilterNode Right) : FilterNode
    {
        internal override string Expression => $"{(Left is Both or Inverse ? Left.Expression : AsOperand(Left.Expression))} and {(Right is Inverse ? Right.Expression : AsOperand(Right.Expression))}";

        internal override IEnumerable<Leaf> Leaves => Left.Leaves.Concat(Right.Leaves);

        internal override void Write(BpfAssembler code, FrameAccess frame, BpfAssembler.Label match, BpfAssembler.Label noMatch)
        {
            BpfAssembler.Label next = new();
            Left.Write(code, frame, next, noMatch);
            // The verifier refuses instructions that nothing leads to: here, where the left never matches.
            if (next.IsUsed) Right.Write(code.Place(next), frame, match, noMatch);
        }
    }

    internal sealed record Inverse(FilterNode Of) : FilterNode
    {
        internal override string Expression => $"not {AsOperand(Of.Expression)}";

        internal override IEnumerable<Leaf> Leaves => Of.Leaves;

        internal override void Write(BpfAssembler code, FrameAccess frame, BpfAssembler.Label match, BpfAssembler.Label noMatch) => Of.Write(code, frame, noMatch, match);
    }

    [GeneratedRegex(@"^[\w.:/\\ -]+$")]
    private static partial Regex PlainWords();

    [GeneratedRegex(@"\b(and|or|not)\b")]
    private static partial Regex Operator();
}
