namespace XdpPS;

/// <summary>
/// Tries a filter on packets, by the very instructions that a socket with it would attach, run in this process: without
/// an interface, without a privilege. One thread at a time.
/// </summary>
public sealed class FilterTester
{
    private readonly BpfInterpreter program;
    private long number;

    /// <exception cref="XskException">The filter is too large for the jumps of its program.</exception>
    public FilterTester(PacketFilter filter)
    {
        ArgumentNullException.ThrowIfNull(filter);
        program = new BpfInterpreter(XdpProgram.Verdict(filter));
    }

    /// <summary>Whether the filter matches a whole frame.</summary>
    public bool Matches(ReadOnlySpan<byte> frame) => program.Matches(frame);

    /// <summary>Tests a packet. Of a truncated one, what is missing cannot be matched, and its length is that on the wire, as in tcpdump.</summary>
    public XskFilterResult Test(XskPacket packet)
    {
        ArgumentNullException.ThrowIfNull(packet);
        return Result(packet, ++number, "");
    }

    /// <summary>Tests the packets of a capture file, pcap or pcapng, one after the other.</summary>
    /// <param name="path">The file, or a pipe that somebody writes one to.</param>
    /// <param name="cancellationToken">Ends the wait for what is yet to be written to a pipe.</param>
    /// <exception cref="XskException">
    /// There is no such file, or it is no capture of Ethernet frames; or, after the packets before it, damage was met.
    /// </exception>
    /// <exception cref="OperationCanceledException">The wait for a pipe was cancelled.</exception>
    public IEnumerable<XskFilterResult> TestFile(string path, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(path);
        return Read(path, cancellationToken);
    }

    private IEnumerable<XskFilterResult> Read(string path, CancellationToken cancellationToken)
    {
        using XskCaptureReader capture = XskCaptureReader.Open(path, cancellationToken);
        while (capture.Read() is { } packet) yield return Result(packet, packet.Number, path);
    }

    private XskFilterResult Result(XskPacket packet, long place, string path) => new()
    {
        Match = program.Matches(packet.Data, packet.Length),
        Number = place,
        Path = path,
        Packet = packet,
    };
}
