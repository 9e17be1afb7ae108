using System.Buffers.Binary;
using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.CompilerServices;

namespace XdpPS;

/// <summary>
/// The eBPF that a filter becomes, turned once more into machine code by the runtime: a verdict on a frame in memory
/// costs nanoseconds and allocates nothing. What the program may do is what <see cref="BpfInterpreter"/> lets pass, and
/// its reads are inside the frame because <see cref="FrameAccess.Linear"/> compares with the end before each of them.
/// </summary>
internal sealed unsafe class CompiledFilter : IFrameFilter
{
    private const int Context = (int)BpfRegister.R6, StackTop = (int)BpfRegister.R10;
    private const int MemoryWords = 16;

    private static readonly MethodInfo Divide = Method(nameof(DivideOrZero)), Modulo = Method(nameof(ModuloOrLeft));

    private readonly BpfInterpreter interpreter;
    private readonly VerdictOn? compiled;

    /// <exception cref="XskException">The filter is too large for the jumps of its program.</exception>
    internal CompiledFilter(PacketFilter filter)
    {
        BpfInstruction[] program = XdpProgram.Verdict(filter);
        interpreter = new BpfInterpreter(program);
        if (RuntimeFeature.IsDynamicCodeSupported) compiled = new Writer(program).Write();
    }

    /// <summary>Returns what the XDP program would, for the bytes from one address up to another.</summary>
    private delegate int VerdictOn(ulong data, ulong end);

    public bool Matches(ReadOnlySpan<byte> frame)
    {
        if (compiled is null) return interpreter.Matches(frame);
        fixed (byte* data = frame) return compiled((ulong)data, (ulong)data + (ulong)frame.Length) == XdpProgram.XDP_DROP;
    }

    // RFC 9669, 4.1.
    private static ulong DivideOrZero(ulong left, ulong right) => right == 0 ? 0 : left / right;

    private static ulong ModuloOrLeft(ulong left, ulong right) => right == 0 ? left : left % right;

    private static MethodInfo Method(string name) => typeof(CompiledFilter).GetMethod(name, BindingFlags.NonPublic | BindingFlags.Static)!;

    /// <summary>One instruction after the other; registers and the words on the stack become local variables.</summary>
    private sealed class Writer
    {
        private readonly DynamicMethod method = new("Verdict", typeof(int), [typeof(ulong), typeof(ulong)], typeof(CompiledFilter), skipVisibility: true);
        private readonly BpfInstruction[] program;
        private readonly ILGenerator il;
        private readonly LocalBuilder[] registers;
        private readonly LocalBuilder[] memory;
        private readonly Label[] labels;

        internal Writer(BpfInstruction[] program)
        {
            this.program = program;
            il = method.GetILGenerator();
            registers = [.. Enumerable.Range(0, StackTop + 1).Select(_ => il.DeclareLocal(typeof(ulong)))];
            memory = [.. Enumerable.Range(0, MemoryWords).Select(_ => il.DeclareLocal(typeof(ulong)))];
            labels = [.. program.Select(_ => il.DefineLabel())];
        }

        internal VerdictOn Write()
        {
            for (int i = 0; i < program.Length; i++)
            {
                il.MarkLabel(labels[i]);
                Write(i, program[i]);
            }

            return method.CreateDelegate<VerdictOn>();
        }

        private void Write(int index, BpfInstruction instruction)
        {
            LocalBuilder target = registers[instruction.Registers & 0x0f];
            switch (instruction.Code & 0x07)
            {
                case 0x01:
                    Load(instruction);
                    il.Emit(OpCodes.Stloc, target);
                    break;
                case 0x02:
                case 0x03:
                    if ((instruction.Code & 0x07) == 0x02) il.Emit(OpCodes.Ldc_I8, (long)(uint)instruction.Immediate);
                    else il.Emit(OpCodes.Ldloc, registers[instruction.Registers >> 4]);
                    il.Emit(OpCodes.Conv_U4);
                    il.Emit(OpCodes.Conv_U8);
                    il.Emit(OpCodes.Stloc, Word(instruction));
                    break;
                case 0x04 when (instruction.Code & 0xf0) == 0xd0:
                    il.Emit(OpCodes.Ldloc, target);
                    FromBigEndian(instruction.Immediate);
                    il.Emit(OpCodes.Stloc, target);
                    break;
                case 0x04:
                case 0x07:
                    Compute(instruction, target, wide: (instruction.Code & 0x07) == 0x07);
                    il.Emit(OpCodes.Stloc, target);
                    break;
                case 0x05 when instruction.Code == 0x95:
                    il.Emit(OpCodes.Ldloc, registers[0]);
                    il.Emit(OpCodes.Conv_I4);
                    il.Emit(OpCodes.Ret);
                    break;
                default:
                    Jump(instruction, target, labels[index + 1 + instruction.Offset]);
                    break;
            }
        }

