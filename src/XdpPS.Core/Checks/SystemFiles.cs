using System.IO.Compression;

namespace XdpPS;

/// <summary>The files of /proc, /sys and /boot, or a recording of them.</summary>
/// <param name="root">Where they are; "/" for the machine's own.</param>
internal sealed class SystemFiles(string root = "/")
{
    /// <summary>This machine's.</summary>
    internal static SystemFiles Host { get; } = new();

    /// <returns>The text without the line's end; null where the file is not there, or not for this user.</returns>
    internal string? Read(string path)
    {
        try
        {
            return File.ReadAllText(At(path)).TrimEnd('\n');
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>As <see cref="Read"/>, for a file that may be compressed.</summary>
    internal string? ReadCompressed(string path)
    {
        try
        {
            using Stream file = File.OpenRead(At(path));
            using Stream plain = path.EndsWith(".gz", StringComparison.Ordinal) ? new GZipStream(file, CompressionMode.Decompress) : file;
            using StreamReader reader = new(plain);
            return reader.ReadToEnd();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            return null;
        }
    }

    /// <returns>The names in a directory; none where it is not there.</returns>
    internal IReadOnlyList<string> List(string directory, bool directories = false)
    {
        try
        {
            DirectoryInfo found = new(At(directory));
            return [.. (directories ? found.EnumerateDirectories() : found.EnumerateFileSystemInfos()).Select(entry => entry.Name)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>A list of numbers as the kernel writes it: 0-3,7.</summary>
    internal static int[] ParseList(string? text)
    {
        List<int> numbers = [];
        foreach (string part in (text ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            string[] ends = part.Split('-');
            if (!int.TryParse(ends[0], out int first) || !int.TryParse(ends[^1], out int last)) return [];
            for (int number = first; number <= last; number++) numbers.Add(number);
        }

        return [.. numbers];
    }

    private string At(string path) => Path.Join(root, path);
}
