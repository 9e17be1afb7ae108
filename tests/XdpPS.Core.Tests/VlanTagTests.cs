namespace XdpPS.Tests;

/// <summary>VLAN tags that the kernel keeps beside the frame, where no filter sees them, and what the warning says to run.</summary>
public sealed class VlanTagTests : IDisposable
{
    private const ushort Vlan = 5;

    private readonly TestNetwork network = new();

    public void Dispose() => network.Dispose();

    [KernelTheory("ethtool")]
    [InlineData(XdpAttachMode.Native)]
    [InlineData(XdpAttachMode.Generic)]
    public void A_tag_is_seen_once_the_other_end_puts_it_into_the_frame_as_the_warning_says(XdpAttachMode mode) => network.Run(() =>
    {
        using TagPusher pusher = new(TestNetwork.Far, Vlan);
        byte[][] frames = Frames.Series(3);
        // The last has that tag in its bytes already, and so is seen in any case.
        byte[][] sent = [.. frames, Tagged(frames[0])];
        using (XskSocket socket = Open(mode))
        {
            Assert.Contains($"run 'ethtool -K {TestNetwork.Far} txvlan off'", Warning(socket), StringComparison.Ordinal);
            Kernel.SendRaw(TestNetwork.Far, sent);
            Assert.Equal([sent[3]], socket.Take(1));
        }

        // Of this end nothing is heeded.
        network.Execute("ethtool", "-K", TestNetwork.Near, "rxvlan", "off", "txvlan", "off");
        using (XskSocket socket = Open(mode)) Assert.NotNull(Warning(socket));
        network.Execute("ethtool", "-K", TestNetwork.Near, "rxvlan", "on", "txvlan", "on");
        network.Execute("ethtool", "-K", TestNetwork.Far, "txvlan", "off");
        using (XskSocket socket = Open(mode))
        {
            Assert.Null(Warning(socket));
            Kernel.SendRaw(TestNetwork.Far, sent);
            Assert.Equal([.. sent.Select(Tagged)], socket.Take(4));
        }
    });

    [KernelFact("ethtool")]
    public void The_other_end_is_found_in_the_namespace_that_it_is_in()
    {
        using TestNetwork other = new();
        network.Ip("link", "set", TestNetwork.Far, "netns", other.Name, "name", "xthere");
        string warning = Opened(network.Name);
        Assert.Contains($"xthere, the other end of {TestNetwork.Near} in network namespace '{other.Name}'", warning, StringComparison.Ordinal);
        Assert.Contains($"run 'ip netns exec {other.Name} ethtool -K xthere txvlan off'", warning, StringComparison.Ordinal);
        other.Execute("ethtool", "-K", "xthere", "txvlan", "off");
        Assert.Equal("", Opened(network.Name));
        Assert.False(network.HasProgram());
    }

    [KernelFact("ethtool")]
    public void What_cannot_be_found_is_said_to_be_unknown()
    {
        using TestNetwork other = new();
        using var held = File.OpenHandle($"/run/netns/{other.Name}", FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        network.Ip("link", "set", TestNetwork.Far, "netns", other.Name, "name", "xthere");
        Command.Run("ip", "netns", "delete", other.Name);
        Assert.Contains("unless 'ethtool -K <peer> txvlan off' was run there", Opened(network.Name), StringComparison.Ordinal);
    }

    private static byte[] Tagged(byte[] frame) => [.. frame[..12], 0x81, 0x00, 0x00, (byte)Vlan, .. frame[12..]];

    private static XskSocket Open(XdpAttachMode mode) => XskSocket.Open(Sockets.Options(attach: mode) with { Filter = Filter });

    private static PacketFilter Filter => PacketFilter.FromFields(new PacketFields { Vlans = [Vlan] });

    private static string? Warning(XskSocket socket) => socket.Warnings.FirstOrDefault(warning => warning.Id == "VlanTagStripped")?.Message;

    private static string Opened(string place)
    {
        using XskSocket socket = XskSocket.Open(Sockets.Options(networkNamespace: place) with { Filter = Filter });
        return Warning(socket) ?? "";
    }
}
