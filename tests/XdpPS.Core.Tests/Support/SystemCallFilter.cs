using System.ComponentModel;
using System.Runtime.InteropServices;
using XdpPS.Interop;

namespace XdpPS.Tests;

/// <summary>
/// Makes one system call of the calling thread fail, by seccomp. A filter can't be taken off again: the thread has
/// to end, and must start no other, which would inherit it.
/// </summary>
internal static unsafe class SystemCallFilter
{
    private const ushort LoadWord = 0x20;
    private const ushort JumpIfEqual = 0x15;
    private const ushort Return = 0x06;
    private const uint SECCOMP_RET_ALLOW = 0x7fff0000;
    private const uint SECCOMP_RET_ERRNO = 0x00050000;
    private const int PR_SET_NO_NEW_PRIVS = 38;
    private const int SECCOMP_SET_MODE_FILTER = 1;

    // struct seccomp_data: number, architecture, instruction pointer, six arguments.
    private const int NumberOffset = 0;
    private const int ArgumentsOffset = 16;

    private static readonly bool IsArm = RuntimeInformation.ProcessArchitecture == Architecture.Arm64;

    /// <summary>struct sock_filter.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct Instruction(ushort Code, byte IfTrue, byte IfFalse, uint Value);

    /// <summary>struct sock_fprog.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Program
    {
        internal ushort Length;
        internal Instruction* Instructions;
    }

    /// <summary>A call by its name, its arguments (null for any) and the errno it is to give.</summary>
    internal static void Fail(string call, int errno, params long?[] arguments)
    {
        List<(int Offset, uint Value)> conditions = [(NumberOffset, Number(call))];
        for (int i = 0; i < arguments.Length; i++)
        {
            if (arguments[i] is not { } argument) continue;
            conditions.Add((ArgumentsOffset + (i * 8), (uint)argument));
            // Of an int argument the upper half is not defined; only a 64-bit one like a map offset is given with it.
            if (call == "mmap") conditions.Add((ArgumentsOffset + (i * 8) + 4, (uint)(argument >> 32)));
        }

        List<Instruction> code = [];
        foreach ((int offset, uint value) in conditions)
        {
            int left = (conditions.Count * 2) - code.Count - 1;
            code.Add(new Instruction(LoadWord, 0, 0, (uint)offset));
            code.Add(new Instruction(JumpIfEqual, 0, (byte)left, value));
        }

        // Every condition that fails jumps past the refusal.
        code.Add(new Instruction(Return, 0, 0, SECCOMP_RET_ERRNO | (uint)errno));
        code.Add(new Instruction(Return, 0, 0, SECCOMP_RET_ALLOW));
        Install([.. code]);
    }

    private static void Install(Instruction[] code)
    {
        if (Kernel.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) throw new Win32Exception(Marshal.GetLastPInvokeError(), "prctl");
        fixed (Instruction* first = code)
        {
            Program program = new() { Length = (ushort)code.Length, Instructions = first };
            nint result = Libc.syscall(IsArm ? 277 : 317, SECCOMP_SET_MODE_FILTER, 0, (nint)(&program));
            if (result != 0) throw new Win32Exception(Marshal.GetLastPInvokeError(), "seccomp");
        }
    }

    private static uint Number(string call) => (call, IsArm) switch
    {
        ("mmap", false) => 9,
        ("madvise", false) => 28,
        ("socket", false) => 41,
        ("sendto", false) => 44,
        ("recvfrom", false) => 45,
        ("bind", false) => 49,
        ("setsockopt", false) => 54,
        ("getsockopt", false) => 55,
        ("fcntl", false) => 72,
        ("eventfd2", false) => 290,
        ("setns", false) => 308,
        ("bpf", false) => 321,
        ("mmap", true) => 222,
        ("madvise", true) => 233,
        ("socket", true) => 198,
        ("sendto", true) => 206,
        ("recvfrom", true) => 207,
        ("bind", true) => 200,
        ("setsockopt", true) => 208,
        ("getsockopt", true) => 209,
        ("fcntl", true) => 25,
        ("eventfd2", true) => 19,
        ("setns", true) => 268,
        ("bpf", true) => 280,
        _ => throw new ArgumentException($"no number for {call}", nameof(call)),
    };
}
