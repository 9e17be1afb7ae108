using System.Collections.Concurrent;

namespace XdpPS;

/// <summary>
/// Sends paced frames on a thread of its own, from a queue that is filled ahead of time: how long it takes to bring a
/// frame then does not delay it. One thread adds; the sender belongs to this until it is disposed.
/// </summary>
public sealed class AheadSender : IDisposable
{
    /// <summary>Ahead of the frame that is due.</summary>
    private const int Capacity = 4096;

    private readonly BlockingCollection<(byte[] Data, long Timestamp)> frames = new(Capacity);
    private readonly XskSender sender;
    private readonly CancellationToken stop;
    private readonly Thread thread;
    private volatile bool ended;
    private Exception? failure;

    /// <summary>Starts the thread.</summary>
    /// <param name="sender">What sends, and knows the times.</param>
    /// <param name="cpu">The CPU to send on; null for any.</param>
    /// <param name="stop">Ends every wait.</param>
    /// <exception cref="XskException">The CPU is not one that this process may use.</exception>
    public AheadSender(XskSender sender, int? cpu, CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(sender);
        if (cpu is { } one) ThreadAffinity.Pin(one).Dispose();
        this.sender = sender;
        this.stop = stop;
        thread = new Thread(() => Run(cpu)) { IsBackground = true, Name = "XdpPS sender" };
        thread.Start();
    }

    /// <summary>Adds a frame, where there is room for it within the time. Its bytes are copied: whoever brought it may use them for the next.</summary>
    /// <returns>False where there was not.</returns>
    /// <exception cref="XskException">Sending has failed meanwhile.</exception>
    public bool TryAdd(ReadOnlySpan<byte> frame, long timestamp, TimeSpan patience)
    {
        ThrowIfFailed();
        // Nobody takes them any more.
        if (ended) return true;
        try
        {
            return frames.TryAdd((frame.ToArray(), timestamp), (int)patience.TotalMilliseconds, stop);
        }
        catch (OperationCanceledException)
        {
            return true;
        }
    }

    /// <summary>Says that no frame comes any more, and waits until all are sent.</summary>
    /// <returns>False where the time was up first.</returns>
    /// <exception cref="XskException">Sending has failed.</exception>
    public bool Complete(TimeSpan patience)
    {
        frames.CompleteAdding();
        bool done = thread.Join(patience);
        ThrowIfFailed();
        return done;
    }

    /// <summary>Sends no more, and waits for the thread: the sender may be disposed then. The stop ends its wait for a frame's time.</summary>
    public void Dispose()
    {
        ended = true;
        frames.CompleteAdding();
        thread.Join();
        frames.Dispose();
    }

    private void ThrowIfFailed()
    {
        if (Volatile.Read(ref failure) is { } failed) System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failed);
    }

    private void Run(int? cpu)
    {
        try
        {
            using ThreadAffinity? pinned = cpu is { } one ? ThreadAffinity.Pin(one) : null;
            foreach ((byte[] data, long timestamp) in frames.GetConsumingEnumerable(stop))
            {
                if (ended || !sender.Send(data, timestamp)) return;
                // The next may be long in coming.
                if (frames.Count == 0) sender.Wake();
            }
        }
        catch (OperationCanceledException)
        {
            // The stop.
        }
        catch (Exception e)
        {
            Volatile.Write(ref failure, e);
        }
        finally
        {
            ended = true;
        }
    }
}
