using System.Diagnostics;
using System.Text.Json;

namespace XdpPS.Tests;

/// <summary>What is said of a program that someone else attached, and what -Force does about it.</summary>
public sealed class ProgramsInTheWayTests : IDisposable
{
    private readonly TestNetwork network = new(queues: 2);

    public void Dispose() => network.Dispose();

    [KernelTheory("bpftool")]
    [InlineData("xdpdrv", "native", "xdp off")]
    [InlineData("xdpgeneric", "generic", "xdpgeneric off")]
    public void A_netlink_program_is_named_with_what_takes_it_off(string how, string mode, string off) => network.Run(() =>
    {
        int id;
        using (XdpProgram program = PassAll("leftover"))
        {
            id = program.Id;
            AttachByNetlink(program, how);
            XskException whileHeld = Sockets.Fails(XskErrorId.ProgramAttached, () => Sockets.Open());
            Assert.Contains($"attached by netlink, held by {Self()})", whileHeld.Message, StringComparison.Ordinal);
        }

        XskException failure = Sockets.Fails(XskErrorId.ProgramAttached, () => Sockets.Open());
        Assert.Contains(
            $"(id {id}, name 'leftover', tag {Bpftool("prog", "show", "id", $"{id}").GetProperty("tag").GetString()}, {mode} mode, attached by netlink, held by no process",
            failure.Message, StringComparison.Ordinal);
        Assert.Contains("-Force", failure.Message, StringComparison.Ordinal);
        Assert.Contains($"'ip link set dev {TestNetwork.Near} {off}'", failure.Message, StringComparison.Ordinal);
        network.Ip(["link", "set", "dev", TestNetwork.Near, .. off.Split(' ')]);
        Sockets.Open().Dispose();
    });

    [KernelTheory("bpftool")]
    [InlineData(false)]
    [InlineData(true)]
    public void A_bpf_link_is_named_with_its_holder_and_never_replaced(bool force) => network.Run(() =>
    {
        using XdpProgram program = PassAll("stranger");
        using XdpLink link = XdpLink.Attach(program, XdpInterface.Get(TestNetwork.Near), XdpAttachMode.Native, []);
        int linkId = Bpftool("link", "show").EnumerateArray().Single(one => Id(one, "prog_id") == program.Id).GetProperty("id").GetInt32();
        Residue before = Residue.Now();
        XskException failure = Sockets.Fails(XskErrorId.ProgramAttached, () => XskSocket.Open(Sockets.Options(force: force)));
        Residue.AssertNoMoreThan(before);
        Assert.Contains($"attached by bpf_link {linkId}, held by {Self()})", failure.Message, StringComparison.Ordinal);
        Assert.Contains($"cannot be replaced, with -Force or without: end {Self()}, detach it with 'bpftool link detach id {linkId}'", failure.Message, StringComparison.Ordinal);
        Assert.Equal(program.Id, AttachedId());
        Command.Run("bpftool", "link", "detach", "id", $"{linkId}");
        Sockets.Open().Dispose();
    });

    [KernelFact("bpftool")]
    public void A_bpf_link_that_only_a_pin_holds_is_not_said_to_be_ours() => network.Run(() =>
    {
        string folder = Directory.CreateTempSubdirectory("xdpps-test-").FullName;
        try
        {
            Kernel.MountPrivately("bpf", folder);
            using (XdpProgram program = PassAll("pinned"))
            {
                using XdpLink link = XdpLink.Attach(program, XdpInterface.Get(TestNetwork.Near), XdpAttachMode.Native, []);
                Command.Run("bpftool", "link", "pin", "id", $"{XdpProgramInfo.Get(TestNetwork.Near)[0].LinkId}", $"{folder}/link");
            }

            XskException failure = Sockets.Fails(XskErrorId.ProgramAttached, () => Sockets.Open());
            Assert.Contains("held by no process that can be seen here)", failure.Message, StringComparison.Ordinal);
            Assert.Contains("perhaps a pin", failure.Message, StringComparison.Ordinal);
            File.Delete($"{folder}/link");
            Sockets.Open().Dispose();
        }
        finally
        {
            Command.Try("umount", null, folder);
            Directory.Delete(folder);
        }
    });

