using System.Buffers.Binary;

namespace XdpPS.Tests;

/// <summary>Runs the eBPF that a filter becomes, for frames that the kernel's test run does not take. It knows no helper.</summary>
internal static class BpfInterpreter
{
    private const ulong FrameAt = 1UL << 40, ContextAt = 1UL << 41, StackTop = 1UL << 42;

    internal static bool Matches(BpfInstruction[] program, ReadOnlySpan<byte> frame)
    {
        ulong[] registers = new ulong[11];
        registers[1] = ContextAt;
        registers[10] = StackTop;
        byte[] stack = new byte[512];
        for (int at = 0; ; at++)
        {
            BpfInstruction i = program[at];
            ref ulong target = ref registers[i.Registers & 0x0f];
            ulong source = registers[i.Registers >> 4];
            ulong value = (i.Code & 0x08) != 0 ? source : (ulong)(long)i.Immediate;
            switch (i.Code & 0x07)
            {
                case 0x01: target = Read(frame, stack, source + (ulong)(long)i.Offset, Size(i)); break;
                case 0x02: Write(stack, target + (ulong)(long)i.Offset, (uint)i.Immediate); break;
                case 0x03: Write(stack, target + (ulong)(long)i.Offset, (uint)source); break;
                case 0x04 when i.Code == 0xdc:
                    target = i.Immediate == 16 ? BinaryPrimitives.ReverseEndianness((ushort)target) : BinaryPrimitives.ReverseEndianness((uint)target);
                    break;
                case 0x04: target = (uint)Compute(i.Code & 0xf0, (uint)target, (uint)value, 31); break;
                case 0x07: target = Compute(i.Code & 0xf0, target, value, 63); break;
                case 0x05 when i.Code == 0x95: return registers[0] == FilterOracle.Drop;
                case 0x05: if (Holds(i.Code & 0xf0, target, value)) at += i.Offset; break;
                case 0x06: if (Holds(i.Code & 0xf0, (uint)target, (uint)value)) at += i.Offset; break;
                default: throw new InvalidOperationException($"opcode 0x{i.Code:x2}");
            }
        }
    }

    private static int Size(BpfInstruction instruction) => (instruction.Code & 0x18) switch { 0x00 => 4, 0x08 => 2, _ => 1 };

    private static ulong Read(ReadOnlySpan<byte> frame, byte[] stack, ulong address, int size)
    {
        // struct xdp_md: data, data_end.
        if (address == ContextAt) return FrameAt;
        if (address == ContextAt + 4) return FrameAt + (ulong)frame.Length;
        ReadOnlySpan<byte> bytes = address >= StackTop - 512
            ? stack.AsSpan((int)(address - (StackTop - 512)), size)
            : frame.Slice((int)(address - FrameAt), size);
        return size switch { 1 => bytes[0], 2 => BinaryPrimitives.ReadUInt16LittleEndian(bytes), _ => BinaryPrimitives.ReadUInt32LittleEndian(bytes) };
    }

    private static void Write(byte[] stack, ulong address, uint value) =>
        BinaryPrimitives.WriteUInt32LittleEndian(stack.AsSpan((int)(address - (StackTop - 512))), value);

    private static ulong Compute(int operation, ulong left, ulong right, int mask) => operation switch
    {
        0x00 => left + right,
        0x10 => left - right,
        0x20 => left * right,
        0x30 => left / right,
        0x40 => left | right,
        0x50 => left & right,
        0x60 => left << (int)(right & (ulong)mask),
        0x70 => left >> (int)(right & (ulong)mask),
        0x80 => 0 - left,
        0x90 => left % right,
        0xa0 => left ^ right,
        0xb0 => right,
        _ => throw new InvalidOperationException($"operation 0x{operation:x2}"),
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
        _ => throw new InvalidOperationException($"jump 0x{operation:x2}"),
    };
}
