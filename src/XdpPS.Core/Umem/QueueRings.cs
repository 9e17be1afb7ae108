using XdpPS.Interop;

namespace XdpPS;

/// <summary>Which queue: interface indices repeat from one network namespace to the next.</summary>
internal readonly record struct QueueKey(string Namespace, int InterfaceIndex, int QueueId);

/// <summary>
/// The FILL and COMPLETION rings of one queue, with the frames that receive there. The sockets on the queue count as
/// references (libxdp's xsk_ctx): each has RX and TX rings and frames to send of its own, all have these in common.
/// </summary>
/// <remarks>
/// A socket that is alone on its queue uses them without a lock: its receiver FILL, its sender COMPLETION. From the
/// moment a second one comes, everyone takes the lock.
/// </remarks>
internal sealed class QueueRings
{
    private readonly Lock gate = new();
    private readonly Umem umem;
    // Weak: a socket that was forgotten without being closed must not be kept open by the others on its queue.
    private readonly List<WeakReference<XskResources>> members = [];
    private readonly List<FramePool> retired = [];
    private QueueMapping mapped;
    private QueueMapping? kept;
    private int references = 1;
    private bool shared;
    private long filled;
    private long readByDeparted;

    internal QueueRings(QueueKey key, Umem umem, QueueMapping mapping, FramePool receiveFrames)
    {
        Key = key;
        this.umem = umem;
        ReceiveFrames = receiveFrames;
        mapped = mapping;
        Fill = new ProducerRing<ulong>(mapping.Fill.Layout);
        Completion = new ConsumerRing<ulong>(mapping.Completion.Layout);
    }

    internal QueueKey Key { get; }

    internal FramePool ReceiveFrames { get; private set; }

    internal int FillSize => (int)Fill.Size;

    internal int CompletionSize => (int)Completion.Size;

    private ProducerRing<ulong> Fill { get; set; }

    private ConsumerRing<ulong> Completion { get; set; }

    private IEnumerable<XskResources> Members
    {
        get
        {
            foreach (WeakReference<XskResources> member in members)
            {
                if (member.TryGetTarget(out XskResources? target)) yield return target;
            }
        }
    }

    /// <summary>To be held while a ring or <see cref="ReceiveFrames"/> is used; nothing where the socket is alone.</summary>
    internal Lock.Scope EnterIfShared() => shared ? gate.EnterScope() : default;

    /// <summary>Adds a reference, as long as there is one.</summary>
    internal bool TryAddReference()
    {
        lock (gate)
        {
            if (references == 0) return false;
            references++;
            return true;
        }
    }

    /// <summary>Makes the socket that was alone take the lock from now on. It is waited for, should it be receiving or sending.</summary>
    /// <param name="socket">Whom to name where it goes on for too long.</param>
    /// <exception cref="XskException">Another thread, or this one, does not end what it is doing there.</exception>
    internal void Share(XskSocketInfo socket)
    {
        XskResources? alone;
        lock (gate)
        {
            if (shared) return;
            alone = Members.FirstOrDefault();
        }

        bool receiver = false, sender = false;
        try
        {
            receiver = alone?.Receive?.Gate.Await(socket) ?? false;
            sender = alone?.Transmit?.Gate.Await(socket) ?? false;
            shared = true;
        }
        finally
        {
            if (receiver) alone!.Receive!.Gate.Leave();
            if (sender) alone!.Transmit!.Gate.Leave();
        }
    }

    /// <summary>Gives a queue that had nobody to receive its first frames to receive into.</summary>
    internal void Supply(FramePool frames)
    {
        lock (gate) ReceiveFrames = frames;
    }

    /// <summary>A descriptor bound to this queue, with a reference that the caller has to release; null where all were closed.</summary>
    internal FileDescriptor? BorrowDescriptor()
    {
        lock (gate)
        {
            FileDescriptor? descriptor = Members.FirstOrDefault()?.Descriptor;
            bool held = false;
            // Who closes leaves the members first, under this lock.
            descriptor?.DangerousAddRef(ref held);
            return descriptor;
        }
    }

