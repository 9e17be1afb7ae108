using System.Globalization;

namespace XdpPS;

/// <summary>How a socket is drawn: in as many lines as the window has for each.</summary>
internal abstract class WatchLayout
{
    private WatchLayout(int columns, int height, int gap, bool color, Glyphs glyphs)
    {
        Columns = columns;
        Height = height;
        Gap = gap;
        Color = color;
        Glyphs = glyphs;
    }

    /// <summary>Lines of a socket.</summary>
    internal int Height { get; }

    /// <summary>Empty lines between two.</summary>
    internal int Gap { get; }

    private int Columns { get; }

    private bool Color { get; }

    private Glyphs Glyphs { get; }

    /// <summary>The most that all sockets have room in; else the least.</summary>
    internal static WatchLayout For(int columns, int rows, int sockets, bool color, Glyphs glyphs)
    {
        List<WatchLayout> candidates = [new Brief(columns, color, glyphs), new Row(columns, color, glyphs)];
        if (columns >= 76) candidates.Insert(0, new Full(columns, color, glyphs));
        if (columns >= 116) candidates.Insert(0, new Wide(columns, color, glyphs));
        return candidates.Find(layout => (sockets * (layout.Height + layout.Gap)) - layout.Gap <= rows) ?? candidates[^1];
    }

    internal static string Name(XskSocketInfo socket) => string.Create(
        CultureInfo.InvariantCulture,
        $"{socket.InterfaceName}:{socket.QueueId}{(string.IsNullOrEmpty(socket.NetworkNamespace) ? "" : $" in {socket.NetworkNamespace}")}");

    internal abstract IEnumerable<ScreenLine> Draw(WatchedSocket one);

    private ScreenLine Line() => new(Columns, Color);

    private ScreenLine Title(WatchedSocket one)
    {
        ScreenLine line = Line().Add(Name(one.Socket), ScreenLine.Bold);
        if (one.IsClosed) return line.Add("  closed", ScreenLine.Red);
        XskSocket socket = one.Socket;
        string copying = socket.BindMode == XskBindMode.ZeroCopy ? "zero-copy" : "copy";
        return line.Add($"  {socket.AttachMode.ToString().ToLowerInvariant()}, {copying}{(socket.Filter is { } filter ? $", {filter}" : "")}", ScreenLine.Dim);
    }

    /// <summary>Name, rates and the sparkline up to a column.</summary>
    private void AddTraffic(ScreenLine line, string name, IReadOnlyList<double> history, double? bytes, int end, string style)
    {
        line.Add($" {name,-4}").Add($"{(history.Count == 0 ? "" : Amount.Rate(history[^1], "pps")),10}");
        line.Add($"{(history.Count == 0 || bytes is null ? "" : Amount.Rate(bytes.Value * 8, "bit/s")),13} ");
        string peak = history.Count == 0 ? "" : $" max {Amount.Short(history.TakeLast(Math.Max(1, end - line.Length - 11)).Max())}";
        line.Add(Glyphs.Sparkline(history, end - line.Length - 11), style).Add($"{peak,-11}", ScreenLine.Dim);
    }

    private void AddRing(ScreenLine line, string name, RingSnapshot? ring, int nameWidth, int barWidth)
    {
        line.Add($" {name}".PadRight(nameWidth + 2));
        if (ring is null)
        {
            line.Add("none", ScreenLine.Dim);
            return;
        }

        double part = Part(ring);
        line.Add(Glyphs.Bar(part, barWidth)).Add($" {Amount.Percent(part),5} {ring,11}");
    }

    private ScreenLine Drops(WatchedSocket one)
    {
        ScreenLine line = Line().Add(" Drops");
        foreach ((string cause, Func<XskRingStats, long> count) in WatchedSocket.Causes)
        {
            long now = count(one.Stats!);
            long more = one.Earlier is { } earlier ? now - count(earlier) : 0;
            line.Add(string.Create(CultureInfo.InvariantCulture, $"  {cause} {now}{(more > 0 ? $" +{more}" : "")}"), more > 0 ? ScreenLine.Red : "");
        }

        return line;
    }

    private static double Part(RingSnapshot ring) => (double)ring.Used / ring.Size;

    private static string Short(RingSnapshot? ring) => ring is null ? "-" : Amount.Percent(Part(ring)).Replace(" ", "", StringComparison.Ordinal);

    private static string LostStyle(WatchedSocket one) => one.Lost is [.., > 0] ? ScreenLine.Red : "";

