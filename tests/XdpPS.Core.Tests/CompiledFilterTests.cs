namespace XdpPS.Tests;

/// <summary>The filter that the forwarder runs, against libpcap's own interpreter.</summary>
public sealed class CompiledFilterTests
{
    [KernelFact("tcpdump")]
    public void It_agrees_with_libpcap_on_every_expression_and_frame()
    {
        FrameZoo zoo = new(20_261);
        byte[][] frames = [.. RecordedFrames.All().Where(frame => frame.IsWhole).Select(frame => frame.Data), .. Enumerable.Range(0, 500).Select(_ => zoo.Next()), []];
        int matches = 0, pairs = 0;
        foreach (string expression in FilterOracle.Expressions)
        {
            PacketFilter filter = PacketFilter.Compile(expression);
            CompiledFilter compiled = new(filter), inverse = new(filter.Not());
            foreach (byte[] frame in frames)
            {
                bool expected = FilterOracle.Libpcap(filter, frame);
                if (compiled.Matches(frame) != expected || inverse.Matches(frame) == expected) Assert.Fail($"{expression} on {Convert.ToHexString(frame)}");
                pairs++;
                if (expected) matches++;
            }
        }

        Assert.InRange(matches, pairs / 100, pairs - (pairs / 100));
    }

    [KernelFact("tcpdump")]
    public void A_verdict_allocates_nothing()
    {
        byte[] frame = Frames.Make(60);
        CompiledFilter filter = new(PacketFilter.Compile("udp port 53 or ether[12:2] = 0x88b5"));
        Assert.True(filter.Matches(frame));
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++) filter.Matches(frame);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }
}
