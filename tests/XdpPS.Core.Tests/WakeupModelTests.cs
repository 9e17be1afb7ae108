using System.Reflection;
using System.Reflection.Emit;
using Xunit.Abstractions;

namespace XdpPS.Tests;

/// <summary>
/// The need-wakeup hand-shake in every order in which both sides can take their steps, with a store buffer for each. Our
/// side is what <see cref="ProducerRing{T}.NeedsWakeup"/> does, read from its code. The kernel's side raises the flag,
/// looks at the ring once more and sleeps.
/// </summary>
public sealed class WakeupModelTests(ITestOutputHelper output)
{
    private const int Producer = 0, Flag = 1, Slots = 2;

    /// <summary>What a side does between publishing an entry and being done with it.</summary>
    private enum Asking
    {
        LoadFlag,
        Fence,
    }

    private static readonly Asking[] OneLookWithoutFence = [Asking.LoadFlag];

    private static readonly Asking[] TwoLooksWithoutFence = [Asking.LoadFlag, Asking.LoadFlag];

    private static readonly Asking[] FenceAfterTheLook = [Asking.LoadFlag, Asking.Fence];

    public static TheoryData<MemoryOrder, bool, int> Cases()
    {
        TheoryData<MemoryOrder, bool, int> data = [];
        foreach (MemoryOrder order in Enum.GetValues<MemoryOrder>())
        {
            foreach (bool asleep in new[] { false, true })
            {
                for (int entries = 1; entries <= 3; entries++) data.Add(order, asleep, entries);
            }
        }

        return data;
    }

