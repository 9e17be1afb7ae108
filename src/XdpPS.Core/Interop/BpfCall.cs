using System.Runtime.InteropServices;

namespace XdpPS.Interop;

/// <summary>bpf(2), which the C libraries do not wrap.</summary>
internal static unsafe class BpfCall
{
    private static readonly nint Number = RuntimeInformation.ProcessArchitecture switch
    {
        Architecture.X64 => 321,
        Architecture.Arm64 or Architecture.RiscV64 or Architecture.LoongArch64 => 280,
        _ => 0,
    };

    /// <returns>What the call returned, or -errno.</returns>
    internal static int Invoke<T>(int command, ref T attributes) where T : unmanaged
    {
        if (Number == 0) return -Errno.ENOSYS;
        fixed (T* attr = &attributes)
        {
            nint result = Libc.syscall(Number, command, (nint)attr, sizeof(T));
            return result < 0 ? -Marshal.GetLastPInvokeError() : (int)result;
        }
    }

    /// <summary>Opens an object by its id (BPF_PROG_, BPF_MAP_ or BPF_LINK_GET_FD_BY_ID): for CAP_SYS_ADMIN only.</summary>
    /// <returns>The descriptor, or null.</returns>
    internal static FileDescriptor? OpenById(int command, uint id)
    {
        BpfGetIdAttr attributes = new() { Id = id };
        int result = Invoke(command, ref attributes);
        return result < 0 ? null : new FileDescriptor(result);
    }

    /// <summary>The ids of the maps that a program uses.</summary>
    internal static uint[] MapIds(FileDescriptor program)
    {
        if (GetInfo(program, out BpfProgramInfo head) < 0 || head.MapIdCount == 0) return [];
        uint[] ids = new uint[head.MapIdCount];
        fixed (uint* pointer = ids)
        {
            BpfProgramInfo request = new() { MapIdCount = (uint)ids.Length, MapIds = (ulong)pointer };
            BpfObjectInfoAttr attributes = new()
            {
                Descriptor = (uint)program.Number,
                InfoLength = (uint)sizeof(BpfProgramInfo),
                Info = (ulong)&request,
            };
            return Invoke(BpfAbi.BPF_OBJ_GET_INFO_BY_FD, ref attributes) < 0 ? [] : ids;
        }
    }

    /// <returns>0, or -errno.</returns>
    internal static int GetInfo<T>(FileDescriptor descriptor, out T info) where T : unmanaged
    {
        info = default;
        fixed (T* pointer = &info)
        {
            BpfObjectInfoAttr attributes = new()
            {
                Descriptor = (uint)descriptor.Number,
                InfoLength = (uint)sizeof(T),
                Info = (ulong)pointer,
            };
            return Invoke(BpfAbi.BPF_OBJ_GET_INFO_BY_FD, ref attributes);
        }
    }
}
