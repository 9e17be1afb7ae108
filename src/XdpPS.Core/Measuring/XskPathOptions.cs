using System.Net;
using System.Net.NetworkInformation;

namespace XdpPS;

/// <summary>What the frames of a measurement are.</summary>
public enum XskPathProtocol
{
    /// <summary>Ethernet of the EtherType 0x88b5, which is for local experiments: it stays within a layer 2 network.</summary>
    Ethernet = 0,

    /// <summary>UDP over IPv4 or IPv6, which routers forward.</summary>
    Udp = 1,
}

/// <summary>How a path is measured.</summary>
public sealed record XskPathOptions
{
    /// <summary>The UDP port to send to where none is given: echo, as in the test frames of RFC 2544, appendix C.</summary>
    public const int DefaultPort = 7;

    /// <summary>What the frames are.</summary>
    public XskPathProtocol Protocol { get; init; }

    /// <summary>Where the frames go; null for the address of the interface that receives them. A round trip has no such address.</summary>
    public PhysicalAddress? DestinationMac { get; init; }

    /// <summary>Source address of UDP; null for 198.18.0.1, one of the network set aside for benchmarks (RFC 2544, appendix C.2.2), or 2001:2::1 (RFC 5180, section 8).</summary>
    public IPAddress? SourceAddress { get; init; }

    /// <summary>Destination address of UDP; null for 198.19.0.1, or 2001:2::2.</summary>
    public IPAddress? DestinationAddress { get; init; }

    /// <summary>The UDP port to send to, from 1 to 65,535.</summary>
    public int Port { get; init; } = DefaultPort;

    /// <summary>The frames come back from an <see cref="XskReflector"/>. So they do where one socket is both ends.</summary>
    public bool RoundTrip { get; init; }

    /// <summary>How long to wait for frames after the last was sent: 2 seconds (RFC 2544, section 23). The wait ends 100 milliseconds after all have come.</summary>
    public TimeSpan Drain { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>The CPU to send on, and then that to receive on; one CPU for one thread that does both in turn; empty for any. A process that may use but one CPU has one thread.</summary>
    public IReadOnlyList<int> Cpus { get; init; } = [];
}

/// <summary>How far a measurement has come.</summary>
/// <param name="FrameSize">The frame size with FCS.</param>
/// <param name="OfferedPacketsPerSecond">The rate that is to be kept; null for as fast as possible.</param>
/// <param name="Elapsed">Time since the first frame.</param>
/// <param name="Duration">How long it is to send.</param>
/// <param name="Sent">Frames sent.</param>
/// <param name="Received">Frames received, each counted once.</param>
public readonly record struct XskPathProgress(
    int FrameSize, double? OfferedPacketsPerSecond, TimeSpan Elapsed, TimeSpan Duration, long Sent, long Received);
