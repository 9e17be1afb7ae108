using System.Buffers.Binary;
using System.Net;
using System.Net.NetworkInformation;

namespace XdpPS;

/// <summary>
/// One protocol's part of a packet: a view over the packet's own bytes, read when a property is. A field that the bytes
/// end before is null; nothing here throws, and nothing is read past the end. Two layers of one kind over equal bytes are equal.
/// </summary>
public abstract class PacketLayer : IEquatable<PacketLayer>
{
    /// <summary>Layers beyond this one are left as payload: no sound frame has as many.</summary>
    private const int Deepest = 31;

    private readonly ReadOnlyMemory<byte> bytes;
    private readonly int depth;

    private protected PacketLayer(LayerBytes layer)
    {
        bytes = layer.Bytes;
        Offset = layer.Offset;
        Outer = layer.Outer;
        depth = Outer is null ? 0 : Outer.depth + 1;
    }

    /// <summary>The protocol's name, as packet lists show it.</summary>
    public abstract string Name { get; }

    /// <summary>What the layer says, in a line.</summary>
    public abstract string Info { get; }

    /// <summary>Bytes of the packet before this layer.</summary>
    public int Offset { get; }

    /// <summary>Bytes of the header, options included, as the header itself says where it has a say; more than there are where it is cut off.</summary>
    public abstract int HeaderLength { get; }

    /// <summary>The bytes end before what the header announces: it was cut off, on the wire or by whoever kept only the first bytes.</summary>
    public virtual bool Truncated => Extent is { } extent ? bytes.Length < extent : IsHeaderCut || Outer is { Truncated: true };

    /// <summary>The header contradicts itself or the protocol. What is in it is shown as it is; nothing behind it is read.</summary>
    public virtual bool Malformed => false;

    /// <summary>A copy of the bytes behind the header, as far as they belong to this layer and are there.</summary>
    public byte[] Payload => PayloadBytes.ToArray();

    /// <summary>The layer around this one; null for the first.</summary>
    internal PacketLayer? Outer { get; }

    /// <summary>The layer in this one's payload; null where that is none, not known, or not to be told.</summary>
    internal PacketLayer? Next => Malformed || IsHeaderCut ? null : FindNext();

    /// <summary>The bytes end within the header.</summary>
    internal bool IsHeaderCut => bytes.Length < HeaderLength;

    /// <summary>Bytes that are there from the layer's first to the end of what is around it.</summary>
    internal int Available => bytes.Length;

    /// <summary>As <see cref="Available"/>, without what follows the layer's own end.</summary>
    internal int MessageLength => Math.Min(bytes.Length, Extent ?? bytes.Length);

    /// <summary>What a list of packets shows as source, where this layer has such a thing.</summary>
    internal virtual string? SourceText => null;

    /// <summary>As <see cref="SourceText"/>.</summary>
    internal virtual string? DestinationText => null;

    /// <summary>What a list of packets shows as protocol when no further layer is recognised.</summary>
    internal virtual string ProtocolText => Name;

    /// <summary>The payload, as far as it belongs to this layer and is there.</summary>
    internal ReadOnlyMemory<byte> PayloadBytes
    {
        get
        {
            int start = Math.Min(HeaderLength, bytes.Length);
            return bytes[start..Math.Clamp(Extent ?? bytes.Length, start, bytes.Length)];
        }
    }

    /// <summary>Everything from the layer's first byte on, and what may follow it as padding.</summary>
    private protected ReadOnlySpan<byte> Span => bytes.Span;

    /// <summary>Bytes that the layer says it has, header and payload; null where it says nothing of the kind.</summary>
    private protected virtual int? Extent => null;

    /// <returns>Name and <see cref="Info"/>.</returns>
    public override string ToString() => $"{Name}: {Info}";

    /// <summary>Same kind of layer and same bytes.</summary>
    public bool Equals(PacketLayer? other) => other is not null && other.GetType() == GetType() && other.Span.SequenceEqual(Span);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as PacketLayer);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        HashCode hash = default;
        hash.Add(GetType());
        hash.AddBytes(Span);
        return hash.ToHashCode();
    }

    private protected virtual PacketLayer? FindNext() => null;

    /// <returns>The layer in the payload that is registered for a number; null where there is none, or no byte of it.</returns>
    private protected PacketLayer? Create(LayerKey key, int number) => Create(key, number, PayloadBytes, HeaderLength);

    private protected PacketLayer? Create(LayerKey key, int number, ReadOnlyMemory<byte> payload, int offset) =>
        payload.IsEmpty || depth >= Deepest ? null : LayerRegistry.Create(key, number, new LayerBytes(payload, Offset + offset, this));

    private protected byte? UInt8(int offset) => offset < bytes.Length ? Span[offset] : null;

    private protected ushort? UInt16(int offset) => offset + 2 <= bytes.Length ? BinaryPrimitives.ReadUInt16BigEndian(Span[offset..]) : null;

    private protected uint? UInt32(int offset) => offset + 4 <= bytes.Length ? BinaryPrimitives.ReadUInt32BigEndian(Span[offset..]) : null;

    private protected bool? Bit(int offset, int mask) => UInt8(offset) is { } value ? (value & mask) != 0 : null;

    private protected IPAddress? IPv4Address(int offset) => offset + 4 <= bytes.Length ? new IPAddress(Span.Slice(offset, 4)) : null;

    private protected IPAddress? IPv6Address(int offset) => offset + 16 <= bytes.Length ? new IPAddress(Span.Slice(offset, 16)) : null;

    private protected PhysicalAddress? Mac(int offset) => offset + 6 <= bytes.Length ? new PhysicalAddress(Span.Slice(offset, 6).ToArray()) : null;

    private protected string? MacText(int offset) => offset + 6 <= bytes.Length ? HexNotation.Colons(Span.Slice(offset, 6)) : null;

    /// <returns>A copy of as many of the bytes as are there.</returns>
    private protected byte[] Copy(int offset, int length)
    {
        int start = Math.Min(offset, bytes.Length);
        return Span.Slice(start, Math.Clamp(length, 0, bytes.Length - start)).ToArray();
    }
}

/// <summary>Where a layer lies.</summary>
/// <param name="Bytes">From its first byte to the end of what is around it.</param>
/// <param name="Offset">Bytes of the packet before it.</param>
/// <param name="Outer">The layer around it.</param>
internal readonly record struct LayerBytes(ReadOnlyMemory<byte> Bytes, int Offset, PacketLayer? Outer);
