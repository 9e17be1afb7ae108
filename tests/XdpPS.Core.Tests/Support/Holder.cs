using System.Globalization;

namespace XdpPS.Tests;

/// <summary>The other process: it holds a queue until its standard input ends, or it is killed.</summary>
internal static class Holder
{
    internal const string WithoutProgram = "no-program";
    internal const string KeepingKernelTraffic = "keep";

    private const string FilterArgument = "filter=";
    private const string NamespaceArgument = "namespace=";

    private static int Main(string[] arguments)
    {
        if (arguments is not [string interfaceName, string queue, ..])
        {
            Console.Error.WriteLine($"usage: <interface> <queue> [{WithoutProgram}] [{KeepingKernelTraffic}] [{FilterArgument}<expression>] [{NamespaceArgument}<name>]");
            return 2;
        }

        string? filter = Value(FilterArgument);
        using XskSocket socket = XskSocket.Open(Sockets.Options(
            interfaceName,
            queue: int.Parse(queue, CultureInfo.InvariantCulture),
            attachProgram: !arguments.Contains(WithoutProgram),
            networkNamespace: Value(NamespaceArgument)) with
        {
            KeepKernelTraffic = arguments.Contains(KeepingKernelTraffic),
            Filter = filter is null ? null : PacketFilter.Compile(filter),
        });
        Console.WriteLine(socket);
        Console.In.ReadToEnd();
        return 0;

        string? Value(string name) => Array.Find(arguments, argument => argument.StartsWith(name, StringComparison.Ordinal))?[name.Length..];
    }

    /// <summary>An argument that has it open an expression's packets only.</summary>
    internal static string Filter(string expression) => FilterArgument + expression;

    /// <summary>Starts it in a namespace and waits until it holds its queue.</summary>
    internal static System.Diagnostics.Process Start(TestNetwork network, params string[] arguments) => Started(network.Start(Host, [Program, .. arguments]));

    /// <summary>The same, but it stays outside of the namespace, and its socket alone is in there.</summary>
    internal static System.Diagnostics.Process StartOutside(TestNetwork network, params string[] arguments) =>
        Started(Command.Start(Host, [Program, .. arguments, NamespaceArgument + network.Name]));

    private static string Program => typeof(Holder).Assembly.Location;

    private static string Host => Environment.ProcessPath is { } path && Path.GetFileNameWithoutExtension(path) == "dotnet" ? path : "dotnet";

    private static System.Diagnostics.Process Started(System.Diagnostics.Process process)
    {
        string? line = process.StandardOutput.ReadLine();
        if (line is not null && line.Contains("queue", StringComparison.Ordinal)) return process;
        throw new InvalidOperationException($"The holder did not open its socket: {process.StandardError.ReadToEnd()}");
    }
}
