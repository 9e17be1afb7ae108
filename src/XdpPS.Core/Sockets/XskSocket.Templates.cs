using System.Buffers;

namespace XdpPS;

/// <content>Frames of templates.</content>
public sealed partial class XskSocket
{
    /// <summary>Writes a template's frame onto the TX ring. The kernel sends it at the next <see cref="Pump"/> or <see cref="Flush"/>.</summary>
    /// <param name="template">The template.</param>
    /// <param name="index">Which of its frames: see <see cref="XskFrameTemplate.Write"/>.</param>
    /// <returns>False when the ring is full or no transmit frame is free.</returns>
    /// <exception cref="XskException">As <see cref="CheckFrame"/> and <see cref="ReserveSend"/>.</exception>
    public bool TrySend(XskFrameTemplate template, long index)
    {
        ArgumentNullException.ThrowIfNull(template);
        CheckFrame(template.First.Data);
        if (template.Length > FrameSize) return TrySendInFrames(template, index);
        using SendBatch batch = ReserveSend(1);
        if (batch.Capacity == 0) return false;
        batch.Add(template.Write(batch.Next, index));
        return true;
    }

    private bool TrySendInFrames(XskFrameTemplate template, long index)
    {
        byte[] whole = ArrayPool<byte>.Shared.Rent(template.Length);
        try
        {
            return TrySendInFrames(whole.AsSpan(0, template.Write(whole, index)));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(whole);
        }
    }
}
