using System.Reflection;
using System.Text.RegularExpressions;

namespace XdpPS.Tests;

/// <summary>docs/kernel-test-plan.md names every scenario, and only tests that there are.</summary>
public sealed partial class KernelTestPlanTableTests
{
    /// <summary>tools/testing/selftests/bpf/prog_tests/test_xsk.h, Linux 6.18: tests and ci_skip_tests.</summary>
    private static readonly string[] Scenarios =
    [
        "SEND_RECEIVE", "SEND_RECEIVE_2K_FRAME", "SEND_RECEIVE_SINGLE_PKT", "POLL_RX", "POLL_TX", "POLL_RXQ_FULL", "POLL_TXQ_FULL",
        "ALIGNED_INV_DESC", "ALIGNED_INV_DESC_2K_FRAME_SIZE", "UMEM_HEADROOM", "BIDIRECTIONAL", "STAT_RX_DROPPED", "STAT_TX_INVALID",
        "STAT_RX_FULL", "STAT_FILL_EMPTY", "XDP_PROG_CLEANUP", "XDP_DROP_HALF", "XDP_SHARED_UMEM", "XDP_METADATA_COPY",
        "XDP_METADATA_COPY_MULTI_BUFF", "ALIGNED_INV_DESC_MULTI_BUFF", "TOO_MANY_FRAGS", "XDP_ADJUST_TAIL_SHRINK", "TX_QUEUE_CONSUMER",
        "XDP_ADJUST_TAIL_SHRINK_MULTI_BUFF", "XDP_ADJUST_TAIL_GROW", "XDP_ADJUST_TAIL_GROW_MULTI_BUFF", "SEND_RECEIVE_9K_PACKETS",
        "SEND_RECEIVE_UNALIGNED", "UNALIGNED_INV_DESC", "UNALIGNED_INV_DESC_4001_FRAME_SIZE", "SEND_RECEIVE_UNALIGNED_9K_PACKETS",
        "UNALIGNED_INV_DESC_MULTI_BUFF", "HW_SW_MIN_RING_SIZE", "HW_SW_MAX_RING_SIZE", "TEARDOWN",
    ];

    private static readonly string[][] Rows =
    [
        .. File.ReadLines(Path.Combine(AppContext.BaseDirectory, "kernel-test-plan.md"))
            .Where(line => line.StartsWith("| ", StringComparison.Ordinal) && !line.StartsWith("| ---", StringComparison.Ordinal))
            .Select(line => line.Trim('|').Split('|').Select(cell => cell.Trim()).ToArray()),
    ];

    [Fact]
    public void Every_scenario_has_one_row_and_there_is_no_other()
    {
        string[] listed = [.. Rows.Select(row => row[0].Trim('`')).Where(name => name.Length > 1 && name.All(c => char.IsAsciiLetterUpper(c) || char.IsAsciiDigit(c) || c == '_'))];
        Assert.Equal(Scenarios.Order(StringComparer.Ordinal), listed.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Every_test_that_is_named_exists_and_is_one()
    {
        (string Type, string Method)[] named = [.. Rows.SelectMany(row => TestName().Matches(row[1])).Select(match => (match.Groups[1].Value, match.Groups[2].Value))];
        Assert.True(named.Length >= Scenarios.Length);
        foreach ((string type, string method) in named)
        {
            MethodInfo? test = typeof(KernelTestPlanTableTests).Assembly.GetType($"XdpPS.Tests.{type}")?.GetMethod(method, BindingFlags.Public | BindingFlags.Instance);
            Assert.True(test?.GetCustomAttribute<FactAttribute>() is not null, $"there is no test {type}.{method}");
        }
    }

    /// <summary>A scenario that no test carries out says why.</summary>
    [Fact]
    public void A_test_has_the_scenarios_name_or_the_row_says_what_there_is_in_its_place()
    {
        foreach (string[] row in Rows.Where(row => Scenarios.Contains(row[0].Trim('`'))))
        {
            bool itself = row[1].Contains($".{row[0].Trim('`')}`", StringComparison.Ordinal);
            Assert.True(itself || row[2].StartsWith("no:", StringComparison.Ordinal), row[0]);
        }
    }

    [GeneratedRegex("`([A-Za-z]+Tests)\\.([A-Za-z0-9_]+)`")]
    private static partial Regex TestName();
}
