using System.Net.NetworkInformation;
using System.Runtime.CompilerServices;

namespace XdpPS;

/// <summary>Changes the MAC addresses of frames where they lie.</summary>
internal sealed class AddressRewrite
{
    private const int AddressLength = 6;

    private readonly bool swaps;
    private readonly bool reflects;
    private readonly byte[]? destination;
    private readonly byte[]? source;

    private AddressRewrite(bool swaps, bool reflects, byte[]? destination, byte[]? source)
    {
        this.swaps = swaps;
        this.reflects = reflects;
        this.destination = destination;
        this.source = source;
    }

    /// <returns>Null where there is nothing to change.</returns>
    internal static AddressRewrite? From(XskForwarderOptions options) =>
        options is { SwapMac: false, Reflects: false, RewriteDestination: null, RewriteSource: null }
            ? null
            : new AddressRewrite(options.SwapMac, options.Reflects, Bytes(options.RewriteDestination), Bytes(options.RewriteSource));

    /// <summary>Swaps first: an address that was given stands, whatever is swapped.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Apply(Span<byte> frame)
    {
        if (frame.Length < 2 * AddressLength) return;
        if (reflects)
        {
            FrameTag.TurnAround(frame);
            return;
        }

        if (swaps)
        {
            ref byte first = ref frame[0];
            ulong old = Unsafe.ReadUnaligned<ulong>(ref first);
            uint rest = Unsafe.ReadUnaligned<uint>(ref Unsafe.Add(ref first, 8));
            // Little-endian: six bytes of the one, then six of the other, in one word of eight and one of four.
            Unsafe.WriteUnaligned(ref first, (old >> 48) | ((ulong)rest << 16) | (old << 48));
            Unsafe.WriteUnaligned(ref Unsafe.Add(ref first, 8), (uint)(old >> 16));
        }

        destination?.CopyTo(frame);
        source?.CopyTo(frame[AddressLength..]);
    }

    private static byte[]? Bytes(PhysicalAddress? address)
    {
        byte[]? bytes = address?.GetAddressBytes();
        return bytes is null or { Length: AddressLength }
            ? bytes
            : throw new ArgumentException($"A MAC address has {AddressLength} bytes, and {address} has {bytes.Length}.", nameof(address));
    }
}
