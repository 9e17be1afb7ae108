using System.Buffers.Binary;

namespace XdpPS.Tests;

/// <summary>Frames that say which they are: no two of one series are alike.</summary>
internal static class Frames
{
    /// <summary>An EtherType for local experiments (IEEE 802), which no part of the kernel answers.</summary>
    internal const ushort Experimental = 0x88b5;

    /// <summary>A frame of a length, filled from a seed.</summary>
    internal static byte[] Make(int length, int seed = 0)
    {
        byte[] frame = new byte[length];
        uint state = ((uint)seed * 2654435761u) + (uint)length + 1;
        for (int i = 0; i < length; i++)
        {
            state = (state * 1664525u) + 1013904223u;
            frame[i] = (byte)(state >> 24);
        }

        Convert.FromHexString("020000000002020000000001").CopyTo(frame, 0);
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(12), Experimental);
        return frame;
    }

    internal static byte[][] Series(int count, int length = 100) => [.. Enumerable.Range(0, count).Select(i => Make(length, i))];

    internal static byte[] Hex(string text) => Convert.FromHexString(text.Replace(" ", "", StringComparison.Ordinal));
}
