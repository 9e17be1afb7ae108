using System.Globalization;
using System.Text.RegularExpressions;

namespace XdpPS.Tests;

/// <summary>Those scenarios that set the rings of the sending card, which a veth has none of.</summary>
public sealed partial class KernelTestPlanTests
{
    /// <summary>xskxceiver's DEFAULT_BATCH_SIZE.</summary>
    private const int Batch = 64;

    /// <summary>What a tap's queue has room for, whatever the card's rings hold.</summary>
    private const int MostAtOnce = 256;

    /// <summary>A ring as long as a burst, and one entry longer.</summary>
    [CardTheory]
    [MemberData(nameof(Plan.Modes), MemberType = typeof(Plan))]
    public void HW_SW_MIN_RING_SIZE(PlanMode mode, bool busyPoll) => WithRings(
        most => (2 * Batch, Batch),
        _ => Carry(mode, busyPoll, Plan.Options(mode, busyPoll), [Batch, Batch - 1]));

    /// <summary>Rings as long as the card can have them, and ours longer than those.</summary>
    [CardTheory]
    [MemberData(nameof(Plan.Modes), MemberType = typeof(Plan))]
    public void HW_SW_MAX_RING_SIZE(PlanMode mode, bool busyPoll) => WithRings(
        most => most,
        tx => Carry(
            mode, busyPoll,
            Plan.Options(mode, busyPoll) with { FrameCount = 8192, RxRingSize = 4096, TxRingSize = 4096, FillRingSize = 4096, CompletionRingSize = 4096 },
            // ice counts its ring in eights.
            [Math.Min(tx, MostAtOnce), Math.Min(tx, MostAtOnce) - 8]));

    private void WithRings(Func<(int Rx, int Tx), (int Rx, int Tx)> choose, Action<int> carry)
    {
        (int Rx, int Tx)[] rings = Rings();
        (int Rx, int Tx) chosen = choose(rings[0]);
        SetRings(chosen);
        try
        {
            Assert.Equal(chosen, Rings()[1]);
            carry(chosen.Tx);
        }
        finally
        {
            SetRings(rings[1]);
        }
    }

    private void Carry(PlanMode mode, bool busyPoll, XskSocketOptions options, int[] bursts) => network.Run(() =>
    {
        using XskSocket near = XskSocket.Open(options);
        using XskSocket far = XskSocket.Open(Plan.Options(mode, busyPoll, TestNetwork.Far) with { FrameCount = options.FrameCount, RxRingSize = options.RxRingSize, FillRingSize = options.FillRingSize });
        foreach (int burst in bursts)
        {
            foreach (byte[][] frames in Frames.Series(8 * burst, Plan.Shortest).Chunk(burst))
            {
                near.Send(frames);
                Assert.Equal(frames, Plan.Look(far, frames.Length));
            }
        }

        Sockets.AssertConserved(near, far);
    });

    /// <summary>The longest that ethtool shows, and those of now.</summary>
    private (int Rx, int Tx)[] Rings()
    {
        string shown = network.Cable.Execute("ethtool", "-g", TestNetwork.Near).Output;
        int[] rx = Read("RX"), tx = Read("TX");
        return [(rx[0], tx[0]), (rx[1], tx[1])];

        int[] Read(string ring) => [.. Regex.Matches(shown, $@"^{ring}:\s*(\d+)", RegexOptions.Multiline).Select(match => int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture))];
    }

    /// <summary>ethtool complains where nothing changes.</summary>
    private void SetRings((int Rx, int Tx) rings)
    {
        if (Rings()[1] == rings) return;
        Command.Result result = network.Cable.Execute("ethtool", "-G", TestNetwork.Near, "rx", $"{rings.Rx}", "tx", $"{rings.Tx}");
        Assert.True(result.ExitCode == 0, result.Error);
    }
}

/// <summary>A theory about cards, which XDPPS_PLAN_CARDS names.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class CardTheoryAttribute : TheoryAttribute
{
    public CardTheoryAttribute() => Skip = PlanNetwork.Cards is null ? "needs two connected network cards (XDPPS_PLAN_CARDS), as a virtual machine of tests/vm has" : null;
}
