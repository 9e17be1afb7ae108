using XdpPS.Interop;

namespace XdpPS;

/// <content>Its part in capturing.</content>
public sealed partial class XskSocket
{
    /// <summary>Packets that the kernel has dropped since the socket was opened; 0 once it is closed. Allocates nothing, unlike <see cref="GetStatistics"/>.</summary>
    internal unsafe long ReadLost()
    {
        lock (closing)
        {
            if (!IsOpen) return 0;
            XdpStatistics counters = default;
            int length = sizeof(XdpStatistics);
            if (Libc.getsockopt(Descriptor, IfXdp.SOL_XDP, IfXdp.XDP_STATISTICS, &counters, &length) != 0) return 0;
            counters = XdpStatistics.Parse(new ReadOnlySpan<byte>(&counters, length));
            return (long)(counters.RxDropped + counters.RxRingFull);
        }
    }
}
