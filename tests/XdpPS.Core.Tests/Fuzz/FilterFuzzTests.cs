using System.Runtime.InteropServices;
using System.Text;
using Xunit.Abstractions;

namespace XdpPS.Tests;

/// <summary>
/// Classic BPF that no compiler wrote, and expressions that nobody would: libpcap's own interpreter says what they mean. Ours,
/// the machine code that the forwarder runs, and the kernel with the translated program have to agree.
/// </summary>
public sealed class FilterFuzzTests(ITestOutputHelper output)
{
    private const int InstructionSize = 8, MostInstructions = 48, MemoryWords = 16;

    private static readonly byte[][] TestFrames = MakeFrames();

    /// <summary>What there is of each class. libpcap's interpreter ends the process (abort) at any other, and its bpf_validate lets some pass.</summary>
    private static readonly Dictionary<ClassicClass, ushort[]> Codes = new()
    {
        [ClassicClass.Load] = [0x00, 0x20, 0x28, 0x30, 0x40, 0x48, 0x50, 0x60, 0x80],
        [ClassicClass.LoadX] = [0x01, 0x61, 0x81, 0xb1],
        [ClassicClass.Store] = [0x02],
        [ClassicClass.StoreX] = [0x03],
        [ClassicClass.Alu] = [0x04, 0x0c, 0x14, 0x1c, 0x24, 0x2c, 0x34, 0x3c, 0x44, 0x4c, 0x54, 0x5c, 0x64, 0x6c, 0x74, 0x7c, 0x84, 0x94, 0x9c, 0xa4, 0xac],
        [ClassicClass.Jump] = [0x05, 0x15, 0x1d, 0x25, 0x2d, 0x35, 0x3d, 0x45, 0x4d],
        [ClassicClass.Return] = [0x06, 0x16],
        [ClassicClass.Move] = [0x07, 0x87],
    };

    [KernelFact("tcpdump")]
    public void Programs()
    {
        Counts counts = new();
        IEnumerable<byte[]> seeds = FilterOracle.Expressions.Select(expression => Bytes(PacketFilter.Compile(expression).Leaves.Single().Instructions)).Where(bytes => bytes.Length <= MostInstructions * InstructionSize);
        new Fuzzer("programs", MostInstructions * InstructionSize, output).Run(seeds, 1_500, input => Compare(input, Valid(input), counts));
        output.WriteLine($"fuzz programs: {counts}");
        Assert.True(counts.Matches > 0 && counts.Matches < counts.Verdicts);
    }

    [KernelFact("tcpdump")]
    public void Damaged_programs()
    {
        Counts counts = new();
        IEnumerable<byte[]> seeds = FilterOracle.Expressions.Select(expression => Bytes(PacketFilter.Compile(expression).Leaves.Single().Instructions)).Where(bytes => bytes.Length <= MostInstructions * InstructionSize);
        new Fuzzer("damaged-programs", MostInstructions * InstructionSize, output).Run(seeds, 1_500, input =>
        {
            ClassicInstruction[] program = MemoryMarshal.Cast<byte, ClassicInstruction>(input.AsSpan(0, input.Length / InstructionSize * InstructionSize)).ToArray();
            if (FilterOracle.IsValid(program) && program.All(IsTheSameEverywhere)) Compare(input, program, counts);
            else Survive(program, counts);
        });
        output.WriteLine($"fuzz damaged-programs: {counts}");
        Assert.True(counts.Refused > 0);
    }

    [KernelFact("tcpdump")]
    public void Expressions()
    {
        Counts counts = new();
        byte[][] words = [.. FilterOracle.Expressions.SelectMany(expression => expression.Split(' ')).Append("(").Append(")").Append("\\").Append("0xffffffff").Append("é").Distinct().Select(word => Fuzzer.Text($" {word} "))];
        // In a namespace without a route: libpcap asks a resolver for what may be the name of a host.
        using TestNetwork network = new(up: false);
        network.Spawn(() => new Fuzzer("expressions", 200, output) { Dictionary = words }.Run(FilterOracle.Expressions.Select(Fuzzer.Text), 1_500, input =>
        {
            PacketFilter filter;
            try
            {
                filter = PacketFilter.Compile(Encoding.UTF8.GetString(input));
            }
            catch (XskException e) when (e.ErrorId is XskErrorId.FilterSyntax or XskErrorId.FilterTooLarge)
            {
                counts.Refused++;
                return;
            }

            ClassicInstruction[] program = filter.Leaves.Single().Instructions;
            // The loop of protochain: what libpcap does without an end, this does up to its limit.
            if (program.Any(instruction => instruction.Class == ClassicClass.Jump && instruction.Operation == 0 && (int)instruction.K < 0)) return;
            Compare(input, program, counts);
        })).Join(Timeout.InfiniteTimeSpan);
        output.WriteLine($"fuzz expressions: {counts}");
        Assert.True(counts.Verdicts > 0 && counts.Refused > 0);
    }

    private sealed class Counts
    {
        internal long Verdicts, Matches, ByKernel, TooLarge, Refused;

        public override string ToString() => $"{Verdicts} verdicts compared with libpcap's, {Matches} of them matches, {ByKernel} by the kernel too; {Refused} inputs refused, {TooLarge} programs too large for the kernel";
    }

