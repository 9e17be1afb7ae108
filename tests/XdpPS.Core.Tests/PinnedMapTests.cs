using XdpPS.Interop;

namespace XdpPS.Tests;

/// <summary>A socket in a pinned XSKMAP, whose program is someone else's.</summary>
public sealed class PinnedMapTests : IDisposable
{
    private readonly TestNetwork network = new(queues: 3);
    private readonly string folder = Directory.CreateTempSubdirectory("xdpps-test-").FullName;

    private string Pin => $"{folder}/xsks";

    public void Dispose()
    {
        network.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    [KernelFact("bpftool")]
    public void The_socket_gets_what_the_maps_program_sends_it_and_leaves_its_slot_free() => InMountNamespace(() =>
    {
        using XskMap map = PinnedMap(slots: 2);
        using XdpProgram program = XdpProgram.LoadRedirect(map, null);
        using XdpLink link = XdpLink.Attach(program, XdpInterface.Get(TestNetwork.Near), XdpAttachMode.Native, []);
        Residue before = Residue.Now();
        for (int round = 1; round <= 2; round++)
        {
            using XskSocket socket = XskSocket.Open(Options());
            Assert.Equal((0, XdpMode.None, Pin), (socket.ProgramId, socket.AttachMode, socket.XskMapPath));
            Assert.Contains($"map {Pin}", socket.ToString(), StringComparison.Ordinal);
            SendToQueue0(Frames.Series(5));
            using (XskPoller poller = new([socket]))
            {
                Assert.True(poller.Wait(TimeSpan.FromSeconds(5)));
                using ReceiveBatch batch = socket.Receive(1);
                // The program that is not ours may leave anything before a packet: its time is not believed.
                Assert.False(batch[0].IsKernelTimestamp);
            }

            Assert.Equal(4, socket.Take(4).Count);
            Sockets.AssertConserved(socket);
            socket.CheckHealth();
            socket.Close();
        }

        // With the slot empty the program passes packets on, to the kernel, which counts what it does not know.
        long dropped = Unknown();
        SendToQueue0(Frames.Series(5));
        Assert.Equal(dropped + 5, Unknown());
        Residue.AssertNoMoreThan(before);
        Assert.Equal(program.Id, XdpInterface.Get(TestNetwork.Near).XdpProgramId);
        Assert.Contains("xskmap", Command.Run("bpftool", "map", "show", "pinned", Pin), StringComparison.Ordinal);
    });

    [KernelFact("bpftool")]
    public void A_slot_that_is_taken_and_one_that_is_missing_are_told_apart() => InMountNamespace(() =>
    {
        using XskMap map = PinnedMap(slots: 2);
        using XskSocket first = XskSocket.Open(Options(queue: 1));
        Residue before = Residue.Now();
        // Another interface's queue 1 is free, but not the slot.
        XskException taken = Sockets.Fails(XskErrorId.QueueBusy, () => XskSocket.Open(Options(TestNetwork.Far, queue: 1)));
        Assert.Contains($"{Pin} already has a socket for queue 1", taken.Message, StringComparison.Ordinal);
        Assert.Equal(Errno.EEXIST, taken.ErrorNumber);
        XskException missing = Sockets.Fails(XskErrorId.MapUpdateFailed, () => XskSocket.Open(Options(queue: 2)));
        Assert.Contains($"{Pin} has 2 slots (0-1), and none for queue 2", missing.Message, StringComparison.Ordinal);
        Assert.Equal(Errno.E2BIG, missing.ErrorNumber);
        XskSocket.Open(Options(queue: 0)).Dispose();
        Residue.AssertNoMoreThan(before);
        first.Close();
        XskSocket.Open(Options(TestNetwork.Far, queue: 1)).Dispose();
    });

    [KernelFact("bpftool")]
    public void What_is_not_a_pinned_XSKMAP_is_refused_with_what_it_is() => InMountNamespace(() =>
    {
        using XskMap map = PinnedMap(slots: 2);
        Command.Run("bpftool", "map", "create", $"{folder}/array", "type", "array", "key", "4", "value", "4", "entries", "1", "name", "numbers");
        using XdpProgram program = XdpProgram.LoadRedirect(map, null);
        Command.Run("bpftool", "prog", "pin", "id", $"{program.Id}", $"{folder}/program");
        Directory.CreateDirectory($"{folder}/folder");
        string plain = Path.GetTempFileName();
        try
        {
            Residue before = Residue.Now();
            Refused(XskErrorId.MapNotUsable, $"{folder}/array", "is the map 'numbers'", "not an XSKMAP");
            Refused(XskErrorId.MapNotUsable, $"{folder}/program", "is a BPF program, not a map");
            Refused(XskErrorId.MapNotUsable, $"{folder}/folder", "is a folder");
            Refused(XskErrorId.MapNotUsable, plain, "not on a BPF file system", "EACCES");
            Refused(XskErrorId.MapNotFound, $"{folder}/nothing", "Nothing is pinned at", "ENOENT");
            Refused(XskErrorId.MapNotFound, $"{plain}/nothing", "Nothing is pinned at", "ENOTDIR");
            Refused(XskErrorId.MapNotFound, "/nowhere/nothing", "is not on a BPF file system", "mount -t bpf");
            // The kernel would take the map that is there.
            XskException cut = Sockets.Fails(XskErrorId.MapNotFound, () => XskSocket.Open(Options(path: $"{Pin}\0.d")));
            Assert.Contains($"{Pin}?.d': the path has a null character", cut.Message, StringComparison.Ordinal);
            Refused(XskErrorId.MapNotFound, "nothing", $"{Environment.CurrentDirectory} is not on a BPF file system");
            Residue.AssertNoMoreThan(before);
        }
        finally
        {
            File.Delete(plain);
        }
    });

    [KernelFact("bpftool")]
    public void Neither_the_host_nor_another_program_is_in_the_way() => InMountNamespace(() =>
    {
        network.Batch($"addr add 192.0.2.1/24 dev {TestNetwork.Near}", $"route add default via 192.0.2.254 dev {TestNetwork.Near}");
        using XskMap map = PinnedMap(slots: 3);
        XskSocket.Open(Options()).Dispose();
    });

    [Fact]
    public void A_filter_cannot_go_into_someone_elses_program()
    {
        XskSocketOptions options = new() { InterfaceName = "any", XskMapPath = "/some/where", Filter = PacketFilter.Compile("arp") };
        XskException failure = Sockets.Fails(XskErrorId.FilterConflict, options.Validate);
        Assert.Contains("-XskMapPath", failure.Message, StringComparison.Ordinal);
    }

    /// <summary>By a socket, since the kernel's own choice of a queue is by a hash that differs from boot to boot.</summary>
    private static void SendToQueue0(params IReadOnlyList<byte[]> frames)
    {
        using XskSocket far = XskSocket.Open(Sockets.Options(TestNetwork.Far, rx: 0, attachProgram: false));
        far.Send(frames);
    }

    private void Refused(XskErrorId id, string path, params string[] words)
    {
        XskException failure = Sockets.Fails(id, () => XskSocket.Open(Options(path: path)));
        foreach (string word in words.Append(path)) Assert.Contains(word, failure.Message, StringComparison.Ordinal);
    }

    private XskSocketOptions Options(string interfaceName = TestNetwork.Near, int queue = 0, string? path = null) => new()
    {
        InterfaceName = interfaceName,
        QueueId = queue,
        FrameCount = 128,
        RxRingSize = 64,
        TxRingSize = 64,
        FillRingSize = 64,
        CompletionRingSize = 64,
        XskMapPath = path ?? Pin,
    };

    /// <summary>A map that lives by its pin and by what this process holds of it.</summary>
    private XskMap PinnedMap(int slots)
    {
        XskMap map = XskMap.Create(slots);
        string info = File.ReadAllText($"/proc/self/fdinfo/{map.Descriptor.Number}");
        string id = info.Split('\n').First(line => line.StartsWith("map_id:", StringComparison.Ordinal)).Split('\t', ' ')[^1];
        Command.Run("bpftool", "map", "pin", "id", id, Pin);
        return map;
    }

    /// <summary>Packets of an unknown protocol that the kernel itself got of the interface.</summary>
    private long Unknown()
    {
        string[] lines = network.Ip("-s", "-s", "link", "show", "dev", TestNetwork.Near).Split('\n');
        int header = Array.FindIndex(lines, line => line.TrimStart().StartsWith("RX:", StringComparison.Ordinal));
        string[] names = lines[header].Split(' ', StringSplitOptions.RemoveEmptyEntries)[1..];
        return long.Parse(lines[header + 1].Split(' ', StringSplitOptions.RemoveEmptyEntries)[Array.IndexOf(names, "dropped")], System.Globalization.CultureInfo.InvariantCulture);
    }

    /// <summary>In the test's network, with a BPF file system that nobody else sees and that goes with the thread.</summary>
    private void InMountNamespace(Action body) => network.Run(() =>
    {
        Kernel.MountPrivately("bpf", folder);
        body();
    });
}
