using System.Runtime.InteropServices;

namespace XdpPS;

/// <summary>struct bpf_insn of libpcap (struct sock_filter of the kernel): one classic BPF instruction.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ClassicInstruction
{
    internal ushort Code;
    internal byte JumpTrue;
    internal byte JumpFalse;
    internal uint K;

    internal readonly ClassicClass Class => (ClassicClass)(Code & 0x07);

    internal readonly int LoadSize => (Code & 0x18) switch { 0x00 => 4, 0x08 => 2, _ => 1 };

    internal readonly ClassicMode Mode => (ClassicMode)(Code & 0xe0);

    /// <summary>SKF_AD_OFF of linux/filter.h and what is above it: no bytes of the frame, but what a packet socket knows of it.</summary>
    internal readonly bool LoadsAncillary => Class == ClassicClass.Load && Mode == ClassicMode.Absolute && K >= 0xfffff000;

    /// <summary>The operation of an ALU or jump instruction: the same numbers as in eBPF.</summary>
    internal readonly byte Operation => (byte)(Code & 0xf0);

    internal readonly bool UsesX => (Code & 0x08) != 0;
}

/// <summary>Classes of classic BPF instructions (pcap/bpf.h).</summary>
internal enum ClassicClass
{
    Load = 0,
    LoadX = 1,
    Store = 2,
    StoreX = 3,
    Alu = 4,
    Jump = 5,
    Return = 6,
    Move = 7,
}

/// <summary>Addressing modes of loads (pcap/bpf.h).</summary>
internal enum ClassicMode
{
    Immediate = 0x00,
    Absolute = 0x20,
    Indirect = 0x40,
    Memory = 0x60,
    Length = 0x80,
    HeaderLength = 0xa0,
}
