using System.Globalization;

namespace XdpPS.Interop;

/// <summary>The kernel's reserve of 2-MiB pages (Documentation/admin-guide/mm/hugetlbpage.rst).</summary>
internal static class HugePages
{
    internal const int Size = 1 << 21;

    private const string Folder = "/sys/kernel/mm/hugepages/hugepages-2048kB";

    /// <summary>
    /// Pages that nobody has reserved or mapped, with those that a closed socket still pins: by as many resv_hugepages is
    /// too low, and may be below 0, until the kernel's worker lets go of them (__unmap_hugepage_range, free_huge_folio).
    /// </summary>
    /// <remarks>What is freed between the two readings counts twice, and not less than it should.</remarks>
    internal static long Available => -Read("resv_hugepages") + Read("free_hugepages");

    internal static XskException Missing(int errno, string call, long needed)
    {
        if (!Directory.Exists(Folder))
        {
            return XskException.FromCall(
                XskErrorId.NotSupported, errno, call, "This kernel has no pages of 2 MiB (CONFIG_HUGETLBFS)", "leave out -HugePage");
        }

        long reserved = Read("nr_hugepages");
        long free = Math.Max(0, Available);
        return XskException.FromCall(
            XskErrorId.HugePagesMissing, errno, call,
            $"The UMEM needs {needed} huge pages of 2 MiB, and {free} of {reserved} reserved ones are free",
            $"run 'sysctl vm.nr_hugepages={reserved + Math.Max(needed - free, 1)}', or leave out -HugePage");
    }

    private static long Read(string name)
    {
        try
        {
            // The kernel counts in unsigned long.
            return unchecked((long)ulong.Parse(File.ReadAllText(Path.Combine(Folder, name)), CultureInfo.InvariantCulture));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException or OverflowException)
        {
            return 0;
        }
    }
}
