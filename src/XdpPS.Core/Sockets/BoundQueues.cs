using System.Runtime.CompilerServices;

namespace XdpPS;

/// <summary>The queues that sockets of this process are bound to: few kernels can be asked.</summary>
internal static class BoundQueues
{
    // Weak: it keeps no socket that was forgotten.
    private static readonly ConditionalWeakTable<XskResources, object> ByOwner = [];

    internal static void Add(XskResources owner, QueueKey queue) => ByOwner.Add(owner, queue);

    internal static void Remove(XskResources owner) => ByOwner.Remove(owner);

    internal static bool Contains(QueueKey queue) => ByOwner.Any(bound => queue.Equals(bound.Value));
}
