using System.Buffers.Binary;

namespace XdpPS.Tests;

/// <summary>Makes an input out of others: small changes, values at the edges of types, pieces cut out, doubled or taken from elsewhere.</summary>
internal sealed class Mutator(Random random, byte[][] dictionary, int longest)
{
    private static readonly uint[] Edges = [0, 1, 2, 3, 4, 7, 8, 12, 16, 28, 31, 32, 63, 64, 127, 128, 255, 256, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xfffff000, 0xffffffff];

    internal byte[] Mutate(byte[] from, byte[] other)
    {
        List<byte> bytes = [.. from];
        for (int i = 1 << random.Next(5); i > 0; i--) Change(bytes, other);
        if (bytes.Count > longest) bytes.RemoveRange(longest, bytes.Count - longest);
        return [.. bytes];
    }

    private void Change(List<byte> bytes, byte[] other)
    {
        if (bytes.Count == 0)
        {
            bytes.AddRange(other);
            return;
        }

        int at = random.Next(random.Next(2) == 0 ? bytes.Count : Math.Min(bytes.Count, 64));
        int length = Math.Min(random.Next(1, random.Next(2) == 0 ? 9 : 65), bytes.Count - at);
        switch (random.Next(10))
        {
            case 0: bytes[at] = (byte)random.Next(256); break;
            case 1: bytes[at] ^= (byte)(1 << random.Next(8)); break;
            case 2: bytes[at] += (byte)random.Next(-4, 5); break;
            case 3 or 4: Write(bytes, at); break;
            case 5: bytes.RemoveRange(at, length); break;
            case 6: bytes.InsertRange(random.Next(bytes.Count + 1), bytes.GetRange(at, length)); break;
            case 7: bytes.RemoveRange(at, bytes.Count - at); break;
            case 8 when dictionary.Length > 0: Insert(bytes, at, dictionary[random.Next(dictionary.Length)]); break;
            default:
                if (other.Length == 0) break;
                int start = random.Next(other.Length);
                Insert(bytes, at, other.AsSpan(start, random.Next(1, other.Length - start + 1)).ToArray());
                break;
        }
    }

    private void Insert(List<byte> bytes, int at, byte[] piece)
    {
        if (random.Next(2) == 0) bytes.RemoveRange(at, Math.Min(piece.Length, bytes.Count - at));
        bytes.InsertRange(at, piece);
    }

    /// <summary>A number of some size and byte order over what is there.</summary>
    private void Write(List<byte> bytes, int at)
    {
        Span<byte> value = stackalloc byte[4];
        int size = 1 << random.Next(3);
        uint number = Edges[random.Next(Edges.Length)];
        if (random.Next(2) == 0) BinaryPrimitives.WriteUInt32BigEndian(value, number << (32 - (8 * size)));
        else BinaryPrimitives.WriteUInt32LittleEndian(value, number);
        for (int i = 0; i < size && at + i < bytes.Count; i++) bytes[at + i] = value[i];
    }
}
