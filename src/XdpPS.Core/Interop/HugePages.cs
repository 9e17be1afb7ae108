using System.Globalization;

namespace XdpPS.Interop;

/// <summary>The kernel's reserve of 2-MiB pages (Documentation/admin-guide/mm/hugetlbpage.rst).</summary>
internal static class HugePages
{
    internal const int Size = 1 << 21;

    private const string Folder = "/sys/kernel/mm/hugepages/hugepages-2048kB";

    internal static XskException Missing(int errno, string call, long needed)
    {
        if (!Directory.Exists(Folder))
        {
            return XskException.FromCall(
                XskErrorId.NotSupported, errno, call, "This kernel has no pages of 2 MiB (CONFIG_HUGETLBFS)", "leave out -HugePage");
        }

        long reserved = Read("nr_hugepages");
        long free = Math.Max(0, Read("free_hugepages") - Read("resv_hugepages"));
        return XskException.FromCall(
            XskErrorId.HugePagesMissing, errno, call,
            $"The UMEM needs {needed} huge pages of 2 MiB, and {free} of {reserved} reserved ones are free",
            $"run 'sysctl vm.nr_hugepages={reserved + Math.Max(needed - free, 1)}', or leave out -HugePage");
    }

    private static long Read(string name)
    {
        try
        {
            return long.Parse(File.ReadAllText(Path.Combine(Folder, name)), CultureInfo.InvariantCulture);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
            return 0;
        }
    }
}
