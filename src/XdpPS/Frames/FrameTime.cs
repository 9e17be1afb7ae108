using System.Collections;
using System.Globalization;
using System.Management.Automation;
using XdpPS.Errors;

namespace XdpPS.Frames;

/// <summary>When a frame was recorded, as the object it came from says.</summary>
internal static class FrameTime
{
    /// <param name="origin">A packet, or anything that was taken for a frame.</param>
    /// <param name="timestamp">Nanoseconds since 1970-01-01 UTC.</param>
    /// <returns>False where it has no time. A packet that was neither received nor read from a file has none.</returns>
    internal static bool TryRead(object origin, out long timestamp)
    {
        if (origin is XskPacket packet)
        {
            timestamp = packet.Timestamp;
            return timestamp != 0 || packet.Number != 0;
        }

        timestamp = 0;
        // Bytes and text are nothing but the frame.
        if (origin is string or IList) return false;
        object? value = origin is IDictionary dictionary ? dictionary["Timestamp"] : PSObject.AsPSObject(origin).Properties["Timestamp"]?.Value;
        if (value is PSObject wrapped) value = wrapped.BaseObject;
        switch (value)
        {
            case null:
                return false;
            case DateTimeOffset time:
                timestamp = (time.UtcDateTime - DateTime.UnixEpoch).Ticks * 100;
                return true;
            case DateTime time:
                timestamp = (time.ToUniversalTime() - DateTime.UnixEpoch).Ticks * 100;
                return true;
            default:
                return LanguagePrimitives.TryConvertTo(value, CultureInfo.InvariantCulture, out timestamp);
        }
    }

    internal static ErrorRecord Missing(object origin) => XskErrorRecord.Create(
        "TimestampMissing", ErrorCategory.InvalidData,
        "This frame has no time of its own, so that it was not sent",
        "send packets that were received or imported, or objects with a Timestamp in nanoseconds, or leave -Timing Original out", origin);
}
