using System.Runtime.InteropServices;

namespace XdpPS.Interop;

/// <summary>The filter compiler of libpcap, loaded when it is first needed: everything else works without it.</summary>
internal static unsafe class Libpcap
{
    internal const int DLT_EN10MB = 1;

    /// <summary>What tcpdump uses since 4.99: the length that "match" returns, of no meaning here.</summary>
    private const int SnapLength = 262_144;

    /// <summary>Longer expressions are compiled as they stand: the optimizer's time grows with the square of their length and worse.</summary>
    private const int LongestOptimized = 4096;

    /// <summary>How the cause ends of what no packet can match.</summary>
    internal const string MatchesNothing = "matches no packet";

    private const uint PCAP_NETMASK_UNKNOWN = 0xffffffff;

    private static readonly Lazy<nint> Library = new(Load);
    private static readonly Lock Gate = new();

    /// <summary>struct bpf_program.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Program
    {
        internal uint Length;
        internal ClassicInstruction* Instructions;
    }

    internal static bool IsAvailable => Library.Value != 0;

    /// <summary>Compiles a tcpdump expression for Ethernet frames.</summary>
    /// <exception cref="XskException">There is no libpcap, or it does not accept the expression.</exception>
    internal static ClassicInstruction[] Compile(string expression)
    {
        Require("A filter expression needs libpcap to compile it", ", or use -EtherType, -IPProtocol, -Port, -Address and -Vlan, which need none");
        var open = (delegate* unmanaged<int, int, nint>)Export("pcap_open_dead");
        var compile = (delegate* unmanaged<nint, Program*, byte*, int, uint, int>)Export("pcap_compile");
        var error = (delegate* unmanaged<nint, byte*>)Export("pcap_geterr");
        var free = (delegate* unmanaged<Program*, void>)Export("pcap_freecode");
        var close = (delegate* unmanaged<nint, void>)Export("pcap_close");

        byte[] text = System.Text.Encoding.UTF8.GetBytes(expression + '\0');
        // pcap_compile is not safe to call from several threads before libpcap 1.8.
        lock (Gate)
        {
            nint handle = open(DLT_EN10MB, SnapLength);
            Program program = default;
            try
            {
                fixed (byte* pointer = text)
                {
                    if (compile(handle, &program, pointer, text.Length <= LongestOptimized ? 1 : 0, PCAP_NETMASK_UNKNOWN) != 0)
                    {
                        string reason = Marshal.PtrToStringUTF8((nint)error(handle)) ?? "";
                        // The optimizer's verdict, and of the language there is nothing wrong.
                        throw reason == "expression rejects all packets"
                            ? XskException.FromCheck(XskErrorId.FilterSyntax, $"'{PacketFilter.Shorten(expression)}' {MatchesNothing}", "look for parts that exclude each other")
                            : XskException.FromCheck(
                                XskErrorId.FilterSyntax, $"'{PacketFilter.Shorten(expression)}' is not a filter expression: {reason}", "see man pcap-filter for the language of tcpdump");
                    }
                }

                ClassicInstruction[] instructions = new Span<ClassicInstruction>(program.Instructions, (int)program.Length).ToArray();
                free(&program);
                return instructions;
            }
            finally
            {
                close(handle);
            }
        }
    }

    /// <param name="what">What needs it, as the beginning of a sentence.</param>
    /// <param name="otherwise">What can be done without it, as the end of one.</param>
    /// <exception cref="XskException">There is no libpcap.</exception>
    internal static void Require(string what, string otherwise = "")
    {
        if (IsAvailable) return;
        throw XskException.FromCheck(
            XskErrorId.LibpcapMissing,
            $"{what}, and there is none on this machine",
            $"install the package libpcap0.8 (Debian, Ubuntu: libpcap0.8t64 on newer ones; Fedora: libpcap){otherwise}");
    }

    internal static nint Export(string function) => NativeLibrary.GetExport(Library.Value, function);

    private static nint Load()
    {
        // The soname is libpcap.so.1 where the upstream name is kept, libpcap.so.0.8 on Debian and what comes from it.
        foreach (string name in new[] { "libpcap.so.1", "libpcap.so.0.8", "libpcap.so" })
        {
            if (NativeLibrary.TryLoad(name, out nint library)) return library;
        }

        return 0;
    }
}
