using XdpPS.Interop;

namespace XdpPS;

/// <summary>The other end of a veth, in whichever network namespace it is.</summary>
internal static class VethPeer
{
    /// <summary>Where the session itself is, whichever namespace the calling thread is in.</summary>
    private const string OfSession = "/proc/self/ns/net";

    /// <summary>Asks something of a veth's other end, on a thread that is in that end's network namespace.</summary>
    /// <param name="nic">An interface of the calling thread's namespace.</param>
    /// <param name="question">Gets the other end.</param>
    /// <returns>The answer; null for other kinds of interface, and where that end is in a namespace that is not known here.</returns>
    internal static T? Ask<T>(XdpInterface nic, Func<XdpInterface, T> question) where T : class?
    {
        if (nic.Kind != "veth" || nic.LowerIndex == 0) return null;
        if (nic.LowerNamespaceNumber is not { } number) return Ask(nic.LowerIndex, nic.NetworkNamespace, question);
        foreach (string name in NetworkNamespace.GetNames().Prepend(OfSession))
        {
            try
            {
                using NetworkNamespace place = NetworkNamespace.Open(name);
                if (place.NumberHere() == number) return place.Run(() => Ask(nic.LowerIndex, name == OfSession ? null : name, question));
            }
            catch (XskException)
            {
                // Not one that this process may enter, or gone by now.
            }
        }

        return null;
    }

    private static T? Ask<T>(int index, string? networkNamespace, Func<XdpInterface, T> question) where T : class? =>
        LinkQuery.ByIndex(index) is { } nic ? question(nic with { NetworkNamespace = networkNamespace }) : null;
}
