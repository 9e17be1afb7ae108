namespace XdpPS;

/// <summary>The options that a kernel was built with, where a file tells them.</summary>
internal sealed class KernelConfig
{
    private readonly Dictionary<string, string> values;

    private KernelConfig(string path, string text)
    {
        Path = path;
        // "CONFIG_X=y"; what is not set is a comment.
        values = text.Split('\n')
            .Where(line => line.StartsWith("CONFIG_", StringComparison.Ordinal) && line.Contains('='))
            .Select(line => line.Split('=', 2))
            .ToDictionary(parts => parts[0], parts => parts[1]);
    }

    internal string Path { get; }

    /// <param name="files">Where to look.</param>
    /// <param name="places">Where was looked, in words.</param>
    /// <returns>Null where none of the places has them, or this user may not read them.</returns>
    internal static KernelConfig? Find(SystemFiles files, out string places)
    {
        string release = files.Read("/proc/sys/kernel/osrelease") ?? Environment.OSVersion.Version.ToString();
        string[] paths = ["/proc/config.gz", $"/boot/config-{release}", $"/usr/lib/modules/{release}/config"];
        places = $"{string.Join(", ", paths[..^1])} or {paths[^1]}";
        foreach (string path in paths)
        {
            if (files.ReadCompressed(path) is { Length: > 0 } text) return new KernelConfig(path, text);
        }

        return null;
    }

    /// <returns>y or m, or null where it is not set.</returns>
    internal string? this[string option] => values.GetValueOrDefault(option);
}
