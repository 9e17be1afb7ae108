using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace XdpPS;

/// <content>For frames that go from one pool to another.</content>
internal sealed unsafe partial class Umem
{
    /// <summary>Makes a frame another pool's. Only who uses both pools may do so.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void SetOwner(ulong address, FramePool owner) => owners[IndexOf(address)] = owner;

    /// <summary>
    /// Has the first bytes at an address fetched while something else is done: a packet that another processor has
    /// written is far away. No address is wrong.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Prefetch(ulong address)
    {
        if (Sse.IsSupported) Sse.Prefetch0(start + address);
    }
}
