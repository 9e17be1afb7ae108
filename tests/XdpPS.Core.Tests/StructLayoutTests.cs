using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using XdpPS.Interop;

namespace XdpPS.Tests;

/// <summary>Our structs and constants against the running kernel's type information.</summary>
public sealed class StructLayoutTests
{
    /// <summary>Than the kernel whose headers ours follow: what was added since is not to be found there.</summary>
    private static readonly bool Older = Environment.OSVersion.Version < new Version(6, 18);

    [BtfFact]
    public void SockaddrXdp_is_the_kernels() => Same<SockaddrXdp>(
        Btf.Kernel.Struct("sockaddr_xdp"),
        "Family=sxdp_family", "Flags=sxdp_flags", "InterfaceIndex=sxdp_ifindex", "QueueId=sxdp_queue_id",
        "SharedUmemDescriptor=sxdp_shared_umem_fd");

    [BtfFact]
    public void XdpUmemReg_is_the_kernels() => Prefix<XdpUmemReg>(
        Btf.Kernel.Struct("xdp_umem_reg"),
        "Address=addr", "Length=len", "ChunkSize=chunk_size", "Headroom=headroom", "Flags=flags",
        "TxMetadataLength=tx_metadata_len");

    [BtfFact]
    public void XdpUmemReg_has_32_bytes_so_that_no_padding_reaches_the_kernel() => Assert.Equal(32, Unsafe.SizeOf<XdpUmemReg>());

    [BtfFact]
    public void XdpDescriptor_is_the_kernels() => Same<XdpDescriptor>(
        Btf.Kernel.Struct("xdp_desc"),
        "Address=addr", "Length=len", "Options=options");

    [BtfFact]
    public void XdpRingOffset_is_the_kernels() => Same<XdpRingOffset>(
        Btf.Kernel.Struct("xdp_ring_offset"),
        "Producer=producer", "Consumer=consumer", "Descriptors=desc", "Flags=flags");

    [BtfFact]
    public void XdpMmapOffsets_is_the_kernels() => Same<XdpMmapOffsets>(
        Btf.Kernel.Struct("xdp_mmap_offsets"),
        "Rx=rx", "Tx=tx", "Fill=fr", "Completion=cr");

    [BtfFact]
    public void XdpStatistics_is_the_kernels() => Prefix<XdpStatistics>(
        Btf.Kernel.Struct("xdp_statistics"),
        "RxDropped=rx_dropped", "RxInvalidDescriptors=rx_invalid_descs", "TxInvalidDescriptors=tx_invalid_descs",
        "RxRingFull=rx_ring_full", "RxFillRingEmptyDescriptors=rx_fill_ring_empty_descs",
        "TxRingEmptyDescriptors=tx_ring_empty_descs");

    [BtfFact]
    public void FileStatus_is_the_kernels() => Same<FileStatus>(Btf.Kernel.Struct("statx"), "Owner=stx_uid", "Mode=stx_mode");

    [BtfFact]
    public void TerminalSettings_are_the_kernels() => Same<TerminalSettings>(
        Btf.Kernel.Struct("termios"),
        "InputModes=c_iflag", "OutputModes=c_oflag", "ControlModes=c_cflag", "LocalModes=c_lflag", "LineDiscipline=c_line", "Control=c_cc");

    [BtfFact]
    public void TerminalSize_is_the_kernels() => Same<TerminalSize>(Btf.Kernel.Struct("winsize"), "Rows=ws_row", "Columns=ws_col", "horizontalPixels=ws_xpixel", "verticalPixels=ws_ypixel");

    [BtfFact]
    public void XdpOptions_are_one_32_bit_word() => Assert.Equal(sizeof(uint), Btf.Kernel.Struct("xdp_options").Size);

    [BtfFact]
    public void BpfInstruction_is_the_kernels()
    {
        Btf.Type kernel = Btf.Kernel.Struct("bpf_insn");
        // dst_reg is the low half of the byte, src_reg the high one.
        Same<BpfInstruction>(kernel, "Code=code", "Registers=dst_reg", "Offset=off", "Immediate=imm");
        Assert.Equal(kernel.OffsetOf("dst_reg"), kernel.OffsetOf("src_reg"));
    }

