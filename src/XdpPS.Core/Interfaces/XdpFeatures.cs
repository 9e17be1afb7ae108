namespace XdpPS;

/// <summary>What a driver can do with XDP (NETDEV_XDP_ACT_*; Documentation/netlink/specs/netdev.yaml).</summary>
/// <remarks>A newer kernel may have bits that have no name here.</remarks>
[Flags]
public enum XdpFeatures : long
{
    /// <summary>Nothing natively: generic mode is all there is.</summary>
    None = 0,

    /// <summary>Native XDP: XDP_ABORTED, XDP_DROP, XDP_PASS and XDP_TX.</summary>
    Basic = 1,

    /// <summary>XDP_REDIRECT, without which native XDP gives no socket a packet.</summary>
    Redirect = 2,

    /// <summary>Packets can be redirected to the interface (ndo_xdp_xmit).</summary>
    NdoXmit = 4,

    /// <summary>AF_XDP without copying.</summary>
    XskZeroCopy = 8,

    /// <summary>Programs can run in the NIC itself.</summary>
    HwOffload = 16,

    /// <summary>Packets of more than one buffer are received (rx-sg), as large MTUs need them.</summary>
    RxScatterGather = 32,

    /// <summary>Such packets can be redirected to the interface (ndo-xmit-sg).</summary>
    NdoXmitScatterGather = 64,
}

/// <summary>What an XDP program can ask the NIC about a packet (NETDEV_XDP_RX_METADATA_*).</summary>
[Flags]
public enum XdpRxMetadataFeatures : long
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>The time of arrival by the NIC's clock.</summary>
    Timestamp = 1,

    /// <summary>The hash that chose the queue.</summary>
    Hash = 2,

    /// <summary>The VLAN tag that the NIC took out.</summary>
    VlanTag = 4,
}

/// <summary>What an AF_XDP socket can ask of the NIC when it sends (NETDEV_XSK_FLAGS_*).</summary>
[Flags]
public enum XskFeatures : long
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>The time of departure by the NIC's clock.</summary>
    TxTimestamp = 1,

    /// <summary>A checksum put in by the NIC.</summary>
    TxChecksum = 2,

    /// <summary>A time before which the frame is not to leave (Linux 6.14).</summary>
    TxLaunchTimeFifo = 4,
}
