namespace XdpPS;

/// <summary>What kind of number says which layer comes next.</summary>
internal enum LayerKey
{
    EtherType,

    /// <summary>A length in place of an EtherType: the number is 0.</summary>
    Length,
    IPProtocol,

    /// <summary>The destination service access point of LLC.</summary>
    ServiceAccessPoint,
    UdpPort,
    TcpPort,
}

/// <summary>Makes a layer of bytes, or null where they cannot be one.</summary>
internal delegate PacketLayer? LayerFactory(LayerBytes bytes);

/// <summary>
/// Finds the layer for a number. Each protocol's file adds its own part of this class, a field whose initializer calls
/// <see cref="Add"/>: so a protocol is one file, nothing is searched for at run time, and nothing is registered before
/// the first packet is looked into.
/// </summary>
internal static partial class LayerRegistry
{
    // The order of initializers over several files is not defined: what Add needs is in a class of its own.
    private static readonly Dictionary<int, LayerFactory> Factories = Table.Factories;

    internal static PacketLayer? Create(LayerKey key, int number, LayerBytes bytes) =>
        Factories.TryGetValue(Join(key, number), out LayerFactory? factory) ? factory(bytes) : null;

    private static bool Add(LayerKey key, LayerFactory factory, params ReadOnlySpan<int> numbers)
    {
        foreach (int number in numbers) Table.Factories.Add(Join(key, number), factory);
        return true;
    }

    private static int Join(LayerKey key, int number) => ((int)key << 16) | number;

    private static class Table
    {
        internal static readonly Dictionary<int, LayerFactory> Factories = [];
    }
}
