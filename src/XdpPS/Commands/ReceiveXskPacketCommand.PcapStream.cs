using System.Diagnostics;
using System.Management.Automation;
using XdpPS.Session;

namespace XdpPS.Commands;

/// <content>Packets as the bytes of a capture, for a program that reads one from a pipe.</content>
public sealed partial class ReceiveXskPacketCommand
{
    private long streamed;

    [Parameter]
    public SwitchParameter AsPcapStream { get; set; }

    private void ReceiveAsStream(DropWatch drops)
    {
        XskCaptureFeed feed = new(sockets, SnapLength);
        // The header goes ahead: who reads it waits for packets and not for a file.
        Write(feed);
        while (Continue(streamed))
        {
            bool any = false;
            foreach (XskSocket socket in sockets)
            {
                int taken = feed.Take(socket, (int)Math.Min(Turn, Count - streamed));
                streamed += taken;
                any |= taken > 0;
                if (streamed == Count) break;
            }

            if (any)
            {
                lastPacketAt = Stopwatch.GetTimestamp();
                Write(feed);
            }
            else if (TimedOut)
            {
                break;
            }
            else
            {
                WaitForPackets();
            }

            Report(drops);
        }

        if (Stopping) return;
        feed.Complete();
        Write(feed);
    }

    private void Write(XskCaptureFeed feed)
    {
        foreach (byte[] piece in feed.Drain()) WriteObject(piece, enumerateCollection: false);
    }
}
