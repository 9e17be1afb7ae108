using System.Globalization;

namespace XdpPS.Tests;

/// <summary>
/// More huge pages of 2 MiB than were reserved before, until it is disposed. They are the machine's, so who counts on
/// them holds a lock, here and in the Pester suite, which may run at the same time.
/// </summary>
internal sealed class HugePageReserve : IDisposable
{
    private const string Folder = "/sys/kernel/mm/hugepages/hugepages-2048kB/";

    private readonly FileStream turn = Lock();
    private readonly long before;

    internal HugePageReserve(int pages)
    {
        // A socket that was closed just now may have pages still.
        for (int i = 0; i < 400 && Counts.Reserved < 0; i++) Thread.Sleep(5);
        before = Total;
        try
        {
            if (pages > 0) Total = before + pages;
        }
        catch
        {
            turn.Dispose();
            throw;
        }
    }

    internal static long Total
    {
        get => Read("nr_hugepages");
        private set => File.WriteAllText(Folder + "nr_hugepages", value.ToString(CultureInfo.InvariantCulture));
    }

    internal static long Free => Read("free_hugepages") - Read("resv_hugepages");

    internal static (long Free, long Reserved) Counts => (Read("free_hugepages"), Read("resv_hugepages"));

    /// <summary>
    /// The pages are as free as before. The kernel unpins those of a closed socket in a worker: until then they are
    /// not free, and resv_hugepages, an unsigned long, is too low by as many (__unmap_hugepage_range, free_huge_folio).
    /// </summary>
    internal static void AssertBack((long Free, long Reserved) before)
    {
        for (int i = 0; i < 400 && Counts != before; i++) Thread.Sleep(5);
        Assert.Equal(before, Counts);
    }

    public void Dispose()
    {
        if (Total != before) Total = before;
        turn.Dispose();
    }

    /// <summary>Why no such pages can be had here, or null.</summary>
    internal static string? Missing()
    {
        if (Requirements.Missing() is { } reason) return reason;
        if (!Directory.Exists(Folder)) return "this kernel has no huge pages of 2 MiB";
        try
        {
            long before = Total;
            using HugePageReserve reserve = new(2);
            return Total >= before + 2 ? null : "the kernel has no memory to reserve as huge pages";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"huge pages cannot be reserved here: {e.Message}";
        }
    }

    private static FileStream Lock()
    {
        for (int i = 0; ; i++)
        {
            try
            {
                return new FileStream("/run/xdpps-tests-huge-pages.lock", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (i < 6000)
            {
                Thread.Sleep(10);
            }
        }
    }

    private static long Read(string name) => unchecked((long)ulong.Parse(File.ReadAllText(Folder + name), CultureInfo.InvariantCulture));
}

/// <summary>A test that reserves huge pages.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class HugePageFactAttribute : FactAttribute
{
    public HugePageFactAttribute() => Skip = HugePageReserve.Missing();
}