    [BtfFact]
    public void BpfProgramInfo_is_the_head_of_the_kernels() => Prefix<BpfProgramInfo>(
        Btf.Kernel.Struct("bpf_prog_info"),
        "Type=type", "Id=id", "Tag=tag", "JitedLength=jited_prog_len", "TranslatedLength=xlated_prog_len",
        "JitedInstructions=jited_prog_insns", "TranslatedInstructions=xlated_prog_insns", "LoadTime=load_time",
        "CreatedByUserId=created_by_uid", "MapIdCount=nr_map_ids", "MapIds=map_ids", "Name=name");

    [BtfFact]
    public void BpfMapInfo_is_the_head_of_the_kernels() => Prefix<BpfMapInfo>(
        Btf.Kernel.Struct("bpf_map_info"),
        "Type=type", "Id=id", "KeySize=key_size", "ValueSize=value_size", "MaxEntries=max_entries", "MapFlags=map_flags",
        "Name=name");

    [BtfFact]
    public void BpfGetIdAttr_is_the_kernels()
    {
        Btf.Type kernel = Btf.Kernel.Attribute("next_id", "open_flags");
        Assert.Equal(0, OffsetOf<BpfGetIdAttr>(nameof(BpfGetIdAttr.Id)));
        Assert.Equal(kernel.OffsetOf("next_id"), OffsetOf<BpfGetIdAttr>(nameof(BpfGetIdAttr.NextId)));
        Assert.Equal(kernel.OffsetOf("open_flags"), OffsetOf<BpfGetIdAttr>(nameof(BpfGetIdAttr.OpenFlags)));
    }

    [BtfFact]
    public void BpfXdpLinkInfo_is_the_head_of_the_kernels()
    {
        Btf.Type kernel = Btf.Kernel.Struct("bpf_link_info");
        Assert.Equal(kernel.OffsetOf("type"), OffsetOf<BpfXdpLinkInfo>(nameof(BpfXdpLinkInfo.Type)));
        Assert.Equal(kernel.OffsetOf("id"), OffsetOf<BpfXdpLinkInfo>(nameof(BpfXdpLinkInfo.Id)));
        Assert.Equal(kernel.OffsetOf("prog_id"), OffsetOf<BpfXdpLinkInfo>(nameof(BpfXdpLinkInfo.ProgramId)));
        Btf.Type kinds = Btf.Kernel.Follow(kernel, "(anon)");
        int index = kernel.OffsetOf("(anon)") + kinds.OffsetOf("xdp") + Btf.Kernel.Follow(kinds, "xdp").OffsetOf("ifindex");
        Assert.Equal(index, OffsetOf<BpfXdpLinkInfo>(nameof(BpfXdpLinkInfo.InterfaceIndex)));
        Assert.True(Unsafe.SizeOf<BpfXdpLinkInfo>() <= kernel.Size);
    }

    [BtfFact]
    public void BpfTracingLinkInfo_is_the_head_of_the_kernels()
    {
        Btf.Type kernel = Btf.Kernel.Struct("bpf_link_info");
        Assert.Equal(kernel.OffsetOf("type"), OffsetOf<BpfTracingLinkInfo>(nameof(BpfTracingLinkInfo.Type)));
        Assert.Equal(kernel.OffsetOf("id"), OffsetOf<BpfTracingLinkInfo>(nameof(BpfTracingLinkInfo.Id)));
        Assert.Equal(kernel.OffsetOf("prog_id"), OffsetOf<BpfTracingLinkInfo>(nameof(BpfTracingLinkInfo.ProgramId)));
        Btf.Type kinds = Btf.Kernel.Follow(kernel, "(anon)");
        Btf.Type tracing = Btf.Kernel.Follow(kinds, "tracing");
        int start = kernel.OffsetOf("(anon)") + kinds.OffsetOf("tracing");
        Assert.Equal(start + tracing.OffsetOf("attach_type"), OffsetOf<BpfTracingLinkInfo>(nameof(BpfTracingLinkInfo.AttachType)));
        Assert.Equal(start + tracing.OffsetOf("target_obj_id"), OffsetOf<BpfTracingLinkInfo>(nameof(BpfTracingLinkInfo.TargetObjectId)));
        Assert.True(Unsafe.SizeOf<BpfTracingLinkInfo>() <= kernel.Size);
    }

