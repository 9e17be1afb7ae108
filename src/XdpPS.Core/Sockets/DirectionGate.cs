using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace XdpPS;

/// <summary>
/// Lets one thread at a time into a direction of a socket, and none once the socket is closed, so that closing
/// never unmaps a ring under a thread that uses it.
/// </summary>
internal sealed class DirectionGate(string direction)
{
    private const int Open = 0;
    private const int Closed = -1;

    /// <summary>Another than the thread whose direction it is is inside, for a moment: a socket that is being opened on the same UMEM, or a <see cref="LateWaker"/>.</summary>
    private const int Borrowed = -2;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    /// <summary>Open, closed, borrowed, or the managed id of the thread that is inside.</summary>
    private int holder;

    private int waiting;

    /// <summary>Somebody waits for whoever is inside: a loop that comes back at once has to give way.</summary>
    internal bool IsAwaited => Volatile.Read(ref waiting) > 0;

    internal bool TryEnter() => Interlocked.CompareExchange(ref holder, Environment.CurrentManagedThreadId, Open) == Open;

    /// <summary>Enters where nobody is inside; who comes meanwhile waits.</summary>
    internal bool TryBorrow() => Interlocked.CompareExchange(ref holder, Borrowed, Open) == Open;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Enter(XskSocketInfo socket)
    {
        if (!TryEnter()) EnterSlowly(socket);
    }

    private void EnterSlowly(XskSocketInfo socket)
    {
        SpinWait wait = default;
        while (true)
        {
            int previous = Interlocked.CompareExchange(ref holder, Environment.CurrentManagedThreadId, Open);
            if (previous == Open) return;
            if (previous == Closed) throw SocketClosed(socket);
            if (previous != Borrowed) throw Busy(socket);
            wait.SpinOnce();
        }
    }

    /// <summary>Waits for whoever is inside, and enters on behalf of another socket: who comes meanwhile waits, too.</summary>
    /// <returns>False where the gate is closed, so that nobody will be inside any more.</returns>
    /// <exception cref="XskException">After a second somebody still is, or it is this thread.</exception>
    internal bool Await(XskSocketInfo socket)
    {
        long start = Stopwatch.GetTimestamp();
        SpinWait wait = default;
        Interlocked.Increment(ref waiting);
        try
        {
            while (true)
            {
                int previous = Interlocked.CompareExchange(ref holder, Borrowed, Open);
                if (previous == Open) return true;
                if (previous == Closed) return false;
                if (previous == Environment.CurrentManagedThreadId) throw StillHeld(socket, "sharing its UMEM");
                if (Stopwatch.GetElapsedTime(start) > Patience) throw Busy(socket);
                wait.SpinOnce();
            }
        }
        finally
        {
            Interlocked.Decrement(ref waiting);
        }
    }

    /// <exception cref="XskException">This thread is inside.</exception>
    internal void RequireLeft(XskSocketInfo socket)
    {
        if (Volatile.Read(ref holder) == Environment.CurrentManagedThreadId) throw StillHeld(socket, "closing the socket");
    }

    internal void Leave() => Volatile.Write(ref holder, Open);

    /// <summary>Waits for whoever is inside, then closes for good.</summary>
    internal void Close(XskSocketInfo socket)
    {
        SpinWait wait = default;
        Interlocked.Increment(ref waiting);
        try
        {
            while (true)
            {
                int previous = Interlocked.CompareExchange(ref holder, Closed, Open);
                if (previous is Open or Closed) return;
                if (previous == Environment.CurrentManagedThreadId) throw StillHeld(socket, "closing the socket");
                wait.SpinOnce();
            }
        }
        finally
        {
            Interlocked.Decrement(ref waiting);
        }
    }

    private XskException Busy(XskSocketInfo socket) => XskException.FromCheck(
        XskErrorId.SocketBusy,
        $"Another thread is {direction} on {socket.InterfaceName} queue {socket.QueueId}",
        $"one thread at a time may be {direction} on a socket: wait for the other to end, or open a socket on another queue");

    private static XskException StillHeld(XskSocketInfo socket, string doing) => XskException.FromCheck(
        XskErrorId.SocketBusy,
        $"This thread still holds a batch of {socket.InterfaceName} queue {socket.QueueId}",
        $"dispose the batch before {doing}");

    internal static XskException SocketClosed(XskSocketInfo socket) => XskException.FromCheck(
        XskErrorId.SocketClosed,
        $"The socket on {socket.InterfaceName} queue {socket.QueueId} is closed",
        "open a new one with New-XskSocket");
}
