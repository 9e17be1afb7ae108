using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace XdpPS.Interop;

/// <summary>A capture file, pcap or pcapng, read by libpcap.</summary>
internal sealed unsafe class PcapReader : SafeHandleZeroOrMinusOneIsInvalid
{
    private const uint PCAP_TSTAMP_PRECISION_NANO = 1;
    private const int PCAP_ERRBUF_SIZE = 256;

    private readonly string path;
    private readonly delegate* unmanaged<nint, PacketHeader**, byte**, int> next;

    private PcapReader(string path, nint pcap) : base(ownsHandle: true)
    {
        this.path = path;
        next = (delegate* unmanaged<nint, PacketHeader**, byte**, int>)Libpcap.Export("pcap_next_ex");
        SetHandle(pcap);
    }

    /// <summary>struct pcap_pkthdr.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct PacketHeader
    {
        internal nint Seconds;

        /// <summary>A timeval's microseconds; nanoseconds as this file was opened.</summary>
        internal nint Nanoseconds;
        internal uint Captured;
        internal uint Length;
    }

    /// <summary>Opens a file of Ethernet frames.</summary>
    /// <exception cref="XskException">There is no libpcap, or it cannot read the file, or the file's frames are not Ethernet.</exception>
    internal static PcapReader Open(string path)
    {
        Libpcap.Require("Reading a capture file needs libpcap");
        var open = (delegate* unmanaged<byte*, uint, byte*, nint>)Libpcap.Export("pcap_open_offline_with_tstamp_precision");
        var linkType = (delegate* unmanaged<nint, int>)Libpcap.Export("pcap_datalink");
        byte* error = stackalloc byte[PCAP_ERRBUF_SIZE];
        nint pcap;
        fixed (byte* name = Encoding.UTF8.GetBytes(path + '\0')) pcap = open(name, PCAP_TSTAMP_PRECISION_NANO, error);
        if (pcap == 0)
        {
            // libpcap often begins with the file's name itself.
            string reason = Text(error);
            if (reason.StartsWith($"{path}: ", StringComparison.Ordinal)) reason = reason[(path.Length + 2)..];
            throw XskException.FromCheck(XskErrorId.CaptureUnreadable, $"'{path}' cannot be read as a capture: {reason}", "give a pcap or pcapng file that tcpdump -r can read");
        }

        PcapReader reader = new(path, pcap);
        int type = linkType(pcap);
        if (type == Libpcap.DLT_EN10MB) return reader;
        reader.Dispose();
        throw XskException.FromCheck(
            XskErrorId.CaptureNotEthernet,
            $"'{path}' holds no Ethernet frames but packets of link type {LinkTypeName(type)}",
            "capture on an Ethernet interface, not on 'any', a tunnel or a monitor");
    }

    /// <summary>Reads the next frame.</summary>
    /// <param name="header">Time and lengths.</param>
    /// <param name="data">The captured bytes, valid until the next call.</param>
    /// <returns>False at the end of the file.</returns>
    /// <exception cref="XskException">The file is damaged from here on.</exception>
    internal bool Read(out PacketHeader header, out ReadOnlySpan<byte> data)
    {
        PacketHeader* first = null;
        byte* bytes = null;
        header = default;
        data = default;
        int result = next(handle, &first, &bytes);
        if (result == 1)
        {
            header = *first;
            data = new ReadOnlySpan<byte>(bytes, (int)header.Captured);
            return true;
        }

        if (result != -1) return false;
        var error = (delegate* unmanaged<nint, byte*>)Libpcap.Export("pcap_geterr");
        throw XskException.FromCheck(
            XskErrorId.CaptureDamaged,
            $"'{path}' is damaged: {Text(error(handle))}",
            "what was read before the damage stands; capture it again for the rest");
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        ((delegate* unmanaged<nint, void>)Libpcap.Export("pcap_close"))(handle);
        return true;
    }

    private static string LinkTypeName(int type)
    {
        var name = (delegate* unmanaged<int, byte*>)Libpcap.Export("pcap_datalink_val_to_name");
        byte* known = name(type);
        return known is null ? type.ToString(System.Globalization.CultureInfo.InvariantCulture) : Text(known);
    }

    private static string Text(byte* text) => (Marshal.PtrToStringUTF8((nint)text) ?? "").Trim();
}
