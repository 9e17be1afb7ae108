using System.Globalization;

namespace XdpPS.Tests;

/// <summary>The other process: it holds a queue until its standard input ends, or it is killed.</summary>
internal static class Holder
{
    internal const string WithoutProgram = "no-program";

    private static int Main(string[] arguments)
    {
        if (arguments is not [string interfaceName, string queue, ..])
        {
            Console.Error.WriteLine($"usage: <interface> <queue> [{WithoutProgram}]");
            return 2;
        }

        using XskSocket socket = XskSocket.Open(Sockets.Options(
            interfaceName,
            queue: int.Parse(queue, CultureInfo.InvariantCulture),
            attachProgram: !arguments.Contains(WithoutProgram)));
        Console.WriteLine(socket);
        Console.In.ReadToEnd();
        return 0;
    }

    /// <summary>Starts it in a namespace and waits until it holds its queue.</summary>
    internal static System.Diagnostics.Process Start(TestNetwork network, params string[] arguments)
    {
        string host = Environment.ProcessPath is { } path && Path.GetFileNameWithoutExtension(path) == "dotnet" ? path : "dotnet";
        System.Diagnostics.Process process = network.Start(host, [typeof(Holder).Assembly.Location, .. arguments]);
        string? line = process.StandardOutput.ReadLine();
        if (line is not null && line.Contains("queue", StringComparison.Ordinal)) return process;
        throw new InvalidOperationException($"The holder did not open its socket: {process.StandardError.ReadToEnd()}");
    }
}
