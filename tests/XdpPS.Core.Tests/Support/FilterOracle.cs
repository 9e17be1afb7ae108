using System.ComponentModel;
using System.Runtime.InteropServices;
using XdpPS.Interop;

namespace XdpPS.Tests;

/// <summary>What others say of a frame: libpcap's own interpreter, and the kernel running our program.</summary>
internal static unsafe class FilterOracle
{
    internal const int Drop = 1;

    /// <summary>The kernel's test run takes no shorter frame (bpf_prog_test_run_xdp).</summary>
    internal const int ShortestForKernel = 14;

    /// <summary>Nor, for a program that knows no fragments, one that is longer than a page less headroom and tailroom.</summary>
    internal const int LongestForKernel = 3_500;

    private static readonly delegate* unmanaged<PcapProgram*, PcapHeader*, byte*, int> OfflineFilter =
        (delegate* unmanaged<PcapProgram*, PcapHeader*, byte*, int>)Find("pcap_offline_filter");

    private static readonly delegate* unmanaged<ClassicInstruction*, int, int> Validate = (delegate* unmanaged<ClassicInstruction*, int, int>)Find("bpf_validate");

    [StructLayout(LayoutKind.Sequential)]
    private struct PcapHeader
    {
        internal long Seconds;
        internal long Microseconds;
        internal uint Captured;
        internal uint Length;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct PcapProgram
    {
        internal uint Length;
        internal ClassicInstruction* Instructions;
    }

    /// <summary>Every primitive of pcap-filter(7) for Ethernet, and what joins them.</summary>
    internal static string[] Expressions { get; } = File.ReadAllLines(Path.Combine(AppContext.BaseDirectory, "FilterExpressions.txt"));

    internal static bool Libpcap(PacketFilter filter, ReadOnlySpan<byte> frame) => Libpcap(filter, frame, frame.Length);

    /// <param name="filter">The filter.</param>
    /// <param name="frame">The captured bytes.</param>
    /// <param name="length">The frame's length on the wire.</param>
    internal static bool Libpcap(PacketFilter filter, ReadOnlySpan<byte> frame, int length)
    {
        PcapHeader header = new() { Captured = (uint)frame.Length, Length = (uint)length };
        ClassicInstruction[] classic = filter.Leaves.Single().Instructions;
        fixed (ClassicInstruction* instructions = classic)
        fixed (byte* data = frame)
        {
            byte none = 0;
            PcapProgram program = new() { Length = (uint)classic.Length, Instructions = instructions };
            return OfflineFilter(&program, &header, data is null ? &none : data) != 0;
        }
    }

    internal static bool Kernel(XdpProgram program, ReadOnlySpan<byte> frame)
    {
        fixed (byte* data = frame)
        {
            BpfTestRun run = new() { Program = (uint)program.Descriptor.Number, SizeIn = (uint)frame.Length, DataIn = (ulong)data };
            int result = BpfCall.Invoke(BpfTestRun.BPF_PROG_TEST_RUN, ref run);
            if (result < 0) throw new Win32Exception(-result, $"BPF_PROG_TEST_RUN of {frame.Length} bytes");
            return run.ReturnValue == Drop;
        }
    }

    /// <summary>Whether libpcap's interpreter would run the program (bpf_validate).</summary>
    internal static bool IsValid(ClassicInstruction[] program)
    {
        fixed (ClassicInstruction* instructions = program) return Validate(instructions, program.Length) != 0;
    }

    private static nint Find(string function)
    {
        foreach (string name in new[] { "libpcap.so.1", "libpcap.so.0.8" })
        {
            if (NativeLibrary.TryLoad(name, out nint library)) return NativeLibrary.GetExport(library, function);
        }

        throw new DllNotFoundException("libpcap");
    }
}
