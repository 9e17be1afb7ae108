using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace XdpPS.Interop;

/// <summary>Constants of include/uapi/linux/bpf.h and if_link.h.</summary>
internal static class BpfAbi
{
    internal const int BPF_MAP_CREATE = 0;
    internal const int BPF_MAP_UPDATE_ELEM = 2;
    internal const int BPF_MAP_DELETE_ELEM = 3;
    internal const int BPF_PROG_LOAD = 5;
    internal const int BPF_PROG_GET_FD_BY_ID = 13;
    internal const int BPF_MAP_GET_FD_BY_ID = 14;
    internal const int BPF_OBJ_GET_INFO_BY_FD = 15;
    internal const int BPF_LINK_CREATE = 28;
    internal const int BPF_LINK_GET_FD_BY_ID = 30;
    internal const int BPF_LINK_GET_NEXT_ID = 31;

    internal const ulong BPF_NOEXIST = 1;

    internal const uint BPF_MAP_TYPE_XSKMAP = 17;
    internal const uint BPF_PROG_TYPE_XDP = 6;
    internal const uint BPF_XDP = 37;

    /// <summary>The program can do with frames of several fragments (Linux 5.18).</summary>
    internal const uint BPF_F_XDP_HAS_FRAGS = 1 << 5;

    internal const uint BPF_LINK_TYPE_XDP = 6;

    internal const uint XDP_FLAGS_SKB_MODE = 1 << 1;
    internal const uint XDP_FLAGS_DRV_MODE = 1 << 2;

    internal const int BPF_OBJ_NAME_LEN = 16;
}

/// <summary>The BPF_MAP_CREATE part of union bpf_attr.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct BpfMapCreateAttr
{
    internal uint MapType;
    internal uint KeySize;
    internal uint ValueSize;
    internal uint MaxEntries;
    internal uint MapFlags;
    internal uint InnerMapDescriptor;
    internal uint NumaNode;
    internal KernelName Name;
}

/// <summary>The BPF_MAP_*_ELEM part of union bpf_attr.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct BpfMapElementAttr
{
    internal uint MapDescriptor;
    private readonly uint padding;
    internal ulong Key;
    internal ulong Value;
    internal ulong Flags;
}

/// <summary>The BPF_PROG_LOAD part of union bpf_attr.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct BpfProgramLoadAttr
{
    internal uint ProgramType;
    internal uint InstructionCount;
    internal ulong Instructions;
    internal ulong License;
    internal uint LogLevel;
    internal uint LogSize;
    internal ulong LogBuffer;
    internal uint KernelVersion;
    internal uint ProgramFlags;
    internal KernelName Name;
    internal uint InterfaceIndex;
    internal uint ExpectedAttachType;
}

/// <summary>The BPF_LINK_CREATE part of union bpf_attr.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct BpfLinkCreateAttr
{
    internal uint ProgramDescriptor;
    internal uint TargetInterfaceIndex;
    internal uint AttachType;
    internal uint Flags;
}

/// <summary>The BPF_OBJ_GET_INFO_BY_FD part of union bpf_attr.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct BpfObjectInfoAttr
{
    internal uint Descriptor;
    internal uint InfoLength;
    internal ulong Info;
}

/// <summary>The BPF_*_GET_FD_BY_ID part of union bpf_attr.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct BpfGetIdAttr
{
    internal uint Id;
    internal uint NextId;
    internal uint OpenFlags;
}

/// <summary>The head of struct bpf_prog_info, up to and with the name.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct BpfProgramInfo
{
    internal uint Type;
    internal uint Id;
    internal ulong Tag;
    internal uint JitedLength;
    internal uint TranslatedLength;
    internal ulong JitedInstructions;
    internal ulong TranslatedInstructions;
    internal ulong LoadTime;
    internal uint CreatedByUserId;
    internal uint MapIdCount;
    internal ulong MapIds;
    internal KernelName Name;
}

/// <summary>The head of struct bpf_map_info, up to and with the name.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct BpfMapInfo
{
    internal uint Type;
    internal uint Id;
    internal uint KeySize;
    internal uint ValueSize;
    internal uint MaxEntries;
    internal uint MapFlags;
    internal KernelName Name;
}

/// <summary>The head of struct bpf_link_info for a link of type BPF_LINK_TYPE_XDP.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct BpfXdpLinkInfo
{
    internal uint Type;
    internal uint Id;
    internal uint ProgramId;
    private readonly uint padding;

    /// <summary>0 once the link was detached, or its interface is gone.</summary>
    internal uint InterfaceIndex;
}

/// <summary>char name[BPF_OBJ_NAME_LEN]: letters, digits, '_' and '.', at most 15 and a NUL.</summary>
[InlineArray(BpfAbi.BPF_OBJ_NAME_LEN)]
internal struct KernelName
{
    private byte first;

    internal static KernelName From(string name)
    {
        KernelName result = default;
        System.Text.Encoding.ASCII.GetBytes(name.AsSpan(0, Math.Min(name.Length, 15)), result);
        return result;
    }

    public override readonly string ToString()
    {
        ReadOnlySpan<byte> bytes = this;
        int end = bytes.IndexOf((byte)0);
        return System.Text.Encoding.ASCII.GetString(end < 0 ? bytes : bytes[..end]);
    }
}