    /// <summary>From 116 columns on: the traffic at the left, the rings at the right.</summary>
    private sealed class Wide(int columns, bool color, Glyphs glyphs) : WatchLayout(columns, 6, 1, color, glyphs)
    {
        internal override IEnumerable<ScreenLine> Draw(WatchedSocket one)
        {
            ScreenLine[] lines = [Title(one), Line(), Line(), Line(), Line(), Line()];
            if (one.Stats is not { } stats) return lines;
            int middle = Columns - 49;
            AddTraffic(lines[1], "RX", one.Rx, stats.RxBytesPerSecond, middle, ScreenLine.Green);
            AddTraffic(lines[2], "TX", one.Tx, stats.TxBytesPerSecond, middle, ScreenLine.Cyan);
            AddTraffic(lines[3], "Lost", one.Lost, null, middle, LostStyle(one));
            string[] names = ["RX", "FILL", "TX", "COMPLETION"];
            RingSnapshot?[] rings = [stats.Rx, stats.Fill, stats.Tx, stats.Completion];
            for (int i = 0; i < 4; i++) AddRing(lines[i + 1].To(middle), names[i], rings[i], 10, 18);
            lines[5] = Drops(one);
            return lines;
        }
    }

    /// <summary>From 76 columns on: the rings below the traffic.</summary>
    private sealed class Full(int columns, bool color, Glyphs glyphs) : WatchLayout(columns, 7, 1, color, glyphs)
    {
        internal override IEnumerable<ScreenLine> Draw(WatchedSocket one)
        {
            ScreenLine[] lines = [Title(one), Line(), Line(), Line(), Line(), Line(), Line()];
            if (one.Stats is not { } stats) return lines;
            AddTraffic(lines[1], "RX", one.Rx, stats.RxBytesPerSecond, Columns, ScreenLine.Green);
            AddTraffic(lines[2], "TX", one.Tx, stats.TxBytesPerSecond, Columns, ScreenLine.Cyan);
            AddTraffic(lines[3], "Lost", one.Lost, null, Columns, LostStyle(one));
            AddRing(lines[4], "RX", stats.Rx, 2, 10);
            AddRing(lines[4].To(36), "FILL", stats.Fill, 10, 10);
            AddRing(lines[5], "TX", stats.Tx, 2, 10);
            AddRing(lines[5].To(36), "COMPLETION", stats.Completion, 10, 10);
            lines[6] = Drops(one);
            return lines;
        }
    }

    /// <summary>Three lines of 40 columns.</summary>
    private sealed class Brief(int columns, bool color, Glyphs glyphs) : WatchLayout(columns, 3, 0, color, glyphs)
    {
        internal override IEnumerable<ScreenLine> Draw(WatchedSocket one)
        {
            ScreenLine[] lines = [Title(one), Line(), Line()];
            if (one.Stats is not { } stats) return lines;
            int spark = Math.Max(4, (Columns - 28) / 2);
            lines[1].Add(" RX ").Add($"{Latest(one.Rx),5} pps ").Add(Glyphs.Sparkline(one.Rx, spark), ScreenLine.Green)
                .Add(" TX ").Add($"{Latest(one.Tx),5} pps ").Add(Glyphs.Sparkline(one.Tx, spark), ScreenLine.Cyan);
            lines[2].Add($" R{Short(stats.Rx)} F{Short(stats.Fill)} T{Short(stats.Tx)} C{Short(stats.Completion)}");
            lines[2].To(24).Add($"lost {LostSoFar(stats)}", LostStyle(one));
            return lines;
        }
    }

    /// <summary>One line, for many sockets.</summary>
    private sealed class Row(int columns, bool color, Glyphs glyphs) : WatchLayout(columns, 1, 0, color, glyphs)
    {
        internal override IEnumerable<ScreenLine> Draw(WatchedSocket one)
        {
            ScreenLine line = Line().Add($"{Name(one.Socket),-9}");
            if (one.IsClosed) return [line.Add(" closed", ScreenLine.Red)];
            if (one.Stats is not { } stats) return [line];
            line.Add($" RX{Latest(one.Rx),6} TX{Latest(one.Tx),6}").Add($" lost {LostSoFar(stats),5}", LostStyle(one));
            if (line.Left > 40) line.Add($"  R{Short(stats.Rx)} F{Short(stats.Fill)} T{Short(stats.Tx)} C{Short(stats.Completion)}").To(line.Length + 1);
            line.Add(Glyphs.Sparkline(one.Rx, line.Left), ScreenLine.Green);
            return [line];
        }
    }

    private static string Latest(IReadOnlyList<double> history) => history.Count == 0 ? "" : Amount.Short(history[^1]);

    private static string LostSoFar(XskRingStats stats) => Amount.Short(WatchedSocket.Causes.Sum(cause => cause.Count(stats)));
}
