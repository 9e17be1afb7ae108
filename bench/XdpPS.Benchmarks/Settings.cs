using System.Globalization;

namespace XdpPS.Benchmarks;

/// <summary>
/// What the command line asks for: the options of bench/peer/xsk_peer.c, and what that has not: -a for arrival times, -h
/// for a UMEM in huge pages, -p for preferred busy polling for so many microseconds, -k for frames a send call.
/// </summary>
internal sealed record Settings
{
    private static readonly string[] Modes = ["rxdrop", "txonly", "l2fwd", "ping", "pong", "open", "queues"];

    internal required string Mode { get; init; }

    internal required string InterfaceName { get; init; }

    internal double Seconds { get; private set; } = 1.5;

    internal double WarmUp { get; private set; }

    internal bool Generic { get; private set; }

    internal bool Spins { get; private set; }

    internal bool ArrivalTimes { get; private set; }

    internal bool HugePages { get; private set; }

    internal int? BusyPollMicroseconds { get; private set; }

    internal int? TxBudget { get; private set; }

    internal int Queue { get; private set; }

    internal int Length { get; private set; } = 60;

    internal int Repeats { get; private set; } = 1;

    internal XskSocketOptions SocketOptions => new()
    {
        InterfaceName = InterfaceName,
        QueueId = Queue,
        AttachMode = Generic ? XdpAttachMode.Generic : XdpAttachMode.Native,
        BindMode = XskBindMode.Copy,
        ArrivalTimes = ArrivalTimes,
        HugePages = HugePages,
        BusyPollMicroseconds = BusyPollMicroseconds,
        TxBudget = TxBudget,
    };

    /// <returns>Null where the arguments are not understood.</returns>
    internal static Settings? Parse(string[] arguments)
    {
        if (arguments.Length < 2 || !Modes.Contains(arguments[0])) return null;
        Settings settings = new() { Mode = arguments[0], InterfaceName = arguments[1] };
        for (int i = 2; i < arguments.Length; i++)
        {
            switch (arguments[i])
            {
                case "-g": settings.Generic = true; continue;
                case "-a": settings.ArrivalTimes = true; continue;
                case "-h": settings.HugePages = true; continue;
                case "-b": settings.Spins = true; continue;
            }

            if (i + 1 == arguments.Length || !double.TryParse(arguments[i + 1], CultureInfo.InvariantCulture, out double value)) return null;
            switch (arguments[i++])
            {
                case "-t": settings.Seconds = value; break;
                case "-w": settings.WarmUp = value; break;
                case "-q": settings.Queue = (int)value; break;
                case "-s": settings.Length = (int)value; break;
                case "-p": settings.BusyPollMicroseconds = (int)value; break;
                case "-k": settings.TxBudget = (int)value; break;
                case "-n": settings.Repeats = (int)value; break;
                default: return null;
            }
        }

        return settings.Seconds > 0 && settings.Repeats > 0 ? settings : null;
    }
}
