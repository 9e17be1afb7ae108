using XdpPS.Interop;

namespace XdpPS;

/// <summary>Whether a filter sees VLAN tags: the kernel can keep a tag beside the frame, and then no XDP program finds it in the bytes.</summary>
internal static class VlanTags
{
    /// <returns>Why tags are not in the frames, and what to run, as a sentence; null where they are.</returns>
    internal static string? WhyHidden(XdpInterface nic)
    {
        // What a veth gets is as its other end sent it: rxvlan is a word there that nothing heeds (veth.c).
        if (nic.Kind == "veth") return nic.LowerIndex == 0 ? null : WhyHiddenBehind(nic);
        return Ethtool.TakesVlanTagsOut(nic.Name)
            ? $"{nic.Name} takes VLAN tags out of the frame before the filter sees it, so that a filter on tags usually matches nothing: run '{nic.Command($"ethtool -K {nic.Name} rxvlan off")}'."
            : null;
    }

    private static string? WhyHiddenBehind(XdpInterface nic)
    {
        const string Hidden = "leaves the VLAN tags that the kernel gives its frames beside them, where the filter does not see them";
        if (VethPeer.Ask(nic, end => new Peer(end, Ethtool.PutsVlanTagsIn(end.Name))) is not { } peer)
        {
            return $"The other end of {nic.Name} is in a network namespace that is not known here. It {Hidden}, unless 'ethtool -K <peer> txvlan off' was run there.";
        }

        return peer.LeavesTags
            ? $"{peer.Nic.Name}, the other end of {nic.Name}{(peer.Nic.NetworkNamespace == nic.NetworkNamespace ? "" : $" in {peer.Nic.Home}")}, {Hidden}: run '{peer.Nic.Command($"ethtool -K {peer.Nic.Name} txvlan off")}'."
            : null;
    }

    private sealed record Peer(XdpInterface Nic, bool LeavesTags);
}
