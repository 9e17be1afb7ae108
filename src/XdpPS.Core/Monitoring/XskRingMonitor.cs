using System.Globalization;

namespace XdpPS;

/// <summary>
/// Follows the rates, drops and rings of sockets and draws them as text. It reads counters and takes no packet, so that
/// whoever receives or sends meanwhile is not disturbed.
/// </summary>
public sealed class XskRingMonitor
{
    private readonly WatchedSocket[] watched;

    /// <summary>Follows these.</summary>
    /// <param name="sockets">Each once.</param>
    public XskRingMonitor(IEnumerable<XskSocket> sockets) => watched = [.. sockets.Distinct().Select(socket => new WatchedSocket(socket))];

    /// <summary>One of the sockets is still open.</summary>
    public bool IsAnyOpen => Array.Exists(watched, one => !one.IsClosed);

    /// <summary>The first socket that <see cref="Draw"/> shows where there is no room for all.</summary>
    public int First { get; private set; }

    /// <summary>Sockets that the last <see cref="Draw"/> had room for.</summary>
    public int Shown { get; private set; }

    /// <summary>Reads the counters. The rates are over the time since the last call.</summary>
    /// <returns>The sockets that turned out to be closed since then, each once, and why.</returns>
    public IReadOnlyList<(XskSocket Socket, XskException Failure)> Sample()
    {
        List<(XskSocket, XskException)> failures = [];
        foreach (WatchedSocket one in watched)
        {
            if (one.Sample() is { } failure) failures.Add((one.Socket, failure));
        }

        return failures;
    }

    /// <summary>Shows other sockets, where there is no room for all.</summary>
    /// <param name="sockets">How many further down; less than 0 for up.</param>
    public void Scroll(int sockets) => First += sockets;

    /// <summary>A line of plain text for each open socket; an interface's name may have escape sequences in it, and the line has none.</summary>
    public IReadOnlyList<string> Lines() => [.. watched.Where(one => !one.IsClosed && one.Stats is not null).Select(Line)];

    /// <summary>The whole screen, of at least 40 columns and 10 rows for all to be legible; a smaller one is cut off.</summary>
    /// <param name="columns">Width of the window.</param>
    /// <param name="rows">Height of the window.</param>
    /// <param name="title">What stands at the top.</param>
    /// <param name="color">Styles by escape sequences; what they say is said by words and numbers as well.</param>
    /// <param name="blocks">Sparklines of Unicode's block elements; else of ASCII.</param>
    public IReadOnlyList<string> Draw(int columns, int rows, string title, bool color, bool blocks)
    {
        columns = Math.Max(columns, 1);
        rows = Math.Max(rows, 1);
        int room = Math.Max(rows - 2, 0);
        WatchLayout layout = WatchLayout.For(columns, room, watched.Length, color, blocks ? Glyphs.Blocks : Glyphs.Ascii);
        Shown = Math.Min(watched.Length, Math.Max(1, (room + layout.Gap) / (layout.Height + layout.Gap)));
        First = Math.Clamp(First, 0, watched.Length - Shown);

        List<ScreenLine> lines = [new ScreenLine(columns, color).Add(title, ScreenLine.Reverse).To(columns, ScreenLine.Reverse)];
        foreach (WatchedSocket one in watched.AsSpan(First, Shown))
        {
            if (lines.Count > 1 && layout.Gap > 0) lines.Add(new ScreenLine(columns, color));
            lines.AddRange(layout.Draw(one));
        }

        if (lines.Count > rows - 1) lines.RemoveRange(Math.Max(rows - 1, 1), lines.Count - Math.Max(rows - 1, 1));
        while (lines.Count < rows - 1) lines.Add(new ScreenLine(columns, color));
        string scrolling = Shown < watched.Length
            ? string.Create(CultureInfo.InvariantCulture, $"   Up/Down: {First + 1}-{First + Shown} of {watched.Length}")
            : "";
        if (rows > 1) lines.Add(new ScreenLine(columns, color).Add($"q: quit{scrolling}", ScreenLine.Dim));
        return [.. lines.Select(line => line.ToString())];
    }

    private static string Line(WatchedSocket one)
    {
        XskRingStats now = one.Stats!;
        string drops = string.Join(", ", WatchedSocket.Causes.Select(cause => string.Create(CultureInfo.InvariantCulture, $"{cause.Cause} {cause.Count(now)}")));
        return XskException.OneLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{now.Time:HH:mm:ss} {WatchLayout.Name(one.Socket)}: RX {Amount.Rate(now.RxPacketsPerSecond, "pps")} {Amount.Rate(now.RxBytesPerSecond * 8, "bit/s")}, TX {Amount.Rate(now.TxPacketsPerSecond, "pps")} {Amount.Rate(now.TxBytesPerSecond * 8, "bit/s")}; dropped: {drops}; rings: RX {Ring(now.Rx)}, FILL {now.Fill}, TX {Ring(now.Tx)}, COMPLETION {now.Completion}"));

        static string Ring(RingSnapshot? ring) => ring?.ToString() ?? "none";
    }
}
