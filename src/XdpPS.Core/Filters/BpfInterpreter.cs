using System.Buffers.Binary;

namespace XdpPS;

/// <summary>Runs the eBPF that a filter becomes over frames in memory: no kernel, no privilege, no allocation a frame. It knows no helper.</summary>
/// <remarks>
/// Of a frame that was cut, the program sees what libpcap's filters see: nothing beyond the captured bytes can be loaded,
/// and the length is the one on the wire. A program of ours learns the length in one way only, data_end minus data.
/// </remarks>
internal sealed class BpfInterpreter
{
    private const ulong FrameAt = 1UL << 40, ContextAt = 1UL << 41, StackAt = 1UL << 42;
    private const int StackSize = 512, Registers = 11;

    /// <summary>More than any program goes through that the verifier lets pass (BPF_COMPLEXITY_LIMIT_INSNS).</summary>
    private const int MostSteps = 1_000_000;

    private const byte SubtractRegister = 0x1f, BigEndian = 0xdc, Exit = 0x95;

    private readonly Step[] steps;

    /// <exception cref="InvalidOperationException">The program has an instruction that no filter makes, or leads out of itself.</exception>
    internal BpfInterpreter(ReadOnlySpan<BpfInstruction> program)
    {
        steps = new Step[program.Length];
        for (int i = 0; i < steps.Length; i++) steps[i] = new Step(program[i]);
        for (int i = 0; i < steps.Length; i++) Check(i);
    }

    /// <summary>An instruction with its parts taken apart.</summary>
    private readonly struct Step(BpfInstruction instruction)
    {
        internal readonly ulong Immediate = (ulong)(long)instruction.Immediate;
        internal readonly int Offset = instruction.Offset;
        internal readonly byte Code = instruction.Code;
        internal readonly byte Target = (byte)(instruction.Registers & 0x0f);
        internal readonly byte Source = (byte)(instruction.Registers >> 4);

        internal int Class => Code & 0x07;

        internal int Operation => Code & 0xf0;

        internal bool UsesSource => (Code & 0x08) != 0;

        internal int Size => (Code & 0x18) switch { 0x00 => 4, 0x08 => 2, 0x10 => 1, _ => 8 };
    }

    /// <summary>Whether a filter's verdict (<see cref="XdpProgram.Verdict"/>) on a whole frame is a match.</summary>
    internal bool Matches(ReadOnlySpan<byte> frame) => Matches(frame, frame.Length);

    /// <inheritdoc cref="Run"/>
    /// <returns>Whether a filter's verdict (<see cref="XdpProgram.Verdict"/>) is a match.</returns>
    internal bool Matches(ReadOnlySpan<byte> frame, int length) => Run(frame, length) == XdpProgram.XDP_DROP;

    /// <summary>Runs the program over the bytes that were captured of a frame.</summary>
    /// <param name="frame">The captured bytes.</param>
    /// <param name="length">The frame's length on the wire.</param>
    /// <returns>What the program returned: for an XDP program, its verdict.</returns>
    /// <exception cref="InvalidOperationException">The program did what the verifier would not have let pass.</exception>
    internal int Run(ReadOnlySpan<byte> frame, int length)
    {
        Span<ulong> registers = stackalloc ulong[Registers];
        Span<byte> stack = stackalloc byte[StackSize];
        registers.Clear();
        stack.Clear();
        registers[1] = ContextAt;
        registers[10] = StackAt + StackSize;
        ulong end = FrameAt + (ulong)frame.Length;
        int at = 0;
        for (int count = 0; count < MostSteps; count++, at++)
        {
            ref readonly Step step = ref steps[at];
            ref ulong target = ref registers[step.Target];
            ulong value = step.UsesSource ? registers[step.Source] : step.Immediate;
            switch (step.Class)
            {
                case 0x01: target = Read(frame, stack, registers[step.Source] + (ulong)step.Offset, step.Size); break;
                case 0x02: Write(stack, target + (ulong)step.Offset, (uint)step.Immediate); break;
                case 0x03: Write(stack, target + (ulong)step.Offset, (uint)registers[step.Source]); break;
                case 0x04 when step.Code == BigEndian: target = FromBigEndian(target, (int)step.Immediate); break;
                case 0x04: target = (uint)Compute(step.Operation, (uint)target, (uint)value, 31); break;
                case 0x07 when step.Code == SubtractRegister && target == end && value == FrameAt: target = (ulong)length; break;
                case 0x07: target = Compute(step.Operation, target, value, 63); break;
                case 0x05 when step.Code == Exit: return (int)registers[0];
                case 0x05: if (Holds(step.Operation, target, value)) at += step.Offset; break;
                default: if (Holds(step.Operation, (uint)target, (uint)value)) at += step.Offset; break;
            }
        }

        throw new InvalidOperationException($"The program did not end within {MostSteps} instructions.");
    }

