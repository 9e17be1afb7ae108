using System.Globalization;

namespace XdpPS;

/// <summary>A table: columns with what each row says in them.</summary>
internal sealed class ReportTable<T>(string caption)
{
    private readonly List<(string Head, string? Kind, Action<HtmlWriter, T> Write)> columns = [];

    internal ReportTable<T> Text(string head, Func<T, string?> text) => Add(head, null, (html, row) => html.Write(text(row) ?? ""));

    /// <summary>Sentences: as wide as the window leaves room for, and not a word a line.</summary>
    internal ReportTable<T> Sentence(string head, Func<T, string?> text) => Add(head, "sentence", (html, row) => html.Write(text(row) ?? ""));

    /// <summary>A number for people, and the same as it was measured for programs, in the element's value; a sign before it where it is a lower bound.</summary>
    internal ReportTable<T> Number(string head, Func<T, double?> number, Func<double, string>? format = null, string absent = "–", Func<T, bool>? atLeast = null) => Add(head, "number", (html, row) =>
    {
        if (number(row) is { } value)
        {
            if (atLeast?.Invoke(row) == true) html.Write(ReportText.AtLeast);
            html.Text("data", (format ?? ReportText.Number)(value), ("value", value.ToString("R", CultureInfo.InvariantCulture)));
        }
        else html.Write(absent);
    });

    internal ReportTable<T> Count(string head, Func<T, long> count) => Number(head, row => count(row), ReportText.Count);

    internal ReportTable<T> Cell(string head, Action<HtmlWriter, T> write) => Add(head, null, write);

    /// <summary>A column that is there only where one of the rows needs it.</summary>
    internal ReportTable<T> When(bool needed, Func<ReportTable<T>, ReportTable<T>> add) => needed ? add(this) : this;

    internal void Write(HtmlWriter html, IEnumerable<T> rows)
    {
        // Whoever has no mouse can scroll what is wider than the window, once it has the focus.
        using HtmlWriter.Closing wide = html.Open("div", ("class", "wide"), ("role", "region"), ("tabindex", "0"), ("aria-label", caption));
        using HtmlWriter.Closing table = html.Open("table");
        html.Text("caption", caption);
        using (html.Open("thead"))
        using (html.Open("tr"))
        {
            foreach ((string head, string? kind, _) in columns) html.Text("th", head, ("scope", "col"), ("class", kind));
        }

        using HtmlWriter.Closing body = html.Open("tbody");
        foreach (T row in rows)
        {
            using HtmlWriter.Closing line = html.Open("tr");
            foreach ((_, string? kind, Action<HtmlWriter, T> write) in columns)
            {
                using HtmlWriter.Closing cell = html.Open("td", ("class", kind));
                write(html, row);
            }
        }
    }

    private ReportTable<T> Add(string head, string? kind, Action<HtmlWriter, T> write)
    {
        columns.Add((head, kind, write));
        return this;
    }
}
