using System.Runtime.InteropServices;

namespace XdpPS;

/// <summary>struct bpf_insn: one eBPF instruction.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct BpfInstruction
{
    internal byte Code;
    internal byte Registers;
    internal short Offset;
    internal int Immediate;
}

/// <summary>eBPF registers: R0 returns, R1 to R5 carry arguments, R6 to R9 survive calls, R10 is the stack's top.</summary>
internal enum BpfRegister : byte
{
    R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10,
}

/// <summary>Kernel helpers by their number (BPF_FUNC_* in include/uapi/linux/bpf.h).</summary>
internal enum BpfHelper
{
    KtimeGetNs = 5,
    RedirectMap = 51,
    XdpAdjustMeta = 54,
    XdpGetBuffLen = 188,
    XdpLoadBytes = 189,
}

/// <summary>Arithmetic operations: the same numbers in classic and in extended BPF.</summary>
internal enum BpfAlu : byte
{
    Add = 0x00,
    Subtract = 0x10,
    Multiply = 0x20,
    Divide = 0x30,
    Or = 0x40,
    And = 0x50,
    ShiftLeft = 0x60,
    ShiftRight = 0x70,
    Negate = 0x80,
    Modulo = 0x90,
    ExclusiveOr = 0xa0,
}

/// <summary>Writes eBPF instructions (RFC 9669) with forward labels.</summary>
internal sealed class BpfAssembler
{
    private const byte Alu32 = 0x04, Jump64 = 0x05, Jump32 = 0x06, Alu64 = 0x07;
    private const byte FromRegister = 0x08;
    private const byte MoveOperation = 0xb0;
    private const byte JumpAlways = 0x05, JumpEqual = 0x10, JumpGreaterThan = 0x20, JumpNotEqual = 0x50, JumpLess = 0xa0;
    private const byte LoadMemory = 0x61, StoreMemory = 0x63, StoreImmediate = 0x62, StoreMemory64 = 0x7b;
    private const byte ToBigEndian = 0xdc;
    private const byte LoadImmediate64 = 0x18;
    private const byte CallHelper = 0x85;
    private const byte ExitProgram = 0x95;
    private const byte PseudoMapDescriptor = 1;

    private readonly List<PendingJump> jumps = [];
    private BpfInstruction[] code = new BpfInstruction[64];
    private int count;

    /// <summary>A place to jump to, once <see cref="Place"/> has said where it is.</summary>
    internal sealed class Label
    {
        internal int Position { get; set; } = -1;

        /// <summary>Something jumps here; what nothing leads to must not be written, for the verifier refuses it.</summary>
        internal bool IsUsed { get; set; }
    }

    private sealed record PendingJump(int Instruction, Label Target);

    internal BpfAssembler Place(Label label)
    {
        label.Position = count;
        return this;
    }

    internal BpfAssembler Move(BpfRegister target, BpfRegister source) => Emit(Alu64 | FromRegister | MoveOperation, target, source, 0, 0);

    internal BpfAssembler Move(BpfRegister target, int value) => Emit(Alu64 | MoveOperation, target, 0, 0, value);

    internal BpfAssembler Move32(BpfRegister target, BpfRegister source) => Emit(Alu32 | FromRegister | MoveOperation, target, source, 0, 0);

    internal BpfAssembler Move32(BpfRegister target, int value) => Emit(Alu32 | MoveOperation, target, 0, 0, value);

    internal BpfAssembler Add(BpfRegister target, int value) => Emit(Alu64, target, 0, 0, value);

    internal BpfAssembler Add(BpfRegister target, BpfRegister source) => Emit(Alu64 | FromRegister, target, source, 0, 0);

    internal BpfAssembler Subtract(BpfRegister target, BpfRegister source) => Emit(Alu64 | FromRegister | (byte)BpfAlu.Subtract, target, source, 0, 0);

    internal BpfAssembler Compute32(BpfAlu operation, BpfRegister target, int value) => Emit((byte)(Alu32 | (byte)operation), target, 0, 0, value);

    internal BpfAssembler Compute32(BpfAlu operation, BpfRegister target, BpfRegister source) =>
        Emit((byte)(Alu32 | FromRegister | (byte)operation), target, source, 0, 0);

    internal BpfAssembler Negate32(BpfRegister target) => Emit(Alu32 | (byte)BpfAlu.Negate, target, 0, 0, 0);

