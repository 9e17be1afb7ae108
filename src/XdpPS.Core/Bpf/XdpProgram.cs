using System.Text;
using XdpPS.Interop;

namespace XdpPS;

/// <summary>A loaded program of type BPF_PROG_TYPE_XDP.</summary>
internal sealed class XdpProgram : IDisposable
{
    /// <summary>The name under which bpftool and ip link list our program.</summary>
    internal const string Name = "xdpps_redirect";

    /// <summary>Bytes of metadata our program puts right before the packet: bpf_ktime_get_ns, little-endian.</summary>
    internal const int MetadataSize = sizeof(long);

    internal const int XDP_DROP = 1;
    private const int XDP_PASS = 2;
    internal const short MdData = 0;
    internal const short MdDataEnd = 4;
    private const short MdDataMeta = 8;
    private const short MdRxQueueIndex = 16;

    private XdpProgram(FileDescriptor descriptor, BpfProgramInfo info)
    {
        Descriptor = descriptor;
        Id = (int)info.Id;
        Tag = info.Tag;
    }

    internal FileDescriptor Descriptor { get; }

    internal int Id { get; }

    /// <summary>The kernel's hash of the instructions, in which the map does not count: programs with one filter have one tag.</summary>
    internal ulong Tag { get; }

    /// <summary>
    /// Every packet that the filter matches, on a queue whose socket is in the map, goes to that socket, with its
    /// arrival time where that is wanted; all others go to the kernel. Without a filter every packet matches.
    /// </summary>
    /// <exception cref="XskException">The kernel refused the program, or the filter is too large for it.</exception>
    internal static XdpProgram LoadRedirect(XskMap map, PacketFilter? filter, bool fragments = false, bool arrivalTimes = true)
    {
        BpfInstruction[] instructions = Redirect(map.Descriptor.Number, filter, fragments, arrivalTimes);
        try
        {
            return Load(Name, instructions, fragments);
        }
        catch (XskException e) when (filter is not null && e.ErrorId == XskErrorId.ProgramRejected && e.ErrorNumber == Errno.E2BIG)
        {
            throw TooLarge(filter, $"the kernel's verifier gave up after {instructions.Length} instructions");
        }
    }

    /// <summary>The same for frames of several fragments, or null where the kernel has no such programs (before Linux 5.18) or refuses this one.</summary>
    internal static XdpProgram? TryLoadRedirectForFragments(XskMap map, PacketFilter? filter, bool arrivalTimes)
    {
        try
        {
            return LoadRedirect(map, filter, fragments: true, arrivalTimes);
        }
        catch (XskException e) when (e.ErrorId is XskErrorId.NotSupported or XskErrorId.FilterTooLarge or XskErrorId.ProgramRejected)
        {
            return null;
        }
    }

    internal static BpfInstruction[] Redirect(int mapDescriptor, PacketFilter? filter, bool fragments = false, bool arrivalTimes = true)
    {
        BpfAssembler.Label match = new(), noMatch = new(), redirect = new();
        BpfAssembler code = new BpfAssembler().Move(BpfRegister.R6, BpfRegister.R1);
        filter?.Write(code, Access(fragments), match, noMatch);
        if (filter is null || match.IsUsed)
        {
            code.Place(match);
            if (arrivalTimes)
            {
                // Drivers without metadata support refuse here; the packet then goes without its time.
                code.Move(BpfRegister.R1, BpfRegister.R6)
                    .Move(BpfRegister.R2, -MetadataSize)
                    .Call(BpfHelper.XdpAdjustMeta)
                    .JumpIfNot(BpfRegister.R0, 0, redirect)
                    .LoadWord(BpfRegister.R7, BpfRegister.R6, MdDataMeta)
                    .LoadWord(BpfRegister.R8, BpfRegister.R6, MdData)
                    .Move(BpfRegister.R1, BpfRegister.R7)
                    .Add(BpfRegister.R1, MetadataSize)
                    .JumpIfGreater(BpfRegister.R1, BpfRegister.R8, redirect)
                    .Call(BpfHelper.KtimeGetNs)
                    .StoreDoubleWord(BpfRegister.R7, 0, BpfRegister.R0);
            }

            code.Place(redirect)
                .LoadMap(BpfRegister.R1, mapDescriptor)
                .LoadWord(BpfRegister.R2, BpfRegister.R6, MdRxQueueIndex)
                // The flags of bpf_redirect_map are what it returns when the slot is empty (Linux 5.3).
                .Move(BpfRegister.R3, XDP_PASS)
                .Call(BpfHelper.RedirectMap)
                .Exit();
        }

        if (noMatch.IsUsed) code.Place(noMatch).Move(BpfRegister.R0, XDP_PASS).Exit();
        return Assemble(code, filter);
    }

    /// <summary>The filter alone, for tests and for trying it out: the program returns XDP_DROP for a match and XDP_PASS otherwise.</summary>
    internal static BpfInstruction[] Verdict(PacketFilter filter, bool fragments = false)
    {
        BpfAssembler.Label match = new(), noMatch = new();
        BpfAssembler code = new BpfAssembler().Move(BpfRegister.R6, BpfRegister.R1);
        filter.Write(code, Access(fragments), match, noMatch);
        if (match.IsUsed) code.Place(match).Move(BpfRegister.R0, XDP_DROP).Exit();
        if (noMatch.IsUsed) code.Place(noMatch).Move(BpfRegister.R0, XDP_PASS).Exit();
        return Assemble(code, filter);
    }

