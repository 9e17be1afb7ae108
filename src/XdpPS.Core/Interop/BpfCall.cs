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
