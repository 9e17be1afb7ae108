using System.Diagnostics;
using System.Globalization;
using System.Management.Automation;
using XdpPS.Completion;
using XdpPS.Errors;
using XdpPS.Session;

namespace XdpPS.Commands;

/// <summary>Watch-XskRing.</summary>
[Cmdlet(VerbsCommon.Watch, "XskRing", DefaultParameterSetName = SocketSet)]
[OutputType(typeof(string))]
public sealed class WatchXskRingCommand : XskCommand
{
    private const string SocketSet = "Socket";
    private const string NameSet = "InterfaceName";
    private const int Utf8 = 65001;

    private readonly List<XskSocket> sockets = [];
    private readonly List<(XskSocket Socket, XskException Failure)> failures = [];
    private XskRingMonitor monitor = null!;
    private long started;
    private long next;
    private int samples;

    [Parameter(Position = 0, ValueFromPipeline = true, ParameterSetName = SocketSet)]
    [AllowNull]
    [AllowEmptyCollection]
    [ArgumentCompleter(typeof(SocketCompleter))]
    public XskSocket?[]? Socket { get; set; }

    [Parameter(Mandatory = true, Position = 0, ParameterSetName = NameSet)]
    [Alias("Interface", "ifAlias", "InterfaceAlias", "ifName", "Name")]
    [ArgumentCompleter(typeof(SocketNameCompleter))]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public string[] InterfaceName { get; set; } = [];

    [Parameter]
    [ValidateRange(0.05, 86400)]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public double IntervalSeconds { get; set; } = 1;

    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public int Count { get; set; } = int.MaxValue;

    [Parameter]
    [ValidateRange(0.001, 31536000.0)]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public double DurationSeconds { get; set; }

    private TimeSpan Duration => Given(nameof(DurationSeconds)) ? TimeSpan.FromSeconds(DurationSeconds) : TimeSpan.MaxValue;

    private bool IsDue => Stopwatch.GetTimestamp() >= next;

    private bool IsOver => Stopping || !monitor.IsAnyOpen || samples >= Count || Stopwatch.GetElapsedTime(started) >= Duration;

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (ParameterSetName == NameSet) AddNamed();
        else if (Given(nameof(Socket)) || MyInvocation.ExpectingInput) sockets.AddRange((Socket ?? []).OfType<XskSocket>());
        else AddAll();
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        if (sockets.Count == 0) return;
        monitor = new XskRingMonitor(sockets);
        started = Stopwatch.GetTimestamp();
        next = started + (long)(IntervalSeconds * Stopwatch.Frequency);
        failures.AddRange(monitor.Sample());
        if (Host.Name == "ConsoleHost" && !IsNonInteractive() && TerminalScreen.IsAvailable) WatchOnScreen();
        else WatchInLines();
        // On the screen that was left they would have been lost.
        ReportFailures();
    }

    private void WatchOnScreen()
    {
        bool color = string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR")) && !IsPlainText();
        bool blocks = Console.OutputEncoding.CodePage == Utf8;
        using TerminalScreen screen = TerminalScreen.Open();
        using CancellationTokenRegistration wake = StopToken.Register(screen.Wake);
        Draw();
        while (!IsOver)
        {
            if (IsDue)
            {
                Sample();
                Draw();
                continue;
            }

            TerminalKey key = screen.Wait(UntilNext());
            if (key == TerminalKey.Quit) return;
            if (key == TerminalKey.None) continue;
            Scroll(key);
            Draw();
        }

        void Draw()
        {
            (int columns, int rows) = screen.Size;
            string title = string.Create(CultureInfo.InvariantCulture, $"{Environment.MachineName}  {DateTime.Now:HH:mm:ss}  every {IntervalSeconds} s");
            screen.Show(monitor.Draw(columns, rows, title, color, blocks));
        }
    }

    private void WatchInLines()
    {
        while (!IsOver)
        {
            if (StopToken.WaitHandle.WaitOne(UntilNext())) return;
            if (!IsDue) continue;
            Sample();
            ReportFailures();
            WriteObject(monitor.Lines(), enumerateCollection: true);
        }
    }

    private void Sample()
    {
        samples++;
        next += (long)(IntervalSeconds * Stopwatch.Frequency);
        // Whoever was stopped for a while does not make up for what was missed.
        next = Math.Max(next, Stopwatch.GetTimestamp());
        failures.AddRange(monitor.Sample());
    }

    /// <summary>To the next sample, or to the end where that comes before it.</summary>
    private TimeSpan UntilNext()
    {
        TimeSpan left = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), next);
        TimeSpan whole = Duration - Stopwatch.GetElapsedTime(started);
        if (whole < left) left = whole;
        return left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }

    private void Scroll(TerminalKey key) => monitor.Scroll(key switch
    {
        TerminalKey.Up => -1,
        TerminalKey.Down => 1,
        TerminalKey.PageUp => -monitor.Shown,
        TerminalKey.PageDown => monitor.Shown,
        _ => 0,
    });

    private void ReportFailures()
    {
        if (Stopping) return;
        foreach ((XskSocket socket, XskException failure) in failures) WriteError(failure, socket);
        failures.Clear();
    }

    private void AddAll()
    {
        sockets.AddRange(SocketRegistry.OfThisRunspace());
        if (sockets.Count > 0) return;
        WriteError(XskErrorRecord.Create(
            "SocketNotFound", ErrorCategory.ObjectNotFound, "This session has no open socket", "open one with New-XskSocket, or pipe sockets in", null));
    }

    private void AddNamed()
    {
        XskSocket[] open = SocketRegistry.OfThisRunspace();
        foreach (string name in InterfaceName)
        {
            XskSocket[] found = XdpQueryCommand.Named(name, open, socket => socket.InterfaceName);
            sockets.AddRange(found);
            if (found.Length > 0 || XdpQueryCommand.PatternOf(name) is not null) continue;
            string there = open.Length == 0 ? "none is open" : $"open are {string.Join(", ", open.Select(socket => socket.InterfaceName).Distinct())}";
            WriteError(XskErrorRecord.Create(
                "SocketNotFound", ErrorCategory.ObjectNotFound,
                $"This session has no open socket on an interface named '{name}'", $"{there}; New-XskSocket {name} opens one", name));
        }
    }

    private bool IsPlainText() =>
        SessionState.PSVariable.GetValue("PSStyle") is { } style && PSObject.AsPSObject(style).Properties["OutputRendering"]?.Value?.ToString() == "PlainText";

    /// <summary>Nothing of the host's says it: pwsh -NonInteractive has the same name, and the same terminal.</summary>
    private static bool IsNonInteractive() => Environment.GetCommandLineArgs().Skip(1)
        .TakeWhile(argument => !Abbreviates(argument, "-command", 2) && !Abbreviates(argument, "-file", 2))
        .Any(argument => Abbreviates(argument, "-noninteractive", 5));

    private static bool Abbreviates(string argument, string option, int least) =>
        argument.Length >= least && option.StartsWith(argument.Replace("--", "-", StringComparison.Ordinal), StringComparison.OrdinalIgnoreCase);
}
