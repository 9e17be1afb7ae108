using System.Buffers.Binary;

namespace XdpPS.Tests;

/// <summary>Frames of many kinds from a seed: what filters look at is often there, and often cut off or wrong.</summary>
internal sealed class FrameZoo(int seed)
{
    private readonly Random random = new(seed);

    internal byte[] Next()
    {
        byte[] frame = random.Next(10) switch
        {
            0 => Noise(random.Next(0, 200)),
            1 => Ethernet(0x0806, [0, 1, 8, 0, 6, 4, 0, (byte)random.Next(1, 3), .. Noise(6), .. Host4(), .. Noise(6), .. Host4()]),
            2 => Link(),
            3 or 4 => Ethernet(0x86dd, IPv6()),
            _ => Ethernet(0x0800, IPv4()),
        };
        return random.Next(8) == 0 ? frame[..random.Next(frame.Length + 1)] : frame;
    }

    private T Pick<T>(params T[] choices) => choices[random.Next(choices.Length)];

    private byte[] Noise(int length)
    {
        byte[] bytes = new byte[length];
        random.NextBytes(bytes);
        return bytes;
    }

    private static byte[] Big(int value)
    {
        byte[] bytes = new byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(bytes, (ushort)value);
        return bytes;
    }

    private byte[] Mac() => Pick<byte[]>([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2], [0xff, 0xff, 0xff, 0xff, 0xff, 0xff], [1, 0, 0x5e, 0, 0, 1], [0x33, 0x33, 0, 0, 0, 1], Noise(6));

    private byte[] Ethernet(int type, byte[] payload) => random.Next(6) switch
    {
        0 => [.. Mac(), .. Mac(), .. Big(0x8100), .. Big(Pick(1, 100, 200)), .. Big(type), .. payload],
        1 when random.Next(2) == 0 => [.. Mac(), .. Mac(), .. Big(0x88a8), .. Big(10), .. Big(0x8100), .. Big(100), .. Big(type), .. payload],
        _ => [.. Mac(), .. Mac(), .. Big(type), .. payload],
    };

    private byte[] Link() => random.Next(7) switch
    {
        0 => [1, 0x80, 0xc2, 0, 0, 0, .. Mac(), .. Big(38), 0x42, 0x42, 3, .. Noise(35)],
        1 => Ethernet(0x8864, [0x11, 0, .. Big(Pick(7, 9)), .. Big(40), 0, 0x21, .. IPv4()]),
        2 => Ethernet(0x8863, [0x11, 9, 0, 0, 0, 0]),
        3 => Ethernet(0x8847, [0, 1, 0x01, 64, .. IPv4()]),
        4 => Ethernet(0x88cc, Noise(30)),
        // CLNP, ES-IS and IS-IS, whose fifth byte is the kind of packet (ISO 10589).
        5 => [.. Mac(), .. Mac(), .. Big(38), 0xfe, 0xfe, 3, Pick<byte>(0x81, 0x82, 0x83, 0x83), .. Noise(3), Pick<byte>(15, 16, 17, 18, 20, 24, 25, 26, 27), .. Noise(27)],
        _ => [.. Mac(), .. Mac(), .. Big(random.Next(3, 1500)), Pick<byte>(0xe0, 0xfe, 0xf0, 0xaa), Pick<byte>(0xe0, 0xfe, 0xaa), 3, .. Noise(30)],
    };

    private byte[] Host4() => Pick<byte[]>([10, 0, 0, 1], [10, 0, 0, 2], [10, 1, 2, 3], [192, 0, 2, 1], [224, 0, 0, 1], [255, 255, 255, 255], Noise(4));

    private byte[] Host6() => Pick<byte[]>(
        [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
        [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2],
        [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
        Noise(16));

    private byte[] IPv4()
    {
        int options = Pick(0, 0, 0, 1, 4, 10);
        (int protocol, byte[] payload) = Upper(6, 17, 1);
        int fragment = Pick(0, 0, 0, 0, 0x4000, 0x2000, 0x2010, 0x00b9);
        return
        [
            (byte)(0x45 + options), Pick<byte>(0, 0x10, 0xb8), .. Big(20 + (options * 4) + payload.Length), .. Noise(2), .. Big(fragment),
            Pick<byte>(1, 64, 255), (byte)protocol, .. Noise(2), .. Host4(), .. Host4(), .. Noise(options * 4), .. payload,
        ];
    }

    private byte[] IPv6()
    {
        (int protocol, byte[] payload) = Upper(6, 17, 58);
        byte[] extension = random.Next(5) switch
        {
            0 => [(byte)protocol, 0, .. Noise(6)],
            1 => [(byte)protocol, 0, .. Big(Pick(0, 1, 0x100)), .. Noise(4)],
            _ => [],
        };
        int next = extension.Length == 0 ? protocol : Pick(0, 44, 43, 60);
        return [0x60, 0, 0, 0, .. Big(extension.Length + payload.Length), (byte)next, 64, .. Host6(), .. Host6(), .. extension, .. payload];
    }

    private (int Protocol, byte[] Payload) Upper(int tcp, int udp, int icmp)
    {
        int port() => Pick(22, 53, 67, 68, 80, 443, 546, 8080, 40000, random.Next(65536));
        return random.Next(9) switch
        {
            0 or 1 => (tcp, [.. Big(port()), .. Big(port()), .. Noise(8), 0x50, Pick<byte>(2, 0x12, 0x10, 0x18, 4, 1), .. Big(1000), .. Noise(4), .. Noise(random.Next(40))]),
            2 or 3 => (udp, [.. Big(port()), .. Big(port()), .. Big(20), .. Noise(2), .. Noise(random.Next(40))]),
            4 => (icmp, [Pick<byte>(0, 3, 8, 11, 128, 129, 133, 135, 136), 0, .. Noise(6), .. Noise(random.Next(40))]),
            // Geneve (RFC 8926), without options.
            8 => (udp, [.. Big(port()), .. Big(6081), .. Big(60), .. Noise(2), 0, 0, 0x65, 0x58, 0, 0, Pick<byte>(7, 8), 0, .. Ethernet(0x0800, IPv4())]),
            5 => (132, [.. Big(port()), .. Big(port()), .. Noise(12)]),
            _ => (Pick(2, 4, 47, 50, 51, 89, 103, 112, random.Next(256)), Noise(random.Next(40))),
        };
    }
}
