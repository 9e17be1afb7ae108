using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace XdpPS.Interop;

/// <summary>A terminal's settings and size (asm-generic/ioctls.h and termbits.h, which x86-64 and arm64 have in common).</summary>
internal static unsafe class TerminalControl
{
    internal const uint ICANON = 2;
    internal const uint ECHO = 8;
    internal const int VTIME = 5;
    internal const int VMIN = 6;
    internal const int VSUSP = 10;

    private const nuint TCGETS = 0x5401;
    private const nuint TCSETSW = 0x5403;
    private const nuint TIOCGWINSZ = 0x5413;

    /// <returns>False where the descriptor is no terminal.</returns>
    internal static bool TryGet(FileDescriptor terminal, out TerminalSettings settings)
    {
        TerminalSettings found;
        bool isTerminal = Libc.ioctl(terminal, TCGETS, &found) == 0;
        settings = isTerminal ? found : default;
        return isTerminal;
    }

    /// <summary>Sets them once what was written has gone out.</summary>
    internal static bool TrySet(FileDescriptor terminal, TerminalSettings settings) => Libc.ioctl(terminal, TCSETSW, &settings) == 0;

    /// <returns>Null where the terminal does not know, as one on a serial line.</returns>
    internal static (int Columns, int Rows)? GetSize(FileDescriptor terminal)
    {
        TerminalSize size;
        return Libc.ioctl(terminal, TIOCGWINSZ, &size) == 0 && size is { Columns: > 0, Rows: > 0 } ? (size.Columns, size.Rows) : null;
    }
}

/// <summary>struct termios, the kernel's own and shorter one.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct TerminalSettings
{
    internal uint InputModes;
    internal uint OutputModes;
    internal uint ControlModes;
    internal uint LocalModes;
    internal byte LineDiscipline;
    internal Characters Control;

    [InlineArray(19)]
    internal struct Characters
    {
        private byte first;
    }
}

/// <summary>struct winsize.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct TerminalSize
{
    internal ushort Rows;
    internal ushort Columns;
    private readonly ushort horizontalPixels;
    private readonly ushort verticalPixels;
}
