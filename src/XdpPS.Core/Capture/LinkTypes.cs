using System.Globalization;

namespace XdpPS;

/// <summary>Names for the link types that are met most often where Ethernet was expected (tcpdump.org/linktypes.html).</summary>
internal static class LinkTypes
{
    internal static string Name(int type) => type switch
    {
        0 => "NULL",
        1 => "EN10MB",
        9 => "PPP",
        101 => "RAW",
        105 => "IEEE802_11",
        113 => "LINUX_SLL",
        127 => "IEEE802_11_RADIO",
        228 => "IPV4",
        229 => "IPV6",
        247 => "INFINIBAND",
        249 => "USBPCAP",
        276 => "LINUX_SLL2",
        _ => type.ToString(CultureInfo.InvariantCulture),
    };

    internal static XskException NotEthernet(string path, int type) => XskException.FromCheck(
        XskErrorId.CaptureNotEthernet,
        $"'{path}' holds no Ethernet frames but packets of link type {Name(type)}",
        "capture on an Ethernet interface, not on 'any', a tunnel or a monitor");
}
