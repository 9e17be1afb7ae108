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

/// <summary>eBPF registers: R0 returns, R1 to R5 carry arguments, R6 to R9 survive calls.</summary>
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
}

/// <summary>Writes eBPF instructions (RFC 9669) with forward labels.</summary>
internal sealed class BpfAssembler
{
    private const byte Load32 = 0x61;
    private const byte Store64 = 0x7b;
    private const byte Move64 = 0xbf;
    private const byte MoveImmediate64 = 0xb7;
    private const byte AddImmediate64 = 0x07;
    private const byte LoadImmediate64 = 0x18;
    private const byte CallHelper = 0x85;
    private const byte ExitProgram = 0x95;
    private const byte JumpNotEqualImmediate = 0x55;
    private const byte JumpGreater = 0x2d;
    private const byte PseudoMapDescriptor = 1;

    private readonly List<BpfInstruction> code = [];
    private readonly List<(int Instruction, Label Target)> jumps = [];

    /// <summary>A place to jump to, once <see cref="Place"/> has said where it is.</summary>
    internal sealed class Label
    {
        internal int Position { get; set; } = -1;
    }

    internal BpfAssembler Place(Label label)
    {
        label.Position = code.Count;
        return this;
    }

    internal BpfAssembler Move(BpfRegister target, BpfRegister source) => Emit(Move64, target, source, 0, 0);

    internal BpfAssembler Move(BpfRegister target, int value) => Emit(MoveImmediate64, target, 0, 0, value);

    internal BpfAssembler Add(BpfRegister target, int value) => Emit(AddImmediate64, target, 0, 0, value);

    internal BpfAssembler LoadWord(BpfRegister target, BpfRegister source, short offset) => Emit(Load32, target, source, offset, 0);

    internal BpfAssembler StoreDoubleWord(BpfRegister target, short offset, BpfRegister source) => Emit(Store64, target, source, offset, 0);

    internal BpfAssembler LoadMap(BpfRegister target, int mapDescriptor)
    {
        Emit(LoadImmediate64, target, (BpfRegister)PseudoMapDescriptor, 0, mapDescriptor);
        return Emit(0, 0, 0, 0, 0);
    }

    internal BpfAssembler Call(BpfHelper helper) => Emit(CallHelper, 0, 0, 0, (int)helper);

    internal BpfAssembler Exit() => Emit(ExitProgram, 0, 0, 0, 0);

    internal BpfAssembler JumpIfNot(BpfRegister left, int value, Label target) => Jump(JumpNotEqualImmediate, left, 0, value, target);

    internal BpfAssembler JumpIfGreater(BpfRegister left, BpfRegister right, Label target) => Jump(JumpGreater, left, right, 0, target);

    internal BpfInstruction[] Assemble()
    {
        BpfInstruction[] program = [.. code];
        foreach ((int instruction, Label target) in jumps)
            program[instruction].Offset = checked((short)(target.Position - instruction - 1));
        return program;
    }

    private BpfAssembler Jump(byte operation, BpfRegister left, BpfRegister right, int value, Label target)
    {
        jumps.Add((code.Count, target));
        return Emit(operation, left, right, 0, value);
    }

    private BpfAssembler Emit(byte operation, BpfRegister target, BpfRegister source, short offset, int immediate)
    {
        code.Add(new BpfInstruction
        {
            Code = operation,
            Registers = (byte)((byte)target | ((byte)source << 4)),
            Offset = offset,
            Immediate = immediate,
        });
        return this;
    }
}
