using System.Globalization;

namespace XdpPS;

/// <summary>eBPF in the kernel's notation, as the verifier's log and bpftool have it (kernel/bpf/disasm.c).</summary>
internal static class BpfListing
{
    private const byte LoadImmediate64 = 0x18, BigEndian = 0xdc, Exit = 0x95, Call = 0x85, JumpAlways = 0x05;

    internal static string[] Write(ReadOnlySpan<BpfInstruction> program)
    {
        List<string> lines = new(program.Length);
        for (int i = 0; i < program.Length; i++)
        {
            lines.Add(string.Create(CultureInfo.InvariantCulture, $"{i,4}: ({program[i].Code:x2}) {Text(program[i])}"));
            // A 64-bit constant takes two places.
            if (program[i].Code == LoadImmediate64) i++;
        }

        return [.. lines];
    }

    private static string Text(BpfInstruction instruction)
    {
        int target = instruction.Registers & 0x0f;
        int source = instruction.Registers >> 4;
        return (instruction.Code & 0x07) switch
        {
            // The constant is a map's descriptor, which says nothing; bpftool would have the map's id.
            0x00 => $"r{target} = map[{XskMap.ConventionalName}]",
            0x01 => $"r{target} = *({Width(instruction)} *)(r{source} {Signed(instruction.Offset)})",
            0x02 => $"*({Width(instruction)} *)(r{target} {Signed(instruction.Offset)}) = {Decimal(instruction.Immediate)}",
            0x03 => $"*({Width(instruction)} *)(r{target} {Signed(instruction.Offset)}) = r{source}",
            0x04 => Compute(instruction, 'w', target, source),
            0x07 => Compute(instruction, 'r', target, source),
            _ => Jump(instruction, (instruction.Code & 0x07) == 0x06 ? 'w' : 'r', target, source),
        };
    }

    private static string Compute(BpfInstruction instruction, char kind, int target, int source)
    {
        if (instruction.Code == BigEndian) return $"r{target} = be{Decimal(instruction.Immediate)} r{target}";
        string operation = (instruction.Code & 0xf0) switch
        {
            0x00 => "+=",
            0x10 => "-=",
            0x20 => "*=",
            0x30 => "/=",
            0x40 => "|=",
            0x50 => "&=",
            0x60 => "<<=",
            0x70 => ">>=",
            0x90 => "%=",
            0xa0 => "^=",
            _ => "=",
        };
        if ((instruction.Code & 0xf0) == 0x80) return $"{kind}{target} = -{kind}{target}";
        return $"{kind}{target} {operation} {((instruction.Code & 0x08) != 0 ? $"{kind}{source}" : Decimal(instruction.Immediate))}";
    }

    private static string Jump(BpfInstruction instruction, char kind, int target, int source)
    {
        if (instruction.Code == Exit) return "exit";
        if (instruction.Code == Call) return $"call {HelperName(instruction.Immediate)}#{Decimal(instruction.Immediate)}";
        string where = $"goto pc{Signed(instruction.Offset)}";
        if (instruction.Code == JumpAlways) return where;
        string comparison = (instruction.Code & 0xf0) switch
        {
            0x10 => "==",
            0x20 => ">",
            0x30 => ">=",
            0x40 => "&",
            0x50 => "!=",
            0xa0 => "<",
            _ => "<=",
        };
        string right = (instruction.Code & 0x08) != 0 ? $"{kind}{source}" : $"0x{instruction.Immediate.ToString("x", CultureInfo.InvariantCulture)}";
        return $"if {kind}{target} {comparison} {right} {where}";
    }

    private static string HelperName(int number) => (BpfHelper)number switch
    {
        BpfHelper.KtimeGetNs => "bpf_ktime_get_ns",
        BpfHelper.RedirectMap => "bpf_redirect_map",
        BpfHelper.XdpAdjustMeta => "bpf_xdp_adjust_meta",
        BpfHelper.XdpGetBuffLen => "bpf_xdp_get_buff_len",
        BpfHelper.XdpLoadBytes => "bpf_xdp_load_bytes",
        _ => "unknown",
    };

    private static string Width(BpfInstruction instruction) => (instruction.Code & 0x18) switch { 0x00 => "u32", 0x08 => "u16", 0x10 => "u8", _ => "u64" };

    private static string Signed(short value) => value.ToString("+0;-0;+0", CultureInfo.InvariantCulture);

    private static string Decimal(int value) => value.ToString(CultureInfo.InvariantCulture);
}
