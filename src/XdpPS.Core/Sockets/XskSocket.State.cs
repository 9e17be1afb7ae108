using System.Diagnostics;
using System.Runtime.InteropServices;
using XdpPS.Interop;

namespace XdpPS;

/// <content>What can be asked of an open socket: counters, frames, health.</content>
public sealed partial class XskSocket
{
    /// <summary>The rings, the kernel's counters and ours at this moment.</summary>
    /// <param name="since">An earlier record, which the rates are over; null for the opening of the socket.</param>
    /// <exception cref="XskException">The socket is closed.</exception>
    public unsafe XskRingStats GetStatistics(XskRingStats? since = null)
    {
        lock (closing)
        {
            ThrowIfClosed();
            XdpStatistics ofKernel = default;
            int length = sizeof(XdpStatistics);
            if (Libc.getsockopt(Descriptor, IfXdp.SOL_XDP, IfXdp.XDP_STATISTICS, &ofKernel, &length) != 0)
                throw XskSetup.OptionFailed(Marshal.GetLastPInvokeError(), "getsockopt(xsk, XDP_STATISTICS)", "The kernel's counters could not be read");
            ofKernel = XdpStatistics.Parse(new ReadOnlySpan<byte>(&ofKernel, length));
            XskRings rings = resources.Rings!;
            (RingSnapshot fill, RingSnapshot completion) = resources.Queue!.Snapshot();
            long now = Stopwatch.GetTimestamp();
            double seconds = Stopwatch.GetElapsedTime(since?.Stamp ?? openedAt, now).TotalSeconds;
            long lost = (long)(ofKernel.RxDropped + ofKernel.RxRingFull);
            return new XskRingStats
            {
                Stamp = now,
                IntervalSeconds = seconds,
                InterfaceName = InterfaceName,
                NetworkNamespace = NetworkNamespace,
                QueueId = QueueId,
                Time = DateTime.Now,
                Rx = rings.Rx?.Snapshot(),
                Tx = rings.Tx?.Snapshot(),
                Fill = fill,
                Completion = completion,
                RxPackets = receive?.PacketCount ?? 0,
                RxBytes = receive?.Bytes ?? 0,
                RxWakeups = receive?.Wakeups ?? 0,
                TxPackets = transmit?.PacketCount ?? 0,
                TxBytes = transmit?.Bytes ?? 0,
                TxCompleted = transmit?.CompletedPackets ?? 0,
                TxWakeups = transmit?.Wakeups ?? 0,
                DriverDropped = transmit?.DriverDropped ?? 0,
                RxDropped = (long)ofKernel.RxDropped,
                RxInvalidDescriptors = (long)ofKernel.RxInvalidDescriptors,
                TxInvalidDescriptors = (long)ofKernel.TxInvalidDescriptors,
                RxRingFull = (long)ofKernel.RxRingFull,
                FillRingEmpty = (long)ofKernel.RxFillRingEmptyDescriptors,
                TxRingEmpty = (long)ofKernel.TxRingEmptyDescriptors,
                RxPacketsPerSecond = Rate(receive?.PacketCount ?? 0, since?.RxPackets),
                RxBytesPerSecond = Rate(receive?.Bytes ?? 0, since?.RxBytes),
                TxPacketsPerSecond = Rate(transmit?.PacketCount ?? 0, since?.TxPackets),
                TxBytesPerSecond = Rate(transmit?.Bytes ?? 0, since?.TxBytes),
                RxLostPerSecond = Rate(lost, since is null ? null : since.RxDropped + since.RxRingFull),
            };

            double Rate(long count, long? before) => seconds > 0 ? (count - (before ?? 0)) / seconds : 0;
        }
    }

    /// <summary>Finds every frame of the socket, of those that sockets on one queue have in common as <see cref="FrameCensus"/> says. For debugging and tests, while nothing is on the move.</summary>
    /// <exception cref="XskException">The socket is closed.</exception>
    public FrameCensus CountFrames()
    {
        lock (closing)
        {
            ThrowIfClosed();
            FrameCensus census = new(resources.Umem!);
            resources.Queue!.AddTo(census, resources);
            return census;
        }
    }

    /// <summary>
    /// Looks whether packets can still arrive. poll(2) does not wake when an interface is deleted or a program
    /// detached, so that whoever waits has to ask; <see cref="XskPoller"/> does, once a second.
    /// </summary>
    /// <exception cref="XskException">The interface is gone, the program was removed or replaced, or the socket is closed.</exception>
    public unsafe void CheckHealth()
    {
        lock (closing)
        {
            ThrowIfClosed();
            int error = 0;
            int length = sizeof(int);
            if (Libc.getsockopt(Descriptor, Libc.SOL_SOCKET, Libc.SO_ERROR, &error, &length) != 0) error = 0;
            // Reading SO_ERROR clears it, and what it told does not heal (xsk_notifier).
            if (error != 0) socketError = error;
            error = socketError;
            bool detached = resources.Attachment is { } attachment && !attachment.IsActiveIn(resources.Namespace!);
            if (error == 0 && !detached) return;
            if (error == Errno.ENETDOWN || QueryLink() is null)
            {
                resources.LeaveProgram();
                throw XskException.FromCheck(
                    XskErrorId.InterfaceGone,
                    $"Interface {InterfaceName} was deleted, or moved to another network namespace, while its queue {QueueId} was open",
                    "remove this socket, and open a new one once the interface is back");
            }

            if (!detached) throw XskSetup.OptionFailed(error, "getsockopt(xsk, SO_ERROR)", $"The socket on {InterfaceName} queue {QueueId} failed");
            throw XskException.FromCheck(
                XskErrorId.ProgramDetached,
                $"The XDP program of {InterfaceName} (id {ProgramId}) was removed or replaced by someone else, so that queue {QueueId} receives nothing any more",
                "remove this socket and open a new one; 'bpftool net' shows what is attached now");
        }
    }
}
