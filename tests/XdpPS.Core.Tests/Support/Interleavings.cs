namespace XdpPS.Tests;

/// <summary>How long a store may stay invisible to the other side.</summary>
public enum MemoryOrder
{
    /// <summary>Not at all.</summary>
    Sequential,

    /// <summary>In a buffer that drains in order: x86-64.</summary>
    TotalStoreOrder,

    /// <summary>In a buffer that drains in any order, but a release comes after all before it: arm64, as far as stores go.</summary>
    WeakStores,
}

/// <summary>An instruction of a thread of the model.</summary>
internal enum Step
{
    /// <summary>Stores the second operand in the variable of the first.</summary>
    Store,

    /// <summary>The same, after all stores before it.</summary>
    StoreRelease,

    /// <summary>Loads the variable of the second operand into the register of the first.</summary>
    Load,

    /// <summary>Loads the variable whose number is the second operand plus register 1.</summary>
    LoadIndexed,

    /// <summary>Waits until this thread's stores are all visible.</summary>
    Fence,

    /// <summary>Goes to the second operand where the register of the first is 0.</summary>
    JumpIfZero,

    /// <summary>Goes to the second operand where the register of the first is not 0.</summary>
    JumpIfNotZero,

    /// <summary>Goes to the second operand where the register of the first is what register 1 is.</summary>
    JumpIfEqual,

    /// <summary>Goes to the second operand.</summary>
    Jump,

    /// <summary>Adds one to register 1.</summary>
    Count,

    /// <summary>Register 2 has to be one more than register 1: what was published is what is read.</summary>
    Check,

    /// <summary>A system call: its locks are fences. Wakes the other thread, or has it not fall asleep the next time.</summary>
    Wake,

    /// <summary>Waits to be woken.</summary>
    Sleep,

    /// <summary>Nothing more.</summary>
    End,
}

internal readonly record struct Instruction(Step Step, int First = 0, int Second = 0);

/// <summary>Goes through every order in which two threads, and their store buffers, can take their steps.</summary>
internal sealed class Interleavings
{
    private const int Registers = 3;

    private readonly Instruction[][] programs;
    private readonly MemoryOrder order;
    private readonly int[] initial;
    private readonly Dictionary<string, int> numbers = [];
    private readonly List<State> states = [];
    private readonly List<List<int>> predecessors = [];
    private readonly Queue<int> open = [];

    /// <param name="order">The processor's.</param>
    /// <param name="initial">What the variables are at first.</param>
    /// <param name="programs">The two threads. Register 1 of the second counts what it has consumed.</param>
    internal Interleavings(MemoryOrder order, int[] initial, params Instruction[][] programs)
    {
        this.order = order;
        this.initial = initial;
        this.programs = programs;
    }

    internal int States => states.Count;

    /// <summary>Orders in which something else was read than what was published.</summary>
    internal int WrongReads { get; private set; }

    /// <summary>
    /// Explores everything.
    /// </summary>
    /// <param name="goal">What the second thread has to have consumed at last.</param>
    /// <returns>The states from which it never will, whatever is done next.</returns>
    internal int CountLost(int goal)
    {
        Visit(new State { Memory = [.. initial], Buffers = [[], []], Positions = [0, 0], Values = [new int[Registers], new int[Registers]] }, -1);
        while (open.TryDequeue(out int number))
        {
            for (int thread = 0; thread < 2; thread++)
            {
                Drain(number, thread);
                Advance(number, thread);
            }
        }

        bool[] succeeds = new bool[states.Count];
        Stack<int> back = new(Enumerable.Range(0, states.Count).Where(i => states[i].Values[1][1] == goal));
        while (back.TryPop(out int number))
        {
            if (succeeds[number]) continue;
            succeeds[number] = true;
            foreach (int before in predecessors[number]) back.Push(before);
        }

        return succeeds.Count(does => !does);
    }

    private void Drain(int number, int thread)
    {
        List<(int Variable, int Value, bool Release)> buffer = states[number].Buffers[thread];
        for (int i = 0; i < buffer.Count; i++)
        {
            (int variable, int value, bool release) = buffer[i];
            bool may = i == 0 || (order == MemoryOrder.WeakStores && !release && !buffer.Take(i).Any(earlier => earlier.Variable == variable));
            if (!may) continue;
            State next = states[number].Copy();
            next.Buffers[thread].RemoveAt(i);
            next.Memory[variable] = value;
            Visit(next, number);
        }
    }

    private void Advance(int number, int thread)
    {
        State from = states[number];
        (Step step, int first, int second) = programs[thread][from.Positions[thread]];
        bool drained = from.Buffers[thread].Count == 0;
        bool waits = step == Step.End || (step is Step.Fence or Step.Wake && !drained) || (step == Step.Sleep && !(from.Woken && drained));
        if (waits) return;
        State next = from.Copy();
        next.Positions[thread]++;
        int[] values = next.Values[thread];
        switch (step)
        {
            case Step.Store or Step.StoreRelease when order == MemoryOrder.Sequential:
                next.Memory[first] = second;
                break;
            case Step.Store or Step.StoreRelease:
                next.Buffers[thread].Add((first, second, step == Step.StoreRelease));
                break;
            case Step.Load:
                values[first] = next.Read(thread, second);
                break;
            case Step.LoadIndexed:
                values[first] = next.Read(thread, second + values[1]);
                break;
            case Step.JumpIfZero when values[first] == 0:
            case Step.JumpIfNotZero when values[first] != 0:
            case Step.JumpIfEqual when values[first] == values[1]:
            case Step.Jump:
                next.Positions[thread] = second;
                break;
            case Step.Count:
                values[1]++;
                break;
            case Step.Check when values[2] != values[1] + 1:
                WrongReads++;
                break;
            case Step.Wake:
                next.Woken = true;
                break;
            case Step.Sleep:
                next.Woken = false;
                break;
        }

        Visit(next, number);
    }

    private void Visit(State state, int from)
    {
        string key = state.Key();
        if (!numbers.TryGetValue(key, out int number))
        {
            number = states.Count;
            numbers.Add(key, number);
            states.Add(state);
            predecessors.Add([]);
            open.Enqueue(number);
        }

        if (from >= 0) predecessors[number].Add(from);
    }

    private sealed class State
    {
        internal required int[] Memory { get; init; }

        internal required List<(int Variable, int Value, bool Release)>[] Buffers { get; init; }

        internal required int[] Positions { get; init; }

        internal required int[][] Values { get; init; }

        internal bool Woken { get; set; }

        /// <summary>A thread sees its own stores at once.</summary>
        internal int Read(int thread, int variable)
        {
            int own = Buffers[thread].FindLastIndex(store => store.Variable == variable);
            return own >= 0 ? Buffers[thread][own].Value : Memory[variable];
        }

        internal State Copy() => new()
        {
            Memory = [.. Memory],
            Buffers = [[.. Buffers[0]], [.. Buffers[1]]],
            Positions = [.. Positions],
            Values = [[.. Values[0]], [.. Values[1]]],
            Woken = Woken,
        };

        internal string Key() =>
            $"{Woken}|{string.Join(',', Positions)}|{string.Join(',', Memory)}|{string.Join(',', Values[0])}|{string.Join(',', Values[1])}|{string.Join(',', Buffers[0])}|{string.Join(',', Buffers[1])}";
    }
}
