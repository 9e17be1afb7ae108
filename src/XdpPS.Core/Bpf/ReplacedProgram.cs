using System.Buffers.Binary;
using System.Diagnostics;
using System.Runtime.InteropServices;
using XdpPS.Interop;

namespace XdpPS;

/// <summary>A program attached by netlink that makes way for ours; while it is held it can be put back.</summary>
internal sealed class ReplacedProgram : IDisposable
{
    private static readonly TimeSpan RestorePatience = TimeSpan.FromMilliseconds(500);

    private readonly FileDescriptor program;
    private readonly XdpInterface nic;

    private ReplacedProgram(FileDescriptor program, XdpInterface nic, XdpProgramInfo info)
    {
        this.program = program;
        this.nic = nic;
        Info = info;
    }

    /// <summary>What it was.</summary>
    internal XdpProgramInfo Info { get; }

    private uint ModeFlag => Info.Mode switch
    {
        XdpMode.Generic => BpfAbi.XDP_FLAGS_SKB_MODE,
        XdpMode.Offload => BpfAbi.XDP_FLAGS_HW_MODE,
        _ => BpfAbi.XDP_FLAGS_DRV_MODE,
    };

    /// <summary>Detaches exactly the program that was looked at: another that came in between stays where it is.</summary>
    /// <exception cref="XskException">It is gone already, or a bpf_link holds it after all (<see cref="XskErrorId.ProgramAttached"/>).</exception>
    internal static ReplacedProgram Detach(XdpInterface nic)
    {
        XdpProgramInfo info = new XdpProgramQuery().Describe(nic, nic.XdpMode, nic.XdpProgramId);
        FileDescriptor? program = BpfCall.OpenById(BpfAbi.BPF_PROG_GET_FD_BY_ID, (uint)nic.XdpProgramId);
        if (program is null) throw XdpLink.ProgramInTheWay(nic, null, 0);
        ReplacedProgram replaced = new(program, nic, info);
        try
        {
            int errno = replaced.Set(-1, program.Number, replaced.ModeFlag | BpfAbi.XDP_FLAGS_REPLACE);
            if (errno == 0) return replaced;
            // EEXIST: it is another by now. EBUSY: it hangs on a bpf_link (dev_xdp_attach).
            const string call = "RTM_SETLINK(IFLA_XDP, XDP_FLAGS_REPLACE)";
            throw errno is Errno.EEXIST or Errno.EBUSY
                ? XdpLink.ProgramInTheWay(nic.Refreshed(), call, errno)
                : XdpProgram.BpfFailed(errno, call, $"The XDP program on {nic.Name} (id {info.Id}) could not be detached");
        }
        catch
        {
            replaced.Dispose();
            throw;
        }
    }

    /// <summary>Puts it back, unless someone else's program came meanwhile.</summary>
    internal void Restore()
    {
        Stopwatch waited = Stopwatch.StartNew();
        // The kernel may still be taking ours off.
        while (Set(program.Number, -1, ModeFlag | BpfAbi.XDP_FLAGS_UPDATE_IF_NOEXIST) == Errno.EBUSY && waited.Elapsed < RestorePatience) Thread.Sleep(10);
        Dispose();
    }

    public void Dispose() => program.Dispose();

    /// <returns>0, or the kernel's errno.</returns>
    private int Set(int descriptor, int expected, uint flags)
    {
        Span<byte> header = stackalloc byte[16];
        header.Clear();
        BinaryPrimitives.WriteInt32LittleEndian(header[4..], nic.Index);
        // Attributes of 8 bytes: length, type, value.
        Span<uint> attributes =
        [
            8 | (uint)NetlinkAbi.IFLA_XDP_FD << 16, (uint)descriptor,
            8 | (uint)NetlinkAbi.IFLA_XDP_FLAGS << 16, flags,
            8 | (uint)NetlinkAbi.IFLA_XDP_EXPECTED_FD << 16, (uint)expected,
        ];
        if (expected < 0) attributes = attributes[..4];
        NetlinkRequest request = new NetlinkRequest(NetlinkAbi.RTM_SETLINK, NetlinkAbi.NLM_F_ACK, header)
            .Add((ushort)(NetlinkAbi.IFLA_XDP | NetlinkAbi.NLA_F_NESTED), MemoryMarshal.AsBytes(attributes));
        using NetlinkSocket netlink = new(NetlinkAbi.NETLINK_ROUTE);
        return netlink.Ask(request, dump: false, (_, _) => { });
    }
}
