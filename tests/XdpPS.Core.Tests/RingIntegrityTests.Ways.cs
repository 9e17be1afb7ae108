using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using XdpPS.Interop;

namespace XdpPS.Tests;

/// <content>The ways that packets take from the RX ring.</content>
public sealed unsafe partial class RingIntegrityTests
{
    /// <summary>One of the ways from the RX ring, with what packets go to.</summary>
    private sealed class Target : IDisposable
    {
        private readonly PlayedKernel kernel;
        private readonly string way;
        private readonly bool packets;
        private readonly PlayedKernel? other;
        private readonly CompiledFilter? filter;
        private byte[] whole = [];

        internal Target(PlayedKernel kernel, string way, bool packets)
        {
            this.kernel = kernel;
            this.way = way;
            this.packets = packets;
            if (way.StartsWith("copy", StringComparison.Ordinal)) other = new PlayedKernel(multiBuffer: packets);
            if (way.StartsWith("filter", StringComparison.Ordinal)) filter = new CompiledFilter(PacketFilter.Compile("ether proto 0x1234"));
        }

        private TransmitPath Transmit => (other ?? kernel).Transmit;

        /// <returns>How many packets were read, or went over.</returns>
        internal int Take(int most) => way switch
        {
            "read" => Read(most),
            "release" => Release(most),
            "read packets" or "release packets" => ReadPackets(most, way[1] == 'e' && way[2] == 'a'),
            _ => packets ? ForwardPackets(most) : Forward(most),
        };

        /// <summary>Nobody is locked out by what was thrown.</summary>
        internal void AssertFree()
        {
            foreach (DirectionGate gate in new[] { kernel.Receive.Gate, Transmit.Gate })
            {
                Assert.True(gate.TryEnter());
                gate.Leave();
            }
        }

        public void Dispose() => other?.Dispose();

        private int Read(int most)
        {
            using ReceiveBatch batch = New(most);
            for (int i = 0; i < batch.Count; i++) AssertInside(batch[i].Data);
            return batch.Count;
        }

        private int Release(int most)
        {
            using ReceiveBatch batch = New(most);
            return batch.Count;
        }

        private ReceiveBatch New(int most)
        {
            Assert.True(kernel.Receive.Gate.TryEnter());
            try
            {
                return new ReceiveBatch(kernel.Receive, most);
            }
            catch
            {
                kernel.Receive.Gate.Leave();
                throw;
            }
        }

        private int ReadPackets(int most, bool reads)
        {
            Assert.True(kernel.Receive.Gate.TryEnter());
            PacketBatch batch;
            try
            {
                batch = new(kernel.Receive, most);
            }
            catch
            {
                kernel.Receive.Gate.Leave();
                throw;
            }

            using (batch)
            {
                foreach (ReceivedPacket packet in batch)
                {
                    if (!reads) break;
                    for (int i = 0; i < packet.FragmentCount; i++) AssertInside(packet.Fragment(i));
                }
            }

            return batch.Count;
        }

        private int Forward(int most)
        {
            uint room = Transmit.ReserveRoom((uint)most, out uint place);
            ForwardCounts counts = default;
            try
            {
                uint found = kernel.Receive.Peek(room, out uint index);
                if (found > 0) kernel.Receive.Forward(index, found, Transmit, place, filter, null, ref counts);
            }
            finally
            {
                Transmit.SubmitRoom(counts.Forwarded, room, counts.Bytes);
            }

            return (int)counts.Forwarded;
        }

        private int ForwardPackets(int most)
        {
            uint found = kernel.Receive.PeekPackets((uint)most, out uint index, out uint descriptors);
            ForwardCounts counts = default;
            try
            {
                if (found > 0) kernel.Receive.ForwardPackets(index, descriptors, Transmit, filter, ref whole, null, ref counts);
            }
            finally
            {
                Transmit.SubmitPackets(counts);
            }

            return (int)counts.Forwarded;
        }

        private void AssertInside(ReadOnlySpan<byte> data)
        {
            ulong address = (ulong)Unsafe.AsPointer(ref MemoryMarshal.GetReference(data)) - (ulong)Unsafe.AsPointer(ref MemoryMarshal.GetReference(kernel.Umem.Slice(0, 1)));
            Assert.True(address < Length && (address % FrameSize) + (ulong)data.Length <= FrameSize, $"{data.Length} bytes at 0x{address:x}");
        }
    }
}
