namespace XdpPS;

/// <summary>What ended a wait at a <see cref="TerminalScreen"/>.</summary>
public enum TerminalKey
{
    /// <summary>Nothing: the time was up, or another key.</summary>
    None,

    /// <summary>q, or the terminal is gone.</summary>
    Quit,

    /// <summary>Arrow up, or k.</summary>
    Up,

    /// <summary>Arrow down, or j.</summary>
    Down,

    /// <summary>Page up.</summary>
    PageUp,

    /// <summary>Page down, or the space bar.</summary>
    PageDown,

    /// <summary>No key: the window has another size.</summary>
    Resized,
}
