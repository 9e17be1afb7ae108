using System.Runtime.InteropServices;
using System.Text;
using XdpPS.Interop;

namespace XdpPS;

/// <summary>
/// The terminal of the standard output as a screen of its own: the alternate buffer, without a cursor, whose keys are
/// not echoed. Disposing it leaves the terminal as it was; so do the signals that end the process, but for SIGKILL.
/// </summary>
public sealed unsafe class TerminalScreen : IDisposable
{
    // 1049 saves the cursor and changes to the alternate buffer, 25 is the cursor (xterm's ctlseqs).
    private const string Enter = "\e[?1049h\e[?25l";
    private const string Exit = "\e[0m\e[?25h\e[?1049l";

    private readonly Lock gate = new();
    private readonly FileDescriptor input = new(0, ownsHandle: false);
    private readonly FileDescriptor output = new(1, ownsHandle: false);
    private readonly EventSignal signal = new();
    private readonly List<PosixSignalRegistration> registrations = [];
    private readonly TerminalSettings before;
    private readonly bool hasKeys;
    private volatile bool resized;
    private bool left;

    private TerminalScreen()
    {
        hasKeys = TerminalControl.TryGet(input, out before);
        if (OperatingSystem.IsLinux()) registrations.Add(PosixSignalRegistration.Create(PosixSignal.SIGWINCH, _ => Resize()));
        foreach (PosixSignal ending in (PosixSignal[])[PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP, PosixSignal.SIGQUIT])
            registrations.Add(PosixSignalRegistration.Create(ending, _ => Leave()));
        if (hasKeys)
        {
            TerminalSettings quiet = before;
            quiet.LocalModes &= ~(TerminalControl.ICANON | TerminalControl.ECHO);
            quiet.Control[TerminalControl.VMIN] = 0;
            quiet.Control[TerminalControl.VTIME] = 0;
            // Ctrl-Z would stop the process with the alternate buffer shown: 0 is no key.
            quiet.Control[TerminalControl.VSUSP] = 0;
            TerminalControl.TrySet(input, quiet);
        }

        Write(Enter);
    }

    /// <summary>Whether the standard output is a terminal that has an alternate buffer. Linux's own console, TERM=linux, had none for decades.</summary>
    public static bool IsAvailable
    {
        get
        {
            using FileDescriptor output = new(1, ownsHandle: false);
            return Environment.GetEnvironmentVariable("TERM") is not (null or "" or "dumb" or "linux") && TerminalControl.TryGet(output, out _);
        }
    }

    /// <summary>Columns and rows, at this moment; 80 and 24 where the terminal does not know.</summary>
    public (int Columns, int Rows) Size => TerminalControl.GetSize(output) ?? (80, 24);

    /// <summary>Shows the screen. There is one a process: two would write over each other.</summary>
    /// <exception cref="XskException">No descriptor is left.</exception>
    public static TerminalScreen Open() => new();

    /// <summary>Writes over what was there, so that nothing flickers.</summary>
    /// <param name="lines">From the top; no more than there are rows, and none longer than the columns.</param>
    public void Show(IReadOnlyList<string> lines)
    {
        ArgumentNullException.ThrowIfNull(lines);
        StringBuilder text = new("\e[H");
        for (int i = 0; i < lines.Count; i++) text.Append(i == 0 ? "" : "\r\n").Append("\e[2K").Append(lines[i]).Append("\e[0m");
        text.Append("\e[J");
        lock (gate)
        {
            if (!left) Write(text.ToString());
        }
    }

    /// <summary>Waits for a key, another size of the window, or <see cref="Wake"/>.</summary>
    public TerminalKey Wait(TimeSpan timeout)
    {
        if (resized)
        {
            resized = false;
            return TerminalKey.Resized;
        }

        Libc.PollFd* polled = stackalloc Libc.PollFd[2];
        polled[0] = new Libc.PollFd { Descriptor = signal.Descriptor.Number, Events = Libc.POLLIN };
        polled[1] = new Libc.PollFd { Descriptor = input.Number, Events = Libc.POLLIN };
        int milliseconds = (int)Math.Clamp(Math.Ceiling(timeout.TotalMilliseconds), 0, int.MaxValue);
        if (Libc.poll(polled, hasKeys ? 2u : 1u, milliseconds) <= 0) return TerminalKey.None;
        if (polled[0].ReturnedEvents != 0)
        {
            ulong count;
            _ = Libc.read(signal.Descriptor, &count, sizeof(ulong));
        }

        if (hasKeys && polled[1].ReturnedEvents != 0) return ReadKey();
        if (!resized) return TerminalKey.None;
        resized = false;
        return TerminalKey.Resized;
    }

    /// <summary>Ends a wait, the current or the next. Safe from any thread.</summary>
    public void Wake() => signal.Set();

    /// <summary>Leaves the terminal as it was.</summary>
    public void Dispose()
    {
        Leave();
        foreach (PosixSignalRegistration registration in registrations) registration.Dispose();
        signal.Dispose();
        input.Dispose();
        output.Dispose();
    }

    private void Resize()
    {
        resized = true;
        signal.Set();
    }

    private void Leave()
    {
        lock (gate)
        {
            if (left) return;
            left = true;
            Write(Exit);
            if (hasKeys) TerminalControl.TrySet(input, before);
        }
    }

    private TerminalKey ReadKey()
    {
        byte* typed = stackalloc byte[64];
        nint count = Libc.read(input, typed, 64);
        if (count <= 0) return TerminalKey.Quit;
        ReadOnlySpan<byte> keys = new(typed, (int)count);
        if (keys[0] != '\e') return keys.IndexOfAny((byte)'q', (byte)'Q') >= 0 ? TerminalKey.Quit : Plain(keys[^1]);
        return keys.EndsWith("A"u8) ? TerminalKey.Up
            : keys.EndsWith("B"u8) ? TerminalKey.Down
            : keys.EndsWith("5~"u8) ? TerminalKey.PageUp
            : keys.EndsWith("6~"u8) ? TerminalKey.PageDown
            : TerminalKey.None;
    }

    private static TerminalKey Plain(byte key) => key switch
    {
        (byte)'k' => TerminalKey.Up,
        (byte)'j' => TerminalKey.Down,
        (byte)' ' => TerminalKey.PageDown,
        _ => TerminalKey.None,
    };

    /// <summary>A terminal that is gone is noticed by its keys.</summary>
    private void Write(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        int written = 0;
        int attempts = 0;
        fixed (byte* first = bytes)
        {
            while (written < bytes.Length)
            {
                nint count = Libc.write(output, first + written, (nuint)(bytes.Length - written));
                if (count > 0)
                {
                    written += (int)count;
                    continue;
                }

                int errno = Marshal.GetLastPInvokeError();
                if (errno == Errno.EAGAIN && ++attempts < 1000) Thread.Sleep(1);
                else if (errno != Errno.EINTR) return;
            }
        }
    }
}
