using System.Runtime.CompilerServices;

namespace XdpPS;

/// <content>How a received frame gets onto a TX ring without a copy.</content>
internal sealed partial class FramePool
{
    /// <summary>
    /// Takes in a frame that another pool had out, and gives that pool a free one of this for it: both keep their number
    /// of frames, so that neither FILL nor the sender ever starves for what the other still has.
    /// </summary>
    /// <param name="address">Any address inside the frame.</param>
    /// <param name="from">Whose frame it is. Both pools are to be used by this thread.</param>
    /// <returns>The frame that was given for it, free in <paramref name="from"/>.</returns>
    /// <exception cref="XskException">The address is not of a frame that that pool has out.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal ulong TradeIn(ulong address, FramePool from)
    {
        from.Find(address);
        ulong given = addresses[--Count];
        umem.SetOwner(address, this);
        umem.SetOwner(given, from);
        from.addresses[from.Count++] = given;
        return given;
    }
}