    /// <summary>
    /// Takes a bound socket in. One that takes packets gets the queue's slot in the program's map, unless another
    /// socket on the queue has it.
    /// </summary>
    /// <returns>False where another has it.</returns>
    /// <exception cref="XskException">A stranger has the slot.</exception>
    internal bool Join(XskResources socket, bool takesPackets)
    {
        lock (gate)
        {
            bool taken = takesPackets && Members.Any(member => member.MapSlot >= 0 && socket.Map!.IsSame(member.Map));
            if (takesPackets && !taken)
            {
                socket.Map!.Set(Key.QueueId, socket.Descriptor!);
                socket.MapSlot = Key.QueueId;
            }

            members.RemoveAll(member => !member.TryGetTarget(out _));
            members.Add(new WeakReference<XskResources>(socket));
            if (socket.TransmitFrames is { } frames) frames.Queue = this;
            return !taken;
        }
    }

    /// <summary>
    /// Takes a socket out that is closing, or could not be opened: the slot in the program's map goes to the next socket
    /// on the queue, what has arrived and nobody will read goes back to FILL, what is on the TX ring is sent, and the
    /// rings move to another socket's mapping.
    /// </summary>
    /// <returns>Whether it was the last.</returns>
    internal bool Leave(XskResources socket)
    {
        bool joined;
        lock (gate)
        {
            joined = Members.Contains(socket);
            members.RemoveAll(member => !member.TryGetTarget(out XskResources? target) || target == socket);
            PassSlot(socket);
            if (references == 1)
            {
                references = 0;
                return true;
            }
        }

        try
        {
            if (joined && socket.Receive is not null) Membarrier.AwaitReceivers();
            if (joined) socket.Transmit?.SendRest();
            lock (gate)
            {
                if (joined) TakeBack(socket);
            }
        }
        catch (XskException)
        {
            // A ring that makes no sense: the frames that were in it stay out of use.
        }

        lock (gate)
        {
            if (socket.Rings is { } rings) MoveOff(rings);
            if (!joined && socket.TransmitFrames is { } unused) umem.Return(unused);
            return --references == 0;
        }
    }

    /// <summary>Takes a socket out of the program's map. No other on the queue gets its slot: the interface is gone for all of them.</summary>
    internal void Vacate(XskResources socket)
    {
        lock (gate)
        {
            if (socket.MapSlot >= 0) socket.Map?.Clear(socket.MapSlot);
            socket.MapSlot = -1;
        }
    }

    /// <summary>For a socket that was forgotten: the others on the queue go on without it. The frames on its RX and TX rings are lost.</summary>
    internal void Forget(XskResources socket)
    {
        lock (gate)
        {
            references--;
            // Where nobody else is on the queue, the descriptors of the map and the rings may have been finalized already.
            if (!Members.Any()) return;
            if (HeirOf(socket) is { } heir && socket.Map!.TryReplace(socket.MapSlot, heir.Descriptor!)) heir.MapSlot = socket.MapSlot;
            if (socket.Rings is { } rings) MoveOff(rings);
        }
    }

    /// <summary>Unmaps what the last socket left, and gives up the frames.</summary>
    /// <param name="returnFrames">False where a driver may still write to them: they stay out of use.</param>
    internal void Dispose(bool returnFrames)
    {
        umem.Remove(this);
        kept?.Dispose();
        if (!returnFrames) return;
        umem.Return(ReceiveFrames);
        foreach (FramePool pool in retired) umem.Return(pool);
    }

    /// <summary>Gives the kernel every free frame that FILL has room for. The lock is held.</summary>
    /// <returns>Whether the kernel has to be woken for it.</returns>
    internal bool Refill()
    {
        ProducerRing<ulong> fill = Fill;
        FramePool frames = ReceiveFrames;
        uint count = fill.Reserve((uint)frames.Count, out uint index);
        if (count == 0) return false;
        fill.Write(index, frames.Take((int)count));
        fill.Submit(count);
        filled += count;
        return fill.NeedsWakeup;
    }

