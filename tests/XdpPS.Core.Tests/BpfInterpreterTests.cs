namespace XdpPS.Tests;

/// <summary>The interpreter beyond what filters do; that it agrees with the kernel and with libpcap is in FilterDifferenceTests.</summary>
public sealed class BpfInterpreterTests
{
    private const BpfRegister R0 = BpfRegister.R0, R1 = BpfRegister.R1, R2 = BpfRegister.R2;

    private static readonly byte[] Frame = Frames.Make(60);

    [KernelFact("tcpdump")]
    public void The_length_of_a_cut_frame_is_the_one_on_the_wire_and_nothing_beyond_the_cut_is_loaded()
    {
        PacketFilter longer = PacketFilter.Compile("len > 1000"), end = PacketFilter.Compile("ether[100] = 0 or len > 1000");
        Assert.True(new BpfInterpreter(XdpProgram.Verdict(longer)).Matches(Frame, 1500));
        Assert.False(new BpfInterpreter(XdpProgram.Verdict(longer)).Matches(Frame));
        // A load beyond the end is no match for the whole expression, as in tcpdump.
        Assert.False(new BpfInterpreter(XdpProgram.Verdict(end)).Matches(Frame, 1500));
        Assert.True(new BpfInterpreter(XdpProgram.Verdict(end.Not())).Matches(Frame, 1500));
    }

    [Theory]
    [InlineData(0x8d, 0, 0)]
    [InlineData(0x85, 0, 0)]
    [InlineData(0x79, 0, 0)]
    [InlineData(0xd7, 0, 0)]
    [InlineData(0xdc, 0, 64)]
    [InlineData(0x06, 0, 0)]
    [InlineData(0xb7, 11, 0)]
    [InlineData(0xbf, 0xb0, 0)]
    public void An_instruction_that_no_filter_has_is_refused(byte code, byte registers, int immediate) =>
        Refused(new BpfInstruction { Code = code, Registers = registers, Immediate = immediate }, new BpfInstruction { Code = 0x95 });

    [Fact]
    public void A_program_that_leads_out_of_itself_is_refused()
    {
        Refused(new BpfInstruction { Code = 0x05, Offset = 1 }, new BpfInstruction { Code = 0x95 });
        Refused(new BpfInstruction { Code = 0x05, Offset = -2 }, new BpfInstruction { Code = 0x95 });
        Refused(new BpfAssembler().Move(R0, 1).Assemble());
    }

    [Fact]
    public void A_program_that_reaches_outside_of_its_memory_or_never_ends_is_stopped()
    {
        BpfAssembler.Label start = new();
        BpfInterpreter[] programs =
        [
            new(new BpfAssembler().Place(start).Jump(start).Assemble()),
            new(new BpfAssembler().LoadWord(R2, R1, 0).Load(1, R0, R2, 60).Exit().Assemble()),
            new(new BpfAssembler().LoadWord(R2, R1, 0).Load(4, R0, R2, -1).Exit().Assemble()),
            new(new BpfAssembler().Load(4, R0, R0, 0).Exit().Assemble()),
            new(new BpfAssembler().Load(4, R0, BpfRegister.R10, 0).Exit().Assemble()),
            new(new BpfAssembler().StoreWord(BpfRegister.R10, -2, R0).Exit().Assemble()),
            new(new BpfAssembler().StoreWord(R1, 0, R0).Exit().Assemble()),
        ];
        Assert.All(programs, program => Assert.Throws<InvalidOperationException>(() => program.Run(Frame, Frame.Length)));
    }

    [KernelFact("tcpdump")]
    public void Running_a_filter_allocates_nothing()
    {
        BpfInterpreter program = new(XdpProgram.Verdict(PacketFilter.Compile("udp port 53 or ether[12:2] = 0x88b5")));
        Assert.True(program.Matches(Frame));
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++) program.Matches(Frame);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    private static void Refused(params BpfInstruction[] program) => Assert.Throws<InvalidOperationException>(() => new BpfInterpreter(program));
}
