using System.Globalization;
using System.Text.RegularExpressions;
using XdpPS.Interop;

namespace XdpPS.Tests;

/// <summary>Bus, speed, most queues, XDP features and program's name, against ethtool(8), ip(8) and what the drivers' source says.</summary>
public sealed class InterfaceDetailsTests
{
    private const XdpFeatures VethReceives = XdpFeatures.Basic | XdpFeatures.Redirect | XdpFeatures.RxScatterGather;
    private const XdpFeatures RedirectTarget = XdpFeatures.NdoXmit | XdpFeatures.NdoXmitScatterGather;

    [KernelFact("ethtool")]
    public void Bus_and_speed_are_what_ethtool_says()
    {
        using TestNetwork network = new(queues: 2);
        AddBridgeAndTap(network);
        network.Run(() =>
        {
            foreach (XdpInterface nic in Details())
            {
                string bus = Field(network.Execute("ethtool", "-i", nic.Name).Output, "bus-info");
                Assert.Equal((nic.Name, bus), (nic.Name, nic.BusAddress ?? (bus == "N/A" ? bus : "")));
                string speed = Field(network.Execute("ethtool", nic.Name).Output, "Speed");
                Assert.Equal((nic.Name, speed), (nic.Name, nic.SpeedMbps is { } mbps ? $"{mbps}Mb/s" : speed == "Unknown!" ? speed : ""));
            }

            // Both kinds were among them: with a speed and without, with a bus and without.
            Assert.Equal((10000, null), (Detail(TestNetwork.Near).SpeedMbps, Detail("xbridge").SpeedMbps));
            Assert.Equal((null, null, "tap"), (Detail(TestNetwork.Near).BusAddress, Detail("xbridge").BusAddress, Detail("xtap").BusAddress));
        });
    }

    [KernelFact("ethtool")]
    public void The_queues_that_the_kernel_sends_on_are_counted_while_the_interface_is_up()
    {
        using TestNetwork network = new(queues: 4);
        network.Run(() =>
        {
            int index = Detail(TestNetwork.Near).Index;
            bool told = Environment.OSVersion.Version >= new Version(6, 8);
            foreach (int count in (int[])[4, 3, 1])
            {
                network.Execute("ethtool", "-L", TestNetwork.Near, "tx", $"{count}");
                MatchCollection lines = Regex.Matches(network.Execute("ethtool", "-l", TestNetwork.Near).Output, @"(?m)^TX:\s+(\d+)$");
                Assert.Equal($"{count}", lines[^1].Groups[1].Value);
                Assert.Equal(told ? count : 0, NetdevFeatures.CountTransmitQueues(index));
            }

            network.Ip("link", "set", TestNetwork.Near, "down");
            Assert.Equal(0, NetdevFeatures.CountTransmitQueues(index));
            network.Ip("link", "delete", TestNetwork.Near);
            Assert.Equal(0, NetdevFeatures.CountTransmitQueues(index));
        });
    }

    [KernelFact("ethtool")]
    public void A_speed_that_was_set_is_read_back()
    {
        using TestNetwork network = new();
        AddBridgeAndTap(network);
        Assert.Equal(0, network.Execute("ethtool", "-s", "xtap", "speed", "25000", "duplex", "full", "autoneg", "off").ExitCode);
        network.Run(() => Assert.Equal(25000, Detail("xtap").SpeedMbps));
    }

    [KernelFact("ethtool")]
    public void The_most_queues_are_what_ethtool_says()
    {
        using TestNetwork network = new(queues: 4, farQueues: 3);
        Assert.Equal(0, network.Execute("ethtool", "-L", TestNetwork.Near, "rx", "3", "tx", "2").ExitCode);
        string[] shown = network.Execute("ethtool", "-l", TestNetwork.Near).Output.Split("Current hardware settings");
        network.Run(() =>
        {
            XdpInterface nic = XdpInterface.Get(TestNetwork.Near);
            Assert.Equal((Field(shown[0], "RX"), Field(shown[0], "TX")), (Text(nic.MaxRxQueues), Text(nic.MaxTxQueues)));
            Assert.Equal((Field(shown[1], "RX"), Field(shown[1], "TX")), (Text(nic.RxQueues), Text(nic.TxQueues)));
            Assert.Equal(0, nic.MaxCombinedQueues);
        });
    }

