using System.ComponentModel;
using System.Runtime.InteropServices;
using XdpPS.Interop;

namespace XdpPS.Tests;

/// <summary>One poll of a queue, made by hand: BPF_PROG_TEST_RUN with live frames (Linux 5.18), which go where the program redirects them.</summary>
internal static unsafe class LivePoll
{
    /// <summary>The most packets of one (TEST_XDP_MAX_BATCH); what they are redirected to gets them at its end (xdp_do_flush).</summary>
    internal const int Packets = 256;

    private const uint BPF_F_TEST_XDP_LIVE_FRAMES = 1 << 1;

    /// <summary>struct xdp_md: where the packets are taken to have come from.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Context
    {
        internal uint Data;
        internal uint DataEnd;
        internal uint DataMeta;
        internal int InterfaceIndex;
        internal uint Queue;
        internal uint EgressInterfaceIndex;
    }

    /// <summary>A program that takes a fraction of a millisecond over a packet, and redirects it to slot 0 of a map.</summary>
    internal static XdpProgram LoadSlow(FileDescriptor map)
    {
        BpfAssembler.Label again = new();
        BpfAssembler code = new BpfAssembler()
            .Move(BpfRegister.R6, 0)
            .Place(again)
            .Call(BpfHelper.KtimeGetNs)
            .Add(BpfRegister.R6, 1)
            .JumpIfLess32(BpfRegister.R6, 8192, again)
            .Move(BpfRegister.R2, 0);
        ForeignProgram.Redirect(code, map.Number);
        return XdpProgram.Load("slow_program", code.Assemble());
    }

    /// <summary>Queue 0 of an interface of the calling thread's namespace gets <see cref="Packets"/> of one frame.</summary>
    internal static void Run(XdpProgram program, int interfaceIndex, byte[] frame)
    {
        fixed (byte* data = frame)
        {
            Context context = new() { DataEnd = (uint)frame.Length, InterfaceIndex = interfaceIndex };
            BpfTestRun run = new()
            {
                Program = (uint)program.Descriptor.Number,
                SizeIn = (uint)frame.Length,
                DataIn = (ulong)data,
                Repeat = Packets,
                ContextSizeIn = (uint)sizeof(Context),
                ContextIn = (ulong)(&context),
                Flags = BPF_F_TEST_XDP_LIVE_FRAMES,
                BatchSize = Packets,
            };
            int result = BpfCall.Invoke(BpfTestRun.BPF_PROG_TEST_RUN, ref run);
            if (result < 0) throw new Win32Exception(-result, "BPF_PROG_TEST_RUN with live frames");
        }
    }
}
