using System.Text.Json;

namespace XdpPS.Tests;

/// <summary>What is said of an interface, against ip(8), ethtool(8) and sysfs.</summary>
public sealed class InterfaceTests
{
    [KernelFact]
    public void Every_interface_of_the_namespace_is_listed_as_ip_shows_it()
    {
        using TestNetwork network = new(queues: 2);
        network.Batch("link add xbridge type bridge", $"link set {TestNetwork.Near} mtu 1400", $"link set {TestNetwork.Far} down");
        using JsonDocument shown = JsonDocument.Parse(network.Ip("-j", "-d", "link", "show"));
        network.Run(() =>
        {
            IReadOnlyList<XdpInterface> all = XdpInterface.GetAll();
            Assert.Equal(shown.RootElement.GetArrayLength(), all.Count);
            foreach (JsonElement link in shown.RootElement.EnumerateArray())
            {
                XdpInterface nic = Assert.Single(all, candidate => candidate.Name == link.GetProperty("ifname").GetString());
                Assert.Equal(link.GetProperty("ifindex").GetInt32(), nic.Index);
                Assert.Equal(link.GetProperty("mtu").GetInt32(), nic.Mtu);
                Assert.Equal(link.GetProperty("operstate").GetString(), nic.State.ToUpperInvariant());
                Assert.Equal(link.GetProperty("address").GetString()!.Replace(":", "", StringComparison.Ordinal), nic.MacAddress.ToString().ToLowerInvariant());
                string[] flags = [.. link.GetProperty("flags").EnumerateArray().Select(flag => flag.GetString()!)];
                Assert.Equal(flags.Contains("UP"), nic.IsUp);
                Assert.Equal(flags.Contains("LOOPBACK"), nic.IsLoopback);
                Assert.Equal(link.GetProperty("num_rx_queues").GetInt32(), nic.MaxRxQueues);
            }
        });
    }

    [KernelFact("ethtool")]
    public void Driver_and_queues_are_what_ethtool_says()
    {
        using TestNetwork network = new(queues: 4);
        Assert.Contains("driver: veth", network.Execute("ethtool", "-i", TestNetwork.Near).Output, StringComparison.Ordinal);
        network.Run(() =>
        {
            XdpInterface nic = XdpInterface.Get(TestNetwork.Near);
            Assert.Equal(("veth", 4, 4, 4), (nic.Driver, nic.RxQueues, nic.TxQueues, nic.QueueCount));
        });
        Assert.Equal(0, network.Execute("ethtool", "-L", TestNetwork.Near, "rx", "3", "tx", "2").ExitCode);
        network.Run(() =>
        {
            XdpInterface nic = XdpInterface.Get(TestNetwork.Near);
            Assert.Equal((3, 2, 3, 4), (nic.RxQueues, nic.TxQueues, nic.QueueCount, nic.MaxRxQueues));
            Sockets.Fails(XskErrorId.QueueOutOfRange, () => XskSocket.Open(Sockets.Options(queue: 3)).Dispose());
        });
    }

    [KernelFact]
    public void A_carrier_comes_and_goes_with_the_peer()
    {
        using TestNetwork network = new();
        network.Run(() => Assert.True(XdpInterface.Get(TestNetwork.Near).HasCarrier));
        network.Ip("link", "set", TestNetwork.Far, "down");
        network.Run(() =>
        {
            XdpInterface nic = XdpInterface.Get(TestNetwork.Near);
            Assert.Equal((true, false, "lowerlayerdown"), (nic.IsUp, nic.HasCarrier, nic.State));
        });
    }

    [KernelFact]
    public void A_veth_does_no_zero_copy_by_its_own_account()
    {
        using TestNetwork network = new();
        // Null before Linux 6.3, which cannot tell.
        network.Run(() => Assert.NotEqual(true, XdpInterface.Get(TestNetwork.Near).AskForZeroCopy()));
    }

    [KernelFact]
    public void Interfaces_of_another_namespace_are_not_seen()
    {
        using TestNetwork network = new(), other = new();
        // Only since Linux 6.2 while it is up.
        other.Ip("link", "set", TestNetwork.Far, "down");
        other.Ip("link", "set", TestNetwork.Far, "name", "xelsewhere");
        network.Run(() =>
        {
            Assert.DoesNotContain(XdpInterface.GetAll(), nic => nic.Name == "xelsewhere");
            Sockets.Fails(XskErrorId.InterfaceNotFound, () => XdpInterface.Get("xelsewhere"));
        });
    }

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData("sixteen-letters-")]
    public void A_name_that_none_can_have_is_not_found(string name) =>
        Sockets.Fails(XskErrorId.InterfaceNotFound, () => XdpInterface.Get(name));
}