    private static FrameAccess Access(bool fragments) => fragments ? FrameAccess.Fragmented : FrameAccess.Linear;

    private static BpfInstruction[] Assemble(BpfAssembler code, PacketFilter? filter)
    {
        try
        {
            return code.Assemble();
        }
        catch (OverflowException) when (filter is not null)
        {
            throw TooLarge(filter, "a jump in its program is longer than 16 bits can say");
        }
    }

    private static XskException TooLarge(PacketFilter filter, string why) => XskException.FromCheck(
        XskErrorId.FilterTooLarge,
        $"The filter '{PacketFilter.Shorten(filter.Expression)}' is too large for the kernel ({filter.Leaves.Sum(leaf => leaf.Instructions.Length)} classic instructions): {why}",
        "use a shorter expression, such as net in place of many hosts, or filter part of it with Where-Object");

    internal static unsafe XdpProgram Load(string name, BpfInstruction[] instructions, bool fragments = false)
    {
        int result = Load(name, instructions, fragments, log: []);
        if (result < 0)
        {
            // Asked for only after a failure: a log buffer that is too small turns a good program into ENOSPC.
            byte[] log = new byte[1 << 20];
            int again = Load(name, instructions, fragments, log);
            // A log that did not fit makes the second errno ENOSPC, whatever the first was.
            if (again < 0) throw Rejected(-result, Encoding.ASCII.GetString(log).TrimEnd('\0', '\n', ' '), instructions.Length);
            result = again;
        }

        FileDescriptor descriptor = new(result);
        int errno = BpfCall.GetInfo(descriptor, out BpfProgramInfo info);
        if (errno >= 0) return new XdpProgram(descriptor, info);
        descriptor.Dispose();
        throw BpfFailed(-errno, "bpf(BPF_OBJ_GET_INFO_BY_FD, program)", "The XDP program could not be asked for its id");
    }

    internal static XskException BpfFailed(int errno, string call, string cause) => errno switch
    {
        Errno.EPERM or Errno.EACCES => NotPermitted(errno, call, cause),
        Errno.ENOSYS or Errno.EINVAL => XskException.FromCall(
            XskErrorId.NotSupported, errno, call,
            $"{cause}: this kernel lacks a part of BPF or AF_XDP that is needed",
            "use Linux 5.11 or newer with CONFIG_BPF_SYSCALL and CONFIG_XDP_SOCKETS"),
        Errno.EMFILE => XskException.FromCall(
            XskErrorId.OutOfDescriptors, errno, call, $"{cause}: no descriptor is left",
            ResourceLimit.MoreDescriptors),
        _ => XskException.FromCall(
            XskErrorId.SystemCallFailed, errno, call, $"{cause}: {Errno.Text(errno)}",
            "see dmesg for what the kernel says of it"),
    };

    private static XskException NotPermitted(int errno, string call, string cause)
    {
        (string why, string remedy) = Capabilities.WhyNoBpf();
        return XskException.FromCall(XskErrorId.PermissionDenied, errno, call, $"{cause}: {why}", remedy);
    }

    public void Dispose() => Descriptor.Dispose();

    internal static unsafe int Load(string name, BpfInstruction[] instructions, bool fragments, byte[] log, uint logLevel = 1)
    {
        // bpf_ktime_get_ns is for GPL-compatible programs only; "Dual MIT/GPL" is (include/linux/license.h).
        ReadOnlySpan<byte> license = "Dual MIT/GPL\0"u8;
        fixed (BpfInstruction* first = instructions)
        fixed (byte* licenseBytes = license, logBytes = log)
        {
            BpfProgramLoadAttr attributes = new()
            {
                ProgramType = BpfAbi.BPF_PROG_TYPE_XDP,
                InstructionCount = (uint)instructions.Length,
                Instructions = (ulong)first,
                License = (ulong)licenseBytes,
                LogLevel = log.Length > 0 ? logLevel : 0,
                LogSize = (uint)log.Length,
                LogBuffer = (ulong)logBytes,
                ProgramFlags = fragments ? BpfAbi.BPF_F_XDP_HAS_FRAGS : 0,
                Name = KernelName.From(name),
                ExpectedAttachType = BpfAbi.BPF_XDP,
            };
            return BpfCall.Invoke(BpfAbi.BPF_PROG_LOAD, ref attributes);
        }
    }

    private static XskException Rejected(int errno, string log, int length)
    {
        string call = $"bpf(BPF_PROG_LOAD, XDP, {length} instructions)";
        // Without a log the verifier was never reached: a capability or a kernel option is missing. With these two it was
        // content, and there was no descriptor or memory for the program.
        if (log.Length == 0 || errno is Errno.EMFILE or Errno.ENOMEM) return BpfFailed(errno, call, "The XDP program could not be loaded");
        // What follows the last instruction that was looked at; newer kernels explain it in further lines (seen on 7.3).
        string[] lines = [.. log.Split('\n').Where(line => line.Length > 0 && !line.StartsWith("processed ", StringComparison.Ordinal))];
        string reason = lines.ElementAtOrDefault(Array.FindLastIndex(lines, line => char.IsAsciiDigit(line[0])) + 1) ?? lines.LastOrDefault() ?? log;
        return XskException.FromCall(
            XskErrorId.ProgramRejected, errno, call,
            $"The kernel's verifier refused the XDP program: {reason}",
            "this is a defect of XdpPS or a limit of this kernel; report the exception's VerifierLog",
            log);
    }
}
