using System.Globalization;

namespace XdpPS.Tests;

/// <summary>
/// One cable for all scenarios of a class: they leave nothing on it, which each checks. It is a veth, or, where
/// XDPPS_PLAN_CARDS names two interfaces that are connected ("eth0,eth1"), those.
/// </summary>
public class PlanNetwork : IDisposable
{
    private readonly int mtu;
    private TestNetwork? network;

    internal static string[]? Cards => Environment.GetEnvironmentVariable("XDPPS_PLAN_CARDS")?.Split(',') is [_, _] cards ? cards : null;

    /// <summary>Where the tests run, and cards are given back to.</summary>
    private static string Here => Environment.ProcessId.ToString(CultureInfo.InvariantCulture);

    /// <summary>A cable of the usual MTU.</summary>
    public PlanNetwork() : this(1500)
    {
    }

    private protected PlanNetwork(int mtu) => this.mtu = mtu;

    /// <summary>Made when it is first needed, since all tests may be skipped.</summary>
    internal TestNetwork Cable => network ??= Make();

    /// <summary>Runs a scenario in the namespace, and sees that no program is left.</summary>
    internal void Run(Action scenario)
    {
        Cable.Run(scenario);
        Assert.False(Cable.HasProgram());
        Assert.False(Cable.HasProgram(TestNetwork.Far));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (network is not null && Cards is { } cards)
        {
            network.Ip("link", "set", TestNetwork.Near, "mtu", "1500", "name", cards[0], "netns", Here);
            network.Ip("link", "set", TestNetwork.Far, "mtu", "1500", "name", cards[1], "netns", Here);
        }

        network?.Dispose();
        GC.SuppressFinalize(this);
    }

    private TestNetwork Make()
    {
        TestNetwork made = new(queues: 2);
        if (Cards is { } cards)
        {
            made.Ip("link", "delete", TestNetwork.Near);
            Borrow(cards[0], TestNetwork.Near);
            Borrow(cards[1], TestNetwork.Far);
        }

        if (mtu != 1500) made.Batch($"link set {TestNetwork.Near} mtu {mtu}", $"link set {TestNetwork.Far} mtu {mtu}");
        return made;

        void Borrow(string card, string name)
        {
            Command.Run("ip", "link", "set", card, "netns", made.Name, "name", name);
            made.Ip("link", "set", name, "up");
        }
    }
}

/// <summary>A cable for packets of 9,000 bytes.</summary>
public sealed class JumboPlanNetwork() : PlanNetwork(9000);

/// <summary>xskxceiver's three modes: SKB, DRV and ZC.</summary>
public enum PlanMode
{
    /// <summary>Generic XDP, with copies.</summary>
    Generic,

    /// <summary>Native XDP, with copies.</summary>
    Native,

    /// <summary>Native XDP without copies, which no veth has.</summary>
    ZeroCopy,
}

/// <summary>What the scenarios of the kernel's test plan have in common.</summary>
internal static class Plan
{
    /// <summary>xskxceiver's MIN_PKT_SIZE.</summary>
    internal const int Shortest = 64;

    /// <summary>The two modes of a veth, or all three of a pair of cards, each without and with busy polling.</summary>
    public static TheoryData<PlanMode, bool> Modes => Cross(PlanNetwork.Cards is null ? [PlanMode.Generic, PlanMode.Native] : Enum.GetValues<PlanMode>());

    /// <summary>Those in which a packet may take several frames: not without copies, where the driver takes but one.</summary>
    public static TheoryData<PlanMode, bool> JumboModes => PlanNetwork.Cards is [string card, _] && InterfaceDetails.Complete([XdpInterface.Get(card)])[0].ZeroCopyMaxSegments is null or < 2 ? CopyModes : Modes;

    /// <summary>The same, of a scenario that is about copies.</summary>
    public static TheoryData<PlanMode, bool> CopyModes => Cross(PlanMode.Generic, PlanMode.Native);

    internal static XdpAttachMode Attach(PlanMode mode) => mode == PlanMode.Generic ? XdpAttachMode.Generic : XdpAttachMode.Native;

    internal static XskSocketOptions Options(
        PlanMode mode, bool busyPoll, string interfaceName = TestNetwork.Near, int frameSize = 4096, int queue = 0) =>
        Sockets.Options(interfaceName, queue, frames: 512, frameSize: frameSize, rx: 256, tx: 256, fill: 256, completion: 256, attach: Attach(mode)) with
        {
            BindMode = mode == PlanMode.ZeroCopy ? XskBindMode.ZeroCopy : XskBindMode.Copy,
            BusyPollMicroseconds = busyPoll ? XskSocketOptions.DefaultBusyPollMicroseconds : null,
        };

    /// <summary>Sends in bursts that the cable can hold, and receives each by looking at the ring, without poll().</summary>
    internal static void Carry(XskSocket from, XskSocket to, IReadOnlyList<byte[]> frames)
    {
        foreach (byte[][] burst in frames.Chunk(64))
        {
            from.Send(burst);
            Assert.Equal(burst, Look(to, burst.Length));
        }
    }

    /// <summary>What comes, by looking at the ring without poll().</summary>
    internal static List<byte[]> Look(XskSocket socket, int count)
    {
        List<byte[]> packets = [];
        SpinWait.SpinUntil(
            () =>
            {
                socket.Read(count - packets.Count, packets);
                return packets.Count == count;
            },
            TimeSpan.FromSeconds(5));
        return packets;
    }

    private static TheoryData<PlanMode, bool> Cross(params PlanMode[] modes)
    {
        TheoryData<PlanMode, bool> data = [];
        foreach (PlanMode mode in modes)
        {
            data.Add(mode, false);
            data.Add(mode, true);
        }

        return data;
    }
}
