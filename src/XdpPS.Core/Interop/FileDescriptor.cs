using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace XdpPS.Interop;

/// <summary>An open file descriptor, closed once, also when its owner was forgotten.</summary>
internal sealed class FileDescriptor : SafeHandleMinusOneIsInvalid
{
    public FileDescriptor() : base(ownsHandle: true)
    {
    }

    internal FileDescriptor(int descriptor, bool ownsHandle = true) : base(ownsHandle) => SetHandle(descriptor);

    /// <summary>The number, for a message or for a structure that carries it into the kernel.</summary>
    internal int Number => (int)handle;

    protected override bool ReleaseHandle() => Libc.close((int)handle) == 0;
}
