namespace XdpPS.Tests;

/// <summary>A test that needs root, ip(8) and the named tools; without them it is skipped with the reason.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class KernelFactAttribute : FactAttribute
{
    public KernelFactAttribute(params string[] tools) => Skip = Requirements.Missing(tools);
}

/// <summary><see cref="KernelFactAttribute"/> for a theory.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class KernelTheoryAttribute : TheoryAttribute
{
    public KernelTheoryAttribute(params string[] tools) => Skip = Requirements.Missing(tools);
}

/// <summary>A test that needs a kind of virtual interface besides veth and bridge.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class LinkTypeFactAttribute : FactAttribute
{
    public LinkTypeFactAttribute(string type) => Skip = Requirements.MissingLinkType(type);
}

/// <summary>A test against the kernel's own type information.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class BtfFactAttribute : FactAttribute
{
    public BtfFactAttribute() => Skip = Requirements.MissingBtf();
}

/// <summary><see cref="BtfFactAttribute"/> for a theory.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class BtfTheoryAttribute : TheoryAttribute
{
    public BtfTheoryAttribute() => Skip = Requirements.MissingBtf();
}

internal static class Requirements
{
    internal static string? Missing(params string[] tools)
    {
        if (!Environment.IsPrivilegedProcess) return "needs root, to make network namespaces and open AF_XDP sockets";
        string[] missing = [.. tools.Append("ip").Where(tool => Command.Find(tool) is null)];
        return missing.Length == 0 ? null : $"not installed: {string.Join(", ", missing)}";
    }

    internal static string? MissingLinkType(string type)
    {
        if (Missing() is { } reason) return reason;
        using TestNetwork network = new();
        Command.Result result = Command.Try("ip", null, "-n", network.Name, "link", "add", "link", TestNetwork.Near, "type", type);
        return result.Error.Contains("Unknown device type", StringComparison.Ordinal) ? $"this kernel has no {type} interfaces" : null;
    }

    internal static string? MissingBtf()
    {
        if (Missing("bpftool") is { } reason) return reason;
        return File.Exists(Btf.Source) ? null : $"this kernel has no type information ({Btf.Source})";
    }
}