    [KernelTheory("bpftool")]
    [InlineData("xdpdrv", XdpAttachMode.Auto)]
    [InlineData("xdpgeneric", XdpAttachMode.Native)]
    [InlineData("xdpdrv", XdpAttachMode.Generic)]
    public void Force_replaces_a_netlink_program_and_says_so(string how, XdpAttachMode mode) => network.Run(() =>
    {
        using XdpProgram program = PassAll("leftover");
        AttachByNetlink(program, how);
        Residue before = Residue.Now();
        using (XskSocket socket = XskSocket.Open(Sockets.Options(force: true, attach: mode)))
        {
            XskWarning warning = Assert.Single(socket.Warnings, warning => warning.Id == "ProgramReplaced");
            Assert.Contains($"(id {program.Id}, name 'leftover'", warning.Message, StringComparison.Ordinal);
            Assert.False(socket.JoinedProgram);
            Assert.Equal(socket.ProgramId, AttachedId());
            Assert.NotEqual(program.Id, AttachedId());
            SendToQueue0(Frames.Series(4));
            Assert.Equal(Frames.Series(4), socket.Take(4));
        }

        Residue.AssertNoMoreThan(before);
        Assert.False(network.HasProgram());
    });

    [KernelFact("bpftool")]
    public void Without_force_nothing_is_replaced() => network.Run(() =>
    {
        using XdpProgram program = PassAll("leftover");
        AttachByNetlink(program, "xdpdrv");
        Sockets.Fails(XskErrorId.ProgramAttached, () => Sockets.Open());
        Assert.Equal(program.Id, AttachedId());
    });

    [KernelFact("bpftool")]
    public void What_was_replaced_is_put_back_where_opening_fails_later() => network.Run(() =>
    {
        using XdpProgram program = PassAll("leftover");
        AttachByNetlink(program, "xdpdrv");
        Residue before = Residue.Now();
        // Two steps after the attaching, at bind: veth cannot do it.
        Sockets.Fails(XskErrorId.ZeroCopyNotSupported, () => XskSocket.Open(new XskSocketOptions
        {
            InterfaceName = TestNetwork.Near,
            FrameCount = 128,
            Force = true,
            BindMode = XskBindMode.ZeroCopy,
        }));
        Assert.Equal(program.Id, AttachedId());
        Residue.AssertNoMoreThan(before);
    });

    [KernelFact("bpftool", "ethtool")]
    public void What_was_replaced_is_put_back_where_ours_cannot_be_attached() => network.Run(() =>
    {
        using XdpProgram program = PassAll("leftover");
        AttachByNetlink(program, "xdpgeneric");
        // Fewer receive queues than the peer has transmit queues: native XDP is refused (veth_xdp_set).
        Assert.Equal(0, network.Execute("ethtool", "-L", TestNetwork.Near, "rx", "1").ExitCode);
        Residue before = Residue.Now();
        Sockets.Fails(XskErrorId.NativeModeNotSupported, () => XskSocket.Open(Sockets.Options(force: true, attach: XdpAttachMode.Native)));
        Assert.Equal(program.Id, AttachedId());
        Residue.AssertNoMoreThan(before);
    });

    [KernelFact("bpftool")]
    public void Only_the_program_that_was_looked_at_is_detached() => network.Run(() =>
    {
        using XdpProgram first = PassAll("first");
        using XdpProgram second = PassAll("second");
        AttachByNetlink(first, "xdpdrv");
        XdpInterface before = XdpInterface.Get(TestNetwork.Near);
        AttachByNetlink(second, "xdpdrv", "overwrite");
        XskException failure = Sockets.Fails(XskErrorId.ProgramAttached, () => ReplacedProgram.Detach(before));
        Assert.Contains("EEXIST", failure.Message, StringComparison.Ordinal);
        Assert.Contains("'second'", failure.Message, StringComparison.Ordinal);
        Assert.Equal(second.Id, AttachedId());
    });

    [KernelFact("bpftool")]
    public void A_program_that_could_be_joined_is_replaced_only_for_a_filter_and_by_force() => network.Run(() =>
    {
        using XskMap map = XskMap.Create(2);
        using XdpProgram program = XdpProgram.LoadRedirect(map, null);
        AttachByNetlink(program, "xdpdrv");
        using (XskSocket joiner = XskSocket.Open(Sockets.Options(force: true)))
        {
            Assert.True(joiner.JoinedProgram);
            Assert.Equal(program.Id, AttachedId());
        }

        XskException refused = Sockets.Fails(XskErrorId.FilterConflict, () => XskSocket.Open(Filtered(force: false)));
        Assert.Contains("replace the program with -Force", refused.Message, StringComparison.Ordinal);
        Assert.Equal(program.Id, AttachedId());

        using XskSocket socket = XskSocket.Open(Filtered(force: true));
        Assert.Contains(socket.Warnings, warning => warning.Id == "ProgramReplaced");
        byte[][] series = [Frames.Make(100, 1), Frames.Make(60, 2), Frames.Make(100, 3)];
        SendToQueue0(series);
        Assert.Equal([series[1]], socket.Take(1));
        Assert.Empty(socket.Drain());
    });

