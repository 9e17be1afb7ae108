using System.Net;
using Xunit.Abstractions;

namespace XdpPS.Tests;

/// <summary>What we read in every recorded frame against what tshark reads in it, field by field.</summary>
public sealed class DissectionWitnessTests(ITestOutputHelper output)
{
    /// <summary>Layers and fields of each protocol that must have been compared, so that nothing is lost unnoticed.</summary>
    private static readonly Dictionary<string, (int Layers, int Fields)> Floors = new()
    {
        ["Ethernet"] = (1_000, 3_000), ["VLAN"] = (26, 104), ["LLC"] = (14, 50), ["STP"] = (7, 99), ["LLDP"] = (8, 67), ["ARP"] = (40, 360),
        ["IPv4"] = (500, 7_500), ["IPv6"] = (430, 4_000), ["AH"] = (6, 24), ["ICMP"] = (60, 310), ["ICMPv6"] = (100, 600),
        ["UDP"] = (145, 700), ["TCP"] = (570, 5_000), ["DNS"] = (65, 850), ["DHCP"] = (18, 270), ["VXLAN"] = (24, 48), ["GRE"] = (12, 73),
    };

    private readonly Dictionary<string, (int Layers, int Fields)> compared = [];
    private readonly List<string> differences = [];

    public static IEnumerable<object[]> Captures => Directory.EnumerateFiles(Path.Combine(AppContext.BaseDirectory, "captures"), "*.pcap")
        .Order(StringComparer.Ordinal).Select(path => new object[] { path });

    [KernelFact("tshark")]
    public void Every_field_is_what_tshark_reads()
    {
        int frames = 0, columns = 0;
        foreach (string capture in Captures.Select(row => (string)row[0]))
        {
            List<CapturedFrame> ours = RecordedFrames.Read(capture);
            List<List<TsharkLayer>> theirs = TsharkLayers.Read(capture);
            List<string[]> lists = TsharkLayers.ReadColumns(capture);
            Assert.Equal((ours.Count, ours.Count), (theirs.Count, lists.Count));
            for (int i = 0; i < ours.Count; i++)
            {
                XskPacket packet = new(ours[i].Data) { Length = ours[i].Length };
                string place = $"{Path.GetFileName(capture)} {i + 1}";
                bool all = CompareChain(place, packet.GetLayers(), theirs[i].Where(layer => layer.Name != "frame"));
                if (all) columns += CompareColumns(place, packet, lists[i]);
                frames++;
            }
        }

        foreach ((string name, (int Layers, int Fields) count) in compared.OrderBy(entry => entry.Key, StringComparer.Ordinal))
            output.WriteLine($"{name,-9} {count.Layers,5} layers {count.Fields,6} fields");
        output.WriteLine($"{compared.Sum(entry => entry.Value.Fields)} fields of {frames} frames compared with tshark, and {columns} cells of its list: {differences.Count} differences");
        foreach (string difference in differences.Take(60)) output.WriteLine(difference);
        Assert.True(differences.Count == 0, string.Join('\n', differences.Take(10)));
        foreach ((string name, (int Layers, int Fields) floor) in Floors)
        {
            (int Layers, int Fields) count = compared.GetValueOrDefault(name);
            Assert.True(count.Layers >= floor.Layers && count.Fields >= floor.Fields, $"only {count.Fields} fields of {count.Layers} layers of {name}");
        }
    }

    /// <returns>Whether tshark sees nothing further in the frame that we know.</returns>
    private bool CompareChain(string place, IReadOnlyList<PacketLayer> ours, IEnumerable<TsharkLayer> theirs, bool quoted = false)
    {
        Queue<TsharkLayer> rest = new(theirs.SelectMany(Unfold));
        foreach (PacketLayer layer in ours)
        {
            if (!rest.TryDequeue(out TsharkLayer? other) || TsharkFields.NameOf(other.Name) != TsharkFields.Family(layer))
            {
                differences.Add($"{place}: we see {layer.Name}, tshark {other?.Name ?? "nothing"}");
                return false;
            }

            CompareFields(place, layer, other, quoted);
            // What follows a malformed layer is not ours to compare.
            if (layer.Malformed) return !rest.Any(next => TsharkFields.NameOf(next.Name) is not null);
            if (((layer as IcmpLayer)?.OriginalDatagram ?? (layer as Icmpv6Layer)?.OriginalPacket) is { } original)
                return CompareChain(place + " quoted", original.GetLayers(), [.. other.Inside, .. rest], quoted: true);
        }

        if (rest.TryPeek(out TsharkLayer? further) && TsharkFields.NameOf(further.Name) is { } known) differences.Add($"{place}: tshark sees {known}, we nothing");
        return !rest.Any(next => TsharkFields.NameOf(next.Name) is not null);
    }

    private void CompareFields(string place, PacketLayer layer, TsharkLayer other, bool quoted)
    {
        int fields = 0;
        foreach ((string name, string? ours) in TsharkFields.Of(layer))
        {
            // Of a packet that a message of ICMP is about, tshark verifies not all checksums, and those of routed ones with another address.
            if (quoted && name.EndsWith("checksum.status", StringComparison.Ordinal) && name[0] != 't') continue;
            string? theirs = TsharkFields.Normalize(name, other);
            if (ours is null && theirs is null) continue;
            fields++;
            if (ours != theirs) differences.Add($"{place}: {name}: we read {ours ?? "nothing"}, tshark {theirs ?? "nothing"}");
        }

        string family = TsharkFields.Family(layer);
        (int layers, int sum) = compared.GetValueOrDefault(family);
        compared[family] = (layers + 1, sum + fields);
    }

    /// <summary>tshark prints AH within IPv6, and packets that ICMP is about within ICMP.</summary>
    private static IEnumerable<TsharkLayer> Unfold(TsharkLayer layer) =>
        layer.Name is "icmp" or "icmpv6" ? [layer] : [layer, .. layer.Inside.SelectMany(Unfold)];

    private int CompareColumns(string place, XskPacket packet, string[] columns)
    {
        // Routes by way of others: tshark shows the last one, we the next. Layers that we do not know have columns of their own.
        if (!TsharkFields.SameList.Contains(columns[2])) return 0;
        PacketLayer last = packet.GetLayers()[^1];
        if (packet.IPv4?.Options.Any(option => option.Type is IPv4OptionType.LooseSourceRoute or IPv4OptionType.StrictSourceRoute) == true
            || packet.IPv6?.ExtensionHeaders.Any(header => header.Type == IPProtocol.Routing) == true) return 0;
        int cells = 0;
        foreach ((string name, string ours, string theirs) in new[]
        {
            ("Source", packet.Source, columns[0]), ("Destination", packet.Destination, columns[1]), ("Protocol", packet.Protocol, columns[2]),
        })
        {
            cells++;
            bool same = ours == theirs || (IPAddress.TryParse(ours, out IPAddress? one) && IPAddress.TryParse(theirs, out IPAddress? two) && one.Equals(two));
            if (!same) differences.Add($"{place}: column {name}: we show {ours}, tshark {theirs} ({last})");
        }

        return cells;
    }
}
