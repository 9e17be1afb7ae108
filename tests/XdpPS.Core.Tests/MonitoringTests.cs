namespace XdpPS.Tests;

/// <summary>What a screen of text is made of.</summary>
public sealed class MonitoringTests
{
    [Theory]
    [InlineData(0, "0 pps")]
    [InlineData(999.4, "999 pps")]
    [InlineData(999.6, "1.00 kpps")]
    [InlineData(1234, "1.23 kpps")]
    [InlineData(12345, "12.3 kpps")]
    [InlineData(123456, "123 kpps")]
    [InlineData(999_600, "1.00 Mpps")]
    [InlineData(14_880_952, "14.9 Mpps")]
    [InlineData(1e18, "1000000 Tpps")]
    public void A_rate_has_three_digits(double value, string expected) => Assert.Equal(expected, Amount.Rate(value, "pps"));

    [Theory]
    [InlineData(0, "0 %")]
    [InlineData(0.0001, "1 %")]
    [InlineData(0.5, "50 %")]
    [InlineData(0.9999, "99 %")]
    [InlineData(1, "100 %")]
    public void A_ring_is_empty_or_full_only_where_it_is(double part, string expected) => Assert.Equal(expected, Amount.Percent(part));

    [Fact]
    public void A_sparkline_shows_the_latest_values_at_the_right()
    {
        Assert.Equal("  ▁█", Glyphs.Blocks.Sparkline([0, 5], 4));
        Assert.Equal("▁▂▅█", Glyphs.Blocks.Sparkline([100, 0, 0.001, 4, 7], 4));
        Assert.Equal("_.=#", Glyphs.Ascii.Sparkline([0, 0.001, 4, 7], 4));
        Assert.Equal("▁▁", Glyphs.Blocks.Sparkline([0, 0], 2));
        Assert.Equal("", Glyphs.Blocks.Sparkline([1], 0));
        Assert.Equal("   ", Glyphs.Blocks.Sparkline([], 3));
    }

    [Theory]
    [InlineData(0, "░░░░")]
    [InlineData(0.01, "█░░░")]
    [InlineData(0.5, "██░░")]
    [InlineData(0.99, "███░")]
    [InlineData(1, "████")]
    public void A_bar_is_empty_or_full_only_where_the_ring_is(double part, string expected) => Assert.Equal(expected, Glyphs.Blocks.Bar(part, 4));

    [Fact]
    public void A_line_is_never_wider_than_the_screen_and_has_no_sequences_of_others()
    {
        ScreenLine line = new ScreenLine(10, color: true).Add("a\e[2Jb", ScreenLine.Bold).Add("0123456789", ScreenLine.Red).Add("more");
        Assert.Equal("\e[1ma?[2Jb\e[0m\e[1;31m0123\e[0m", line.ToString());
        Assert.Equal(0, line.Left);
        Assert.Equal("a         b", new ScreenLine(11, color: false).Add("a", ScreenLine.Bold).To(10).Add("b").ToString());
    }
}
