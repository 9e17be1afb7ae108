using System.Collections;
using System.Collections.Concurrent;
using System.Linq.Expressions;
using System.Reflection;

namespace XdpPS.Tests;

/// <summary>Reads every property of a packet, of its layers and of what these return, however deep.</summary>
internal static class PropertyReader
{
    private static readonly ConcurrentDictionary<Type, Func<object, object?>[]> Getters = new();

    /// <returns>How many properties had a value.</returns>
    internal static long ReadAll(object value)
    {
        long count = 0;
        foreach (Func<object, object?> getter in Getters.GetOrAdd(value.GetType(), Compile))
        {
            if (getter(value) is not { } result) continue;
            count++;
            // The layers of a packet are read once, below.
            if (value is Packet && result is PacketLayer or IReadOnlyList<PacketLayer>) continue;
            if (IsOurs(result)) count += ReadAll(result);
            else if (result is IEnumerable list and not string) count += ReadList(list);
        }

        if (value is Packet packet) count += ReadList(packet.GetLayers());
        // What a layer equals and is called is read from its bytes, too.
        if (value is PacketLayer layer && (!layer.Equals(layer) || layer.GetHashCode() != layer.GetHashCode())) throw new InvalidOperationException($"{layer} is not itself");
        return value.ToString() is null ? count : count + 1;
    }

    private static long ReadList(IEnumerable list) => list.Cast<object>().Where(IsOurs).Sum(ReadAll);

    private static bool IsOurs(object value) => value.GetType() is { Namespace: "XdpPS", IsClass: true };

    private static Func<object, object?>[] Compile(Type type) =>
    [
        .. type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(property => property.GetIndexParameters().Length == 0).Select(property =>
        {
            ParameterExpression value = Expression.Parameter(typeof(object));
            return Expression.Lambda<Func<object, object?>>(Expression.Convert(Expression.Property(Expression.Convert(value, type), property), typeof(object)), value).Compile();
        }),
    ];
}