    [BtfFact]
    public void BpfObjectGetAttr_is_the_head_of_the_kernels() => Prefix<BpfObjectGetAttr>(
        Btf.Kernel.Attribute("pathname", "file_flags"),
        "Path=pathname", "Descriptor=bpf_fd", "FileFlags=file_flags");

    [BtfFact]
    public void BpfMapCreateAttr_is_the_kernels() => Prefix<BpfMapCreateAttr>(
        Btf.Kernel.Attribute("map_type", "max_entries"),
        "MapType=map_type", "KeySize=key_size", "ValueSize=value_size", "MaxEntries=max_entries", "MapFlags=map_flags",
        "InnerMapDescriptor=inner_map_fd", "NumaNode=numa_node", "Name=map_name");

    [BtfFact]
    public void BpfMapElementAttr_is_the_kernels()
    {
        Btf.Type kernel = Btf.Kernel.Attribute("map_fd", "key", "flags");
        Assert.Equal(kernel.OffsetOf("map_fd"), OffsetOf<BpfMapElementAttr>(nameof(BpfMapElementAttr.MapDescriptor)));
        Assert.Equal(kernel.OffsetOf("key"), OffsetOf<BpfMapElementAttr>(nameof(BpfMapElementAttr.Key)));
        Assert.Equal(kernel.OffsetOf("key") + sizeof(ulong), OffsetOf<BpfMapElementAttr>(nameof(BpfMapElementAttr.Value)));
        Assert.Equal(kernel.OffsetOf("flags"), OffsetOf<BpfMapElementAttr>(nameof(BpfMapElementAttr.Flags)));
        Assert.Equal(kernel.Size, Unsafe.SizeOf<BpfMapElementAttr>());
    }

    [BtfFact]
    public void BpfProgramLoadAttr_is_the_kernels() => Prefix<BpfProgramLoadAttr>(
        Btf.Kernel.Attribute("prog_type", "insns"),
        "ProgramType=prog_type", "InstructionCount=insn_cnt", "Instructions=insns", "License=license",
        "LogLevel=log_level", "LogSize=log_size", "LogBuffer=log_buf", "KernelVersion=kern_version",
        "ProgramFlags=prog_flags", "Name=prog_name", "InterfaceIndex=prog_ifindex",
        "ExpectedAttachType=expected_attach_type");

    [BtfFact]
    public void BpfObjectInfoAttr_is_the_kernels() => Same<BpfObjectInfoAttr>(
        Btf.Kernel.NamedAttribute("info"),
        "Descriptor=bpf_fd", "InfoLength=info_len", "Info=info");

    [BtfFact]
    public void BpfLinkCreateAttr_is_the_kernels()
    {
        Btf.Type kernel = Btf.Kernel.NamedAttribute("link_create");
        Assert.Equal(0, OffsetOf<BpfLinkCreateAttr>(nameof(BpfLinkCreateAttr.ProgramDescriptor)));
        Assert.Equal(kernel.OffsetOf("attach_type"), OffsetOf<BpfLinkCreateAttr>(nameof(BpfLinkCreateAttr.AttachType)));
        Assert.Equal(kernel.OffsetOf("flags"), OffsetOf<BpfLinkCreateAttr>(nameof(BpfLinkCreateAttr.Flags)));
        Assert.True(Unsafe.SizeOf<BpfLinkCreateAttr>() <= kernel.Size);
    }

    [BtfFact]
    public void Ethtool_channels_are_the_kernels() => Same<Ethtool.Channels>(
        Btf.Kernel.Struct("ethtool_channels"),
        "Command=cmd", "MaxRx=max_rx", "MaxTx=max_tx", "MaxOther=max_other", "MaxCombined=max_combined", "Rx=rx_count",
        "Tx=tx_count", "Other=other_count", "Combined=combined_count");

    [BtfFact]
    public void Ethtool_driver_info_is_the_kernels()
    {
        Prefix<Ethtool.DriverInfo>(Btf.Kernel.Struct("ethtool_drvinfo"), "Command=cmd", "Driver=driver", "BusInfo=bus_info");
        Assert.Equal(Btf.Kernel.Struct("ethtool_drvinfo").Size, Unsafe.SizeOf<Ethtool.DriverInfo>());
    }

