using System.Runtime.InteropServices;

namespace XdpPS.Interop;

/// <summary>An open file descriptor, closed once, also when its owner was forgotten.</summary>
internal sealed class FileDescriptor : SafeHandle
{
    public FileDescriptor() : base(-1, ownsHandle: true)
    {
    }

    internal FileDescriptor(int descriptor, bool ownsHandle = true) : base(-1, ownsHandle) => SetHandle(descriptor);

    // The C functions return an int: the upper half of the register, and so of the handle, may be anything.
    public override bool IsInvalid => (int)handle < 0;

    /// <summary>The number, for a message or for a structure that carries it into the kernel.</summary>
    internal int Number => (int)handle;

    protected override bool ReleaseHandle() => Libc.close((int)handle) == 0;
}
