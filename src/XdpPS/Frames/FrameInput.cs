using System.Collections;
using System.Globalization;
using System.Management.Automation;
using XdpPS.Errors;

namespace XdpPS.Frames;

/// <summary>A frame to send, and the object it came from for error messages; of a template the first frame.</summary>
internal readonly record struct InputFrame(byte[] Data, object Origin);

/// <summary>
/// Finds the frames in whatever was given to Send-XskFrame, in this order: packet, template, packets, bytes, a lone byte
/// (a mistake), hexadecimal text, a list of any of these, a dictionary or an object with Data.
/// </summary>
internal sealed class FrameInput(bool allowTruncated)
{
    private readonly List<InputFrame> frames = [];
    private readonly List<ErrorRecord> errors = [];

    /// <summary>The input was one byte of an array that the pipeline took apart.</summary>
    internal bool IsUnrolled { get; private set; }

    internal IReadOnlyList<InputFrame> Frames => frames;

    internal IReadOnlyList<ErrorRecord> Errors => errors;

    internal FrameInput Read(object input)
    {
        object value = Unwrap(input);
        if (value is IList list && value is not (byte[] or XskPacket[] or Array { Rank: not 1 }))
        {
            if (TryBytes(list) is { } bytes) frames.Add(new InputFrame(bytes, value));
            else foreach (object? item in list) ReadItem(item);
        }
        else if (IsByteLike(value))
        {
            IsUnrolled = true;
        }
        else
        {
            ReadItem(value);
        }

        return this;
    }

    private void ReadItem(object? item)
    {
        object? value = item is null ? null : Unwrap(item);
        switch (value)
        {
            case XskPacket packet:
                Add(packet);
                break;
            case XskFrameTemplate template:
                frames.Add(new InputFrame(template.First.Data, template));
                break;
            case XskPacket[] packets:
                foreach (XskPacket packet in packets) ReadItem(packet);
                break;
            case byte[] bytes:
                frames.Add(new InputFrame(bytes, bytes));
                break;
            case string text:
                AddHexadecimal(text, text);
                break;
            case IList list and not Array { Rank: not 1 } when TryBytes(list) is { } bytes:
                frames.Add(new InputFrame(bytes, list));
                break;
            case IDictionary dictionary when dictionary.Contains("Data"):
                AddData(dictionary["Data"], dictionary["Truncated"], dictionary);
                break;
            case not null when PSObject.AsPSObject(item).Properties["Data"] is { } data:
                AddData(data.Value, PSObject.AsPSObject(item).Properties["Truncated"]?.Value, item!);
                break;
            default:
                AddError("FrameInputInvalid", $"This is no frame: {Describe(value)}", "give a packet, a template, bytes (,$bytes in a pipeline), hexadecimal text, or an object with a Data property", item);
                break;
        }
    }

    private void Add(XskPacket packet) => AddUnlessTruncated(packet.Data, packet.Truncated, packet);

    private void AddData(object? data, object? truncated, object origin)
    {
        object? value = data is null ? null : Unwrap(data);
        if (value is string text) AddHexadecimal(text, origin);
        else if ((value as byte[] ?? (value is IList list and not Array { Rank: not 1 } ? TryBytes(list) : null)) is { } bytes) AddUnlessTruncated(bytes, LanguagePrimitives.IsTrue(truncated), origin);
        else AddError("FrameInputInvalid", $"The Data property is no frame: {Describe(value)}", "give bytes or hexadecimal text as Data", origin);
    }

    private void AddUnlessTruncated(byte[] data, bool truncated, object origin)
    {
        if (!truncated || allowTruncated) frames.Add(new InputFrame(data, origin));
        else AddError("PacketTruncated", $"Only the first {data.Length} bytes of this packet were kept, so that it would not be sent as it was", "receive it without -SnapLength, or use -Force to send what is there", origin);
    }

    private void AddHexadecimal(string text, object origin)
    {
        if (HexText.TryParse(text, out byte[] bytes)) frames.Add(new InputFrame(bytes, origin));
        else AddError("FrameHexInvalid", $"'{Shorten(text)}' is not a frame in hexadecimal", "give two digits a byte, with or without spaces, colons or dashes between them", origin);
    }

    private void AddError(string errorId, string cause, string remedy, object? target) =>
        errors.Add(XskErrorRecord.Create(errorId, ErrorCategory.InvalidData, cause, remedy, target));

    /// <returns>The list as bytes, where it has at least one element and all are whole numbers from 0 to 255.</returns>
    private static byte[]? TryBytes(IList list)
    {
        byte[] bytes = new byte[list.Count];
        for (int i = 0; i < bytes.Length; i++)
        {
            object? item = list[i] is { } element ? Unwrap(element) : null;
            if (!IsByteLike(item)) return null;
            bytes[i] = System.Convert.ToByte(item, CultureInfo.InvariantCulture);
        }

        return bytes.Length > 0 ? bytes : null;
    }

    private static bool IsByteLike(object? value) =>
        value is byte or short or ushort or int or uint or long or ulong or sbyte
        && System.Convert.ToDecimal(value, CultureInfo.InvariantCulture) is >= 0 and <= 255;

    private static object Unwrap(object value) => value is PSObject { BaseObject: not PSCustomObject } wrapped ? wrapped.BaseObject : value;

    private static string Describe(object? value) => value switch
    {
        null => "nothing",
        PSObject => "an object without a Data property",
        IList { Count: 0 } => "an empty list",
        _ => $"an object of type {value.GetType().Name}",
    };

    private static string Shorten(string text) => text.Length <= 40 ? text : text[..37] + "...";
}
