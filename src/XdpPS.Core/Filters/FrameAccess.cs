namespace XdpPS;

/// <summary>How a filter reads the frame. The context is in R6; R7, R8 and R9 belong to the filter.</summary>
internal abstract class FrameAccess
{
    /// <summary>No frame is longer (bpf_xdp_load_bytes), and the verifier does not follow a packet pointer further (MAX_PACKET_OFF).</summary>
    internal const int LargestOffset = 0xffff;

    private protected const BpfRegister Context = BpfRegister.R6;

    /// <summary>
    /// Direct packet access: no call, and the fastest. It sees the linear part, which is the whole frame for a program
    /// that was not loaded for fragments.
    /// </summary>
    internal static FrameAccess Linear { get; } = new LinearAccess();

    /// <summary>By helpers that know fragments (Linux 5.18): for frames longer than one page.</summary>
    internal static FrameAccess Fragmented { get; } = new FragmentedAccess();

    /// <summary>What every classic program needs first.</summary>
    internal abstract void Begin(BpfAssembler code);

    internal abstract void LoadLength(BpfAssembler code, BpfRegister target);

    /// <summary>Loads 1, 2 or 4 bytes at a fixed offset, in network byte order, or goes to <paramref name="outside"/>.</summary>
    internal abstract void Load(BpfAssembler code, BpfRegister target, int size, int offset, BpfAssembler.Label outside);

    /// <summary>The same at an offset in R0, which is known to be below <see cref="LargestOffset"/>.</summary>
    internal abstract void LoadIndirect(BpfAssembler code, BpfRegister target, int size, BpfAssembler.Label outside);

    private static void ToHostOrder(BpfAssembler code, BpfRegister target, int size)
    {
        if (size > 1) code.FromBigEndian(target, size * 8);
    }

    private sealed class LinearAccess : FrameAccess
    {
        private const BpfRegister Start = BpfRegister.R2, End = BpfRegister.R3, Address = BpfRegister.R4, Limit = BpfRegister.R5;

        internal override void Begin(BpfAssembler code) => code.LoadWord(Start, Context, XdpProgram.MdData).LoadWord(End, Context, XdpProgram.MdDataEnd);

        internal override void LoadLength(BpfAssembler code, BpfRegister target) => code.Move(target, End).Subtract(target, Start);

        internal override void Load(BpfAssembler code, BpfRegister target, int size, int offset, BpfAssembler.Label outside)
        {
            code.Move(Address, Start).Add(Address, offset);
            LoadChecked(code, target, size, outside);
        }

        internal override void LoadIndirect(BpfAssembler code, BpfRegister target, int size, BpfAssembler.Label outside)
        {
            code.Move(Address, Start).Add(Address, BpfRegister.R0);
            LoadChecked(code, target, size, outside);
        }

        /// <summary>Loads from the address register unless that reaches past the end.</summary>
        private static void LoadChecked(BpfAssembler code, BpfRegister target, int size, BpfAssembler.Label outside)
        {
            code.Move(Limit, Address).Add(Limit, size).JumpIfGreater(Limit, End, outside).Load(size, target, Address, 0);
            ToHostOrder(code, target, size);
        }
    }

    private sealed class FragmentedAccess : FrameAccess
    {
        /// <summary>Below the classic memory M[], which is 64 bytes.</summary>
        private const short Buffer = -72;

        internal override void Begin(BpfAssembler code)
        {
        }

        internal override void LoadLength(BpfAssembler code, BpfRegister target) =>
            code.Move(BpfRegister.R1, Context).Call(BpfHelper.XdpGetBuffLen).Move(target, BpfRegister.R0);

        internal override void Load(BpfAssembler code, BpfRegister target, int size, int offset, BpfAssembler.Label outside) =>
            Call(code.Move(BpfRegister.R2, offset), target, size, outside);

        internal override void LoadIndirect(BpfAssembler code, BpfRegister target, int size, BpfAssembler.Label outside) =>
            Call(code.Move(BpfRegister.R2, BpfRegister.R0), target, size, outside);

        private static void Call(BpfAssembler code, BpfRegister target, int size, BpfAssembler.Label outside)
        {
            code.Move(BpfRegister.R1, Context)
                .Move(BpfRegister.R3, BpfRegister.R10)
                .Add(BpfRegister.R3, Buffer)
                .Move(BpfRegister.R4, size)
                .Call(BpfHelper.XdpLoadBytes)
                .JumpIfNot(BpfRegister.R0, 0, outside)
                .Load(size, target, BpfRegister.R10, Buffer);
            ToHostOrder(code, target, size);
        }
    }
}
