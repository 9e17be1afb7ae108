using System.Diagnostics;
using System.Globalization;
using Xunit.Abstractions;

namespace XdpPS.Tests;

/// <summary>tests/fuzz/Invoke-CmdletFuzz.ps1 where coverage is counted: another process uses a module of the assemblies into which the collector has put its counters.</summary>
public sealed class CmdletFuzzTests(ITestOutputHelper output)
{
    [CmdletFuzzFact]
    public void Cmdlets()
    {
        string module = Directory.GetDirectories(Path.Combine(AppContext.BaseDirectory, "module", "XdpPS")).Single();
        foreach (string assembly in new[] { "XdpPS.dll", "XdpPS.Core.dll" }) File.Copy(Path.Combine(AppContext.BaseDirectory, assembly), Path.Combine(module, assembly), overwrite: true);
        string[] arguments =
        [
            "-NoProfile", "-NonInteractive", "-File", CmdletFuzzFactAttribute.Script!, "-Seed", Environment.GetEnvironmentVariable("XDPPS_FUZZ_SEED") ?? "20261121",
            "-CpuMinutes", (int.Parse(Environment.GetEnvironmentVariable("XDPPS_FUZZ_SECONDS")!, CultureInfo.InvariantCulture) / 60.0).ToString(CultureInfo.InvariantCulture),
            "-ModulePath", Path.Combine(AppContext.BaseDirectory, "module"),
        ];
        using Process process = Command.Start("pwsh", arguments);
        process.StandardInput.Close();
        while (process.StandardOutput.ReadLine() is { } line) output.WriteLine($"fuzz cmdlets: {line}");
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, process.StandardError.ReadToEnd());
    }
}

/// <summary>A test for tests/fuzz/run.sh alone: the suite runs the script itself.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class CmdletFuzzFactAttribute : FactAttribute
{
    public CmdletFuzzFactAttribute() => Skip = Script is null ? "runs by 'tests/fuzz/run.sh cmdlets', which counts coverage" : null;

    internal static string? Script => Environment.GetEnvironmentVariable("XDPPS_FUZZ_SCRIPT");
}
