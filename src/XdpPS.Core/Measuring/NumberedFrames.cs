using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace XdpPS;

/// <summary>The frames of one run: alike but for their tag's number and time, and the checksum of these.</summary>
internal sealed class NumberedFrames
{
    private readonly byte[] first;
    private readonly int tag;
    private readonly int checksum;
    private readonly uint sum;

    /// <param name="frame">A frame with room for the tag; what is there is overwritten.</param>
    /// <param name="run">The run's number, which no other has.</param>
    /// <exception cref="ArgumentException">There is no such room.</exception>
    internal NumberedFrames(ReadOnlySpan<byte> frame, uint run)
    {
        first = frame.ToArray();
        Run = run;
        tag = FrameTag.Find(first, out int internet, out int transport);
        if (tag < 0) throw new ArgumentException("There is no place for the tag of a measurement.", nameof(frame));
        FrameTag.Write(first.AsSpan(tag), FrameTag.Request, run, 0, 0);
        if (transport == 0) return;
        checksum = transport + 6;
        first.AsSpan(checksum, 2).Clear();
        int end = transport + BinaryPrimitives.ReadUInt16BigEndian(first.AsSpan(transport + 4));
        ulong whole = InternetChecksum.Sum(first.AsSpan(transport, end - transport));
        // The pseudo-header (RFC 768; RFC 8200, section 8.1): both addresses, the length and the protocol.
        int addresses = first[internet] >> 4 == 6 ? 8 : 12;
        whole = InternetChecksum.Sum(first.AsSpan(internet + addresses, addresses == 8 ? 32 : 8), whole);
        whole += (ulong)(end - transport) + (ulong)IPProtocol.UDP;
        while (whole > 0xffff) whole = (whole & 0xffff) + (whole >> 16);
        sum = (uint)whole;
    }

    internal uint Run { get; }

    internal int Length => first.Length;

    /// <summary>Writes a frame. A buffer that has one of this run already gets but what differs.</summary>
    /// <param name="buffer">Of <see cref="Length"/> bytes at least.</param>
    /// <param name="sequence">The frame's number.</param>
    /// <param name="time">When it is sent, in nanoseconds from the beginning of the run.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal void Write(Span<byte> buffer, uint sequence, long time)
    {
        // Run numbers are never used twice, so that what has this one was written here, with all the rest.
        if (FrameTag.Run(buffer[tag..]) != Run || FrameTag.Kind(buffer[tag..]) != FrameTag.Request) first.CopyTo(buffer);
        FrameTag.Stamp(buffer.Slice(tag, FrameTag.Length), sequence, time);
        if (checksum == 0) return;
        uint whole = sum + (sequence >> 16) + (sequence & 0xffff) + (uint)((time >> 32) & 0xffff) + (uint)((time >> 16) & 0xffff) + (uint)(time & 0xffff);
        whole = (whole & 0xffff) + (whole >> 16);
        whole = (whole & 0xffff) + (whole >> 16);
        ushort complement = (ushort)~whole;
        BinaryPrimitives.WriteUInt16BigEndian(buffer[checksum..], complement == 0 ? ushort.MaxValue : complement);
    }

    /// <summary>Writes the first frame.</summary>
    /// <returns>The frame in the buffer.</returns>
    internal Span<byte> Into(Span<byte> buffer)
    {
        first.CopyTo(buffer);
        return buffer[..first.Length];
    }
}
