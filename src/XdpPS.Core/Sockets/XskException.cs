using XdpPS.Interop;

namespace XdpPS;

/// <summary>
/// The one exception of this library. Its message is one line: the cause, what to do about it, and, where a
/// system call failed, that call as written and the errno.
/// </summary>
public sealed class XskException : Exception
{
    private XskException(XskErrorId errorId, string cause, string remedy, string? call, int errno)
        : base(OneLine(Compose(cause, remedy, call, errno)))
    {
        ErrorId = errorId;
        Cause = OneLine(cause);
        Remedy = OneLine(remedy);
        Call = call is null ? null : OneLine(call);
        ErrorNumber = errno;
    }

    /// <summary>The stable name of this kind of failure.</summary>
    public XskErrorId ErrorId { get; }

    /// <summary>What happened, and why it usually does.</summary>
    public string Cause { get; }

    /// <summary>What to do about it.</summary>
    public string Remedy { get; }

    /// <summary>The system call as written, or null where a check before any call failed.</summary>
    public string? Call { get; }

    /// <summary>The errno of <see cref="Call"/>; 0 without one.</summary>
    public int ErrorNumber { get; }

    /// <summary>What the kernel's verifier printed, where it refused a program; else null.</summary>
    public string? VerifierLog { get; private init; }

    internal static XskException FromCheck(XskErrorId errorId, string cause, string remedy) =>
        new(errorId, cause, remedy, null, 0);

    internal static XskException FromCall(
        XskErrorId errorId, int errno, string call, string cause, string remedy, string? verifierLog = null) =>
        new(errorId, cause, remedy, call, errno) { VerifierLog = verifierLog };

    /// <summary>A name of an interface or a file, which somebody else may have chosen, can have line feeds or a terminal's escape sequences in it.</summary>
    internal static string OneLine(string text) => text.Any(char.IsControl) ? string.Concat(text.Select(c => char.IsControl(c) ? '?' : c)) : text;

    private static string Compose(string cause, string remedy, string? call, int errno)
    {
        string text = $"{cause}; {remedy}.";
        return call is null ? text : $"{text} [{call}: {Errno.Name(errno)}]";
    }
}

/// <summary>Something the user should know although the call went on: its stable name and one line of text.</summary>
/// <param name="Id">The stable name.</param>
/// <param name="Message">What it is and what to do about it.</param>
public sealed record XskWarning(string Id, string Message)
{
    /// <summary>The id of the warning that a program was joined which decides what arrives.</summary>
    public const string DecidedByAnother = "DecidedByAnother";

    /// <summary>The id of the warning that packets are merged before a program in generic mode gets them.</summary>
    public const string GenericDropsAggregates = "GenericDropsAggregates";

    /// <returns><see cref="Message"/>.</returns>
    public override string ToString() => Message;
}
