using System.Collections;
using System.Globalization;
using System.Net.NetworkInformation;
using System.Reflection;
using System.Text;

namespace XdpPS.Formatting;

/// <summary>The layers of a packet as a tree of text, for the list view.</summary>
public static class LayerTree
{
    private static readonly string[] Hidden = [nameof(PacketLayer.Name), nameof(PacketLayer.Info), nameof(PacketLayer.Offset), nameof(PacketLayer.HeaderLength), nameof(PacketLayer.Truncated), nameof(PacketLayer.Malformed), nameof(PacketLayer.Payload)];

    /// <summary>A line a layer, outermost first, and under it a line for each field that is there; what is in doubt is marked.</summary>
    public static string Of(Packet packet)
    {
        ArgumentNullException.ThrowIfNull(packet);
        StringBuilder text = new();
        foreach (PacketLayer layer in packet.GetLayers())
        {
            if (text.Length > 0) text.Append('\n');
            text.Append(CultureInfo.InvariantCulture, $"{layer.Name}{(layer.Malformed ? " [malformed]" : layer.Truncated ? " [truncated]" : "")}");
            (string Name, string Value)[] fields = [.. Fields(layer)];
            int width = fields.Length == 0 ? 0 : fields.Max(field => field.Name.Length);
            foreach ((string name, string value) in fields) text.Append('\n').Append("  ").Append(name.PadRight(width)).Append(" : ").Append(value);
        }

        return text.ToString();
    }

    private static IEnumerable<(string Name, string Value)> Fields(PacketLayer layer) => layer.GetType()
        .GetProperties(BindingFlags.Public | BindingFlags.Instance)
        .Where(property => !Hidden.Contains(property.Name))
        // What UDP and TCP have in common comes first in their headers.
        .OrderBy(property => property.DeclaringType == layer.GetType())
        .Select(property => (property.Name, Value: Text(property.GetValue(layer))))
        .Where(field => field.Value.Length > 0);

    private static string Text(object? value) => value switch
    {
        null => "",
        PhysicalAddress address => XskFormat.Mac(address),
        Packet inner => inner.ToString()!,
        string text => text,
        IEnumerable list => string.Join(", ", list.Cast<object>()),
        _ => string.Format(CultureInfo.InvariantCulture, "{0}", value),
    };
}