    [BtfFact]
    public void Ethtool_link_settings_are_the_kernels()
    {
        Prefix<Ethtool.LinkSettings>(Btf.Kernel.Struct("ethtool_link_settings"), "Command=cmd", "Speed=speed", "MaskWords=link_mode_masks_nwords");
        // The masks follow it.
        Assert.Equal(Btf.Kernel.Struct("ethtool_link_settings").Size, Unsafe.SizeOf<Ethtool.LinkSettings>());
    }

    [BtfFact]
    public void Ethtool_rings_are_the_kernels() => Same<Ethtool.RingSizes>(
        Btf.Kernel.Struct("ethtool_ringparam"),
        "Command=cmd", "MaxRx=rx_max_pending", "MaxRxMini=rx_mini_max_pending", "MaxRxJumbo=rx_jumbo_max_pending", "MaxTx=tx_max_pending",
        "Rx=rx_pending", "RxMini=rx_mini_pending", "RxJumbo=rx_jumbo_pending", "Tx=tx_pending");

    [BtfFact]
    public void Ethtool_features_are_the_kernels() => Same<Ethtool.FeatureBlock>(
        Btf.Kernel.Struct("ethtool_get_features_block"),
        "Available=available", "Requested=requested", "Active=active", "NeverChanged=never_changed");

    [BtfFact]
    public void PollFd_is_the_kernels() => Same<Libc.PollFd>(
        Btf.Kernel.Struct("pollfd"),
        "Descriptor=fd", "Events=events", "ReturnedEvents=revents");

    [BtfFact]
    public void BpfTestRun_is_the_head_of_the_kernels() => Prefix<BpfTestRun>(
        Btf.Kernel.NamedAttribute("test"),
        "Program=prog_fd", "ReturnValue=retval", "SizeIn=data_size_in", "SizeOut=data_size_out", "DataIn=data_in", "DataOut=data_out",
        "Repeat=repeat", "Duration=duration", "ContextSizeIn=ctx_size_in", "ContextSizeOut=ctx_size_out", "ContextIn=ctx_in",
        "ContextOut=ctx_out", "Flags=flags", "Processor=cpu", "BatchSize=batch_size");

    [BtfFact]
    public void The_program_reads_struct_xdp_md_at_the_kernels_offsets()
    {
        Btf.Type kernel = Btf.Kernel.Struct("xdp_md");
        int[] expected = [kernel.OffsetOf("data_meta"), kernel.OffsetOf("data"), kernel.OffsetOf("rx_queue_index")];
        const byte loadWord = 0x61;
        Assert.Equal(expected, XdpProgram.Redirect(3, null).Where(i => i.Code == loadWord).Select(i => (int)i.Offset));
    }

