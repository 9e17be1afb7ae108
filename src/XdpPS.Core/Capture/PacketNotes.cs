namespace XdpPS;

/// <summary>What a pcapng file says of a packet beside its bytes and times, and what nothing here but another such file has a use for.</summary>
/// <param name="Comments">UTF-8 (opt_comment).</param>
/// <param name="Flags">Direction, kind of reception and errors (epb_flags); null where the file does not tell.</param>
internal sealed record PacketNotes(IReadOnlyList<byte[]> Comments, uint? Flags)
{
    /// <summary>A block must stay readable (<see cref="PcapngFileReader.LongestBlock"/>): comments beyond this are not kept.</summary>
    internal const int MostComments = 100;
}
