using System.Diagnostics;
using System.Runtime.InteropServices;
using XdpPS.Interop;

namespace XdpPS.Tests;

/// <summary>A socket put together from its parts, on which a test sends descriptors that <see cref="XskSocket"/> never would.</summary>
internal sealed unsafe class RawSocket : IDisposable
{
    private readonly FileDescriptor descriptor = Libc.socket(IfXdp.AF_XDP, Libc.SOCK_RAW | Libc.SOCK_CLOEXEC, 0);
    private readonly Umem umem;
    private readonly XskRings rings;
    private readonly ConsumerRing<ulong> completion;

    internal RawSocket(XskSocketOptions options)
    {
        umem = new Umem(options.FrameSize, options.FrameCount, 0, options.Unaligned);
        umem.Register(descriptor);
        rings = new XskRings(descriptor, options);
        completion = new ConsumerRing<ulong>(rings.OfQueue!.Completion.Layout);
        SockaddrXdp address = new()
        {
            Family = IfXdp.AF_XDP,
            Flags = (ushort)((options.BindMode == XskBindMode.ZeroCopy ? IfXdp.XDP_ZEROCOPY : IfXdp.XDP_COPY) | IfXdp.XDP_USE_NEED_WAKEUP | (options.MultiBuffer ? IfXdp.XDP_USE_SG : 0)),
            InterfaceIndex = (uint)XdpInterface.Get(options.InterfaceName).Index,
            QueueId = (uint)options.QueueId,
        };
        // The queue of a socket that was closed just now is free a moment later.
        Stopwatch watch = Stopwatch.StartNew();
        while (Libc.bind(descriptor, &address, sizeof(SockaddrXdp)) != 0)
        {
            int errno = Marshal.GetLastPInvokeError();
            Assert.True(errno == Errno.EBUSY && watch.Elapsed.TotalSeconds < 5, $"bind: {Errno.Name(errno)}");
            Thread.Sleep(1);
        }

        if (options.BusyPollMicroseconds is not { } microseconds) return;
        Set(Libc.SO_PREFER_BUSY_POLL, 1);
        Set(Libc.SO_BUSY_POLL, microseconds);
        Set(Libc.SO_BUSY_POLL_BUDGET, options.BusyPollBudget);
    }

    /// <summary>The UMEM's bytes.</summary>
    internal ulong Length => (ulong)umem.FrameCount * Stride;

    /// <summary>From one frame to the next.</summary>
    internal ulong Stride => ((ulong)umem.FrameSize + 63) & ~63UL;

    /// <summary>Frames on the TX ring that the kernel has not taken.</summary>
    internal uint Pending => rings.Tx!.Pending;

    internal XdpStatistics Statistics
    {
        get
        {
            XdpStatistics statistics;
            int length = sizeof(XdpStatistics);
            Assert.Equal(0, Libc.getsockopt(descriptor, IfXdp.SOL_XDP, IfXdp.XDP_STATISTICS, &statistics, &length));
            return statistics;
        }
    }

    /// <summary>Writes a descriptor, with its bytes where it may have any, on the TX ring.</summary>
    internal void Put(ulong address, uint length, uint options = 0, byte[]? bytes = null)
    {
        bytes?.CopyTo(umem.Slice(address, length));
        Assert.Equal(1u, rings.Tx!.Reserve(1, out uint index));
        rings.Tx[index] = new XdpDescriptor { Address = address, Length = length, Options = options };
        rings.Tx.Submit(1);
    }

    /// <summary>One call of sendto.</summary>
    internal nint Kick() => Libc.sendto(descriptor, null, 0, Libc.MSG_DONTWAIT, null, 0);

    /// <summary>Calls until the kernel has taken everything, and the completions are back.</summary>
    internal void Send()
    {
        SpinWait.SpinUntil(
            () =>
            {
                _ = Kick();
                // While a socket is busy-polled, virtio_net is woken by this alone; where the kernel copies, it sends once more.
                Libc.PollFd look = new() { Descriptor = (int)descriptor.DangerousGetHandle() };
                _ = Libc.poll(&look, 1, 0);
                uint count = completion.Peek(completion.Size, out _);
                if (count > 0) completion.Release(count);
                return Pending == 0;
            },
            TimeSpan.FromSeconds(5));
        Assert.Equal(0u, Pending);
    }

    public void Dispose()
    {
        rings.Dispose();
        descriptor.Dispose();
        umem.Release();
    }

    private void Set(int option, int value) => Assert.Equal(0, Libc.setsockopt(descriptor, Libc.SOL_SOCKET, option, &value, sizeof(int)));
}