    /// <summary>Any bytes as a program that libpcap takes for valid, and that means the same to everybody.</summary>
    private static ClassicInstruction[] Valid(byte[] input)
    {
        List<ClassicInstruction> program = [.. MemoryMarshal.Cast<byte, ClassicInstruction>(input.AsSpan(0, input.Length / InstructionSize * InstructionSize))];
        program.Add(new ClassicInstruction { Code = 0x06, K = 1 });
        for (int i = 0; i < program.Count; i++) program[i] = Repaired(program[i], program.Count - i - 2);
        // Where libpcap has not written, its memory holds anything.
        IEnumerable<ClassicInstruction> cleared = program.Where(instruction => instruction.Class is ClassicClass.Load or ClassicClass.LoadX && instruction.Mode == ClassicMode.Memory)
            .Select(instruction => instruction.K).Distinct().Select(word => new ClassicInstruction { Code = 0x02, K = word });
        return [.. cleared, .. program];
    }

    /// <param name="instruction">Anything.</param>
    /// <param name="room">Instructions behind the next one.</param>
    private static ClassicInstruction Repaired(ClassicInstruction instruction, int room)
    {
        ushort[] codes = instruction.Class == ClassicClass.Jump && room < 0 ? Codes[ClassicClass.Return] : Codes[instruction.Class];
        if (!codes.Contains(instruction.Code)) instruction.Code = codes[(instruction.Code >> 3) % codes.Length];
        if (room < 0 && instruction.Class != ClassicClass.Return) instruction.Code = 0x06;
        switch (instruction.Class)
        {
            case ClassicClass.Jump when instruction.Operation == 0: instruction.K %= (uint)room + 1; break;
            case ClassicClass.Jump:
                instruction.JumpTrue = (byte)(instruction.JumpTrue % (room + 1));
                instruction.JumpFalse = (byte)(instruction.JumpFalse % (room + 1));
                break;
            case ClassicClass.Store or ClassicClass.StoreX: instruction.K %= MemoryWords; break;
            case ClassicClass.Load or ClassicClass.LoadX when instruction.Mode == ClassicMode.Memory: instruction.K %= MemoryWords; break;
            case ClassicClass.Alu when !IsTheSameEverywhere(instruction): instruction.K = (instruction.K & 31) | 1; break;
        }

        return instruction;
    }

    /// <summary>C leaves it open what a shift by 32 and more is, and libpcap does too; dividing by 0 it does not accept.</summary>
    private static bool IsTheSameEverywhere(ClassicInstruction instruction) => Codes[instruction.Class].Contains(instruction.Code) && instruction.Class switch
    {
        ClassicClass.Alu when !instruction.UsesX => instruction.Operation switch
        {
            0x60 or 0x70 => instruction.K < 32,
            0x30 or 0x90 => instruction.K != 0,
            _ => true,
        },
        ClassicClass.Load or ClassicClass.LoadX => instruction.Mode != ClassicMode.Memory,
        ClassicClass.Jump => instruction.Operation != 0 || (int)instruction.K >= 0,
        _ => true,
    };

    private static void Compare(byte[] input, ClassicInstruction[] program, Counts counts)
    {
        Assert.True(FilterOracle.IsValid(program));
        PacketFilter filter = new("fuzz", program);
        BpfInstruction[] verdict = XdpProgram.Verdict(filter);
        BpfInterpreter interpreter = new(verdict), inverse = new(XdpProgram.Verdict(filter.Not()));
        int chance = input.Sum(value => value);
        CompiledFilter? compiled = chance % 4 == 0 ? new CompiledFilter(filter) : null;
        using XdpProgram? loaded = chance % 4 == 1 ? Load(verdict, counts) : null;
        foreach (byte[] frame in TestFrames)
        {
            bool expected = FilterOracle.Libpcap(filter, frame);
            counts.Verdicts++;
            if (expected) counts.Matches++;
            Assert.Equal(expected, interpreter.Matches(frame));
            Assert.NotEqual(expected, inverse.Matches(frame));
            if (compiled is not null) Assert.Equal(expected, compiled.Matches(frame));
            if (loaded is null || frame.Length < FilterOracle.ShortestForKernel) continue;
            Assert.Equal(expected, FilterOracle.Kernel(loaded, frame));
            counts.ByKernel++;
        }
    }

    /// <summary>What libpcap would not have written comes to nothing worse than an exception, or a program that stays inside of its frame.</summary>
    private static void Survive(ClassicInstruction[] program, Counts counts)
    {
        try
        {
            PacketFilter filter = new("fuzz", program);
            BpfInterpreter interpreter = new(XdpProgram.Verdict(filter));
            CompiledFilter compiled = new(filter);
            foreach (byte[] frame in TestFrames) Assert.Equal(interpreter.Matches(frame), compiled.Matches(frame));
        }
        catch (Exception e) when (e is XskException or InvalidOperationException or IndexOutOfRangeException)
        {
            counts.Refused++;
        }
    }

    private static XdpProgram? Load(BpfInstruction[] verdict, Counts counts)
    {
        try
        {
            return XdpProgram.Load("fuzz", verdict);
        }
        catch (XskException e) when (e.ErrorId == XskErrorId.FilterTooLarge)
        {
            counts.TooLarge++;
            return null;
        }
    }

    private static byte[] Bytes(ClassicInstruction[] program) => MemoryMarshal.AsBytes(program.AsSpan()).ToArray();

    private static byte[][] MakeFrames()
    {
        FrameZoo zoo = new(9);
        return [[], [8, 0, 0x45], .. Enumerable.Range(0, 8).Select(_ => zoo.Next()), .. RecordedFrames.All().Where(frame => frame.IsWhole && frame.Length < 300).Select(frame => frame.Data).Where((_, i) => i % 90 == 0)];
    }
}
