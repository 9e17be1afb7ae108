using System.Globalization;
using System.Text;
using System.Xml;

namespace XdpPS;

/// <summary>Writes a page that is HTML and well-formed XML at once. What it is given is text: nothing of it becomes markup.</summary>
internal sealed class HtmlWriter : IDisposable
{
    private const string Html = "http://www.w3.org/1999/xhtml";
    private const string Svg = "http://www.w3.org/2000/svg";

    private readonly MemoryStream stream = new();
    private readonly XmlWriter writer;

    internal HtmlWriter()
    {
        writer = XmlWriter.Create(stream, new XmlWriterSettings
        {
            OmitXmlDeclaration = true,
            Encoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false),
            NewLineChars = "\n",
        });
        writer.WriteRaw("<!DOCTYPE html>\n");
        writer.WriteStartElement("html", Html);
        writer.WriteAttributeString("lang", "en");
    }

    internal byte[] Finish()
    {
        writer.WriteFullEndElement();
        writer.Flush();
        return stream.ToArray();
    }

    public void Dispose()
    {
        writer.Dispose();
        stream.Dispose();
    }

    /// <summary>Opens an element, which is closed when what this returns is disposed.</summary>
    internal Closing Open(string name, params ReadOnlySpan<(string Name, object? Value)> attributes)
    {
        Start(name, name == "svg" ? Svg : null, attributes);
        return new Closing(writer);
    }

    /// <summary>An element with text.</summary>
    internal void Text(string name, string text, params ReadOnlySpan<(string Name, object? Value)> attributes)
    {
        Start(name, null, attributes);
        writer.WriteString(Clean(text));
        writer.WriteFullEndElement();
    }

    /// <summary>An element that has no end tag in HTML, or one of SVG.</summary>
    internal void Empty(string name, params ReadOnlySpan<(string Name, object? Value)> attributes)
    {
        Start(name, null, attributes);
        writer.WriteEndElement();
    }

    internal void Write(string text) => writer.WriteString(Clean(text));

    internal void Line() => writer.WriteWhitespace("\n");

    private void Start(string name, string? space, ReadOnlySpan<(string Name, object? Value)> attributes)
    {
        if (space is null) writer.WriteStartElement(name, writer.LookupPrefix(Svg) is not null ? Svg : Html);
        else writer.WriteStartElement(name, space);
        foreach ((string attribute, object? value) in attributes)
        {
            if (value is not null) writer.WriteAttributeString(attribute, Clean(string.Format(CultureInfo.InvariantCulture, "{0}", value)));
        }
    }

    /// <summary>Replaces what no XML may have: control characters, and halves of pairs.</summary>
    private static string Clean(string text)
    {
        for (int i = 0; i < text.Length; i++)
        {
            if (XmlConvert.IsXmlChar(text[i])) continue;
            if (i + 1 < text.Length && XmlConvert.IsXmlSurrogatePair(text[i + 1], text[i])) i++;
            else return Cleaned(text);
        }

        return text;
    }

    private static string Cleaned(string text)
    {
        StringBuilder clean = new(text.Length);
        foreach (Rune rune in text.EnumerateRunes())
        {
            if (rune.IsBmp && !XmlConvert.IsXmlChar((char)rune.Value)) clean.Append('\ufffd');
            else clean.Append(rune.ToString());
        }

        return clean.ToString();
    }

    /// <summary>Closes an element.</summary>
    internal readonly struct Closing(XmlWriter writer) : IDisposable
    {
        public void Dispose() => writer.WriteFullEndElement();
    }
}
