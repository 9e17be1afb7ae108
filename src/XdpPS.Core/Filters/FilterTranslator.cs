namespace XdpPS;

/// <summary>
/// Translates classic BPF to eBPF. An access outside the frame, and a division by zero, end as "no match", as in
/// libpcap's own interpreter (bpf_filter.c).
/// </summary>
/// <remarks>
/// R6 holds the context, R7 and R8 the classic registers A and X, R9 counts a loop's rounds; R0 to R5 are scratch and
/// the <see cref="FrameAccess"/>'s; the classic memory M[] is on the stack.
/// </remarks>
internal sealed class FilterTranslator
{
    private const BpfRegister A = BpfRegister.R7, X = BpfRegister.R8, Rounds = BpfRegister.R9;

    private const int MemoryWords = 16;

    /// <summary>
    /// How often "protochain" may go round: the only expression that makes a loop. The verifier wants an end to it, and
    /// its work grows with a power of this: with 16, "ip6 protochain" takes nearly all of its million steps.
    /// </summary>
    private const int MaximumRounds = 8;

    private readonly BpfAssembler code;
    private readonly FrameAccess frame;
    private readonly ClassicInstruction[] filter;
    private readonly BpfAssembler.Label match;
    private readonly BpfAssembler.Label noMatch;
    private readonly BpfAssembler.Label[] places;
    private readonly bool[] reachable;

    private FilterTranslator(BpfAssembler code, FrameAccess frame, ClassicInstruction[] filter, BpfAssembler.Label match, BpfAssembler.Label noMatch)
    {
        this.code = code;
        this.frame = frame;
        this.filter = filter;
        this.match = match;
        this.noMatch = noMatch;
        places = [.. filter.Select(_ => new BpfAssembler.Label())];
        reachable = new bool[filter.Length];
    }

    /// <summary>Writes the filter. The context is in R6 already. Control leaves to one of the two labels and never falls through.</summary>
    internal static void Write(BpfAssembler code, FrameAccess frame, ClassicInstruction[] filter, BpfAssembler.Label match, BpfAssembler.Label noMatch) =>
        new FilterTranslator(code, frame, filter, match, noMatch).Write();

    private void Write()
    {
        frame.Begin(code);
        code.Move(A, 0).Move(X, 0);
        foreach (uint word in filter.Where(ReadsMemory).Select(instruction => instruction.K % MemoryWords).Distinct())
            code.StoreWordImmediate(BpfRegister.R10, Slot(word), 0);

        if (filter.Any(GoesBack)) code.Move(Rounds, 0);
        if (filter.Length > 0) reachable[0] = true;
        for (int i = 0; i < filter.Length; i++)
        {
            // The verifier refuses instructions that nothing leads to.
            if (!reachable[i]) continue;
            code.Place(places[i]);
            Translate(i, filter[i]);
        }
    }

    private static bool ReadsMemory(ClassicInstruction instruction) =>
        instruction.Class is ClassicClass.Load or ClassicClass.LoadX && instruction.Mode == ClassicMode.Memory;

    private static bool GoesBack(ClassicInstruction instruction) =>
        instruction.Class == ClassicClass.Jump && instruction.Operation == 0 && (int)instruction.K < 0;

    private static short Slot(uint word) => (short)(-4 * ((int)(word % MemoryWords) + 1));

    private void Translate(int index, ClassicInstruction instruction)
    {
        bool continues = true;
        switch (instruction.Class)
        {
            case ClassicClass.Load: continues = Load(A, instruction); break;
            case ClassicClass.LoadX: continues = Load(X, instruction); break;
            case ClassicClass.Store: code.StoreWord(BpfRegister.R10, Slot(instruction.K), A); break;
            case ClassicClass.StoreX: code.StoreWord(BpfRegister.R10, Slot(instruction.K), X); break;
            case ClassicClass.Alu: continues = Compute(instruction); break;
            case ClassicClass.Move: code.Move32((instruction.Code & 0x80) != 0 ? A : X, (instruction.Code & 0x80) != 0 ? X : A); break;
            case ClassicClass.Return: Return(instruction); continues = false; break;
            case ClassicClass.Jump: Jump(index, instruction); continues = false; break;
        }

        if (continues) Reach(index + 1);
    }

    private void Reach(int index)
    {
        if (index < reachable.Length) reachable[index] = true;
    }

