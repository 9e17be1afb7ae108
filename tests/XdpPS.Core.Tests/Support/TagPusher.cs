using XdpPS.Interop;

namespace XdpPS.Tests;

/// <summary>
/// Gives every frame that leaves an interface a VLAN tag, as a VLAN interface over it does: beside the frame, for the
/// device or the kernel to put in. By a program at tcx's egress (Linux 6.6).
/// </summary>
internal sealed unsafe class TagPusher : IDisposable
{
    private const uint BPF_PROG_TYPE_SCHED_CLS = 3, BPF_TCX_EGRESS = 47;
    private const BpfHelper SkbVlanPush = (BpfHelper)18;
    private const int TCX_NEXT = -1;

    private readonly FileDescriptor program;
    private readonly FileDescriptor link;

    internal TagPusher(string interfaceName, ushort id)
    {
        // The helper takes the tag's EtherType in network byte order.
        BpfInstruction[] code = new BpfAssembler()
            .Move(BpfRegister.R2, 0x0081)
            .Move(BpfRegister.R3, id)
            .Call(SkbVlanPush)
            .Move(BpfRegister.R0, TCX_NEXT)
            .Exit()
            .Assemble();
        ReadOnlySpan<byte> license = "GPL\0"u8;
        fixed (BpfInstruction* first = code)
        fixed (byte* text = license)
        {
            BpfProgramLoadAttr load = new()
            {
                ProgramType = BPF_PROG_TYPE_SCHED_CLS,
                InstructionCount = (uint)code.Length,
                Instructions = (ulong)first,
                License = (ulong)text,
            };
            program = Made(BpfCall.Invoke(BpfAbi.BPF_PROG_LOAD, ref load));
        }

        BpfLinkCreateAttr attach = new()
        {
            ProgramDescriptor = (uint)program.Number,
            TargetInterfaceIndex = (uint)XdpInterface.Get(interfaceName).Index,
            AttachType = BPF_TCX_EGRESS,
        };
        link = Made(BpfCall.Invoke(BpfAbi.BPF_LINK_CREATE, ref attach));
    }

    public void Dispose()
    {
        link?.Dispose();
        program.Dispose();
    }

    private static FileDescriptor Made(int result) => result >= 0 ? new FileDescriptor(result) : throw new InvalidOperationException($"bpf: {Errno.Name(-result)}");
}
