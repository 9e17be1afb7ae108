using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Text;
using Xunit.Abstractions;

namespace XdpPS.Tests;

/// <summary>What -KeepKernelTraffic leaves to the host: against libpcap's program for it, and on a host that must stay reachable.</summary>
public sealed class KernelTrafficTests(ITestOutputHelper output)
{
    private const int SessionPort = 8080;

    private static readonly PhysicalAddress[] Host = [PhysicalAddress.Parse("02-00-00-00-00-02"), PhysicalAddress.Parse("02-00-00-00-00-01")];

    [KernelFact("tcpdump")]
    public void It_matches_what_libpcaps_program_for_it_matches()
    {
        const string one = "(arp or (icmp and (ether dst 02:00:00:00:00:01 or ether dst 02:00:00:00:00:02))"
            + " or (udp and (port 67 or port 68 or port 546 or port 547)) or (tcp and (port 22 or port 8080))"
            + " or (ip6[6] = 58 and ((ip6[40] >= 130 and ip6[40] <= 137) or ip6[40] = 143 or ether dst 02:00:00:00:00:01 or ether dst 02:00:00:00:00:02))"
            + " or (ip6[6] = 0 and ip6[40] = 58 and ip6[41] = 0 and ((ip6[48] >= 130 and ip6[48] <= 137) or ip6[48] = 143)))";
        PacketFilter theirs = PacketFilter.Compile($"{one} or (vlan and ({one} or (vlan and {one})))");
        PacketFilter ours = KernelTraffic.Match(Host, [KernelTraffic.SshPort, SessionPort]);
        Assert.Equal("kernel traffic", ours.Expression);
        Assert.False(ours.LooksAtVlans);
        using XdpProgram program = XdpProgram.Load("verdict", XdpProgram.Verdict(ours));
        long matching = 0;
        byte[][] frames = [.. Needed(), .. Variants(), .. Zoo()];
        foreach (byte[] frame in frames.Where(frame => frame.Length >= FilterOracle.ShortestForKernel))
        {
            bool expected = FilterOracle.Libpcap(theirs, frame);
            Assert.True(expected == FilterOracle.Kernel(program, frame), $"{Convert.ToHexString(frame)}: libpcap {expected}");
            if (expected) matching++;
        }

        foreach (byte[] frame in Needed()) Assert.True(FilterOracle.Kernel(program, frame), Convert.ToHexString(frame));
        output.WriteLine($"{frames.Length} frames, {matching} match, 0 differ");
        Assert.InRange(matching, frames.Length / 10, frames.Length * 9 / 10);
    }

    [KernelFact("ping")]
    public void A_host_stays_reachable_while_a_socket_takes_the_rest()
    {
        using TestNetwork host = new(), other = new();
        Connect(host, other);
        host.Batch($"route add default via 192.0.2.2 dev {TestNetwork.Near}");
        host.Run(() =>
        {
            Sockets.Fails(XskErrorId.InterfaceInUse, () => Sockets.Open().Dispose());
            using XskSocket socket = XskSocket.Open(Options());
            Assert.Equal("not kernel traffic", socket.Filter);
            foreach (string address in new[] { "192.0.2.1", "2001:db8::1" })
            {
                // Neither end knows the other yet: this takes ARP and neighbour discovery both ways.
                Command.Result ping = other.Execute("ping", "-c", "2", "-i", "0.1", "-W", "2", address);
                Assert.True(ping.ExitCode == 0, ping.Output);
                Assert.Equal("hello from the host", Greeting(other, address, KernelTraffic.SshPort));
            }

            Assert.Empty(socket.Drain(50));
            Assert.Equal("", Greeting(other, "192.0.2.1", 23));
            other.Execute("bash", "-c", "echo -n for the socket > /dev/udp/192.0.2.1/9999");
            List<byte[]> taken = socket.Drain();
            Assert.Contains(taken, frame => Encoding.ASCII.GetString(frame).Contains("for the socket", StringComparison.Ordinal));
            // SYN and its repetitions to port 23.
            Assert.Contains(taken, frame => frame.Length >= 38 && frame[23] == 6 && frame[37] == 23);
        });
    }

