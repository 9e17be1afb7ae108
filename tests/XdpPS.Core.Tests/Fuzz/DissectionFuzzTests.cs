using System.Buffers.Binary;
using System.Net;
using System.Net.NetworkInformation;
using Xunit.Abstractions;

namespace XdpPS.Tests;

/// <summary>Hostile frames, dissected between guard pages, edited and repaired.</summary>
public sealed class DissectionFuzzTests(ITestOutputHelper output)
{
    private const int LongestFrame = 2_048;

    [Fact]
    public void Dissection()
    {
        using GuardedMemory memory = new(LongestFrame);
        new Fuzzer("dissection", LongestFrame, output).Run(Seeds(), 30_000, frame =>
        {
            DissectionRobustnessTests.Read(memory, frame, atEnd: true);
            DissectionRobustnessTests.Read(memory, frame, atEnd: false);
        });
    }

    [Fact]
    public void Editing()
    {
        // The first eight bytes say what is changed, the others are the frame.
        IEnumerable<byte[]> seeds = Seeds().Select((frame, i) => (byte[])[(byte)i, (byte)(i * 7), (byte)(i * 31), 0x35, 1, 2, 3, 4, .. frame]);
        new Fuzzer("editing", LongestFrame, output).Run(seeds, 20_000, input =>
        {
            if (input.Length < 8) return;
            byte[] frame = input[8..];
            FrameEdit edit = Edit(input);
            XskPacket packet = new([.. frame]);
            try
            {
                XskPacket edited = edit.Apply(packet);
                PropertyReader.ReadAll(new PacketView(edited.Data));
                if (!edit.SkipMissing && (input[0] & 1) != 0) Assert.Equal(Address(input, 6), edited.Data[..6]);
            }
            catch (XskException e) when (e.ErrorId is XskErrorId.FrameNotEditable or XskErrorId.FrameTooLong or XskErrorId.FrameFieldInvalid or XskErrorId.FrameTooShort)
            {
                Assert.DoesNotContain('\n', e.Message);
            }

            Assert.Equal(frame, packet.Data);
        });
    }

    private static IEnumerable<byte[]> Seeds()
    {
        FrameZoo zoo = new(6);
        return RecordedFrames.All().Select(frame => frame.Data).Where(frame => frame.Length <= LongestFrame).Concat(Enumerable.Range(0, 500).Select(_ => zoo.Next()));
    }

    private static byte[] Address(byte[] input, int length) => [.. Enumerable.Range(0, length).Select(i => (byte)(input[4 + (i % 4)] + i))];

    private static FrameEdit Edit(byte[] input)
    {
        int what = BinaryPrimitives.ReadInt32LittleEndian(input);
        T? When<T>(int bit, T value) where T : struct => (what >> bit & 1) != 0 ? value : null;
        ushort number = BinaryPrimitives.ReadUInt16LittleEndian(input.AsSpan(6));
        byte small = input[5];
        return new FrameEdit
        {
            DestinationMac = (what & 1) != 0 ? new PhysicalAddress(Address(input, 6)) : null,
            SourceMac = (what & 2) != 0 ? new PhysicalAddress(Address(input, 6)) : null,
            PopVlan = (what >> 2 & 3) == 3 ? int.MaxValue : what >> 2 & 3,
            Vlan = When(4, (ushort)(number & 0xfff)),
            VlanPriority = When(5, (byte)(small & 7)),
            PushVlan = [.. Enumerable.Repeat((ushort)(number & 0xfff), what >> 6 & 3)],
            SourceAddress = (what & 0x100) != 0 ? new IPAddress(Address(input, 4)) : (what & 0x200) != 0 ? new IPAddress(Address(input, 16)) : null,
            DestinationAddress = (what & 0x400) != 0 ? new IPAddress(Address(input, 4)) : (what & 0x800) != 0 ? new IPAddress(Address(input, 16)) : null,
            TimeToLive = When(12, small),
            DifferentiatedServicesCodePoint = When(13, (byte)(small & 63)),
            Identification = When(14, number),
            SourcePort = When(15, number),
            DestinationPort = When(16, number),
            SequenceNumber = When(17, (uint)number),
            AcknowledgmentNumber = When(18, (uint)number),
            Flags = When(19, (TcpControlBits)small),
            Payload = (what & 0x100000) != 0 ? new byte[number % 2000] : null,
            RepairChecksum = (what & 0x200000) != 0,
            SkipMissing = (what & 0x400000) != 0,
        };
    }
}
