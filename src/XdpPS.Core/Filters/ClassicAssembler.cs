namespace XdpPS;

/// <summary>Conditions of classic BPF jumps (pcap/bpf.h): unsigned.</summary>
internal enum ClassicJump : byte
{
    Equal = 0x10,
    Greater = 0x20,
    GreaterOrEqual = 0x30,

    /// <summary>Any of the bits.</summary>
    Set = 0x40,
}

/// <summary>Writes classic BPF with forward labels, for filters that libpcap does not compile.</summary>
internal sealed class ClassicAssembler
{
    private const ushort JumpClass = 0x05, ReturnClass = 0x06;
    private const ushort AndImmediate = 0x54;

    /// <summary>A conditional jump has 8 bits for each of its two distances.</summary>
    private const int LongestJump = byte.MaxValue;

    private readonly List<Item> items = [];

    /// <summary>A place to jump to, once <see cref="Place"/> has said where it is.</summary>
    internal sealed class Label
    {
        /// <summary>The index of the item it stands before.</summary>
        internal int Item { get; set; } = -1;
    }

    private sealed class Item(ClassicInstruction instruction, Label? whenTrue, Label? whenFalse)
    {
        internal ClassicInstruction Instruction { get; } = instruction;

        internal Label? WhenTrue { get; } = whenTrue;

        internal Label? WhenFalse { get; } = whenFalse;

        internal bool IsConditional => Instruction.Class == ClassicClass.Jump && Instruction.Operation != 0;

        /// <summary>A conditional jump that is too far for 8 bits: two unconditional ones, of 32 bits, follow it.</summary>
        internal bool IsChained { get; set; }

        internal int Position { get; set; }

        internal int Size => IsChained ? 3 : 1;
    }

    internal ClassicAssembler Place(Label label)
    {
        label.Item = items.Count;
        return this;
    }

    /// <summary>A = so many bytes (1, 2 or 4) at an offset.</summary>
    internal ClassicAssembler Load(int size, int offset) => Emit((ushort)(SizeOf(size) | (ushort)ClassicMode.Absolute), (uint)offset);

    /// <summary>A = so many bytes at X plus an offset.</summary>
    internal ClassicAssembler LoadIndirect(int size, int offset) => Emit((ushort)(SizeOf(size) | (ushort)ClassicMode.Indirect), (uint)offset);

    /// <summary>X = 4 * (the byte at an offset &amp; 0xf): the length of an IPv4 header.</summary>
    internal ClassicAssembler LoadHeaderLength(int offset) => Emit((ushort)ClassicClass.LoadX | 0x10 | (ushort)ClassicMode.HeaderLength, (uint)offset);

    internal ClassicAssembler And(uint mask) => Emit(AndImmediate, mask);

    internal ClassicAssembler Return(uint value) => Emit(ReturnClass, value);

    internal ClassicAssembler Jump(Label target)
    {
        items.Add(new Item(new ClassicInstruction { Code = JumpClass }, target, null));
        return this;
    }

    /// <param name="condition">How A is compared.</param>
    /// <param name="value">With what.</param>
    /// <param name="whenTrue">Where to go if it holds; null for the next instruction.</param>
    /// <param name="whenFalse">Where to go otherwise; null for the next instruction.</param>
    internal ClassicAssembler JumpIf(ClassicJump condition, uint value, Label? whenTrue, Label? whenFalse = null)
    {
        items.Add(new Item(new ClassicInstruction { Code = (ushort)(JumpClass | (byte)condition), K = value }, whenTrue, whenFalse));
        return this;
    }

    internal ClassicInstruction[] Assemble()
    {
        int length = Arrange();
        while (Chain()) length = Arrange();
        ClassicInstruction[] program = new ClassicInstruction[length];
        for (int i = 0; i < items.Count; i++)
        {
            Item item = items[i];
            ref ClassicInstruction written = ref program[item.Position];
            written = item.Instruction;
            if (item.IsChained)
            {
                written.JumpFalse = 1;
                program[item.Position + 1] = new ClassicInstruction { Code = JumpClass, K = (uint)Distance(i, item.WhenTrue) - 1 };
                program[item.Position + 2] = new ClassicInstruction { Code = JumpClass, K = (uint)Distance(i, item.WhenFalse) - 2 };
            }
            else if (item.IsConditional)
            {
                written.JumpTrue = (byte)Distance(i, item.WhenTrue);
                written.JumpFalse = (byte)Distance(i, item.WhenFalse);
            }
            else if (item.WhenTrue is not null)
            {
                written.K = (uint)Distance(i, item.WhenTrue);
            }
        }

        return program;
    }

    /// <returns>The length of the program.</returns>
    private int Arrange()
    {
        int position = 0;
        foreach (Item item in items)
        {
            item.Position = position;
            position += item.Size;
        }

        return position;
    }

    /// <returns>Whether a jump had to be chained, which makes others longer.</returns>
    private bool Chain()
    {
        bool any = false;
        for (int i = 0; i < items.Count; i++)
        {
            Item item = items[i];
            if (!item.IsConditional || item.IsChained) continue;
            item.IsChained = Distance(i, item.WhenTrue) > LongestJump || Distance(i, item.WhenFalse) > LongestJump;
            any |= item.IsChained;
        }

        return any;
    }

    /// <summary>From the instruction after an item to a label, or, without one, to the next item.</summary>
    private int Distance(int item, Label? target) => items[target?.Item ?? item + 1].Position - items[item].Position - 1;

    private static ushort SizeOf(int size) => size switch { 4 => 0x00, 2 => 0x08, _ => 0x10 };

    private ClassicAssembler Emit(ushort code, uint k)
    {
        items.Add(new Item(new ClassicInstruction { Code = code, K = k }, null, null));
        return this;
    }
}
