using System.Net;

namespace XdpPS.Tests;

/// <summary>A filter that takes what a live host is found by is warned of: what the warning says is what the kernel's own neighbour tables show.</summary>
public sealed class AddressResolutionTests
{
    private const string Warning = "AddressResolutionTaken";

    [KernelTheory("ping", "tcpdump")]
    [InlineData("not tcp port 22", "ARP and neighbour discovery")]
    [InlineData("not (tcp port 22 or arp)", "neighbour discovery")]
    [InlineData("arp", "ARP")]
    [InlineData("not (tcp port 22 or arp or icmp6)", null)]
    public void A_neighbour_finds_the_host_unless_that_is_warned_of(string expression, string? taken)
    {
        using TestNetwork host = new(), other = new();
        KernelTrafficTests.Connect(host, other);
        host.Batch($"route add default via 192.0.2.2 dev {TestNetwork.Near}");
        host.Run(() =>
        {
            using XskSocket socket = XskSocket.Open(Filtered(expression));
            string? warned = socket.Warnings.SingleOrDefault(warning => warning.Id == Warning)?.Message;
            Assert.Equal(taken is not null, warned is not null);
            if (warned is not null) Assert.StartsWith($"The filter takes {taken} of this host on {TestNetwork.Near}, and it carries a default route", warned, StringComparison.Ordinal);
            Assert.Equal(taken?.Contains("ARP", StringComparison.Ordinal) is not true, IsFoundAt("192.0.2.1"));
            Assert.Equal(taken?.Contains("discovery", StringComparison.Ordinal) is not true, IsFoundAt("2001:db8::1"));
        });

        bool IsFoundAt(string address)
        {
            other.Execute("ping", "-c", "1", "-W", "1", address);
            return other.Ip("neigh", "show", address).Contains("lladdr", StringComparison.Ordinal);
        }
    }

    [KernelTheory("tcpdump")]
    [InlineData("udp port 53", null)]
    [InlineData("icmp6", "neighbour discovery")]
    [InlineData("host 192.0.2.2", "ARP")]
    [InlineData("host 192.0.2.77", null)]
    [InlineData("arp[6:2] = 2", "ARP")]
    [InlineData("ether broadcast", "ARP")]
    [InlineData("ip6[40] = 136", "neighbour discovery")]
    [InlineData("vlan 5", null)]
    public void What_it_takes_is_told_exactly(string expression, string? taken)
    {
        using TestNetwork host = new(), other = new();
        KernelTrafficTests.Connect(host, other);
        host.Batch($"route add default via 192.0.2.2 dev {TestNetwork.Near}");
        host.Run(() => Assert.Equal(taken, AddressResolution.TakenBy(PacketFilter.Compile(expression), XdpInterface.Get(TestNetwork.Near))));
    }

    [LinkTypeFact("vlan")]
    public void A_host_on_a_vlan_is_found_behind_its_tag()
    {
        using TestNetwork host = new();
        host.Batch(
            $"link add link {TestNetwork.Near} name xupper type vlan id 5",
            "link set xupper up",
            "addr add 192.0.2.1/24 dev xupper",
            "route add default via 192.0.2.254 dev xupper");
        host.Run(() =>
        {
            XdpInterface nic = XdpInterface.Get(TestNetwork.Near);
            Assert.Equal("ARP", AddressResolution.TakenBy(PacketFilter.Compile("not (tcp port 22 or arp or icmp6)"), nic));
            Assert.Equal("ARP", AddressResolution.TakenBy(PacketFilter.Compile("vlan 5 and not tcp port 22"), nic));
            Assert.Null(AddressResolution.TakenBy(PacketFilter.Compile("vlan 6"), nic));
            // Also where the interface takes the tag out.
            Assert.Null(AddressResolution.TakenBy(PacketFilter.Compile("not (arp or (vlan 5 and arp))"), nic));
        });
    }

    [KernelFact("tcpdump")]
    public void The_packets_are_what_libpcap_takes_them_for()
    {
        HostTraffic.Neighbour v4 = new(Mac, IPAddress.Parse("192.0.2.1"), IPAddress.Parse("192.0.2.254"), 5);
        HostTraffic.Neighbour v6 = new(Mac, IPAddress.Parse("2001:db8::1"), IPAddress.Parse("fe80::2"), null);
        string[] expected =
        [
            "ether broadcast and arp[0:4] = 0x10800 and arp[4:4] = 0x6040001 and arp src host 192.0.2.254 and arp dst host 192.0.2.1",
            "ether dst 02:00:00:00:00:01 and arp[6:2] = 2 and arp src host 192.0.2.254 and arp dst host 192.0.2.1",
            "ether dst 33:33:ff:00:00:01 and icmp6[0] = 135 and src host fe80::2 and dst host ff02::1:ff00:1 and ip6[7] = 255 and ip6[48:4] = 0x20010db8 and ip6[60:4] = 1",
            "ether dst 02:00:00:00:00:01 and icmp6[0] = 135 and src host fe80::2 and dst host 2001:db8::1 and ip6[4:2] = 32 and ip6[60:4] = 1",
            "ether dst 02:00:00:00:00:01 and icmp6[0] = 136 and src host fe80::2 and dst host 2001:db8::1 and ip6[48:4] = 0xfe800000 and ip6[60:4] = 2",
        ];
        byte[][] frames = [.. AddressResolution.ToHost(v4), .. AddressResolution.ToHost(v6)];
        Assert.Equal(expected.Length, frames.Length);
        for (int i = 0; i < frames.Length; i++)
        {
            Assert.True(FilterOracle.Libpcap(PacketFilter.Compile(expected[i]), frames[i]), expected[i]);
            Assert.True(FilterOracle.Libpcap(PacketFilter.Compile($"vlan 5 and {expected[i]}"), AddressResolution.Tagged(frames[i], 5)), expected[i]);
        }
    }

    private static System.Net.NetworkInformation.PhysicalAddress Mac => System.Net.NetworkInformation.PhysicalAddress.Parse("02-00-00-00-00-01");

    private static XskSocketOptions Filtered(string expression) => Sockets.Options() with { Filter = PacketFilter.Compile(expression) };
}