    /// <returns>False where the load can never succeed.</returns>
    private bool Load(BpfRegister target, ClassicInstruction instruction)
    {
        int size = instruction.LoadSize;
        switch (instruction.Mode)
        {
            case ClassicMode.Immediate:
                code.Move32(target, (int)instruction.K);
                return true;
            case ClassicMode.Memory:
                code.LoadWord(target, BpfRegister.R10, Slot(instruction.K));
                return true;
            case ClassicMode.Length:
                frame.LoadLength(code, target);
                return true;
            case ClassicMode.Absolute:
                return LoadAbsolute(target, instruction.K, size);
            case ClassicMode.HeaderLength:
                if (!LoadAbsolute(target, instruction.K, 1)) return false;
                code.Compute32(BpfAlu.And, target, 0xf).Compute32(BpfAlu.ShiftLeft, target, 2);
                return true;
            default:
                return LoadIndirect(target, instruction.K, size);
        }
    }

    private bool LoadAbsolute(BpfRegister target, uint offset, int size)
    {
        if (offset > FrameAccess.LargestOffset - size) return Never();
        frame.Load(code, target, size, (int)offset, noMatch);
        return true;
    }

    private bool LoadIndirect(BpfRegister target, uint offset, int size)
    {
        if (offset > FrameAccess.LargestOffset - size) return Never();
        // X is at most 32 bits wide in a 64-bit register: the sum cannot wrap.
        code.Move(BpfRegister.R0, X)
            .Add(BpfRegister.R0, (int)offset)
            .JumpIfGreater(BpfRegister.R0, FrameAccess.LargestOffset - size, noMatch);
        frame.LoadIndirect(code, target, size, noMatch);
        return true;
    }

    private bool Never()
    {
        code.Jump(noMatch);
        return false;
    }

    private bool Compute(ClassicInstruction instruction)
    {
        BpfAlu operation = (BpfAlu)instruction.Operation;
        bool divides = operation is BpfAlu.Divide or BpfAlu.Modulo;
        bool shifts = operation is BpfAlu.ShiftLeft or BpfAlu.ShiftRight;
        if (operation == BpfAlu.Negate)
        {
            code.Negate32(A);
        }
        else if (instruction.UsesX)
        {
            if (divides) code.JumpIfEqual32(X, 0, noMatch);
            if (shifts) ShiftByX(operation);
            else code.Compute32(operation, A, X);
        }
        else if (divides && instruction.K == 0)
        {
            return Never();
        }
        else if (shifts && instruction.K > 31)
        {
            code.Move(A, 0);
        }
        else
        {
            code.Compute32(operation, A, (int)instruction.K);
        }

        return true;
    }

    /// <summary>Classic BPF shifts everything out from 32 on; eBPF would take the count modulo 32.</summary>
    private void ShiftByX(BpfAlu operation)
    {
        BpfAssembler.Label inRange = new(), done = new();
        code.JumpIfLess32(X, 32, inRange).Move(A, 0).Jump(done).Place(inRange).Compute32(operation, A, X).Place(done);
    }

    private void Return(ClassicInstruction instruction)
    {
        bool returnsA = (instruction.Code & 0x18) == 0x10;
        if (!returnsA) code.Jump(instruction.K != 0 ? match : noMatch);
        else code.JumpIfEqual32(A, 0, noMatch).Jump(match);
    }

    private void Jump(int index, ClassicInstruction instruction)
    {
        if (instruction.Operation == 0)
        {
            // The distance is signed: the loop of protochain goes back.
            if (GoesBack(instruction)) code.JumpIfGreater(Rounds, MaximumRounds, noMatch).Add(Rounds, 1);
            Go(index + 1 + (int)instruction.K);
            return;
        }

        int whenTrue = index + 1 + instruction.JumpTrue;
        int whenFalse = index + 1 + instruction.JumpFalse;
        if (whenTrue == whenFalse)
        {
            Go(whenTrue);
            return;
        }

        Reach(whenTrue);
        if (instruction.UsesX) code.JumpIf32(instruction.Operation, A, X, places[whenTrue]);
        else code.JumpIf32(instruction.Operation, A, (int)instruction.K, places[whenTrue]);
        Go(whenFalse);
    }

    private void Go(int target)
    {
        Reach(target);
        code.Jump(places[target]);
    }
}
