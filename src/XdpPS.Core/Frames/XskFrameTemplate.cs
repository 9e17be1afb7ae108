using XdpPS.Interop;

namespace XdpPS;

/// <summary>
/// A frame and the fields that vary from one to the next: it stands for any number of frames, and makes each where it
/// is wanted. It cannot be changed, and can be used by several threads at once.
/// </summary>
public sealed class XskFrameTemplate
{
    private readonly byte[] frame;
    private readonly FrameField[] fields;
    private readonly FrameChecksum[] checksums;

    internal XskFrameTemplate(byte[] frame, FrameField[] fields, FrameChecksum[] checksums, long count, FrameVariation vary, long seed)
    {
        this.frame = frame;
        this.fields = fields;
        this.checksums = checksums;
        Count = count;
        Vary = vary;
        Seed = vary == FrameVariation.Random ? seed : null;
        Fields = [.. fields.Select(field => new XskFrameField(field.Name, field.Values))];
        Write(frame, 0);
        First = GetPacket(0);
    }

    /// <summary>How many frames it stands for.</summary>
    public long Count { get; }

    /// <summary>Bytes of each frame, without FCS.</summary>
    public int Length => frame.Length;

    /// <summary>How the fields go from frame to frame.</summary>
    public FrameVariation Vary { get; }

    /// <summary>What the draws of <see cref="FrameVariation.Random"/> begin with: the same seed makes the same frames. Null where nothing is drawn.</summary>
    public long? Seed { get; }

    /// <summary>The fields that vary, in the order of the frame.</summary>
    public IReadOnlyList<XskFrameField> Fields { get; }

    /// <summary>The first frame.</summary>
    public XskPacket First { get; }

    /// <summary>Writes a frame. Nothing is allocated.</summary>
    /// <param name="destination">Where to: at least <see cref="Length"/> bytes.</param>
    /// <param name="index">Which, from 0. It may be <see cref="Count"/> or more: the fields go on.</param>
    /// <returns>How many bytes were written.</returns>
    /// <exception cref="ArgumentException"><paramref name="destination"/> is too short, or <paramref name="index"/> negative.</exception>
    public int Write(Span<byte> destination, long index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        frame.CopyTo(destination);
        Span<ulong> varying = stackalloc ulong[FrameWriter.MostChecksums];
        varying.Clear();
        ulong combination = (ulong)index;
        for (int i = 0; i < fields.Length; i++)
        {
            FrameField field = fields[i];
            UInt128 at = Vary switch
            {
                FrameVariation.Random => NumberedRandom.Draw(Seed!.Value, i, index, field.Count),
                FrameVariation.Combination => Next(ref combination, field.Count),
                _ => field.Count <= ulong.MaxValue ? (ulong)index % (ulong)field.Count : (ulong)index,
            };
            UInt128 value = field.Values.At(at);
            foreach (FieldPlace place in field.Places)
            {
                place.Write(destination, value);
                if (place.Checksums == 0) continue;
                ulong sum = InternetChecksum.Sum(destination.Slice(place.Offset, place.Bytes));
                for (int c = 0; c < checksums.Length; c++)
                {
                    if ((place.Checksums & (1 << c)) != 0) varying[c] += sum;
                }
            }
        }

        for (int c = 0; c < checksums.Length; c++) checksums[c].Write(destination, varying[c]);
        return frame.Length;
    }

    /// <summary>The place of a field among its values; what is left is the number of the fields behind it.</summary>
    private static ulong Next(ref ulong combination, UInt128 count)
    {
        ulong whole = combination;
        combination = 0;
        if (count > ulong.MaxValue) return whole;
        (combination, ulong rest) = Math.DivRem(whole, (ulong)count);
        return rest;
    }

    /// <summary>Makes one of the frames a packet, with the current time.</summary>
    /// <param name="index">Which, from 0; it becomes the packet's number, which counts from 1.</param>
    public XskPacket GetPacket(long index)
    {
        byte[] data = new byte[frame.Length];
        Write(data, index);
        return new XskPacket(data, PacketOrigin.None, KernelClock.Realtime, index + 1);
    }

    /// <summary>Makes all frames packets, one when it is asked for.</summary>
    public IEnumerable<XskPacket> GetPackets()
    {
        for (long index = 0; index < Count; index++) yield return GetPacket(index);
    }

    /// <returns>How many frames of which length, what the first is, and what varies.</returns>
    public override string ToString()
    {
        string what = $"{Count} x {Length} B frames, {First.Source} > {First.Destination} {First.Protocol}";
        if (Fields.Count == 0) return what;
        string how = Vary switch { FrameVariation.Random => $"random, seed {Seed}", FrameVariation.Combination => "all combinations", _ => "sequential" };
        return $"{what}, {how}: {string.Join("; ", Fields)}";
    }
}
