using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace XdpPS;

/// <content>Packets of several frames: where one of the sockets takes them.</content>
internal sealed partial class ForwardPath
{
    /// <summary>What the largest MTU allows with its Ethernet header and a few VLAN tags, in bytes.</summary>
    private const int LongestPacket = 65_536 + 64;

    /// <summary>For packets of several frames that the filter has to see in one piece.</summary>
    private byte[] whole = [];

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private bool ForwardPackets(uint most)
    {
        for (bool again = false; ; again = true)
        {
            transmit.ReapSent();
            uint packets = receive.PeekPackets(most, out uint index, out uint descriptors);
            ForwardCounts counts = default;
            try
            {
                if (packets > 0) receive.ForwardPackets(index, descriptors, transmit, drop, ref whole, addresses, ref counts);
            }
            finally
            {
                transmit.SubmitPackets(counts);
                Add(counts);
            }

            if (packets == 0 || counts.Received > 0)
            {
                withoutRoomSince = 0;
                // As ForwardBatch does.
                if (packets == 0 || counts.Forwarded == most) transmit.WakeForRest();
                else transmit.WakeFor(rest: false);
                return packets > 0;
            }

            if (again) return DropPacketsAfterPatience();
            transmit.WakeForRest();
        }
    }

    private bool DropPacketsAfterPatience()
    {
        long now = Stopwatch.GetTimestamp();
        if (withoutRoomSince == 0) withoutRoomSince = now;
        if (Stopwatch.GetElapsedTime(withoutRoomSince, now) < patience) return false;
        uint packets = receive.PeekPackets(Batch, out uint index, out uint descriptors);
        if (packets == 0) return false;
        receive.ReleasePackets(index, descriptors, packets);
        Received += packets;
        Dropped += packets;
        return true;
    }
}