    /// <summary>Takes from COMPLETION what the kernel is done with. The lock is held.</summary>
    /// <returns>How many frames of this pool came back, now or when another socket looked.</returns>
    internal uint Reap(FramePool own)
    {
        ConsumerRing<ulong> completion = Completion;
        uint count = completion.Peek(completion.Size, out uint index);
        if (!shared)
        {
            if (count == 0) return 0;
            own.Give(completion, index, count);
            completion.Release(count);
            return count;
        }

        uint back = own.TakeHandedBack();
        for (uint i = 0; i < count; i++)
        {
            ulong address = completion[index + i];
            FramePool? owner = umem.OwnerOf(address);
            if (owner == own || owner?.Queue != this) own.Give(address);
            else if (!retired.Contains(owner)) owner.HandBack(address);
            else GiveUp(owner, address);
            if (owner == own) back++;
        }

        if (count > 0) completion.Release(count);
        return back;
    }

    internal (RingSnapshot Fill, RingSnapshot Completion) Snapshot()
    {
        lock (gate) return (Fill.Snapshot(), Completion.Snapshot());
    }

    internal void AddTo(FrameCensus census, XskResources socket)
    {
        lock (gate)
        {
            List<ulong> completed = [], none = [];
            Completion.CopyTo(completed, none);
            if (socket.Transmit is { } transmit)
            {
                List<ulong> own = [.. completed.Where(address => umem.OwnerOf(address) == transmit.Frames), .. transmit.Frames.HandedBack];
                transmit.AddTo(census, own);
            }

            if (Members.FirstOrDefault() != socket) return;
            List<ReceivePath> receivers = [.. Members.Select(member => member.Receive).OfType<ReceivePath>()];
            census.AddReceive(
                ReceiveFrames, Fill, receivers.Select(receiver => receiver.Ring), filled - readByDeparted - receivers.Sum(receiver => receiver.Packets));
            foreach (FramePool pool in retired)
                census.AddDeparted(pool, [.. completed.Where(address => umem.OwnerOf(address) == pool)]);
        }
    }

    private void PassSlot(XskResources from)
    {
        if (from.MapSlot < 0 || from.Map is not { } map) return;
        if (HeirOf(from) is { } heir && map.TryReplace(from.MapSlot, heir.Descriptor!)) heir.MapSlot = from.MapSlot;
        else map.Clear(from.MapSlot);
        from.MapSlot = -1;
    }

    /// <summary>Who gets the slot in the map that a socket leaves, if it has one.</summary>
    private XskResources? HeirOf(XskResources socket) => socket.MapSlot < 0
        ? null
        : Members.FirstOrDefault(member => member != socket && member.Receive is not null && member.MapSlot < 0 && socket.Map!.IsSame(member.Map));

    private void TakeBack(XskResources socket)
    {
        if (socket.Receive is { } receive)
        {
            receive.Drain();
            readByDeparted += receive.Packets;
        }

        if (socket.Transmit is not { } transmit) return;
        transmit.Reap();
        umem.Accept(transmit.Frames.Donate(transmit.Frames.Count));
        // What the kernel has still comes back by COMPLETION, and then whoever looks there gives it back to the UMEM.
        if (transmit.Frames.Capacity > 0) retired.Add(transmit.Frames);
    }

    private void GiveUp(FramePool pool, ulong address)
    {
        pool.Give(address);
        umem.Accept(pool.Donate(1));
        if (pool.Capacity == 0) retired.Remove(pool);
    }

    /// <summary>Each mapping keeps the socket it was made through, and so its queue, busy.</summary>
    private void MoveOff(XskRings rings)
    {
        if (rings.OfQueue != mapped) return;
        QueueMapping? other = Members.Select(member => member.Rings?.OfQueue).FirstOrDefault(mapping => mapping is not null);
        if (other is null)
        {
            // Only where the kernel does not map them through a bound socket (before 6.4).
            kept = rings.DetachQueue();
            return;
        }

        mapped = other;
        Fill = new ProducerRing<ulong>(other.Fill.Layout);
        Completion = new ConsumerRing<ulong>(other.Completion.Layout);
    }
}