    /// <summary>Takes the low 16 or 32 bits, read from memory in network order, as a number.</summary>
    internal BpfAssembler FromBigEndian(BpfRegister target, int bits) => Emit(ToBigEndian, target, 0, 0, bits);

    internal BpfAssembler LoadWord(BpfRegister target, BpfRegister source, short offset) => Load(4, target, source, offset);

    /// <param name="size">Bytes: 1, 2 or 4. The rest of the target is cleared.</param>
    /// <param name="target">Register to load.</param>
    /// <param name="source">Register with the address.</param>
    /// <param name="offset">Added to the address.</param>
    internal BpfAssembler Load(int size, BpfRegister target, BpfRegister source, short offset) =>
        Emit((byte)(LoadMemory | (size == 1 ? 0x10 : size == 2 ? 0x08 : 0)), target, source, offset, 0);

    internal BpfAssembler StoreWord(BpfRegister target, short offset, BpfRegister source) => Emit(StoreMemory, target, source, offset, 0);

    internal BpfAssembler StoreWordImmediate(BpfRegister target, short offset, int value) => Emit(StoreImmediate, target, 0, offset, value);

    internal BpfAssembler StoreDoubleWord(BpfRegister target, short offset, BpfRegister source) => Emit(StoreMemory64, target, source, offset, 0);

    internal BpfAssembler LoadMap(BpfRegister target, int mapDescriptor)
    {
        Emit(LoadImmediate64, target, (BpfRegister)PseudoMapDescriptor, 0, mapDescriptor);
        return Emit(0, 0, 0, 0, 0);
    }

    internal BpfAssembler Call(BpfHelper helper) => Emit(CallHelper, 0, 0, 0, (int)helper);

    internal BpfAssembler Exit() => Emit(ExitProgram, 0, 0, 0, 0);

    internal BpfAssembler Jump(Label target) => Jump(JumpAlways, 0, 0, 0, target);

    internal BpfAssembler JumpIfNot(BpfRegister left, int value, Label target) => Jump(Jump64 | JumpNotEqual, left, 0, value, target);

    internal BpfAssembler JumpIfGreater(BpfRegister left, BpfRegister right, Label target) => Jump(Jump64 | FromRegister | JumpGreaterThan, left, right, 0, target);

    internal BpfAssembler JumpIfGreater(BpfRegister left, int value, Label target) => Jump(Jump64 | JumpGreaterThan, left, 0, value, target);

    internal BpfAssembler JumpIfEqual32(BpfRegister left, int value, Label target) => Jump(Jump32 | JumpEqual, left, 0, value, target);

    internal BpfAssembler JumpIfLess32(BpfRegister left, int value, Label target) => Jump(Jump32 | JumpLess, left, 0, value, target);

    /// <param name="operation">JEQ, JGT, JGE or JSET: the same numbers in classic and in extended BPF.</param>
    /// <param name="left">Left side, as an unsigned 32-bit number.</param>
    /// <param name="right">Right side, likewise.</param>
    /// <param name="target">Where to go if it holds.</param>
    internal BpfAssembler JumpIf32(byte operation, BpfRegister left, BpfRegister right, Label target) =>
        Jump((byte)(Jump32 | FromRegister | operation), left, right, 0, target);

    internal BpfAssembler JumpIf32(byte operation, BpfRegister left, int value, Label target) =>
        Jump((byte)(Jump32 | operation), left, 0, value, target);

    /// <exception cref="OverflowException">A jump is longer than its 16-bit offset allows.</exception>
    internal BpfInstruction[] Assemble()
    {
        BpfInstruction[] program = new BpfInstruction[count];
        Array.Copy(code, program, count);
        foreach ((int instruction, Label target) in jumps)
            program[instruction].Offset = checked((short)(target.Position - instruction - 1));
        return program;
    }

    private BpfAssembler Jump(byte operation, BpfRegister left, BpfRegister right, int value, Label target)
    {
        target.IsUsed = true;
        jumps.Add(new PendingJump(count, target));
        return Emit(operation, left, right, 0, value);
    }

    private BpfAssembler Emit(byte operation, BpfRegister target, BpfRegister source, short offset, int immediate)
    {
        if (count == code.Length)
        {
            BpfInstruction[] longer = new BpfInstruction[2 * count];
            Array.Copy(code, longer, count);
            code = longer;
        }

        code[count++] = new BpfInstruction
        {
            Code = operation,
            Registers = (byte)((byte)target | ((byte)source << 4)),
            Offset = offset,
            Immediate = immediate,
        };
        return this;
    }
}
