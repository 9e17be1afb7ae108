using System.Text;

namespace XdpPS;

/// <summary>One line of a screen, which never gets longer than the screen is wide.</summary>
/// <param name="width">Columns.</param>
/// <param name="color">Whether styles are written.</param>
internal sealed class ScreenLine(int width, bool color)
{
    internal const string Bold = "\e[1m";
    internal const string Dim = "\e[2m";
    internal const string Green = "\e[32m";
    internal const string Cyan = "\e[36m";
    internal const string Red = "\e[1;31m";
    internal const string Reverse = "\e[7m";

    private readonly StringBuilder text = new();

    /// <summary>Columns that are taken.</summary>
    internal int Length { get; private set; }

    /// <summary>Columns that are left.</summary>
    internal int Left => width - Length;

    /// <summary>Adds as much as there is room for; every character takes one column.</summary>
    internal ScreenLine Add(string what, string style = "")
    {
        int count = Math.Min(what.Length, Left);
        if (count <= 0) return this;
        bool styled = color && style.Length > 0;
        if (styled) text.Append(style);
        // Linux allows all but '/', ':' and white space in an interface's name, escape sequences among them.
        foreach (char c in what.AsSpan(0, count)) text.Append(IsPlain(c) ? c : '?');
        if (styled) text.Append("\e[0m");
        Length += count;
        return this;
    }

    /// <summary>Goes on at a column, if that is not passed yet.</summary>
    internal ScreenLine To(int column, string style = "") => Add(new string(' ', Math.Max(0, column - Length)), style);

    /// <summary>Adds at the right edge, if there is room.</summary>
    internal ScreenLine AddRight(string what, string style = "") => Left > what.Length ? To(width - what.Length, style).Add(what, style) : this;

    /// <returns>The line with its styles.</returns>
    public override string ToString() => text.ToString();

    private static bool IsPlain(char c) => c is >= ' ' and <= '~' || Glyphs.Contains(c);
}
