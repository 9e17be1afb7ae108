using System.Diagnostics;
using System.Net.NetworkInformation;
using System.Runtime.ExceptionServices;

namespace XdpPS;

/// <summary>What a reflector is doing.</summary>
public enum XskReflectorState
{
    /// <summary>It sends frames back.</summary>
    Running = 0,

    /// <summary>It was stopped.</summary>
    Stopped = 1,

    /// <summary>It has ended by itself: its socket was closed, or its interface is down or gone.</summary>
    Failed = 2,
}

/// <summary>
/// Sends the frames of measurements back where they came from, in place, on a thread of its own. All else that arrives on
/// its socket is dropped. It claims the socket: while it runs, nobody else can receive or send there.
/// </summary>
public sealed class XskReflector : IDisposable
{
    private static readonly TimeSpan Turn = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan CompletionTimeout = TimeSpan.FromMilliseconds(200);

    private readonly XskSocket socket;
    private readonly XskForwarder forwarder;
    private readonly bool ownsSocket;
    private readonly Thread thread;
    private readonly Lock stopping = new();
    private readonly long startedAt = Stopwatch.GetTimestamp();
    private volatile bool stopped;
    private bool ended;
    private Exception? failure;
    private XskReflectorResult? result;

    /// <summary>Starts it.</summary>
    /// <param name="socket">Where the frames come in and go out.</param>
    /// <param name="ownsSocket">The socket is closed when the reflector is stopped.</param>
    /// <param name="cpu">The CPU that it is to run on; null for any.</param>
    /// <exception cref="XskException">The socket is closed, has not both rings, or is in use; or the CPU may not be used.</exception>
    public XskReflector(XskSocket socket, bool ownsSocket = false, int? cpu = null)
    {
        ArgumentNullException.ThrowIfNull(socket);
        if (cpu is { } one) ThreadAffinity.Pin(one).Dispose();
        this.socket = socket;
        this.ownsSocket = ownsSocket;
        forwarder = new XskForwarder(socket, socket, new XskForwarderOptions { Reflects = true });
        thread = new Thread(() => Run(cpu)) { IsBackground = true, Name = "XdpPS reflector" };
        thread.Start();
    }

    /// <summary>Interface it is on.</summary>
    public string InterfaceName => socket.InterfaceName;

    /// <summary>Queue it is on.</summary>
    public int QueueId => socket.QueueId;

    /// <summary>Network namespace, by the name or path that was given; null for the session's own.</summary>
    public string? NetworkNamespace => socket.NetworkNamespace;

    /// <summary>The interface's hardware address: where frames for this reflector go.</summary>
    public PhysicalAddress MacAddress => socket.MacAddress;

    /// <summary>When it was started.</summary>
    public DateTime Started { get; } = DateTime.Now;

    /// <summary>What it is doing.</summary>
    public XskReflectorState State => stopped ? XskReflectorState.Stopped : Volatile.Read(ref failure) is null ? XskReflectorState.Running : XskReflectorState.Failed;

    /// <summary>Frames of measurements sent back so far.</summary>
    public long Reflected => forwarder.Forwarded;

    /// <summary>Other packets that have arrived so far.</summary>
    public long Foreign => forwarder.Filtered;

    /// <summary>Why it has ended by itself; null where it has not.</summary>
    public string? Failure => Volatile.Read(ref failure)?.Message;

    /// <summary>Stops it and gives the socket back, or closes it where it is the reflector's own. The second time it says the same.</summary>
    /// <returns>What it has done.</returns>
    public XskReflectorResult Stop()
    {
        lock (stopping)
        {
            if (!ended)
            {
                stopped = true;
                forwarder.Stop();
            }
        }

        thread.Join();
        if (result is null) ExceptionDispatchInfo.Throw(failure!);
        return result;
    }

    /// <summary><see cref="Stop"/>.</summary>
    public void Dispose() => Stop();

    /// <returns>Where it is, and what it has done so far.</returns>
    public override string ToString() => $"{InterfaceName} queue {QueueId}: {State.ToString().ToLowerInvariant()}, {Reflected} frames sent back";

    private void Run(int? cpu)
    {
        try
        {
            using ThreadAffinity? pinned = cpu is { } one ? ThreadAffinity.Pin(one) : null;
            while (!forwarder.IsDone) forwarder.Run(Turn);
            forwarder.Finish(CompletionTimeout);
        }
        catch (Exception e)
        {
            Volatile.Write(ref failure, e);
        }

        lock (stopping)
        {
            ended = true;
            try
            {
                End();
            }
            catch (Exception e)
            {
                // There is nobody on this thread to tell; Stop throws it.
                Volatile.Write(ref failure, failure ?? e);
            }
        }
    }

    /// <summary>Nothing of one that has ended by itself waits for somebody to stop it.</summary>
    private void End()
    {
        using (forwarder)
        {
            XskForwardResult counts = forwarder.GetResults()[0];
            result = new XskReflectorResult
            {
                InterfaceName = InterfaceName,
                QueueId = QueueId,
                NetworkNamespace = NetworkNamespace,
                Reflected = counts.Forwarded,
                Bytes = counts.Bytes,
                Foreign = counts.Filtered,
                Dropped = counts.Dropped,
                ReceiveLost = counts.ReceiveLost,
                DriverDropped = counts.DriverDropped,
                ElapsedSeconds = Stopwatch.GetElapsedTime(startedAt).TotalSeconds,
                Failure = Failure,
            };
        }

        if (ownsSocket) socket.Close();
    }
}
