using System.Buffers.Binary;
using System.Diagnostics;

namespace XdpPS.Tests;

/// <summary>Programs that are not ours see what we send, and send what we have to see.</summary>
public sealed class WitnessTests : IDisposable
{
    private readonly TestNetwork network = new();

    public void Dispose() => network.Dispose();

    [KernelFact("tcpdump")]
    public void Tcpdump_on_the_peer_sees_exactly_what_was_sent()
    {
        byte[][] frames = [.. Enumerable.Range(0, 200).Select(i => Frames.Make(14 + (i * 7), i)), Frames.Make(1514, 200)];
        using Capture capture = new(network, TestNetwork.Far);
        network.Run(() =>
        {
            using XskSocket socket = Sockets.Open();
            for (int i = 0; i < frames.Length; i += 32) socket.Send(frames[i..Math.Min(frames.Length, i + 32)]);
            Sockets.AssertConserved(socket);
        });
        Assert.Equal(frames, capture.Stop(frames));
    }

    [KernelFact("tcpdump")]
    public void Tcpdump_on_the_sending_interface_sees_nothing_of_what_was_sent_by_xdp()
    {
        using Capture capture = new(network, TestNetwork.Near);
        network.Run(() =>
        {
            using XskSocket socket = XskSocket.Open(Sockets.Options(rx: 0));
            socket.Send(Frames.Series(20));
            Kernel.SendRaw(TestNetwork.Far, [Frames.Make(99)]);
        });
        // What arrives it does see: this capture is not blind.
        byte[] arrived = Frames.Make(99);
        Assert.Equal(arrived, Assert.Single(capture.Stop([arrived])));
    }

    [KernelTheory("tcpdump")]
    [InlineData(XdpAttachMode.Native)]
    [InlineData(XdpAttachMode.Generic)]
    public void What_the_socket_takes_does_not_reach_the_kernel_and_what_comes_after_it_does(XdpAttachMode mode)
    {
        byte[][] before = Frames.Series(10), after = Frames.Series(10, 200);
        using Capture capture = new(network, TestNetwork.Near);
        network.Run(() =>
        {
            using (XskSocket socket = XskSocket.Open(Sockets.Options(attach: mode)))
            {
                Kernel.SendRaw(TestNetwork.Far, before);
                Assert.Equal(before, socket.Take(10));
            }

            Kernel.SendRaw(TestNetwork.Far, after);
        });
        Assert.Equal(after, capture.Stop(after));
    }

    [KernelTheory]
    [InlineData(XdpAttachMode.Native)]
    [InlineData(XdpAttachMode.Generic)]
    public void What_a_packet_socket_sends_is_received(XdpAttachMode mode) => network.Run(() =>
    {
        using XskSocket socket = XskSocket.Open(Sockets.Options(attach: mode));
        for (int length = 14; length <= 1514; length += 100)
        {
            byte[][] frames = [.. Enumerable.Range(0, 5).Select(i => Frames.Make(length, i))];
            Kernel.SendRaw(TestNetwork.Far, frames);
            Assert.Equal(frames, socket.Take(5));
        }

        Sockets.AssertConserved(socket);
    });

    [KernelFact("trafgen")]
    public void What_trafgen_sends_is_received() => network.Run(() =>
    {
        byte[] frame = [.. Frames.Hex("020000000002 020000000001 88b5 0123456789abcdef"), .. Enumerable.Repeat((byte)0x5a, 100)];
        string file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, $"{{ {string.Join(", ", frame[..22].Select(b => $"0x{b:x2}"))}, fill(0x5a, 100) }}\n");
            using XskSocket socket = Sockets.Open();
            Command.Result result = network.Execute(
                "trafgen", "--in", file, "--out", TestNetwork.Far, "--num", "40", "--cpus", "1", "--gap", "1ms", "--no-sock-mem");
            Assert.True(result.ExitCode == 0, result.Error);
            List<byte[]> received = socket.Take(40);
            Assert.Equal(40, received.Count);
            Assert.All(received, packet => Assert.Equal(frame, packet));
            Sockets.AssertConserved(socket);
        }
        finally
        {
            File.Delete(file);
        }
    });

    [KernelFact("tcpreplay")]
    public void What_tcpreplay_sends_is_received() => network.Run(() =>
    {
        byte[][] frames = [.. Enumerable.Range(0, 60).Select(i => Frames.Make(14 + (i * 25), i))];
        string file = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(file, Pcap.Write(frames));
            using XskSocket socket = XskSocket.Open(Sockets.Options(frames: 256, rx: 128, fill: 128));
            Command.Result result = network.Execute("tcpreplay", "--pps=2000", "-i", TestNetwork.Far, file);
            Assert.True(result.ExitCode == 0, result.Error);
            Assert.Equal(frames, socket.Take(frames.Length));
            Sockets.AssertConserved(socket);
        }
        finally
        {
            File.Delete(file);
        }
    });

    [KernelFact("ping")]
    public void Ping_gets_the_answers_that_were_written_here() => network.Run(() =>
    {
        string mac = network.Ip("-br", "link", "show", "dev", TestNetwork.Near).Split(' ', StringSplitOptions.RemoveEmptyEntries)[2];
        network.Batch(
            "link set lo up",
            $"addr add 192.0.2.1/24 dev {TestNetwork.Far}",
            $"neigh add 192.0.2.2 lladdr {mac} nud permanent dev {TestNetwork.Far}");
        using XskSocket socket = Sockets.Open();
        using Process ping = network.Start("ping", "-c", "5", "-i", "0.05", "-W", "2", "-s", "200", "192.0.2.2");
        int answered = 0;
        Stopwatch watch = Stopwatch.StartNew();
        while (answered < 5 && watch.Elapsed < TimeSpan.FromSeconds(10))
        {
            foreach (byte[] request in socket.Drain(50).Where(packet => packet.Length == 242 && packet[34] == 8))
            {
                PacketView packet = new(request);
                Assert.Equal(("ICMP", "192.0.2.1"), (packet.Protocol, packet.Source));
                socket.Send(EchoReply(request));
                answered++;
            }
        }

        Assert.True(ping.WaitForExit(TimeSpan.FromSeconds(10)));
        string output = ping.StandardOutput.ReadToEnd();
        Assert.True(ping.ExitCode == 0, output);
        Assert.Contains("5 received", output, StringComparison.Ordinal);
        Sockets.AssertConserved(socket);
    });

    private static byte[] EchoReply(byte[] request)
    {
        byte[] reply = [.. request[6..12], .. request[0..6], .. request[12..26], .. request[30..34], .. request[26..30], .. request[34..]];
        reply[34] = 0;
        reply[36] = reply[37] = 0;
        uint sum = 0;
        for (int i = 34; i < reply.Length; i += 2) sum += BinaryPrimitives.ReadUInt16BigEndian(reply.AsSpan(i));
        while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
        BinaryPrimitives.WriteUInt16BigEndian(reply.AsSpan(36), (ushort)~sum);
        return reply;
    }
}