    [KernelFact("ping")]
    public void With_a_filter_only_what_it_matches_and_the_host_does_not_need_is_taken()
    {
        using TestNetwork host = new(), other = new();
        Connect(host, other);
        host.Run(() =>
        {
            using XskSocket socket = XskSocket.Open(Options() with { Filter = PacketFilter.FromFields(new() { Addresses = [IPNetwork.Parse("192.0.2.0/24")] }) });
            Assert.Equal("net 192.0.2.0/24 and not kernel traffic", socket.Filter);
            Assert.Equal(0, other.Execute("ping", "-c", "1", "-W", "2", "192.0.2.1").ExitCode);
            Assert.Empty(socket.Drain(50));
            other.Execute("bash", "-c", "echo -n taken > /dev/udp/192.0.2.1/9999; echo -n not taken > /dev/udp/2001:db8::1/9999");
            Assert.EndsWith("taken", Encoding.ASCII.GetString(Assert.Single(socket.Drain())), StringComparison.Ordinal);
        });
    }

    /// <summary>The port of an SSH session elsewhere than on 22, and the hardware address of the bridge that the host's address is on.</summary>
    [KernelFact("ping")]
    public void The_port_of_this_ssh_session_and_the_address_of_a_bridge_above_are_the_hosts_too()
    {
        string? session = Environment.GetEnvironmentVariable("SSH_CONNECTION");
        using TestNetwork host = new(), other = new();
        Connect(host, other, bridge: "xbridge");
        try
        {
            Environment.SetEnvironmentVariable("SSH_CONNECTION", $"192.0.2.2 50000 192.0.2.1 {SessionPort}");
            host.Run(() =>
            {
                using XskSocket socket = XskSocket.Open(Options());
                Assert.Equal(0, other.Execute("ping", "-c", "1", "-W", "2", "192.0.2.1").ExitCode);
                Assert.Equal("hello from the host", Greeting(other, "192.0.2.1", SessionPort));
                Assert.Equal("", Greeting(other, "192.0.2.1", 8081));
            });
        }
        finally
        {
            Environment.SetEnvironmentVariable("SSH_CONNECTION", session);
        }
    }

    [KernelFact]
    public void Sockets_of_one_interface_keep_the_same_and_a_jumbo_mtu_does_not_matter()
    {
        using TestNetwork network = new(queues: 2);
        network.Batch($"link set {TestNetwork.Near} mtu 9000", $"link set {TestNetwork.Far} mtu 9000");
        network.Run(() =>
        {
            using XskSocket first = XskSocket.Open(Options() with { Filter = PacketFilter.FromFields(new() { IPProtocols = [6] }) });
            using XskSocket second = XskSocket.Open(Options() with { QueueId = 1, Filter = PacketFilter.FromFields(new() { IPProtocols = [6, 6] }) });
            Assert.Equal((XdpMode.Native, first.ProgramId), (first.AttachMode, second.ProgramId));
            Assert.Equal("tcp and not kernel traffic", second.Filter);
            XskException failure = Sockets.Fails(XskErrorId.FilterConflict, () => XskSocket.Open(Sockets.Options(queue: 1)));
            Assert.Contains("'tcp and not kernel traffic'", failure.Message, StringComparison.Ordinal);
        });
    }

    [KernelFact]
    public void It_needs_a_program() =>
        Sockets.Fails(XskErrorId.FilterConflict, new XskSocketOptions { InterfaceName = "any", KeepKernelTraffic = true, AttachProgram = false }.Validate);

    private static XskSocketOptions Options() => Sockets.Options() with { KeepKernelTraffic = true };

    /// <summary>Near in one namespace, Far in another, each with an IPv4 and an IPv6 address.</summary>
    internal static void Connect(TestNetwork host, TestNetwork other, string bridge = TestNetwork.Near)
    {
        other.Ip("link", "delete", TestNetwork.Near);
        host.Ip("link", "set", TestNetwork.Far, "netns", other.Name);
        if (bridge != TestNetwork.Near)
            host.Batch($"link add {bridge} address 02:00:00:00:be:01 type bridge", $"link set {bridge} up", $"link set {TestNetwork.Near} master {bridge}");
        foreach ((TestNetwork network, string name) in new[] { (host, bridge), (other, TestNetwork.Far) })
            network.Run(() => File.WriteAllText($"/proc/sys/net/ipv6/conf/{name}/disable_ipv6", "0"));
        host.Batch($"addr add 192.0.2.1/24 dev {bridge}", $"addr add 2001:db8::1/64 dev {bridge} nodad");
        other.Batch($"link set {TestNetwork.Far} up", $"addr add 192.0.2.2/24 dev {TestNetwork.Far}", $"addr add 2001:db8::2/64 dev {TestNetwork.Far} nodad");
    }