    [BtfTheory]
    [InlineData("BPF_MAP_CREATE", BpfAbi.BPF_MAP_CREATE)]
    [InlineData("BPF_MAP_UPDATE_ELEM", BpfAbi.BPF_MAP_UPDATE_ELEM)]
    [InlineData("BPF_MAP_DELETE_ELEM", BpfAbi.BPF_MAP_DELETE_ELEM)]
    [InlineData("BPF_PROG_LOAD", BpfAbi.BPF_PROG_LOAD)]
    [InlineData("BPF_PROG_GET_FD_BY_ID", BpfAbi.BPF_PROG_GET_FD_BY_ID)]
    [InlineData("BPF_OBJ_GET_INFO_BY_FD", BpfAbi.BPF_OBJ_GET_INFO_BY_FD)]
    [InlineData("BPF_MAP_GET_FD_BY_ID", BpfAbi.BPF_MAP_GET_FD_BY_ID)]
    [InlineData("BPF_LINK_GET_FD_BY_ID", BpfAbi.BPF_LINK_GET_FD_BY_ID)]
    [InlineData("BPF_LINK_GET_NEXT_ID", BpfAbi.BPF_LINK_GET_NEXT_ID)]
    [InlineData("BPF_LINK_TYPE_XDP", (int)BpfAbi.BPF_LINK_TYPE_XDP)]
    [InlineData("BPF_NOEXIST", (int)BpfAbi.BPF_NOEXIST)]
    [InlineData("BPF_OBJ_GET", BpfAbi.BPF_OBJ_GET)]
    [InlineData("BPF_PROG_TYPE_EXT", (int)BpfAbi.BPF_PROG_TYPE_EXT)]
    [InlineData("BPF_LINK_TYPE_TRACING", (int)BpfAbi.BPF_LINK_TYPE_TRACING)]
    [InlineData("BPF_LINK_CREATE", BpfAbi.BPF_LINK_CREATE)]
    [InlineData("BPF_MAP_TYPE_XSKMAP", (int)BpfAbi.BPF_MAP_TYPE_XSKMAP)]
    [InlineData("BPF_PROG_TYPE_XDP", (int)BpfAbi.BPF_PROG_TYPE_XDP)]
    [InlineData("BPF_XDP", (int)BpfAbi.BPF_XDP)]
    [InlineData("BPF_FUNC_ktime_get_ns", (int)BpfHelper.KtimeGetNs)]
    [InlineData("BPF_FUNC_redirect_map", (int)BpfHelper.RedirectMap)]
    [InlineData("BPF_FUNC_xdp_adjust_meta", (int)BpfHelper.XdpAdjustMeta)]
    [InlineData("RTM_GETLINK", NetlinkAbi.RTM_GETLINK)]
    [InlineData("RTM_SETLINK", NetlinkAbi.RTM_SETLINK)]
    [InlineData("RTM_GETADDR", NetlinkAbi.RTM_GETADDR)]
    [InlineData("RTM_GETROUTE", NetlinkAbi.RTM_GETROUTE)]
    [InlineData("IFLA_ADDRESS", NetlinkAbi.IFLA_ADDRESS)]
    [InlineData("IFLA_IFNAME", NetlinkAbi.IFLA_IFNAME)]
    [InlineData("IFLA_MTU", NetlinkAbi.IFLA_MTU)]
    [InlineData("IFLA_LINK", NetlinkAbi.IFLA_LINK)]
    [InlineData("IFLA_MASTER", NetlinkAbi.IFLA_MASTER)]
    [InlineData("IFLA_OPERSTATE", NetlinkAbi.IFLA_OPERSTATE)]
    [InlineData("IFLA_LINKINFO", NetlinkAbi.IFLA_LINKINFO)]
    [InlineData("IFLA_EXT_MASK", NetlinkAbi.IFLA_EXT_MASK)]
    [InlineData("IFLA_NUM_TX_QUEUES", NetlinkAbi.IFLA_NUM_TX_QUEUES)]
    [InlineData("IFLA_NUM_RX_QUEUES", NetlinkAbi.IFLA_NUM_RX_QUEUES)]
    [InlineData("IFLA_CARRIER", NetlinkAbi.IFLA_CARRIER)]
    [InlineData("IFLA_XDP", NetlinkAbi.IFLA_XDP)]
    [InlineData("IFLA_INFO_KIND", NetlinkAbi.IFLA_INFO_KIND)]
    [InlineData("IFLA_XDP_FD", NetlinkAbi.IFLA_XDP_FD)]
    [InlineData("IFLA_XDP_FLAGS", NetlinkAbi.IFLA_XDP_FLAGS)]
    [InlineData("IFLA_XDP_DRV_PROG_ID", NetlinkAbi.IFLA_XDP_DRV_PROG_ID)]
    [InlineData("IFLA_XDP_SKB_PROG_ID", NetlinkAbi.IFLA_XDP_SKB_PROG_ID)]
    [InlineData("IFLA_XDP_HW_PROG_ID", NetlinkAbi.IFLA_XDP_HW_PROG_ID)]
    [InlineData("IFLA_XDP_EXPECTED_FD", NetlinkAbi.IFLA_XDP_EXPECTED_FD)]
    [InlineData("IFLA_XDP_ATTACHED", NetlinkAbi.IFLA_XDP_ATTACHED)]
    [InlineData("IFLA_XDP_PROG_ID", NetlinkAbi.IFLA_XDP_PROG_ID)]
    [InlineData("IFA_ADDRESS", NetlinkAbi.IFA_ADDRESS)]
    [InlineData("IFA_LOCAL", NetlinkAbi.IFA_LOCAL)]
    [InlineData("RTA_OIF", NetlinkAbi.RTA_OIF)]
    [InlineData("RTA_MULTIPATH", NetlinkAbi.RTA_MULTIPATH)]
    [InlineData("CTRL_CMD_GETFAMILY", NetlinkAbi.CTRL_CMD_GETFAMILY)]
    [InlineData("CTRL_ATTR_FAMILY_ID", NetlinkAbi.CTRL_ATTR_FAMILY_ID)]
    [InlineData("CTRL_ATTR_FAMILY_NAME", NetlinkAbi.CTRL_ATTR_FAMILY_NAME)]
    [InlineData("NETDEV_CMD_DEV_GET", NetlinkAbi.NETDEV_CMD_DEV_GET)]
    [InlineData("NETDEV_A_DEV_IFINDEX", NetlinkAbi.NETDEV_A_DEV_IFINDEX)]
    [InlineData("NETDEV_A_DEV_XDP_FEATURES", NetlinkAbi.NETDEV_A_DEV_XDP_FEATURES)]
    [InlineData("NETDEV_A_DEV_XDP_ZC_MAX_SEGS", NetlinkAbi.NETDEV_A_DEV_XDP_ZC_MAX_SEGS)]
    [InlineData("NETDEV_A_DEV_XDP_RX_METADATA_FEATURES", NetlinkAbi.NETDEV_A_DEV_XDP_RX_METADATA_FEATURES)]
    [InlineData("NETDEV_A_DEV_XSK_FEATURES", NetlinkAbi.NETDEV_A_DEV_XSK_FEATURES)]
    [InlineData("NETDEV_XDP_ACT_BASIC", (int)XdpFeatures.Basic)]
    [InlineData("NETDEV_XDP_ACT_REDIRECT", (int)XdpFeatures.Redirect)]
    [InlineData("NETDEV_XDP_ACT_NDO_XMIT", (int)XdpFeatures.NdoXmit)]
    [InlineData("NETDEV_XDP_ACT_XSK_ZEROCOPY", (int)XdpFeatures.XskZeroCopy)]
    [InlineData("NETDEV_XDP_ACT_HW_OFFLOAD", (int)XdpFeatures.HwOffload)]
    [InlineData("NETDEV_XDP_ACT_RX_SG", (int)XdpFeatures.RxScatterGather)]
    [InlineData("NETDEV_XDP_ACT_NDO_XMIT_SG", (int)XdpFeatures.NdoXmitScatterGather)]
    [InlineData("NETDEV_XDP_RX_METADATA_TIMESTAMP", (int)XdpRxMetadataFeatures.Timestamp)]
    [InlineData("NETDEV_XDP_RX_METADATA_HASH", (int)XdpRxMetadataFeatures.Hash)]
    [InlineData("NETDEV_XDP_RX_METADATA_VLAN_TAG", (int)XdpRxMetadataFeatures.VlanTag)]
    [InlineData("NETDEV_XSK_FLAGS_TX_TIMESTAMP", (int)XskFeatures.TxTimestamp)]
    [InlineData("NETDEV_XSK_FLAGS_TX_CHECKSUM", (int)XskFeatures.TxChecksum)]
    [InlineData("NETDEV_XSK_FLAGS_TX_LAUNCH_TIME_FIFO", (int)XskFeatures.TxLaunchTimeFifo)]
    [InlineData("XDP_ATTACHED_DRV", (int)XdpMode.Native)]
    [InlineData("XDP_ATTACHED_SKB", (int)XdpMode.Generic)]
    [InlineData("XDP_ATTACHED_HW", (int)XdpMode.Offload)]
    [InlineData("XDP_ATTACHED_MULTI", (int)XdpMode.Multiple)]
    [InlineData("XDP_PASS", 2)]
    public void A_constant_has_the_kernels_value(string name, int value)
    {
        if (Older && !Btf.Kernel.Knows(name)) return;
        Assert.Equal(Btf.Kernel.Constant(name), value);
    }

