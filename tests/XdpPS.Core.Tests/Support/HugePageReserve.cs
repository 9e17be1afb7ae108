using System.Globalization;

namespace XdpPS.Tests;

/// <summary>More huge pages of 2 MiB than were reserved before, until it is disposed.</summary>
internal sealed class HugePageReserve : IDisposable
{
    private const string Folder = "/sys/kernel/mm/hugepages/hugepages-2048kB/";

    private readonly long before = Total;

    internal HugePageReserve(int pages) => Total = before + pages;

    internal static long Total
    {
        get => Read("nr_hugepages");
        private set => File.WriteAllText(Folder + "nr_hugepages", value.ToString(CultureInfo.InvariantCulture));
    }

    internal static long Free => Read("free_hugepages") - Read("resv_hugepages");

    public void Dispose() => Total = before;

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

    private static long Read(string name) => long.Parse(File.ReadAllText(Folder + name), CultureInfo.InvariantCulture);
}

/// <summary>A test that reserves huge pages.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class HugePageFactAttribute : FactAttribute
{
    public HugePageFactAttribute() => Skip = HugePageReserve.Missing();
}