    /// <summary>
    /// veth_set_xdp_features: native XDP where the peer has no more transmit queues than this end has receive queues;
    /// a target of redirection where the peer has GRO or a program.
    /// </summary>
    [XdpFeaturesFact("ethtool")]
    public void Features_of_a_veth_follow_its_peer()
    {
        using TestNetwork network = new(queues: 2);
        AssertFeatures(VethReceives);
        Assert.Equal(0, network.Execute("ethtool", "-K", TestNetwork.Far, "gro", "on").ExitCode);
        AssertFeatures(VethReceives | RedirectTarget);
        Assert.Equal(0, network.Execute("ethtool", "-K", TestNetwork.Far, "gro", "off").ExitCode);
        AssertFeatures(VethReceives);
        Assert.Equal(0, network.Execute("ethtool", "-L", TestNetwork.Near, "rx", "1").ExitCode);
        AssertFeatures(XdpFeatures.None);

        void AssertFeatures(XdpFeatures expected) => network.Run(() =>
        {
            // By the request for one interface, and by the one for all.
            Assert.Equal((expected, false), (Detail(TestNetwork.Near).XdpFeatures, Detail(TestNetwork.Near).SupportsZeroCopy));
            Assert.Equal(expected, Details().Single(nic => nic.Name == TestNetwork.Near).XdpFeatures);
        });
    }

    [XdpFeaturesFact]
    public void Each_interface_gets_its_own_features()
    {
        using TestNetwork network = new();
        AddBridgeAndTap(network);
        network.Run(() =>
        {
            Dictionary<string, XdpFeatures?> features = Details().ToDictionary(nic => nic.Name, nic => nic.XdpFeatures);
            // net_device.xdp_features is 0 where a driver does not set it; tun_net_initialize sets it for a tap.
            Assert.Equal(XdpFeatures.None, features["lo"]);
            Assert.Equal(XdpFeatures.None, features["xbridge"]);
            Assert.Equal(XdpFeatures.Basic | XdpFeatures.Redirect | XdpFeatures.NdoXmit, features["xtap"]);
            Assert.Equal(VethReceives, features[TestNetwork.Near]);
        });
    }

    [KernelFact]
    public void A_veth_tells_programs_time_hash_and_vlan_and_has_no_zero_copy_to_count_segments_in()
    {
        using TestNetwork network = new();
        network.Run(() =>
        {
            XdpInterface nic = Detail(TestNetwork.Near);
            // veth_xdp_metadata_ops; null before Linux 6.8.
            XdpRxMetadataFeatures all = XdpRxMetadataFeatures.Timestamp | XdpRxMetadataFeatures.Hash | XdpRxMetadataFeatures.VlanTag;
            Assert.True(nic.RxMetadataFeatures is null || nic.RxMetadataFeatures == all, $"{nic.RxMetadataFeatures}");
            Assert.True(nic.XskFeatures is null or XskFeatures.None, $"{nic.XskFeatures}");
            Assert.Null(nic.ZeroCopyMaxSegments);
        });
    }

    [KernelFact("bpftool")]
    public void The_attached_program_is_named_as_bpftool_names_it()
    {
        using TestNetwork network = new();
        network.Run(() =>
        {
            Assert.Null(Detail(TestNetwork.Near).XdpProgramName);
            using XskSocket socket = Sockets.Open();
            XdpInterface nic = Detail(TestNetwork.Near);
            Assert.Equal(socket.ProgramId, nic.XdpProgramId);
            string shown = Command.Run("bpftool", "prog", "show", "id", Text(nic.XdpProgramId));
            Assert.Equal(Regex.Match(shown, @"name (\S+)").Groups[1].Value, nic.XdpProgramName);
        });
    }

    [KernelFact]
    public void A_name_that_may_not_be_seen_is_null()
    {
        using TestNetwork network = new();
        network.Run(() =>
        {
            using XskSocket socket = Sockets.Open();
            SystemCallFilter.Fail("bpf", Errno.EPERM, BpfAbi.BPF_PROG_GET_FD_BY_ID);
            XdpInterface nic = Detail(TestNetwork.Near);
            Assert.Equal((socket.ProgramId, XdpMode.Native, null), (nic.XdpProgramId, nic.XdpMode, nic.XdpProgramName));
        });
    }