    [KernelFact]
    public void Another_process_with_the_library_is_not_replaced_for_a_filter_even_by_force() => network.Run(() =>
    {
        using Process owner = Holder.Start(network, TestNetwork.Near, "0");
        int id = AttachedId();
        XskException failure = Sockets.Fails(XskErrorId.FilterConflict, () => XskSocket.Open(Filtered(force: true)));
        Assert.Contains("a bpf_link, which cannot be replaced", failure.Message, StringComparison.Ordinal);
        Assert.Equal(id, AttachedId());
        owner.StandardInput.Close();
        owner.WaitForExit();
    });

    [KernelFact("bpftool")]
    public void An_attached_program_is_described_as_bpftool_describes_it() => network.Run(() =>
    {
        using Process owner = Holder.Start(network, TestNetwork.Near, "0");
        XdpProgramInfo program = Assert.Single(XdpProgramInfo.Get(TestNetwork.Near));
        JsonElement witness = Bpftool("prog", "show", "id", $"{AttachedId()}");
        JsonElement link = Bpftool("link", "show").EnumerateArray().Single(one => Id(one, "prog_id") == program.Id);
        Assert.Equal(Id(witness, "id"), program.Id);
        Assert.Equal(witness.GetProperty("name").GetString(), program.Name);
        Assert.Equal(witness.GetProperty("tag").GetString(), program.Tag);
        Assert.Equal(witness.GetProperty("uid").GetInt64(), program.UserId);
        long loaded = new DateTimeOffset(program.LoadTime!.Value).ToUnixTimeSeconds();
        Assert.InRange(loaded - witness.GetProperty("loaded_at").GetInt64(), -1, 1);
        Assert.Equal(witness.GetProperty("map_ids").EnumerateArray().Select(id => id.GetInt32()).Order(), program.Maps!.Select(map => map.Id).Order());
        Assert.Contains(program.Maps!, map => map.Name == "xsks_map");
        Assert.Equal((XdpMode.Native, XdpAttachMethod.BpfLink, (int?)Id(link, "id")), (program.Mode, program.AttachedBy, program.LinkId));
        Assert.True(program.CanJoin);
        Assert.Empty(program.Extensions!);
        Assert.Equal((owner.Id, true), Assert.Single(program.Holders!.Select(holder => (holder.ProcessId, holder.HoldsLink))));
        Assert.Equal(File.ReadAllText($"/proc/{owner.Id}/comm").Trim(), program.Holders![0].Command);
        Assert.StartsWith($"{program.InterfaceIndex}: {TestNetwork.Near}@", network.Ip("-o", "link", "show", TestNetwork.Near), StringComparison.Ordinal);
        owner.StandardInput.Close();
        owner.WaitForExit();
        Assert.Empty(XdpProgramInfo.Get(TestNetwork.Near));
        Assert.Empty(XdpProgramInfo.GetAll());
    });

    [Fact]
    public void Programs_in_several_modes_are_all_listed()
    {
        // As rtnl_xdp_fill writes it: no one id where there are several. Only NICs that run programs themselves get there.
        byte[] bytes = Frames.Hex("0500 0200 04 000000" + "0800 0500 11000000" + "0800 0700 2A000000");
        List<AttachedProgram> programs = [];
        Assert.Equal((XdpMode.Multiple, 0), LinkQuery.ParseXdp(bytes, programs));
        Assert.Equal([new(XdpMode.Native, 0x11), new(XdpMode.Offload, 0x2a)], programs);
    }

