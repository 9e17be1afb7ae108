namespace XdpPS.Tests;

/// <summary>Fields of frames as 'tshark -T fields' prints them, with every checksum looked at.</summary>
internal static class TsharkTable
{
    private static readonly string[] Checks =
    [
        "-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE",
        "-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE", "-o", "tcp.desegment_tcp_streams:FALSE", "-o", "tcp.relative_sequence_numbers:FALSE",
    ];

    /// <summary>All that tshark says of checksums: 1 is good, 0 bad, and 2 and 3 that it cannot tell or that there is none.</summary>
    internal static readonly string[] ChecksumStatus = ["ip.checksum.status", "udp.checksum.status", "tcp.checksum.status", "icmp.checksum.status", "icmpv6.checksum.status"];

    /// <returns>For each frame the fields in the order asked for; several values of one with commas between them.</returns>
    internal static List<string[]> Read(IEnumerable<byte[]> frames, params string[] fields)
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(path, Pcap.Write(frames));
            return ReadFile(path, fields);
        }
        finally
        {
            File.Delete(path);
        }
    }

    internal static List<string[]> ReadFile(string path, params string[] fields) =>
        [.. Command.Run("tshark", ["-r", path, "-n", "-T", "fields", .. fields.SelectMany(field => new[] { "-e", field }), .. Checks])
            .TrimEnd('\n').Split('\n').Select(line => line.Split('\t'))];
}
