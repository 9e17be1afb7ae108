using System.Diagnostics;
using XdpPS.Interop;

namespace XdpPS;

/// <summary>Writes packets, from objects or straight from sockets, and keeps the books on where they came from.</summary>
/// <param name="encoder">The format.</param>
/// <param name="makeRoom">Called before each packet with the bytes that it will take at most: the place to begin another file.</param>
internal sealed class CaptureRecorder(CaptureEncoder encoder, Action<int>? makeRoom = null)
{
    /// <summary>Asking is a system call: a busy line has many batches in this time.</summary>
    private static readonly TimeSpan LossInterval = TimeSpan.FromMilliseconds(1);

    private readonly List<CaptureInterface> interfaces = [];
    private readonly Dictionary<PacketOrigin, int> numbers = [];
    private readonly Dictionary<XskSocket, Source> sources = [];
    private PacketOrigin? lastOrigin;
    private int lastNumber;

    private sealed class Source
    {
        internal required int Number { get; init; }

        /// <summary>Packets lost when it was last asked.</summary>
        internal long Lost { get; set; }

        internal long LookedAt { get; set; }
    }

    /// <summary>Packets written, in all files.</summary>
    internal long Packets { get; private set; }

    /// <summary>Bytes of them that were kept.</summary>
    internal long Bytes { get; private set; }

    /// <summary>Begins a file or a section.</summary>
    internal void Begin(string? comment)
    {
        encoder.Begin(comment);
        long now = KernelClock.Realtime;
        foreach (CaptureInterface known in interfaces)
        {
            known.Packets = 0;
            known.Since = now;
            if (known.Lost is not null) known.Lost = 0;
            encoder.Add(known);
        }
    }

    /// <summary>Asks the kernel for the last time what it dropped. Not while packets of a batch are being written.</summary>
    internal void LookForLosses()
    {
        foreach (XskSocket socket in sources.Keys) LookForLosses(socket);
    }

    /// <summary>Ends it.</summary>
    internal void End()
    {
        // Without an interface libpcap takes a file for damaged.
        if (interfaces.Count == 0) NumberOf(PacketOrigin.None);
        long now = KernelClock.Realtime;
        for (int i = 0; i < interfaces.Count; i++) encoder.AddStatistics(i, interfaces[i], now);
    }

    /// <summary>Describes the interface of a socket, and counts from now on what the kernel drops.</summary>
    internal void Declare(XskSocket socket)
    {
        if (sources.ContainsKey(socket)) return;
        int number = NumberOf(socket.Origin);
        interfaces[number].Lost ??= 0;
        sources.Add(socket, new Source { Number = number, Lost = socket.ReadLost() });
    }

    internal void Write(XskPacket packet)
    {
        int captured = Math.Min(packet.Data.Length, encoder.SnapLength);
        packet.Data.AsSpan(0, captured).CopyTo(Add(NumberOf(packet.Origin), packet.QueueId, packet.Timestamp, captured, packet.Length, packet.Origin.Notes));
    }

    /// <summary>Takes up to so many packets from a socket, without waiting.</summary>
    /// <returns>How many there were.</returns>
    internal int Write(XskSocket socket, int maximum)
    {
        if (!sources.TryGetValue(socket, out Source? source))
        {
            Declare(socket);
            source = sources[socket];
        }

        long now = Stopwatch.GetTimestamp();
        if (Stopwatch.GetElapsedTime(source.LookedAt, now) >= LossInterval)
        {
            source.LookedAt = now;
            LookForLosses(socket);
        }

        int queue = socket.QueueId;
        if (socket.MultiBuffer)
        {
            using PacketBatch packets = socket.ReceivePackets(maximum);
            foreach (ReceivedPacket packet in packets)
            {
                int captured = Math.Min(packet.Length, encoder.SnapLength);
                packet.CopyTo(Add(source.Number, queue, packet.Timestamp, captured, packet.Length));
            }

            return packets.Count;
        }

        using ReceiveBatch batch = socket.Receive(maximum);
        for (int i = 0; i < batch.Count; i++)
        {
            ReceivedFrame frame = batch[i];
            int captured = Math.Min(frame.Data.Length, encoder.SnapLength);
            frame.Data[..captured].CopyTo(Add(source.Number, queue, frame.Timestamp, captured, frame.Data.Length));
        }

        return batch.Count;
    }

    private Span<byte> Add(int number, int queue, long timestamp, int captured, int length, PacketNotes? notes = null)
    {
        makeRoom?.Invoke(encoder.Room(captured, notes));
        CaptureInterface from = interfaces[number];
        Span<byte> data = encoder.AddPacket(number, queue, timestamp, captured, length, from.Untold, notes);
        from.Untold = 0;
        from.Packets++;
        Packets++;
        Bytes += captured;
        return data;
    }

    private int NumberOf(PacketOrigin origin)
    {
        if (ReferenceEquals(origin, lastOrigin)) return lastNumber;
        // Without what is a packet's own.
        PacketOrigin place = new(origin.InterfaceName, 0, origin.NetworkNamespace) { MacAddress = origin.MacAddress, Filter = origin.Filter };
        if (!numbers.TryGetValue(place, out int number))
        {
            number = interfaces.Count;
            CaptureInterface added = new(place) { Since = KernelClock.Realtime };
            encoder.Add(added);
            interfaces.Add(added);
            numbers.Add(place, number);
        }

        lastOrigin = origin;
        lastNumber = number;
        return number;
    }

    /// <summary>What the kernel dropped lies behind what was in the ring by then: the next packet that is read tells of it.</summary>
    private void LookForLosses(XskSocket socket)
    {
        Source source = sources[socket];
        long lost = socket.ReadLost();
        if (lost <= source.Lost) return;
        CaptureInterface from = interfaces[source.Number];
        from.Untold += lost - source.Lost;
        from.Lost += lost - source.Lost;
        source.Lost = lost;
    }
}
