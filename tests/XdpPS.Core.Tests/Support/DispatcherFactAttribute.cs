using XdpPS.Interop;

namespace XdpPS.Tests;

/// <summary>A test with libxdp's dispatcher: the real one, so that xdp-loader and a kernel that takes extension programs are needed.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class DispatcherFactAttribute : FactAttribute
{
    /// <summary>The program for AF_XDP that libxdp brings; the folder is Debian's, per architecture.</summary>
    internal static string? ObjectFile => new[] { "/usr/lib", "/usr/lib64", "/usr/local/lib" }
        .Where(Directory.Exists)
        .SelectMany(folder => Directory.GetDirectories(folder, "*-linux-gnu").Append(folder))
        .Select(folder => Path.Combine(folder, "bpf", "xsk_def_xdp_prog.o"))
        .FirstOrDefault(File.Exists);

    public DispatcherFactAttribute() => Skip = Requirements.Missing("xdp-loader", "bpftool")
        ?? (ObjectFile is null ? "libxdp's xsk_def_xdp_prog.o is not installed" : null)
        ?? (TakesExtensions() ? null : "this kernel refuses programs of type BPF_PROG_TYPE_EXT, so that libxdp makes no dispatcher");

    /// <summary>A program without a target is EINVAL where the type is allowed at all.</summary>
    private static unsafe bool TakesExtensions()
    {
        ReadOnlySpan<byte> license = "GPL\0"u8;
        BpfInstruction[] pass = new BpfAssembler().Move(BpfRegister.R0, 2).Exit().Assemble();
        fixed (BpfInstruction* first = pass)
        fixed (byte* text = license)
        {
            BpfProgramLoadAttr attributes = new()
            {
                ProgramType = BpfAbi.BPF_PROG_TYPE_EXT,
                InstructionCount = (uint)pass.Length,
                Instructions = (ulong)first,
                License = (ulong)text,
            };
            return BpfCall.Invoke(BpfAbi.BPF_PROG_LOAD, ref attributes) == -Errno.EINVAL;
        }
    }
}
