using System.Collections;
using System.Management.Automation;

namespace XdpPS.Frames;

/// <summary>The packet that a frame of some other form stands for.</summary>
internal static class FramePacket
{
    /// <returns>The packet it came as, or a new one; its length on the wire is what a property Length of its origin says, where that is more.</returns>
    internal static XskPacket ToPacket(this InputFrame frame) => frame.Origin as XskPacket
        ?? new XskPacket(frame.Data) { Length = Math.Max(frame.Data.Length, StatedLength(frame.Origin)) };

    /// <returns>As <see cref="ToPacket"/>; of a template all its frames, one when it is asked for.</returns>
    internal static IEnumerable<XskPacket> ToPackets(this InputFrame frame) => frame.Origin is XskFrameTemplate template ? template.GetPackets() : [frame.ToPacket()];

    private static int StatedLength(object origin)
    {
        // The Length of these is their own, not a packet's.
        if (origin is string or IList) return 0;
        object? length = origin is IDictionary dictionary ? dictionary["Length"] : PSObject.AsPSObject(origin).Properties["Length"]?.Value;
        return length is not null && LanguagePrimitives.TryConvertTo(length, out int value) ? value : 0;
    }
}
