using System.Runtime.InteropServices;

namespace XdpPS.Tests;

/// <summary>The BPF_PROG_TEST_RUN part of union bpf_attr.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct BpfTestRun
{
    internal const int BPF_PROG_TEST_RUN = 10;

    internal uint Program;
    internal uint ReturnValue;
    internal uint SizeIn;
    internal uint SizeOut;
    internal ulong DataIn;
    internal ulong DataOut;
    internal uint Repeat;
    internal uint Duration;
    internal uint ContextSizeIn;
    internal uint ContextSizeOut;
    internal ulong ContextIn;
    internal ulong ContextOut;
    internal uint Flags;
    internal uint Processor;
    internal uint BatchSize;
}
