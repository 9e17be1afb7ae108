namespace XdpPS;

/// <summary>How the varying fields of a template go from frame to frame.</summary>
public enum FrameVariation
{
    /// <summary>In step: every frame has the next value of every field, and each field begins anew after its last.</summary>
    Sequential = 0,

    /// <summary>Every frame draws a value of each field, independently; the seed says which.</summary>
    Random = 1,

    /// <summary>All combinations: the first field takes its next value with every frame, each other one when that before it begins anew.</summary>
    Combination = 2,
}

/// <summary>A field of a template that varies.</summary>
/// <param name="Name">The parameter of New-XskFrame, or property of <see cref="FrameBuilder"/>, that it comes from.</param>
/// <param name="Values">What it can be.</param>
public sealed record XskFrameField(string Name, FieldSequence Values)
{
    /// <returns>Name, values and how many they are.</returns>
    public override string ToString() => $"{Name} {Values} ({Values.Count} values)";
}

/// <summary>Where a varying field lies in the frame, and which checksums it is in.</summary>
/// <param name="Offset">The first byte that it has bits in.</param>
/// <param name="Bits">How many bits, the lowest of the bytes from there on.</param>
/// <param name="Checksums">A bit for each of the template's checksums.</param>
internal readonly record struct FieldPlace(int Offset, int Bits, int Checksums)
{
    internal int Bytes => (Bits + 7) / 8;

    /// <summary>Writes the value, and leaves the bits before it as they are.</summary>
    internal void Write(Span<byte> frame, UInt128 value)
    {
        int bytes = Bytes, rest = Bits % 8;
        ulong low = (ulong)value;
        ulong high = (ulong)(value >> 64);
        for (int i = bytes - 1; i >= 0; i--)
        {
            byte part = (byte)low;
            ref byte at = ref frame[Offset + i];
            at = i == 0 && rest != 0 ? (byte)((at & (0xff << rest)) | (part & (0xff >> (8 - rest)))) : part;
            low = (low >> 8) | (high << 56);
            high >>= 8;
        }
    }
}

/// <summary>A varying field with everything that writing it takes.</summary>
internal sealed record FrameField(string Name, FieldSequence Values, FieldPlace[] Places)
{
    internal UInt128 Count { get; } = Values.Count;
}

/// <summary>Random numbers that are reached by their number: no state, any order, the same for the same seed.</summary>
internal static class NumberedRandom
{
    /// <returns>A number below <paramref name="count"/>.</returns>
    internal static UInt128 Draw(long seed, int stream, long index, UInt128 count)
    {
        ulong state = Mix((ulong)seed + ((ulong)(uint)(stream + 1) * 0xd1342543de82ef95)) ^ (ulong)index;
        ulong first = Mix(state + 0x9e3779b97f4a7c15);
        if (count <= ulong.MaxValue) return Math.BigMul(first, (ulong)count, out _);
        ulong second = Mix(first ^ (state + 0x3c6ef372fe94f82a));
        return new UInt128(first, second) % count;
    }

    /// <summary>The output function of SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).</summary>
    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }
}
