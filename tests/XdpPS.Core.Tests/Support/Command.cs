using System.Diagnostics;

namespace XdpPS.Tests;

/// <summary>Runs a program to its end, within a time.</summary>
internal static class Command
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    internal sealed record Result(int ExitCode, string Output, string Error);

    internal static string? Find(string tool) => (Environment.GetEnvironmentVariable("PATH") ?? "")
        .Split(':')
        .Concat(["/usr/local/sbin", "/usr/sbin", "/sbin"])
        .Select(directory => Path.Combine(directory, tool))
        .FirstOrDefault(File.Exists);

    /// <summary>Runs it and insists on exit code 0.</summary>
    internal static string Run(string tool, params string[] arguments)
    {
        Result result = Try(tool, null, arguments);
        return result.ExitCode == 0
            ? result.Output
            : throw new InvalidOperationException($"{tool} {string.Join(' ', arguments)}: exit {result.ExitCode}: {result.Error}");
    }

    internal static Result Try(string tool, string? input, params string[] arguments)
    {
        using Process process = Start(tool, arguments);
        if (input is not null) process.StandardInput.Write(input);
        process.StandardInput.Close();
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(Limit))
        {
            process.Kill();
            throw new TimeoutException($"{tool} {string.Join(' ', arguments)} did not end within {Limit}");
        }

        return new Result(process.ExitCode, output.GetAwaiter().GetResult(), error.GetAwaiter().GetResult());
    }

    internal static Process Start(string tool, params string[] arguments)
    {
        ProcessStartInfo start = new(Find(tool) ?? tool, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        return Process.Start(start) ?? throw new InvalidOperationException($"{tool} did not start");
    }
}
