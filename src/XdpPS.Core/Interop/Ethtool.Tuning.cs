using System.Runtime.InteropServices;

namespace XdpPS.Interop;

/// <content>What decides how a NIC hands packets over: its rings, its indirection table, its features by name.</content>
internal static unsafe partial class Ethtool
{
    private const uint ETHTOOL_GRINGPARAM = 0x00000010;
    private const uint ETHTOOL_GSTRINGS = 0x0000001b;
    private const uint ETHTOOL_GSSET_INFO = 0x00000037;
    private const uint ETHTOOL_GRXFHINDIR = 0x00000038;
    private const uint ETHTOOL_GFEATURES = 0x0000003a;
    private const int ETH_SS_FEATURES = 4;
    private const int ETH_GSTRING_LEN = 32;

    /// <summary>struct ethtool_ringparam: descriptors of the NIC's own rings.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct RingSizes
    {
        internal uint Command;
        internal uint MaxRx;
        internal uint MaxRxMini;
        internal uint MaxRxJumbo;
        internal uint MaxTx;
        internal uint Rx;
        internal uint RxMini;
        internal uint RxJumbo;
        internal uint Tx;
    }

    /// <summary>struct ethtool_get_features_block: 32 features.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct FeatureBlock
    {
        internal uint Available;
        internal uint Requested;
        internal uint Active;
        internal uint NeverChanged;
    }

    /// <returns>Null where the driver does not tell.</returns>
    internal static RingSizes? GetRings(string interfaceName)
    {
        RingSizes rings = new() { Command = ETHTOOL_GRINGPARAM };
        return Call(interfaceName, &rings) ? rings : null;
    }

    /// <returns>By the value of a packet's hash, modulo the table's length, the receive queue that it goes to; null where the driver has no such table.</returns>
    internal static uint[]? GetIndirection(string interfaceName)
    {
        // struct ethtool_rxfh_indir: u32 cmd, u32 size, u32 ring_index[]. A size of 0 asks for the size.
        uint* asked = stackalloc uint[2] { ETHTOOL_GRXFHINDIR, 0 };
        if (!Call(interfaceName, asked) || asked[1] == 0) return null;
        uint[] table = new uint[2 + asked[1]];
        (table[0], table[1]) = (ETHTOOL_GRXFHINDIR, asked[1]);
        fixed (uint* pointer = table)
        {
            return Call(interfaceName, pointer) ? table[2..] : null;
        }
    }

    /// <returns>The features that are on, by their names in the kernel, as <c>ethtool -k</c> shows most of them; null where the kernel does not tell.</returns>
    internal static HashSet<string>? GetFeatures(string interfaceName)
    {
        // struct ethtool_sset_info: u32 cmd, u32 reserved, u64 sset_mask, u32 data[].
        uint* info = stackalloc uint[5] { ETHTOOL_GSSET_INFO, 0, 1u << ETH_SS_FEATURES, 0, 0 };
        if (!Call(interfaceName, info) || info[2] == 0) return null;
        int count = (int)info[4];

        // struct ethtool_gstrings: u32 cmd, u32 string_set, u32 len, u8 data[].
        byte[] strings = new byte[12 + (count * ETH_GSTRING_LEN)];
        WriteHeader(strings, [ETHTOOL_GSTRINGS, ETH_SS_FEATURES, (uint)count]);

        // struct ethtool_gfeatures: u32 cmd, u32 size (in blocks), and the blocks.
        int blocks = (count + 31) / 32;
        byte[] states = new byte[8 + (blocks * sizeof(FeatureBlock))];
        WriteHeader(states, [ETHTOOL_GFEATURES, (uint)blocks]);
        fixed (byte* names = strings, values = states)
        {
            if (!Call(interfaceName, names) || !Call(interfaceName, values)) return null;
        }

        ReadOnlySpan<Text32> text = MemoryMarshal.Cast<byte, Text32>(strings.AsSpan(12));
        ReadOnlySpan<FeatureBlock> state = MemoryMarshal.Cast<byte, FeatureBlock>(states.AsSpan(8));
        HashSet<string> on = [];
        for (int i = 0; i < count; i++)
        {
            if ((state[i / 32].Active >> (i % 32) & 1) != 0) on.Add(text[i].ToString());
        }

        return on;
    }

    private static void WriteHeader(byte[] buffer, ReadOnlySpan<uint> words) => MemoryMarshal.AsBytes(words).CopyTo(buffer);
}