    [Fact]
    public void The_model_has_what_the_code_does_in_the_codes_order()
    {
        Assert.Equal([Asking.LoadFlag, Asking.Fence, Asking.LoadFlag], Ours());
        // And it is asked after publishing.
        List<string> refill = Calls(typeof(QueueRings).GetMethod("Refill", BindingFlags.Instance | BindingFlags.NonPublic)!);
        Assert.True(refill.IndexOf("Submit") >= 0 && refill.IndexOf("Submit") < refill.IndexOf("get_NeedsWakeup"), string.Join(", ", refill));
        List<string> submit = Calls(typeof(ProducerRing<ulong>).GetMethod("Submit", BindingFlags.Instance | BindingFlags.NonPublic)!);
        Assert.Contains("Volatile.Write", submit);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void No_wake_up_is_lost(MemoryOrder order, bool asleep, int entries)
    {
        Interleavings all = new(order, Memory(entries, asleep), OurSide(Ours(), entries), KernelSide(asleep));
        Assert.Equal(0, all.CountLost(entries));
        Assert.Equal(0, all.WrongReads);
        output.WriteLine($"{all.States} states");
    }

    /// <summary>Where the kernel copies, it raises the flag once and for all (xp_assign_dev), and sends when it is called.</summary>
    [Theory]
    [InlineData(MemoryOrder.TotalStoreOrder)]
    [InlineData(MemoryOrder.WeakStores)]
    public void No_wake_up_is_lost_where_the_flag_never_changes(MemoryOrder order)
    {
        Interleavings all = new(order, Memory(3, asleep: true), OurSide(Ours(), 3), [
            new(Step.Sleep),
            new(Step.Load, 0, Producer),
            new(Step.JumpIfEqual, 0, 0),
            new(Step.LoadIndexed, 2, Slots),
            new(Step.Check),
            new(Step.Count),
            new(Step.Jump, 0, 1)]);
        Assert.Equal(0, all.CountLost(3));
        Assert.Equal(0, all.WrongReads);
    }

    /// <summary>The model can fail: so it does for whoever leaves the fence out, and for no other reason than the store buffer.</summary>
    [Fact]
    public void Without_the_fence_wake_ups_are_lost()
    {
        foreach (Asking[] wrong in new[] { OneLookWithoutFence, TwoLooksWithoutFence, FenceAfterTheLook })
        {
            foreach (MemoryOrder order in Enum.GetValues<MemoryOrder>())
            {
                Interleavings all = new(order, Memory(2, asleep: false), OurSide(wrong, 2), KernelSide(asleep: false));
                Assert.Equal(order != MemoryOrder.Sequential, all.CountLost(2) > 0);
            }
        }
    }

    [Fact]
    public void Asked_before_publishing_wake_ups_are_lost_in_any_order_of_memory()
    {
        foreach (MemoryOrder order in Enum.GetValues<MemoryOrder>())
        {
            Interleavings all = new(order, Memory(1, asleep: false), [
                new(Step.Load, 0, Flag),
                new(Step.Store, Slots, 1),
                new(Step.StoreRelease, Producer, 1),
                new(Step.Fence),
                new(Step.JumpIfZero, 0, 6),
                new(Step.Wake),
                new(Step.End)], KernelSide(asleep: false));
            Assert.NotEqual(0, all.CountLost(1));
        }
    }

    [Fact]
    public void Without_the_release_an_entry_is_read_before_it_is_there_where_stores_may_pass_each_other()
    {
        foreach (MemoryOrder order in Enum.GetValues<MemoryOrder>())
        {
            Instruction[] plain = [.. OurSide(Ours(), 2).Select(one => one.Step == Step.StoreRelease ? one with { Step = Step.Store } : one)];
            Interleavings all = new(order, Memory(2, asleep: false), plain, KernelSide(asleep: false));
            all.CountLost(2);
            Assert.Equal(order == MemoryOrder.WeakStores, all.WrongReads > 0);
        }
    }

    /// <summary>
    /// Drivers have no fence of their own between the flag and the ring (i40e_clean_xdp_tx_irq), so that our fence alone can't
    /// do: one wake-up may be missed. That is why nobody asks once and waits for ever: who asks again always gets there.
    /// </summary>
    [Theory]
    [InlineData(MemoryOrder.TotalStoreOrder)]
    [InlineData(MemoryOrder.WeakStores)]
    public void Where_the_kernel_has_no_fence_asking_again_makes_up_for_it(MemoryOrder order)
    {
        Instruction[] kernel = [.. KernelSide(asleep: false).Select(one => one.Step == Step.Fence ? new Instruction(Step.Jump, 0, 7) : one)];
        Assert.Equal(Step.Jump, kernel[6].Step);
        Interleavings once = new(order, Memory(2, asleep: false), OurSide(Ours(), 2), kernel);
        Assert.NotEqual(0, once.CountLost(2));
        Interleavings again = new(order, Memory(2, asleep: false), OurSide(Ours(), 2, askForEver: true), kernel);
        Assert.Equal(0, again.CountLost(2));
        Assert.Equal(0, again.WrongReads);
    }

    private static int[] Memory(int entries, bool asleep) => [0, asleep ? 1 : 0, .. new int[entries + 1]];

    /// <summary>Publishes entries one by one and wakes the kernel where that has to be.</summary>
    private static Instruction[] OurSide(Asking[] asking, int entries, bool askForEver = false)
    {
        List<Instruction> code = [];
        for (int i = 0; i < entries; i++)
        {
            code.Add(new(Step.Store, Slots + i, i + 1));
            code.Add(new(Step.StoreRelease, Producer, i + 1));
            Ask(code, asking);
        }

        if (askForEver)
        {
            int start = code.Count;
            Ask(code, asking);
            code.Add(new(Step.Jump, 0, start));
        }

        code.Add(new(Step.End));
        return [.. code];
    }

    private static void Ask(List<Instruction> code, Asking[] asking)
    {
        int wake = code.Count + (2 * asking.Count(one => one == Asking.LoadFlag)) + asking.Count(one => one == Asking.Fence) + 1;
        foreach (Asking one in asking)
        {
            if (one == Asking.Fence)
            {
                code.Add(new(Step.Fence));
                continue;
            }

            code.Add(new(Step.Load, 0, Flag));
            code.Add(new(Step.JumpIfNotZero, 0, wake));
        }

        code.Add(new(Step.Jump, 0, wake + 1));
        code.Add(new(Step.Wake));
    }

    private static Instruction[] KernelSide(bool asleep) =>
    [
        new(Step.Jump, 0, asleep ? 11 : 1),
        // 1: takes what is there.
        new(Step.Load, 0, Producer),
        new(Step.JumpIfEqual, 0, 5),
        new(Step.LoadIndexed, 2, Slots),
        new(Step.Jump, 0, 13),
        // 5: nothing is there: raises the flag and looks once more.
        new(Step.Store, Flag, 1),
        new(Step.Fence),
        new(Step.Load, 0, Producer),
        new(Step.JumpIfEqual, 0, 11),
        // 9: goes on.
        new(Step.Store, Flag, 0),
        new(Step.Jump, 0, 1),
        // 11: sleeps.
        new(Step.Sleep),
        new(Step.Jump, 0, 9),
        // 13: an entry.
        new(Step.Check),
        new(Step.Count),
        new(Step.Jump, 0, 1),
    ];

    /// <summary>The order of loads and fences in the code that users run.</summary>
    private static Asking[] Ours() =>
    [
        .. Calls(typeof(ProducerRing<ulong>).GetProperty("NeedsWakeup", BindingFlags.Instance | BindingFlags.NonPublic)!.GetMethod!)
            .Select(call => call switch
            {
                "get_IsFlagged" => Asking.LoadFlag,
                "Interlocked.MemoryBarrier" => Asking.Fence,
                _ => throw new InvalidOperationException($"NeedsWakeup calls {call}, which the model does not know."),
            }),
    ];

    /// <summary>What a method calls, in the order of its instructions.</summary>
    private static List<string> Calls(MethodInfo method)
    {
        Dictionary<short, OpCode> codes = typeof(OpCodes).GetFields().Select(field => (OpCode)field.GetValue(null)!).ToDictionary(code => code.Value);
        byte[] body = method.GetMethodBody()!.GetILAsByteArray()!;
        List<string> calls = [];
        for (int at = 0; at < body.Length;)
        {
            short value = body[at] == 0xfe ? (short)((0xfe << 8) | body[at + 1]) : body[at];
            OpCode code = codes[value];
            at += code.Size;
            if (code.OperandType == OperandType.InlineMethod)
            {
                MethodBase called = method.Module.ResolveMethod(BitConverter.ToInt32(body, at), method.DeclaringType!.GetGenericArguments(), null)!;
                string type = called.DeclaringType!.Name;
                calls.Add(type is nameof(Interlocked) or nameof(Volatile) ? $"{type}.{called.Name}" : called.Name);
            }

            at += code.OperandType switch
            {
                OperandType.InlineNone => 0,
                OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
                OperandType.InlineVar => 2,
                OperandType.InlineI8 or OperandType.InlineR => 8,
                OperandType.InlineSwitch => 4 + (4 * BitConverter.ToInt32(body, at)),
                _ => 4,
            };
        }

        return calls;
    }
}