    [DispatcherFact]
    public void The_program_behind_libxdps_dispatcher_is_joined() => network.Run(() =>
    {
        // Its pins live in a mount namespace of this shell's ("ip netns exec" makes one), and go with it.
        string script = $"mount -t bpf bpf /sys/fs/bpf && xdp-loader load {TestNetwork.Near} {DispatcherFactAttribute.ObjectFile} && echo READY && read line "
            + $"&& xdp-loader load {TestNetwork.Near} {DispatcherFactAttribute.ObjectFile!.Replace("xsk_def_xdp_prog", "xdpfilt_alw_all", StringComparison.Ordinal)} && echo AGAIN; read line";
        using Process loader = network.Start("sh", "-c", script);
        try
        {
            Await(loader, "READY");
            JsonElement dispatcher = Bpftool("prog", "show", "id", $"{AttachedId()}");
            Assert.Equal("xdp_dispatcher", dispatcher.GetProperty("name").GetString());
            XdpProgramInfo program = Assert.Single(XdpProgramInfo.Get(TestNetwork.Near));
            XdpExtensionInfo extension = Assert.Single(program.Extensions!);
            JsonElement witness = Bpftool("prog", "show", "id", $"{extension.Id}");
            Assert.Equal(("ext", "xsk_def_prog"), (witness.GetProperty("type").GetString(), witness.GetProperty("name").GetString()));
            Assert.Equal((witness.GetProperty("name").GetString(), witness.GetProperty("tag").GetString()), (extension.Name, extension.Tag));
            Assert.True(program.CanJoin);
            Assert.DoesNotContain(program.Maps!, map => map.Name == "xsks_map");

            using XskSocket socket = Sockets.Open();
            Assert.True(socket.JoinedProgram);
            Assert.Equal(AttachedId(), socket.ProgramId);
            SendToQueue0(Frames.Series(5));
            Assert.Equal(Frames.Series(5), socket.Take(5));
            socket.CheckHealth();

            // A second program makes libxdp put a new dispatcher in the old one's place, with the first program in it.
            loader.StandardInput.WriteLine();
            Await(loader, "AGAIN");
            Assert.NotEqual(socket.ProgramId, AttachedId());
            socket.CheckHealth();
            SendToQueue0(Frames.Series(3));
            Assert.Equal(Frames.Series(3), socket.Take(3));

            network.Ip("link", "set", "dev", TestNetwork.Near, "xdp", "off");
            Sockets.Fails(XskErrorId.ProgramDetached, socket.CheckHealth);
        }
        finally
        {
            loader.StandardInput.Close();
            loader.WaitForExit();
        }
    });

    /// <summary>By a socket, since the kernel's own choice of a queue is by a hash that differs from boot to boot.</summary>
    private static void SendToQueue0(params IReadOnlyList<byte[]> frames)
    {
        using XskSocket far = XskSocket.Open(Sockets.Options(TestNetwork.Far, rx: 0, attachProgram: false));
        far.Send(frames);
    }

    private static void Await(Process process, string word)
    {
        string? line = process.StandardOutput.ReadLine();
        while (line is not null && line != word) line = process.StandardOutput.ReadLine();
        if (line is null) Assert.Fail($"no {word}: {process.StandardError.ReadToEnd()}");
    }

    private static XskSocketOptions Filtered(bool force) => new()
    {
        InterfaceName = TestNetwork.Near,
        QueueId = 1 - (force ? 1 : 0),
        FrameCount = 128,
        Filter = PacketFilter.Compile("len = 60"),
        Force = force,
    };

    private static XdpProgram PassAll(string name) => XdpProgram.Load(name, new BpfAssembler().Move(BpfRegister.R0, 2).Exit().Assemble());

    private void AttachByNetlink(XdpProgram program, string how, params string[] more) =>
        Assert.Equal(0, network.Execute("bpftool", ["net", "attach", how, "id", $"{program.Id}", "dev", TestNetwork.Near, .. more]).ExitCode);

    private static string Self() => $"{File.ReadAllText("/proc/self/comm").Trim()} ({Environment.ProcessId})";

    private int AttachedId()
    {
        using JsonDocument document = JsonDocument.Parse(network.Ip("-j", "-d", "link", "show", "dev", TestNetwork.Near));
        return document.RootElement[0].TryGetProperty("xdp", out JsonElement xdp) ? Id(xdp.GetProperty("prog"), "id") : 0;
    }

    private static JsonElement Bpftool(params string[] arguments) => JsonSerializer.Deserialize<JsonElement>(Command.Run("bpftool", ["-j", .. arguments]));

    private static int Id(JsonElement element, string name) => element.TryGetProperty(name, out JsonElement id) ? id.GetInt32() : 0;
}
