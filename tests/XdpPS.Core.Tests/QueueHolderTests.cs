using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using XdpPS.Interop;

namespace XdpPS.Tests;

/// <summary>Who holds a queue. Few kernels are built with sock_diag for AF_XDP: without it, only its messages' layout can be tried.</summary>
public sealed class QueueHolderTests
{
    private const int AnyInterface = 7;

    /// <summary>Laid out by hand after include/uapi/linux/xdp_diag.h, not recorded from a kernel.</summary>
    [Fact]
    public void The_kernels_answer_is_read_by_its_header()
    {
        byte[] attributes = Frames.Hex("0800 0200 E8030000" + "0C00 0100 07000000 03000000" + "0800 0300 00080000");
        byte[] message = [.. Frames.Hex("2C 03 0000 39300000 0100000002000000"), .. attributes];
        Assert.Equal(new XdpDiag.Entry(12345, AnyInterface, 3), XdpDiag.Parse(message));
        Assert.Null(XdpDiag.Parse(message.AsSpan(0, 15)));
        Assert.Null(XdpDiag.Parse(message.AsSpan(0, 16)));
        Assert.Null(XdpDiag.Parse(message.AsSpan(0, message.Length - 10)));
        message[0] = 1;
        Assert.Null(XdpDiag.Parse(message));
    }

    [Fact]
    public void The_question_is_the_headers()
    {
        byte[] request = XdpDiag.Request().Bytes.ToArray();
        Assert.Equal(16 + 20, BinaryPrimitives.ReadInt32LittleEndian(request));
        Assert.Equal("2C000000" + "00000000" + "01000000" + "0000000000000000", Convert.ToHexString(request[16..]));
    }

    [Fact]
    public void A_holder_that_cannot_be_seen_and_one_that_is_gone_are_said_to_be()
    {
        Assert.Contains("may not look into", QueueHolder.Describe(AnyInterface, 3, [new(uint.MaxValue, AnyInterface, 3)], []), StringComparison.Ordinal);
        foreach (XdpDiag.Entry other in new XdpDiag.Entry[] { new(1, AnyInterface, 2), new(1, AnyInterface + 1, 3) })
            Assert.Equal("an AF_XDP socket just closed whose frames are still being sent", QueueHolder.Describe(AnyInterface, 3, [other], []));
    }

    /// <summary>The inode is a real socket's of a real process, the list that has it is made up.</summary>
    [KernelFact]
    public void The_process_is_found_by_the_sockets_inode()
    {
        using TestNetwork network = new();
        using Process owner = Holder.Start(network, TestNetwork.Near, "0");
        QueueHolderIs(owner, [new(Inode(owner), AnyInterface, 0)]);
        owner.StandardInput.Close();
        owner.WaitForExit();
    }

    [KernelFact]
    public void Where_the_kernel_lists_no_such_sockets_those_that_may_hold_it_are_named()
    {
        using TestNetwork network = new();
        network.Run(() =>
        {
            using Process owner = Holder.Start(network, TestNetwork.Near, "0");
            // Without the program, and so not told from others by it; before them for being in this namespace.
            using Process other = Holder.Start(network, TestNetwork.Far, "0", Holder.WithoutProgram);
            string text = QueueHolder.Describe(XdpInterface.Get(TestNetwork.Near).Index, 0, null, [owner.Id]);
            Assert.Contains("this kernel cannot tell which", text, StringComparison.Ordinal);
            // Those of other namespaces stand behind them, and come and go.
            string first = $"may hold it: {Name(owner)}, which holds the interface's XDP program, {Name(other)}";
            Assert.Contains(first, text, StringComparison.Ordinal);
            if (XdpDiag.Query() is null)
            {
                XskException failure = Sockets.Fails(XskErrorId.QueueBusy, () => Sockets.Open());
                Assert.Contains(first, failure.Message, StringComparison.Ordinal);
            }

            End(owner, other);
        });
    }