    [KernelFact]
    public void Features_are_unknown_where_generic_netlink_is_blocked()
    {
        using TestNetwork network = new();
        network.Run(() =>
        {
            SystemCallFilter.Fail("socket", Errno.EACCES, Libc.AF_NETLINK, null, NetlinkAbi.NETLINK_GENERIC);
            Assert.All(Details(), AssertUnknown);
            AssertUnknown(Detail(TestNetwork.Near));
            // What is not known is tried: zero-copy first, then copying.
            using XskSocket socket = XskSocket.Open(new XskSocketOptions { InterfaceName = TestNetwork.Near, FrameCount = 128 });
            Assert.Equal(XskBindMode.Copy, socket.BindMode);
        });

        static void AssertUnknown(XdpInterface nic) => Assert.Equal(
            (null, null, null, null, null), (nic.XdpFeatures, nic.SupportsZeroCopy, nic.ZeroCopyMaxSegments, nic.RxMetadataFeatures, nic.XskFeatures));
    }

    [KernelFact]
    public void An_interface_that_is_gone_by_then_keeps_what_was_known_of_it()
    {
        using TestNetwork network = new();
        network.Run(() =>
        {
            IReadOnlyList<XdpInterface> before = XdpInterface.GetAll();
            XdpInterface near = XdpInterface.Get(TestNetwork.Near);
            network.Ip("link", "delete", TestNetwork.Near);
            Assert.Equal(before.Select(nic => nic.Name), XdpInterface.WithDetails(before).Select(nic => nic.Name));
            XdpInterface gone = Assert.Single(XdpInterface.WithDetails([near]));
            Assert.Equal((near.Index, near.MacAddress, null, null), (gone.Index, gone.MacAddress, gone.SpeedMbps, gone.XdpFeatures));
        });
    }

    [KernelFact]
    public void Details_of_nothing_are_nothing() => Assert.Empty(XdpInterface.WithDetails([]));

    /// <summary>A bridge has no ethtool channels, so that sysfs is asked; it shows the host's interface of that name and index.</summary>
    [HostInterfaceFact]
    public void The_hosts_sysfs_is_not_taken_for_this_namespaces()
    {
        string name = HostInterfaceFactAttribute.Find()!;
        int index = int.Parse(File.ReadAllText($"/sys/class/net/{name}/ifindex"), CultureInfo.InvariantCulture);
        int queues = Directory.GetDirectories($"/sys/class/net/{name}/queues", "rx-*").Length + 1;
        using TestNetwork network = new();
        network.Ip("link", "delete", TestNetwork.Near);
        network.Ip("link", "add", "name", name, "index", Text(index), "numrxqueues", Text(queues), "numtxqueues", Text(queues), "type", "bridge");
        network.Run(() =>
        {
            XdpInterface nic = XdpInterface.Get(name);
            Assert.Equal((index, queues, queues), (nic.Index, nic.RxQueues, nic.TxQueues));
        });
    }

    private static IReadOnlyList<XdpInterface> Details() => XdpInterface.WithDetails(XdpInterface.GetAll());

    private static XdpInterface Detail(string name) => Assert.Single(XdpInterface.WithDetails([XdpInterface.Get(name)]));

    private static void AddBridgeAndTap(TestNetwork network) => network.Batch("link add xbridge type bridge", "tuntap add dev xtap mode tap");

    /// <summary>The value after "name:" in what ethtool prints; empty where it is not there.</summary>
    private static string Field(string output, string name) =>
        Regex.Match(output, $@"^\s*{Regex.Escape(name)}:[ \t]*(.*?)\s*$", RegexOptions.Multiline).Groups[1].Value;

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
}

/// <summary>A <see cref="KernelFactAttribute"/> test of what the netdev family says, for kernels that have it.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class XdpFeaturesFactAttribute : FactAttribute
{
    public XdpFeaturesFactAttribute(params string[] tools) => Skip = Requirements.Missing(tools)
        ?? (Environment.OSVersion.Version < new Version(6, 3) ? "this kernel is older than 6.3 and does not tell XDP features" : null);
}

/// <summary>A <see cref="KernelFactAttribute"/> test that needs an interface besides lo where sysfs was mounted.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class HostInterfaceFactAttribute : FactAttribute
{
    public HostInterfaceFactAttribute() => Skip = Requirements.Missing() ?? (Find() is null ? "sysfs shows no interface but lo" : null);

    internal static string? Find() => Directory.Exists("/sys/class/net")
        ? Directory.GetDirectories("/sys/class/net").Select(Path.GetFileName).FirstOrDefault(name => name != "lo")
        : null;
}
