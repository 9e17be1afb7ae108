using System.Text.Json;

namespace XdpPS.Tests;

/// <summary>One protocol's part of a packet as tshark prints it in JSON.</summary>
/// <param name="Name">The protocol: ip, udp …</param>
/// <param name="Fields">All its fields, subtrees included, a name as often as it occurs.</param>
/// <param name="Inside">Protocols that tshark prints within this one.</param>
internal sealed record TsharkLayer(string Name, List<(string Name, string Value)> Fields, List<TsharkLayer> Inside)
{
    internal IEnumerable<string> All(string field) => Fields.Where(entry => entry.Name == field).Select(entry => entry.Value);

    internal string? First(string field) => All(field).FirstOrDefault();
}

/// <summary>What 'tshark -T json' makes of a capture. Names occur more than once in an object, which JsonDocument would not keep apart.</summary>
internal static class TsharkLayers
{
    private static readonly string[] Options =
    [
        // As a single packet shows itself: nothing is put together from several.
        "-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE", "-o", "tcp.desegment_tcp_streams:FALSE",
        "-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE",
    ];

    /// <returns>For each frame its layers, outermost first.</returns>
    internal static List<List<TsharkLayer>> Read(string capture)
    {
        string text = Command.Run("tshark", ["-r", capture, "-n", "-T", "json", .. Options]);
        Utf8JsonReader reader = new(System.Text.Encoding.UTF8.GetBytes(text));
        List<List<TsharkLayer>> frames = [];
        while (reader.Read())
        {
            if (reader.TokenType == JsonTokenType.PropertyName && reader.CurrentDepth == 3 && reader.ValueTextEquals("layers"))
            {
                reader.Read();
                TsharkLayer frame = new("", [], []);
                ReadObject(ref reader, frame, atTop: true);
                frames.Add(frame.Inside);
            }
        }

        return frames;
    }

    /// <returns>For each frame the columns Source, Destination and Protocol.</returns>
    internal static List<string[]> ReadColumns(string capture) =>
        [.. Command.Run("tshark", ["-r", capture, "-n", "-T", "fields", "-e", "_ws.col.Source", "-e", "_ws.col.Destination", "-e", "_ws.col.Protocol", .. Options])
            .Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split('\t'))];

    private static void ReadObject(ref Utf8JsonReader reader, TsharkLayer layer, bool atTop)
    {
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            string name = reader.GetString()!;
            reader.Read();
            switch (reader.TokenType)
            {
                case JsonTokenType.StartObject when atTop || IsProtocol(name):
                    TsharkLayer inner = new(name, [], []);
                    layer.Inside.Add(inner);
                    ReadObject(ref reader, inner, atTop: false);
                    break;
                case JsonTokenType.StartObject:
                    ReadObject(ref reader, layer, atTop: false);
                    break;
                case JsonTokenType.StartArray:
                    while (reader.Read() && reader.TokenType != JsonTokenType.EndArray) layer.Fields.Add((name, reader.GetString()!));
                    break;
                default:
                    if (atTop) layer.Inside.Add(new TsharkLayer(name, [], []));
                    else layer.Fields.Add((name, reader.GetString() ?? ""));
                    break;
            }
        }
    }

    private static bool IsProtocol(string name) => name is "eth" or "vlan" or "ieee8021ad" or "arp" or "ip" or "ipv6" or "ah" or "icmp" or "icmpv6" or "udp" or "tcp"
        or "gre" or "vxlan" or "dns" or "dhcp" or "llc" or "esp" or "sctp" or "http" or "data" or "syslog" or "mdns" or "lldp" or "stp";
}