    /// <summary>As a pwsh with -NetworkNamespace: /proc/PID/ns/net is not where its sockets are.</summary>
    [KernelTheory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_holder_in_another_namespace_than_its_socket_is_named_as_well(bool withProgram)
    {
        using TestNetwork network = new();
        using Process owner = Holder.StartOutside(network, TestNetwork.Near, "0", withProgram ? "" : Holder.WithoutProgram);
        network.Run(() =>
        {
            XskException failure = Sockets.Fails(XskErrorId.QueueBusy, () => Sockets.Open());
            Assert.Contains(Name(owner), failure.Message, StringComparison.Ordinal);
            bool firstByProgram = failure.Message.Contains($"may hold it: {Name(owner)}, which holds the interface's XDP program", StringComparison.Ordinal);
            if (XdpDiag.Query() is null) Assert.Equal(withProgram, firstByProgram);
        });
        End(owner);
    }

    [KernelFact]
    public void A_queue_that_this_process_holds_is_said_to_be_its_own()
    {
        using TestNetwork network = new(queues: 2);
        network.Run(() =>
        {
            XskSocket holder = Sockets.Open();
            foreach (XskSocketOptions options in (XskSocketOptions[])[Sockets.Options(), Sockets.Options(attachProgram: false)])
            {
                XskException failure = Sockets.Fails(XskErrorId.QueueBusy, () => XskSocket.Open(options));
                Assert.Contains($"Queue 0 of {TestNetwork.Near} is held by this session, or another runspace of this process ({Environment.ProcessId}); see Get-XskSocket", failure.Message, StringComparison.Ordinal);
            }

            holder.Close();
            using Process other = Holder.Start(network, TestNetwork.Near, "0");
            Assert.DoesNotContain("held by this session", Sockets.Fails(XskErrorId.QueueBusy, () => Sockets.Open()).Message, StringComparison.Ordinal);
            End(other);
        });
    }

    /// <summary>As on a kernel where no family has sock_diag, and in a container whose seccomp profile blocks it.</summary>
    [KernelTheory]
    [InlineData(Errno.EPROTONOSUPPORT)]
    [InlineData(Errno.EPERM)]
    public void A_busy_queue_is_said_to_be_busy_also_where_no_list_can_be_asked_for(int errno)
    {
        using TestNetwork network = new();
        network.Run(() =>
        {
            using Process holder = Holder.Start(network, TestNetwork.Near, "0");
            SystemCallFilter.Fail("socket", errno, Libc.AF_NETLINK, null, NetlinkAbi.NETLINK_SOCK_DIAG);
            XskException failure = Sockets.Fails(XskErrorId.QueueBusy, () => Sockets.Open());
            Assert.Contains("this kernel cannot tell which", failure.Message, StringComparison.Ordinal);
            End(holder);
        });
    }

    [SocketListFact]
    public void The_kernel_that_lists_them_tells_exactly_who()
    {
        using TestNetwork network = new(queues: 2);
        network.Run(() =>
        {
            using Process owner = Holder.Start(network, TestNetwork.Near, "0");
            using Process other = Holder.Start(network, TestNetwork.Near, "1");
            int index = XdpInterface.Get(TestNetwork.Near).Index;
            Assert.Equal(
                [new(Inode(owner), index, 0), new(Inode(other), index, 1)],
                XdpDiag.Query()!.OrderBy(entry => entry.QueueId));
            XskException failure = Sockets.Fails(XskErrorId.QueueBusy, () => Sockets.Open());
            Assert.Contains($"is held by an AF_XDP socket of {Name(owner)};", failure.Message, StringComparison.Ordinal);
            End(owner, other);
        });
    }

    private static void QueueHolderIs(Process owner, List<XdpDiag.Entry> sockets) =>
        Assert.Equal($"an AF_XDP socket of {Name(owner)}", QueueHolder.Describe(AnyInterface, 0, sockets, []));

    private static void End(params Process[] processes)
    {
        foreach (Process process in processes)
        {
            process.StandardInput.Close();
            process.WaitForExit();
        }
    }

    private static string Name(Process process) => $"{File.ReadAllText($"/proc/{process.Id}/comm").Trim()} ({process.Id})";

    /// <summary>Of the socket whose rings the process has mapped.</summary>
    private static uint Inode(Process process) => File.ReadLines($"/proc/{process.Id}/maps")
        .Where(line => line.Contains("socket:[", StringComparison.Ordinal))
        .Select(line => uint.Parse(line.Split("socket:[")[1].TrimEnd(']'), CultureInfo.InvariantCulture))
        .Distinct()
        .Single();
}

/// <summary>A test that needs a kernel with CONFIG_XDP_SOCKETS_DIAG.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class SocketListFactAttribute : FactAttribute
{
    public SocketListFactAttribute() => Skip = Requirements.Missing()
        ?? (XdpDiag.Query() is null ? "this kernel does not list AF_XDP sockets (CONFIG_XDP_SOCKETS_DIAG)" : null);
}
