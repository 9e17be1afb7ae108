namespace XdpPS;

/// <summary>How a capture file is written.</summary>
public enum XskCaptureFormat
{
    /// <summary>pcapng: interfaces, queues, lost packets and comments beside the packets.</summary>
    Pcapng = 0,

    /// <summary>The classic format of libpcap, with nanoseconds: the packets, their times and lengths.</summary>
    Pcap = 1,
}
