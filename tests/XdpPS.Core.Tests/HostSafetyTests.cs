using System.Net;

namespace XdpPS.Tests;

/// <summary>What the host itself lives on is not taken without -Force.</summary>
public sealed class HostSafetyTests : IDisposable
{
    private const string Address = "192.0.2.1";
    private const string Gateway = "192.0.2.254";

    private readonly TestNetwork network = new();
    private readonly string? session = Environment.GetEnvironmentVariable("SSH_CONNECTION");

    public void Dispose()
    {
        Environment.SetEnvironmentVariable("SSH_CONNECTION", session);
        network.Dispose();
    }

    [KernelFact]
    public void An_interface_with_a_default_route_is_refused()
    {
        network.Batch($"addr add {Address}/24 dev {TestNetwork.Near}", $"route add default via {Gateway} dev {TestNetwork.Near}");
        Refused("default route");
        network.Run(() => Sockets.Open(TestNetwork.Far).Dispose());
    }

    [KernelFact]
    public void Force_takes_it_all_the_same()
    {
        network.Batch($"addr add {Address}/24 dev {TestNetwork.Near}", $"route add default via {Gateway} dev {TestNetwork.Near}");
        network.Run(() => XskSocket.Open(Sockets.Options(force: true)).Dispose());
    }

    [KernelFact]
    public void A_socket_that_takes_no_packets_needs_no_force()
    {
        network.Batch($"addr add {Address}/24 dev {TestNetwork.Near}", $"route add default via {Gateway} dev {TestNetwork.Near}");
        network.Run(() =>
        {
            XskSocket.Open(Sockets.Options(rx: 0)).Dispose();
            XskSocket.Open(Sockets.Options(attachProgram: false)).Dispose();
        });
    }

    [KernelFact]
    public void An_interface_that_is_one_of_several_next_hops_is_refused()
    {
        network.Batch(
            $"addr add {Address}/24 dev {TestNetwork.Near}",
            $"addr add 198.51.100.1/24 dev {TestNetwork.Far}",
            $"route add default nexthop via 198.51.100.254 dev {TestNetwork.Far} nexthop via {Gateway} dev {TestNetwork.Near}");
        Refused("default route");
    }

    [KernelTheory]
    [InlineData("nexthop add id 1 via 192.0.2.254 dev xnear", "nhid 1")]
    [InlineData("nexthop add id 1 via 192.0.2.254 dev xnear\nnexthop add id 7 group 1", "nhid 7")]
    public void An_interface_of_a_next_hop_object_is_refused(string nextHops, string nextHop)
    {
        // Without this the route repeats the interface beside the object's id.
        network.Run(() => File.WriteAllText("/proc/sys/net/ipv4/nexthop_compat_mode", "0"));
        network.Batch([$"addr add 192.0.2.1/24 dev {TestNetwork.Near}", .. nextHops.Split('\n'), $"route add default {nextHop}"]);
        Refused("default route");
    }

    [KernelTheory]
    [InlineData("0.0.0.0/1", "main")]
    [InlineData("default", "100")]
    public void A_half_default_route_and_one_in_another_table_are_refused(string destination, string table)
    {
        network.Batch($"addr add {Address}/24 dev {TestNetwork.Near}", $"route add {destination} via {Gateway} dev {TestNetwork.Near} table {table}");
        Refused("default route");
    }

    [KernelFact]
    public void An_interface_with_an_IPv6_default_route_is_refused()
    {
        network.Run(() => File.WriteAllText($"/proc/sys/net/ipv6/conf/{TestNetwork.Near}/disable_ipv6", "0"));
        network.Batch(
            $"addr add 2001:db8::1/64 dev {TestNetwork.Near} nodad", $"route add default via 2001:db8::2 dev {TestNetwork.Near}");
        Refused("default route");
    }

