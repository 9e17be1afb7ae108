using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace XdpPS;

/// <summary>What the values of a <see cref="FieldSequence"/> are.</summary>
public enum FieldKind
{
    /// <summary>Whole numbers, from 0 to 4,294,967,295.</summary>
    Number = 0,

    /// <summary>MAC addresses.</summary>
    Mac = 1,

    /// <summary>IPv4 addresses.</summary>
    IPv4 = 2,

    /// <summary>IPv6 addresses.</summary>
    IPv6 = 3,
}

/// <summary>The values that a field of a frame takes, in order: one or several. Ranges are kept as such, so that a prefix costs no memory.</summary>
public sealed partial class FieldSequence
{
    private readonly Range[] ranges;
    private readonly UInt128[] starts;

    private FieldSequence(FieldKind kind, Range[] ranges)
    {
        Kind = kind;
        this.ranges = ranges;
        starts = new UInt128[ranges.Length];
        for (int i = 0; i < ranges.Length; i++)
        {
            if (ranges[i].Count > UInt128.MaxValue - Count) throw new ArgumentException("There are more values than can be counted, which is 2^128 - 1.", nameof(ranges));
            starts[i] = Count;
            Count += ranges[i].Count;
        }
    }

    /// <summary>What the values are.</summary>
    public FieldKind Kind { get; }

    /// <summary>How many values there are; one that was given twice counts twice.</summary>
    public UInt128 Count { get; }

    /// <summary>There is more than one value.</summary>
    public bool IsVarying => Count > 1;

    /// <returns>Whether no value, taken as a number, is larger.</returns>
    public bool IsWithin(uint maximum) => Largest <= maximum;

    /// <summary>The first value, as a number.</summary>
    internal UInt128 First => ranges[0].First;

    internal UInt128 Largest
    {
        get
        {
            UInt128 largest = 0;
            foreach (Range range in ranges) largest = UInt128.Max(largest, range.Last);
            return largest;
        }
    }

    /// <summary>Bytes of a value of that kind; of a number at most 4.</summary>
    internal int Width => Kind switch { FieldKind.Mac => 6, FieldKind.IPv6 => 16, _ => 4 };

    /// <summary>The value at a place of the sequence, which must be below <see cref="Count"/>, as a number.</summary>
    internal UInt128 At(UInt128 index)
    {
        int low = 0, high = ranges.Length - 1;
        while (low < high)
        {
            int middle = (low + high + 1) / 2;
            if (starts[middle] <= index) low = middle;
            else high = middle - 1;
        }

        return ranges[low].First + (index - starts[low]);
    }

    /// <summary>Numbers, in the order given.</summary>
    /// <exception cref="ArgumentException">There is none.</exception>
    public static FieldSequence FromNumbers(params IEnumerable<uint> numbers) => Make(FieldKind.Number, numbers.Select(number => (UInt128)number));

    /// <summary>IP addresses of one version, in the order given; scopes (%eth0) do not count.</summary>
    /// <exception cref="ArgumentException">There is none, or they are of two versions.</exception>
    public static FieldSequence FromAddresses(params IEnumerable<IPAddress> addresses)
    {
        IPAddress[] all = [.. addresses];
        bool isV4 = all.Length > 0 && all[0].AddressFamily == AddressFamily.InterNetwork;
        if (all.Any(address => address.AddressFamily == AddressFamily.InterNetwork != isV4)) throw new ArgumentException("IPv4 and IPv6 addresses cannot be mixed.", nameof(addresses));
        return Make(isV4 ? FieldKind.IPv4 : FieldKind.IPv6, all.Select(address => Number(address.GetAddressBytes())));
    }

    /// <summary>MAC addresses of 6 bytes, in the order given.</summary>
    /// <exception cref="ArgumentException">There is none, or one has not 6 bytes.</exception>
    public static FieldSequence FromMacs(params IEnumerable<PhysicalAddress> addresses)
    {
        byte[][] all = [.. addresses.Select(address => address.GetAddressBytes())];
        if (all.Any(bytes => bytes.Length != 6)) throw new ArgumentException("A MAC address of Ethernet has 6 bytes.", nameof(addresses));
        return Make(FieldKind.Mac, all.Select(bytes => Number(bytes)));
    }

    /// <summary>One after another, as one.</summary>
    /// <exception cref="ArgumentException">There is none, they are of several kinds, or they are 2^128 or more.</exception>
    public static FieldSequence Concat(params IEnumerable<FieldSequence> sequences)
    {
        FieldSequence[] all = [.. sequences];
        if (all.Length == 0) throw new ArgumentException("A field needs a value.", nameof(sequences));
        if (all.Any(one => one.Kind != all[0].Kind)) throw new ArgumentException("The values of a field are of one kind, and addresses of one IP version.", nameof(sequences));
        return all.Length == 1 ? all[0] : new FieldSequence(all[0].Kind, Join(all.SelectMany(one => one.ranges)));
    }

    /// <returns>The values as they are given: one, a range, or some with commas between them.</returns>
    public override string ToString()
    {
        string text = string.Join(", ", ranges.Take(4).Select(range => range.Count == 1 ? Text(range.First) : $"{Text(range.First)}-{Text(range.Last)}"));
        return ranges.Length > 4 ? text + ", ..." : text;
    }

    private static FieldSequence Make(FieldKind kind, IEnumerable<UInt128> values)
    {
        Range[] ranges = Join(values.Select(value => new Range(value, 1)));
        if (ranges.Length == 0) throw new ArgumentException("A field needs a value.", nameof(values));
        return new FieldSequence(kind, ranges);
    }

    /// <summary>A list such as 1000..2000 becomes one range; the order stays.</summary>
    private static Range[] Join(IEnumerable<Range> ranges)
    {
        List<Range> joined = [];
        foreach (Range range in ranges)
        {
            if (joined.Count > 0 && joined[^1].Last + 1 == range.First && range.First != 0) joined[^1] = new Range(joined[^1].First, joined[^1].Count + range.Count);
            else joined.Add(range);
        }

        return [.. joined];
    }

    private static UInt128 Number(ReadOnlySpan<byte> bytes)
    {
        UInt128 number = 0;
        foreach (byte b in bytes) number = (number << 8) | b;
        return number;
    }

    private string Text(UInt128 value)
    {
        if (Kind == FieldKind.Number) return value.ToString(CultureInfo.InvariantCulture);
        Span<byte> bytes = stackalloc byte[Width];
        for (int i = Width - 1; i >= 0; i--, value >>= 8) bytes[i] = (byte)value;
        return Kind == FieldKind.Mac ? HexNotation.Colons(bytes) : new IPAddress(bytes).ToString();
    }

    private readonly record struct Range(UInt128 First, UInt128 Count)
    {
        internal UInt128 Last => First + Count - 1;
    }
}