        private void Load(BpfInstruction instruction)
        {
            int source = instruction.Registers >> 4;
            if (source == Context)
            {
                // struct xdp_md: data, data_end.
                il.Emit(instruction.Offset == XdpProgram.MdData ? OpCodes.Ldarg_0 : OpCodes.Ldarg_1);
                return;
            }

            if (source == StackTop)
            {
                il.Emit(OpCodes.Ldloc, Word(instruction));
                return;
            }

            il.Emit(OpCodes.Ldloc, registers[source]);
            il.Emit(OpCodes.Ldc_I8, (long)instruction.Offset);
            il.Emit(OpCodes.Add);
            il.Emit(OpCodes.Conv_U);
            il.Emit(OpCodes.Unaligned, (byte)1);
            il.Emit((instruction.Code & 0x18) switch { 0x10 => OpCodes.Ldind_U1, 0x08 => OpCodes.Ldind_U2, _ => OpCodes.Ldind_U4 });
            il.Emit(OpCodes.Conv_U8);
        }

        /// <summary>The stack has the classic memory M[], in words from its top down, and nothing else.</summary>
        private LocalBuilder Word(BpfInstruction instruction) => memory[(-instruction.Offset / sizeof(uint)) - 1];

        private void FromBigEndian(int bits)
        {
            Type type = bits == 16 ? typeof(ushort) : typeof(uint);
            il.Emit(bits == 16 ? OpCodes.Conv_U2 : OpCodes.Conv_U4);
            il.Emit(OpCodes.Call, typeof(BinaryPrimitives).GetMethod(nameof(BinaryPrimitives.ReverseEndianness), [type])!);
            il.Emit(OpCodes.Conv_U8);
        }

        private void Compute(BpfInstruction instruction, LocalBuilder target, bool wide)
        {
            int operation = instruction.Code & 0xf0;
            if (operation is not (0x80 or 0xb0)) Push(target, wide);
            if (operation == 0x80) Push(target, wide);
            else PushOperand(instruction, wide);
            switch (operation)
            {
                case 0x00: il.Emit(OpCodes.Add); break;
                case 0x10: il.Emit(OpCodes.Sub); break;
                case 0x20: il.Emit(OpCodes.Mul); break;
                case 0x30: il.Emit(OpCodes.Call, Divide); break;
                case 0x40: il.Emit(OpCodes.Or); break;
                case 0x50: il.Emit(OpCodes.And); break;
                case 0x60: Shift(OpCodes.Shl, wide); break;
                case 0x70: Shift(OpCodes.Shr_Un, wide); break;
                case 0x80: il.Emit(OpCodes.Neg); break;
                case 0x90: il.Emit(OpCodes.Call, Modulo); break;
                case 0xa0: il.Emit(OpCodes.Xor); break;
                default: break; // A move: the operand is the result.
            }

            if (!wide) Narrow();
        }

        private void Shift(OpCode shift, bool wide)
        {
            il.Emit(OpCodes.Conv_I4);
            il.Emit(OpCodes.Ldc_I4, wide ? 63 : 31);
            il.Emit(OpCodes.And);
            il.Emit(shift);
        }

        private void Jump(BpfInstruction instruction, LocalBuilder left, Label goal)
        {
            int operation = instruction.Code & 0xf0;
            if (operation == 0x00)
            {
                il.Emit(OpCodes.Br, goal);
                return;
            }

            bool wide = (instruction.Code & 0x07) == 0x05;
            Push(left, wide);
            PushOperand(instruction, wide);
            if (operation == 0x40) il.Emit(OpCodes.And);
            il.Emit(
                operation switch
                {
                    0x10 => OpCodes.Beq,
                    0x20 => OpCodes.Bgt_Un,
                    0x30 => OpCodes.Bge_Un,
                    0x40 => OpCodes.Brtrue,
                    0x50 => OpCodes.Bne_Un,
                    0xa0 => OpCodes.Blt_Un,
                    _ => OpCodes.Ble_Un,
                },
                goal);
        }

        private void PushOperand(BpfInstruction instruction, bool wide)
        {
            if ((instruction.Code & 0x08) != 0) Push(registers[instruction.Registers >> 4], wide);
            else il.Emit(OpCodes.Ldc_I8, wide ? instruction.Immediate : (long)(uint)instruction.Immediate);
        }

        private void Push(LocalBuilder local, bool wide)
        {
            il.Emit(OpCodes.Ldloc, local);
            if (!wide) Narrow();
        }

        private void Narrow()
        {
            il.Emit(OpCodes.Conv_U4);
            il.Emit(OpCodes.Conv_U8);
        }
    }
}
