using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace XdpPS;

/// <summary>The headers of a measurement's frames.</summary>
internal sealed class PathAddresses
{
    /// <summary>As in the test frames of RFC 2544, appendix C.</summary>
    private const uint SourcePort = 0xc020;

    private readonly XskPathOptions options;
    private readonly PhysicalAddress source;
    private readonly PhysicalAddress destination;
    private readonly IPAddress sourceAddress;
    private readonly IPAddress destinationAddress;

    /// <exception cref="XskException">A destination is missing, or the addresses are of two kinds.</exception>
    internal PathAddresses(XskSocket transmit, IReadOnlyList<XskSocket> receive, XskPathOptions options, bool roundTrip)
    {
        this.options = options;
        source = transmit.MacAddress;
        destination = options.DestinationMac ?? (roundTrip ? throw DestinationMissing(transmit) : receive[0].MacAddress);
        bool six = (options.DestinationAddress ?? options.SourceAddress)?.AddressFamily == AddressFamily.InterNetworkV6;
        sourceAddress = options.SourceAddress ?? IPAddress.Parse(six ? "2001:2::1" : "198.18.0.1");
        destinationAddress = options.DestinationAddress ?? IPAddress.Parse(six ? "2001:2::2" : "198.19.0.1");
        if (sourceAddress.AddressFamily == destinationAddress.AddressFamily) return;
        throw XskException.FromCheck(
            XskErrorId.FrameFieldInvalid,
            $"A frame cannot go from {sourceAddress} to {destinationAddress}: one is IPv4 and the other IPv6",
            "give both of one kind");
    }

    /// <summary>The shortest frame that the tag fits in, with FCS.</summary>
    internal int LeastFrameSize => Math.Max(64, HeaderLength + FrameTag.Length + XskPathMeter.FcsLength);

    private int HeaderLength => EthernetFrame.HeaderLength
        + (options.Protocol == XskPathProtocol.Ethernet ? 0 : 8 + (destinationAddress.AddressFamily == AddressFamily.InterNetworkV6 ? 40 : 20));

    internal byte[] Frame(int length) => new FrameBuilder
    {
        Protocol = options.Protocol == XskPathProtocol.Ethernet ? FrameProtocol.Ethernet : FrameProtocol.Udp,
        SourceMac = FieldSequence.FromMacs(source),
        DestinationMac = FieldSequence.FromMacs(destination),
        EtherType = options.Protocol == XskPathProtocol.Ethernet ? FrameTag.EtherType : default,
        SourceAddress = options.Protocol == XskPathProtocol.Ethernet ? null : FieldSequence.FromAddresses(sourceAddress),
        DestinationAddress = options.Protocol == XskPathProtocol.Ethernet ? null : FieldSequence.FromAddresses(destinationAddress),
        SourcePort = options.Protocol == XskPathProtocol.Ethernet ? null : FieldSequence.FromNumbers(SourcePort),
        DestinationPort = options.Protocol == XskPathProtocol.Ethernet ? null : FieldSequence.FromNumbers((uint)options.Port),
        PayloadLength = length - HeaderLength,
    }.Build().Data;

    private static XskException DestinationMissing(XskSocket transmit) => XskException.FromCheck(
        XskErrorId.DestinationMissing,
        $"Frames that are to come back to {transmit.InterfaceName} need the address of the reflector, or of the router on the way to it",
        "give -DestinationMac: Start-XskReflector shows its interface's address, as MacAddress");
}
