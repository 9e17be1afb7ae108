using System.Text.RegularExpressions;

namespace XdpPS;

/// <summary>Which CPUs take the interrupts of a NIC's queues.</summary>
internal static partial class InterruptCheck
{
    /// <param name="Number">The interrupt's number.</param>
    /// <param name="Name">What the driver calls it.</param>
    /// <param name="Cpus">The CPUs that take it; empty where that is not told.</param>
    private sealed record Interrupt(int Number, string Name, int[] Cpus);

    internal static CheckFinding Placement(CheckSubject subject) => subject.VirtualKind is { } kind
        ? CheckFinding.Pass($"a virtual interface ({kind}), without interrupts of its own")
        : subject.Nic.BusAddress is { } bus
            ? Placement(subject.Files, bus)
            : CheckFinding.Unknown("the driver names no device whose interrupts could be looked up");

    /// <param name="files">Where to look.</param>
    /// <param name="bus">The device's address, as ethtool -i shows it.</param>
    internal static CheckFinding Placement(SystemFiles files, string bus)
    {
        Interrupt[] all = [.. Of(files, bus)];
        if (all.Length == 0) return CheckFinding.Unknown($"/sys/bus/pci/devices/{bus} shows no interrupt in use");
        Interrupt[] queues = [.. all.Where(interrupt => OfReceiveQueue().IsMatch(interrupt.Name))];
        if (queues.Length == 0) queues = all;
        if (queues.Any(interrupt => interrupt.Cpus.Length == 0)) return CheckFinding.Unknown($"/proc/irq/{queues[0].Number} does not tell which CPU takes '{queues[0].Name}'");
        int[] cpus = [.. queues.SelectMany(interrupt => interrupt.Cpus).Distinct().Order()];
        int[] online = SystemFiles.ParseList(files.Read("/sys/devices/system/cpu/online"));
        string found = queues.Length == 1
            ? $"1 interrupt ({queues[0].Number} '{queues[0].Name}') on CPU {Join(cpus)}"
            : $"{queues.Length} interrupts of queues ({Join(queues.Select(interrupt => interrupt.Number))}) on {(cpus.Length == 1 ? "CPU" : "CPUs")} {Join(cpus)}";
        if (queues.Length == 1 || cpus.Length > 1 || online.Length < 2) return CheckFinding.Pass(found);
        IEnumerable<string> moves = queues.Select((interrupt, i) => (interrupt.Number, Cpu: online[i % online.Length]))
            .Where(move => move.Cpu != cpus[0])
            .Select(move => $"echo {move.Cpu} > /proc/irq/{move.Number}/smp_affinity_list");
        return CheckFinding.Warn($"{found} alone, of {online.Length}: that one does the work of all queues", string.Join("; ", moves));
    }

    /// <summary>Those in use: an interrupt without a handler has no name.</summary>
    private static IEnumerable<Interrupt> Of(SystemFiles files, string bus)
    {
        string device = $"/sys/bus/pci/devices/{bus}";
        IEnumerable<string> numbers = files.List($"{device}/msi_irqs");
        if (!numbers.Any()) numbers = [files.Read($"{device}/irq") ?? "0"];
        foreach (int number in numbers.Select(int.Parse).Where(number => number > 0).Order())
        {
            // The kernel makes a directory for each handler (register_handler_proc).
            if (files.List($"/proc/irq/{number}", directories: true) is not [string name, ..]) continue;
            int[] allowed = SystemFiles.ParseList(files.Read($"/proc/irq/{number}/smp_affinity_list"));
            // The one that was chosen, where the kernel tells it (CONFIG_GENERIC_IRQ_EFFECTIVE_AFF_MASK); after a change it
            // is the former one until the next interrupt (irq_move_irq).
            int[] chosen = [.. SystemFiles.ParseList(files.Read($"/proc/irq/{number}/effective_affinity_list")).Intersect(allowed)];
            yield return new Interrupt(number, name, chosen.Length > 0 ? chosen : allowed);
        }
    }

    private static string Join(IEnumerable<int> numbers) => string.Join(", ", numbers);

    /// <summary>eth0-TxRx-0, eth0-rx-1, virtio0-input.0, mlx5_comp2@pci:…, bnxt_en-eth0-TxRx-3, eth0-fp-0, eth0-Tx-Rx-0, mana_q1.</summary>
    [GeneratedRegex(@"rx|input|comp|fp-|_q\d", RegexOptions.IgnoreCase)]
    private static partial Regex OfReceiveQueue();
}
