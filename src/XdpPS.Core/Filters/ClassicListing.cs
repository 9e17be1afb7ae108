using System.Globalization;

namespace XdpPS;

/// <summary>Classic BPF as tcpdump -d prints it (bpf_image of libpcap).</summary>
internal static class ClassicListing
{
    internal static string[] Write(ReadOnlySpan<ClassicInstruction> program)
    {
        string[] lines = new string[program.Length];
        for (int i = 0; i < lines.Length; i++) lines[i] = Line(i, program[i]);
        return lines;
    }

    private static string Line(int index, ClassicInstruction instruction)
    {
        (string operation, string operand) = Parts(index, instruction);
        string line = string.Create(CultureInfo.InvariantCulture, $"({index:d3}) {operation,-8} {operand}");
        if (instruction.Class != ClassicClass.Jump || instruction.Operation == 0) return line;
        int next = index + 1;
        return string.Create(
            CultureInfo.InvariantCulture,
            $"({index:d3}) {operation,-8} {operand,-16} jt {next + instruction.JumpTrue}\tjf {next + instruction.JumpFalse}");
    }

    private static (string Operation, string Operand) Parts(int index, ClassicInstruction instruction) => instruction.Class switch
    {
        ClassicClass.Load or ClassicClass.LoadX => Load(instruction),
        ClassicClass.Store => ("st", $"M[{Decimal(instruction.K)}]"),
        ClassicClass.StoreX => ("stx", $"M[{Decimal(instruction.K)}]"),
        ClassicClass.Alu => Compute(instruction),
        ClassicClass.Jump => Jump(index, instruction),
        ClassicClass.Return => ("ret", (instruction.Code & 0x18) == 0x10 ? "" : $"#{Decimal(instruction.K)}"),
        _ => ((instruction.Code & 0x80) != 0 ? "txa" : "tax", ""),
    };

    private static (string Operation, string Operand) Load(ClassicInstruction instruction)
    {
        string width = instruction.LoadSize switch { 1 => "b", 2 => "h", _ => "" };
        string operation = (instruction.Class == ClassicClass.LoadX ? "ldx" : "ld") + width;
        return instruction.Mode switch
        {
            ClassicMode.Immediate => (operation, $"#{Hexadecimal(instruction.K)}"),
            ClassicMode.Absolute => (operation, $"[{Decimal(instruction.K)}]"),
            ClassicMode.Indirect => (operation, $"[x + {Decimal(instruction.K)}]"),
            ClassicMode.Memory => (operation, $"M[{Decimal(instruction.K)}]"),
            ClassicMode.Length => (operation, "#pktlen"),
            _ => (operation, $"4*([{Decimal(instruction.K)}]&0xf)"),
        };
    }

    private static (string Operation, string Operand) Compute(ClassicInstruction instruction)
    {
        BpfAlu operation = (BpfAlu)instruction.Operation;
        string name = operation switch
        {
            BpfAlu.Add => "add",
            BpfAlu.Subtract => "sub",
            BpfAlu.Multiply => "mul",
            BpfAlu.Divide => "div",
            BpfAlu.Or => "or",
            BpfAlu.And => "and",
            BpfAlu.ShiftLeft => "lsh",
            BpfAlu.ShiftRight => "rsh",
            BpfAlu.Negate => "neg",
            BpfAlu.Modulo => "mod",
            _ => "xor",
        };
        if (operation == BpfAlu.Negate) return (name, "");
        if (instruction.UsesX) return (name, "x");
        return (name, operation is BpfAlu.Or or BpfAlu.And or BpfAlu.ExclusiveOr ? $"#{Hexadecimal(instruction.K)}" : $"#{Decimal(instruction.K)}");
    }

    private static (string Operation, string Operand) Jump(int index, ClassicInstruction instruction)
    {
        string name = instruction.Operation switch { 0x00 => "ja", 0x10 => "jeq", 0x20 => "jgt", 0x30 => "jge", _ => "jset" };
        if (instruction.Operation == 0) return (name, Decimal((uint)(index + 1) + instruction.K));
        return (name, instruction.UsesX ? "x" : $"#{Hexadecimal(instruction.K)}");
    }

    /// <summary>libpcap prints its unsigned constants as signed ones (%d).</summary>
    private static string Decimal(uint value) => ((int)value).ToString(CultureInfo.InvariantCulture);

    private static string Hexadecimal(uint value) => $"0x{value.ToString("x", CultureInfo.InvariantCulture)}";
}