    /// <summary>What a TCP listener on a port of this thread's host says to someone on the other; nothing if it cannot be reached.</summary>
    private static string Greeting(TestNetwork other, string address, int port)
    {
        using TcpListener listener = new(IPAddress.Parse(address), port);
        listener.Start();
        Task greeting = listener.AcceptTcpClientAsync().ContinueWith(
            accepted => { using TcpClient client = accepted.Result; client.GetStream().Write("hello from the host"u8); },
            CancellationToken.None, TaskContinuationOptions.OnlyOnRanToCompletion, TaskScheduler.Default);
        string heard = other.Execute("timeout", "1", "bash", "-c", $"cat < /dev/tcp/{address}/{port}").Output;
        return heard;
    }

    /// <summary>One of each kind, and each behind one and two tags.</summary>
    private static IEnumerable<byte[]> Needed()
    {
        const string us = "020000000002", them = "020000000009", all = "333300000001";
        const string ip4 = "45000028 00010000 40{0}0000 0a000001 0a000002 ", ip6 = "60000000 0020{0}ff 20010db8000000000000000000000001 20010db8000000000000000000000002 ";
        string[] packets =
        [
            $"ffffffffffff {them} 0806 0001080006040001 {them} 0a000001 000000000000 0a000002",
            $"{us} {them} 0800 {Of(ip4, 1)} 0800 0000 00000000",
            $"{all} {them} 0800 {Of(ip4, 6)} c000 0016 00000000 00000000 50020000 00000000",
            $"{all} {them} 0800 {Of(ip4, 6)} 0016 c000 00000000 00000000 50020000 00000000",
            $"{all} {them} 0800 {Of(ip4, 6)} 1f90 c000 00000000 00000000 50020000 00000000",
            $"ffffffffffff {them} 0800 {Of(ip4, 17)} 0044 0043 00080000",
            $"{all} {them} 86dd {Of(ip6, 17)} 0222 0223 00080000",
            $"{all} {them} 86dd {Of(ip6, 58)} 8700 0000 00000000",
            $"{us} {them} 86dd {Of(ip6, 58)} 0200 0000 00000000",
            $"{us} {them} 86dd {Of(ip6, 58)} 8000 0000 00000000",
            $"{all} {them} 86dd {Of(ip6, 0)} 3a00 0502 00000100 8f00 0000 00000000",
            $"{all} {them} 86dd {Of(ip6, 0)} 3a00 0502 00000100 8200 0000 00000000",
            $"{all} {them} 86dd {Of(ip6, 6)} c000 0016 00000000 00000000 50020000 00000000",
        ];
        foreach (byte[] packet in packets.Select(Frames.Hex))
        {
            yield return packet;
            yield return [.. packet[..12], 0x81, 0, 0, 5, .. packet[12..]];
            yield return [.. packet[..12], 0x88, 0xa8, 0, 5, 0x81, 0, 0, 6, .. packet[12..]];
        }

        static string Of(string header, byte protocol) => header.Replace("{0}", $"{protocol:x2}", StringComparison.Ordinal);
    }

    /// <summary>The same with each of the bytes that matter changed, and behind a third tag, where nothing is looked for.</summary>
    private static IEnumerable<byte[]> Variants()
    {
        Random random = new(3);
        foreach (byte[] needed in Needed())
        {
            yield return [.. needed[..12], 0x81, 0, 0, 7, 0x81, 0, 0, 8, .. needed[12..]];
            for (int i = 0; i < needed.Length; i++)
            {
                byte[] changed = [.. needed];
                changed[i] = (byte)(random.Next(3) switch { 0 => changed[i] + 1, 1 => changed[i] - 1, _ => random.Next(256) });
                yield return changed;
            }
        }
    }

    private static IEnumerable<byte[]> Zoo()
    {
        FrameZoo zoo = new(20_261_124);
        return Enumerable.Range(0, 20_000).Select(_ => zoo.Next());
    }
}