    [KernelFact]
    public void The_slave_of_a_bridge_with_a_default_route_is_refused()
    {
        network.Batch(
            "link add xbridge type bridge",
            "link set xbridge up",
            $"link set {TestNetwork.Near} master xbridge",
            $"addr add {Address}/24 dev xbridge",
            $"route add default via {Gateway} dev xbridge");
        Refused("default route");
        network.Ip("link", "set", TestNetwork.Near, "nomaster");
        network.Run(() => Sockets.Open().Dispose());
    }

    [LinkTypeFact("vlan")]
    public void The_interface_below_a_vlan_with_a_default_route_is_refused() => RefusedBelow("vlan", "id", "5");

    [LinkTypeFact("macvlan")]
    public void The_interface_below_a_macvlan_with_a_default_route_is_refused() => RefusedBelow("macvlan");

    [LinkTypeFact("macvlan")]
    public void A_macvlan_over_an_interface_of_that_index_in_another_namespace_does_not_count()
    {
        using TestNetwork other = new();
        other.Batch($"link add link {TestNetwork.Near} name xupper type macvlan", $"link set xupper netns {network.Name}");
        network.Batch("link set xupper up", $"addr add {Address}/24 dev xupper", $"route add default via {Gateway} dev xupper");
        network.Run(() => Sockets.Open().Dispose());
    }

    [KernelTheory]
    [InlineData("198.51.100.7 50000 " + Address + " 22")]
    [InlineData("::ffff:198.51.100.7 50000 ::ffff:" + Address + " 22")]
    public void The_interface_of_this_ssh_session_is_refused(string connection)
    {
        network.Ip("addr", "add", $"{Address}/24", "dev", TestNetwork.Near);
        network.Run(() => Sockets.Open().Dispose());
        Environment.SetEnvironmentVariable("SSH_CONNECTION", connection);
        Refused("SSH session", Address);
        network.Run(() => Sockets.Open(TestNetwork.Far).Dispose());
    }

    [KernelFact]
    public void The_slave_of_a_bridge_with_the_ssh_sessions_address_is_refused()
    {
        network.Batch(
            "link add xbridge type bridge", "link set xbridge up", $"link set {TestNetwork.Near} master xbridge", $"addr add {Address}/24 dev xbridge");
        Environment.SetEnvironmentVariable("SSH_CONNECTION", $"198.51.100.7 50000 {IPAddress.Parse(Address)} 22");
        Refused("SSH session", Address);
    }

    [KernelTheory]
    [InlineData("")]
    [InlineData("nonsense")]
    [InlineData("1.2.3.4 5 not-an-address 22")]
    [InlineData("198.51.100.7 50000 203.0.113.9 22")]
    public void Another_ssh_session_is_none_of_its_business(string connection)
    {
        network.Ip("addr", "add", $"{Address}/24", "dev", TestNetwork.Near);
        Environment.SetEnvironmentVariable("SSH_CONNECTION", connection);
        network.Run(() => Sockets.Open().Dispose());
    }

    [KernelFact]
    public void An_unreachable_default_route_and_one_to_elsewhere_do_not_count()
    {
        network.Batch(
            $"addr add {Address}/24 dev {TestNetwork.Near}",
            $"route add 203.0.113.0/24 via {Gateway} dev {TestNetwork.Near}",
            "route add unreachable default");
        network.Run(() => Sockets.Open().Dispose());
    }

    private void RefusedBelow(params string[] type)
    {
        network.Batch(
            $"link add link {TestNetwork.Near} name xupper type {string.Join(' ', type)}",
            "link set xupper up",
            $"addr add {Address}/24 dev xupper",
            $"route add default via {Gateway} dev xupper");
        Refused("default route");
    }

    private void Refused(params string[] words)
    {
        network.Run(() =>
        {
            Residue before = Residue.Now();
            XskException failure = Sockets.Fails(XskErrorId.InterfaceInUse, () => Sockets.Open().Dispose());
            foreach (string word in words.Append(TestNetwork.Near).Append("-Force"))
                Assert.Contains(word, failure.Message, StringComparison.Ordinal);
            Residue.AssertNoMoreThan(before);
        });
        Assert.False(network.HasProgram());
    }
}