    [Fact]
    public void Mmap_offsets_of_96_bytes_are_read_with_the_flags_after_the_consumer()
    {
        ulong[] words = [0, 64, 128, 1000, 1064, 1128, 2000, 2064, 2128, 3000, 3064, 3128];
        XdpMmapOffsets offsets = XdpMmapOffsets.Parse(MemoryMarshal.AsBytes(words.AsSpan()));
        XdpRingOffset[] rings = [offsets.Rx, offsets.Tx, offsets.Fill, offsets.Completion];
        for (int i = 0; i < rings.Length; i++)
        {
            ulong start = (ulong)(i * 1000);
            Assert.Equal((start, start + 64, start + 128, start + 68), (rings[i].Producer, rings[i].Consumer, rings[i].Descriptors, rings[i].Flags));
        }
    }

    [Fact]
    public void Mmap_offsets_of_128_bytes_are_read_as_they_are()
    {
        ulong[] words = [.. Enumerable.Range(1, 16).Select(i => (ulong)i)];
        XdpMmapOffsets offsets = XdpMmapOffsets.Parse(MemoryMarshal.AsBytes(words.AsSpan()));
        Assert.Equal((1ul, 2ul, 3ul, 4ul), (offsets.Rx.Producer, offsets.Rx.Consumer, offsets.Rx.Descriptors, offsets.Rx.Flags));
        Assert.Equal((13ul, 14ul, 15ul, 16ul), (offsets.Completion.Producer, offsets.Completion.Consumer, offsets.Completion.Descriptors, offsets.Completion.Flags));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(95)]
    [InlineData(97)]
    [InlineData(127)]
    [InlineData(160)]
    public void Mmap_offsets_of_another_length_are_refused(int length)
    {
        ArgumentException failure = Assert.Throws<ArgumentException>(() => XdpMmapOffsets.Parse(new byte[length]));
        Assert.Contains($"{length} bytes", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Statistics_of_24_bytes_leave_the_newer_counters_at_zero()
    {
        ulong[] words = [5, 6, 7, 8, 9, 10];
        XdpStatistics statistics = XdpStatistics.Parse(MemoryMarshal.AsBytes(words.AsSpan(0, 3)));
        Assert.Equal((5ul, 6ul, 7ul), (statistics.RxDropped, statistics.RxInvalidDescriptors, statistics.TxInvalidDescriptors));
        Assert.Equal((0ul, 0ul, 0ul), (statistics.RxRingFull, statistics.RxFillRingEmptyDescriptors, statistics.TxRingEmptyDescriptors));
    }

    [Theory]
    [InlineData(48)]
    [InlineData(64)]
    public void Statistics_of_48_bytes_and_of_a_newer_kernels_more_are_read_in_full(int length)
    {
        ulong[] words = [5, 6, 7, 8, 9, 10, 11, 12];
        XdpStatistics statistics = XdpStatistics.Parse(MemoryMarshal.AsBytes(words.AsSpan())[..length]);
        Assert.Equal((8ul, 9ul, 10ul), (statistics.RxRingFull, statistics.RxFillRingEmptyDescriptors, statistics.TxRingEmptyDescriptors));
    }

    /// <summary>Every member at its place, and nothing beside them.</summary>
    /// <param name="kernel">The kernel's type.</param>
    /// <param name="members">Our field, "=", the kernel's member.</param>
    private static void Same<T>(Btf.Type kernel, params string[] members) where T : unmanaged
    {
        Prefix<T>(kernel, members);
        Assert.Equal(kernel.Size, Unsafe.SizeOf<T>());
    }

    /// <summary>Our fields lie where the kernel's members lie; a newer kernel may have more after them.</summary>
    private static void Prefix<T>(Btf.Type kernel, params string[] members) where T : unmanaged
    {
        FieldInfo[] fields = typeof(T).GetFields(BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.Public);
        Assert.Equal(fields.Select(field => field.Name).Order(), members.Select(member => member.Split('=')[0]).Order());
        foreach (string member in members)
        {
            string[] names = member.Split('=');
            if (Older && !kernel.Members.Exists(known => known.Name == names[1])) continue;
            Assert.Equal((member, kernel.OffsetOf(names[1])), (member, OffsetOf<T>(names[0])));
        }

        Assert.True(Older || Unsafe.SizeOf<T>() <= kernel.Size, $"{typeof(T).Name} has {Unsafe.SizeOf<T>()} bytes, {kernel.Name} {kernel.Size}");
    }

    /// <summary>Sets the field's first byte and finds it in the struct: its managed offset, which is what the kernel gets.</summary>
    private static int OffsetOf<T>(string field) where T : unmanaged
    {
        FieldInfo info = typeof(T).GetField(field, BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.Public)!;
        object value = RuntimeHelpers.GetUninitializedObject(info.FieldType);
        Unsafe.As<Box>(value).First = 0xff;
        object whole = default(T);
        info.SetValue(whole, value);
        T copy = (T)whole;
        return MemoryMarshal.AsBytes(new Span<T>(ref copy)).IndexOf((byte)0xff);
    }

    private sealed class Box
    {
        internal byte First;
    }
}
