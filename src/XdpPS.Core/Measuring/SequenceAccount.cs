namespace XdpPS;

/// <summary>Which of the frames that were numbered from 0 on have arrived, and in what order. It grows by 128 KiB for each million numbers, and not otherwise.</summary>
internal sealed class SequenceAccount
{
    private const int PageBits = 20;
    private const uint PageMask = (1 << PageBits) - 1;

    private readonly ulong[]?[] pages = new ulong[1 << (32 - PageBits)][];
    private long next;

    internal SequenceAccount() => pages[0] = new ulong[1 << (PageBits - 6)];

    /// <summary>Different numbers that have arrived.</summary>
    internal long Received { get; private set; }

    /// <summary>Arrivals of a number that had arrived.</summary>
    internal long Duplicates { get; private set; }

    /// <summary>First arrivals of a number after a higher one: smaller than the next expected (RFC 4737, section 3.3).</summary>
    internal long Reordered { get; private set; }

    /// <returns>Whether the number had not arrived before.</returns>
    internal bool Add(uint sequence)
    {
        ulong[] page = pages[sequence >> PageBits] ??= new ulong[1 << (PageBits - 6)];
        ref ulong word = ref page[(sequence & PageMask) >> 6];
        ulong bit = 1UL << (int)(sequence & 63);
        if ((word & bit) != 0)
        {
            Duplicates++;
            return false;
        }

        word |= bit;
        Received++;
        if (sequence < next) Reordered++;
        else next = sequence + 1L;
        return true;
    }
}
