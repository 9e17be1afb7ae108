using System.Buffers.Binary;

namespace XdpPS;

/// <summary>Makes the checksums of an edited packet right.</summary>
internal readonly ref struct ChecksumRepair(FrameLayout old, ReadOnlySpan<byte> before, FrameLayout changed, Span<byte> data, int moved, FrameEdit edit)
{
    private readonly ReadOnlySpan<byte> before = before;
    private readonly Span<byte> data = data;

    internal void Repair()
    {
        RepairHeader();
        if (changed.Transport is not null && old.Transport is not null) RepairTransport();
    }

    private void RepairHeader()
    {
        if (changed.Internet is not IPv4Layer { IsHeaderCut: false } ip) return;
        Span<byte> header = data.Slice(ip.Offset, ip.HeaderLength);
        bool same = header.SequenceEqual(before.Slice(ip.Offset - moved, ip.HeaderLength));
        if (same && !edit.RepairChecksum) return;
        header[10..12].Clear();
        Write(header[10..], FrameChecksum.Finish(InternetChecksum.Sum(header), IPProtocol.IPv4));
    }

    private void RepairTransport()
    {
        PacketLayer transport = changed.Transport!;
        int at = transport.Offset, checksumAt = changed.ChecksumAt;
        bool whole = !transport.Truncated && !transport.Malformed && !changed.Internet!.IsFragment;
        int oldLength = old.Transport!.MessageLength, length = transport.MessageLength;
        ReadOnlySpan<byte> oldMessage = before.Slice(at - moved, oldLength);
        Span<byte> message = data.Slice(at, length);
        // Where not all is there the length does not change, so that any stands for it.
        ulong oldPseudo = old.PseudoHeader(oldLength), pseudo = changed.PseudoHeader(length);
        bool same = oldPseudo == pseudo && message.SequenceEqual(oldMessage);
        if (same && !edit.RepairChecksum) return;
        if (!whole && edit.RepairChecksum && same)
        {
            if (!edit.SkipMissing) throw FrameEdit.Missing("Only a part of the message is in the packet, so that its checksum cannot be computed", "use -Force to repair what can be");
            return;
        }

        if (checksumAt + 2 > length) return;
        Span<byte> field = message[checksumAt..];
        ushort given = BinaryPrimitives.ReadUInt16BigEndian(field);
        // None (RFC 768). Over IPv6 that is for tunnels alone (RFC 6935), so that a repair that is asked for computes one.
        if (given == 0 && transport is UdpLayer && !(edit.RepairChecksum && whole && changed.Internet is IPv6Layer)) return;
        if (!whole)
        {
            // ~m + m' of RFC 1624, equation 3, for all that changed at once.
            ulong sum = (ushort)~given + (ulong)(ushort)~Fold(oldPseudo + InternetChecksum.Sum(oldMessage)) + pseudo + InternetChecksum.Sum(message);
            Write(field, FrameChecksum.Finish(sum, changed.TransportProtocol));
            return;
        }

        field[..2].Clear();
        Write(field, FrameChecksum.Finish(pseudo + InternetChecksum.Sum(message), changed.TransportProtocol));
    }

    private static ushort Fold(ulong sum)
    {
        while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
        return (ushort)sum;
    }

    private static void Write(Span<byte> at, ushort checksum) => BinaryPrimitives.WriteUInt16BigEndian(at, checksum);
}