    private void Check(int index)
    {
        Step step = steps[index];
        bool known = step.Class switch
        {
            0x01 => step.Code is 0x61 or 0x69 or 0x71,
            0x02 => step.Code == 0x62,
            0x03 => step.Code == 0x63,
            0x04 when step.Operation == 0xd0 => step.Code == BigEndian && step.Immediate is 16 or 32,
            0x04 or 0x07 => step.Operation <= 0xb0,
            0x05 or 0x06 => step.Code == Exit || (step.Operation is <= 0x50 or (>= 0xa0 and <= 0xb0) && step.Code != 0x06),
            _ => false,
        };
        if (!known || step.Target >= Registers || step.Source >= Registers)
            throw new InvalidOperationException($"Instruction {index} (0x{step.Code:x2}) is none that a filter has.");
        bool jumps = step.Class is 0x05 or 0x06 && step.Code != Exit;
        bool goesOn = step.Code is not (Exit or 0x05);
        if ((jumps && (uint)(index + 1 + step.Offset) >= (uint)steps.Length) || (goesOn && index + 1 == steps.Length))
            throw new InvalidOperationException($"Instruction {index} leads out of the program.");
    }

    private static ulong Read(ReadOnlySpan<byte> frame, ReadOnlySpan<byte> stack, ulong address, int size)
    {
        // struct xdp_md: data, data_end.
        if (address == ContextAt + (ulong)XdpProgram.MdData) return FrameAt;
        if (address == ContextAt + (ulong)XdpProgram.MdDataEnd) return FrameAt + (ulong)frame.Length;
        ReadOnlySpan<byte> bytes = address >= StackAt ? Part(stack, address - StackAt, size) : Part(frame, address - FrameAt, size);
        return size switch
        {
            1 => bytes[0],
            2 => BinaryPrimitives.ReadUInt16LittleEndian(bytes),
            _ => BinaryPrimitives.ReadUInt32LittleEndian(bytes),
        };
    }

    private static void Write(Span<byte> stack, ulong address, uint value)
    {
        ulong offset = address - StackAt;
        if (offset > StackSize - sizeof(uint)) throw Outside(address);
        BinaryPrimitives.WriteUInt32LittleEndian(stack[(int)offset..], value);
    }

    private static ReadOnlySpan<byte> Part(ReadOnlySpan<byte> bytes, ulong offset, int size) =>
        offset < (ulong)bytes.Length && offset + (ulong)size <= (ulong)bytes.Length ? bytes.Slice((int)offset, size) : throw Outside(offset);

    private static InvalidOperationException Outside(ulong address) => new($"The program reached outside of its memory (0x{address:x}).");

    private static ulong FromBigEndian(ulong value, int bits) =>
        bits == 16 ? BinaryPrimitives.ReverseEndianness((ushort)value) : BinaryPrimitives.ReverseEndianness((uint)value);

    /// <summary>Division by zero gives zero, and modulo zero leaves the left side (RFC 9669, 4.1).</summary>
    private static ulong Compute(int operation, ulong left, ulong right, int mask) => operation switch
    {
        0x00 => left + right,
        0x10 => left - right,
        0x20 => left * right,
        0x30 => right == 0 ? 0 : left / right,
        0x40 => left | right,
        0x50 => left & right,
        0x60 => left << ((int)right & mask),
        0x70 => left >> ((int)right & mask),
        0x80 => 0 - left,
        0x90 => right == 0 ? left : left % right,
        0xa0 => left ^ right,
        _ => right,
    };

    private static bool Holds(int operation, ulong left, ulong right) => operation switch
    {
        0x00 => true,
        0x10 => left == right,
        0x20 => left > right,
        0x30 => left >= right,
        0x40 => (left & right) != 0,
        0x50 => left != right,
        0xa0 => left < right,
        _ => left <= right,
    };
}
