namespace XdpPS.Tests;

/// <summary>Someone else's program with an XSKMAP of someone else's, attached past the registry that our sockets share.</summary>
internal sealed class ForeignProgram : IDisposable
{
    internal const int Drop = 1;
    private const int Pass = 2;

    /// <summary>What struct xdp_md has of where a packet begins and ends.</summary>
    private const short Data = 0, DataEnd = 4;

    private readonly XdpProgram program;
    private readonly XdpLink link;

    /// <param name="mode">How to attach it.</param>
    /// <param name="slots">Of its map.</param>
    /// <param name="write">Writes the program, with the descriptor of its map. Register 6 is the context.</param>
    /// <param name="fragments">It can do with packets of several fragments.</param>
    internal ForeignProgram(XdpAttachMode mode, int slots, Action<BpfAssembler, int> write, bool fragments = false)
    {
        Map = XskMap.Create(slots);
        try
        {
            BpfAssembler code = new BpfAssembler().Move(BpfRegister.R6, BpfRegister.R1);
            write(code, Map.Descriptor.Number);
            program = XdpProgram.Load("their_program", code.Assemble(), fragments);
            link = XdpLink.Attach(program, XdpInterface.Get(TestNetwork.Near), mode, []);
        }
        catch
        {
            program?.Dispose();
            Map.Dispose();
            throw;
        }
    }

    internal XskMap Map { get; }

    /// <summary>Goes to a label where the packet is shorter than so many bytes; register 7 is its beginning.</summary>
    internal static void NeedBytes(BpfAssembler code, int count, BpfAssembler.Label shorter) => code
        .LoadWord(BpfRegister.R7, BpfRegister.R6, Data)
        .LoadWord(BpfRegister.R8, BpfRegister.R6, DataEnd)
        .Move(BpfRegister.R1, BpfRegister.R7)
        .Add(BpfRegister.R1, count)
        .JumpIfGreater(BpfRegister.R1, BpfRegister.R8, shorter);

    /// <summary>Ends with a redirection to the slot in register 2.</summary>
    internal static void Redirect(BpfAssembler code, int map) => code
        .LoadMap(BpfRegister.R1, map)
        .Move(BpfRegister.R3, Pass)
        .Call(BpfHelper.RedirectMap)
        .Exit();

    public void Dispose()
    {
        link.Dispose();
        program.Dispose();
        Map.Dispose();
    }
}
