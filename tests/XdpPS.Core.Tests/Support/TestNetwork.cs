using System.Diagnostics;
using System.Globalization;
using System.Runtime.ExceptionServices;

namespace XdpPS.Tests;

/// <summary>
/// A network namespace with a veth pair, <see cref="Near"/> and <see cref="Far"/>, gone again when it is disposed. A
/// namespace belongs to a thread: what is to run in it runs on a thread of its own, by <see cref="Run"/>.
/// </summary>
internal sealed class TestNetwork : IDisposable
{
    internal const string Near = "xnear";
    internal const string Far = "xfar";

    private const string Prefix = "xdpps-test-";

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(90);
    private static int counter;

    static TestNetwork()
    {
        foreach (string line in Command.Run("ip", "netns", "list").Split('\n'))
        {
            string name = line.Split(' ')[0];
            if (!name.StartsWith(Prefix, StringComparison.Ordinal)) continue;
            string process = name[Prefix.Length..].Split('-')[0];
            if (!Directory.Exists($"/proc/{process}")) Command.Try("ip", null, "netns", "delete", name);
        }
    }

    /// <param name="queues">Queues of each end.</param>
    /// <param name="farQueues">Queues of the far end, where they differ.</param>
    /// <param name="up">Set both ends up.</param>
    internal TestNetwork(int queues = 1, int? farQueues = null, bool up = true)
    {
        Name = string.Create(CultureInfo.InvariantCulture, $"{Prefix}{Environment.ProcessId}-{Interlocked.Increment(ref counter)}");
        Command.Run("ip", "netns", "add", Name);
        try
        {
            // Without this the kernel's own neighbour discovery would arrive among what a test sent.
            Run(() =>
            {
                if (Directory.Exists("/proc/sys/net/ipv6")) File.WriteAllText("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
            });
            int far = farQueues ?? queues;
            string state = up ? "up" : "down";
            Batch(
                $"link add {Near} numtxqueues {queues} numrxqueues {queues} type veth peer name {Far} numtxqueues {far} numrxqueues {far}",
                $"link set {Near} {state}",
                $"link set {Far} {state}");
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    internal string Name { get; }

    internal string Ip(params string[] arguments) => Command.Run("ip", ["-n", Name, .. arguments]);

    internal void Batch(params string[] lines)
    {
        Command.Result result = Command.Try("ip", string.Join('\n', lines) + "\n", "-n", Name, "-batch", "-");
        if (result.ExitCode != 0) throw new InvalidOperationException($"ip -batch: {result.Error}");
    }

    /// <summary>Runs a tool inside the namespace.</summary>
    internal Command.Result Execute(string tool, params string[] arguments) =>
        Command.Try("ip", null, ["netns", "exec", Name, tool, .. arguments]);

    internal Process Start(string tool, params string[] arguments) =>
        Command.Start("ip", ["netns", "exec", Name, tool, .. arguments]);

    /// <summary>Runs the body inside the namespace, and throws here what it throws there.</summary>
    internal void Run(Action body) => Spawn(body).Join();

    /// <summary>Starts the body inside the namespace.</summary>
    internal Running Spawn(Action body) => new(() =>
    {
        Kernel.EnterNamespace(Name);
        body();
    });

    /// <summary>Whether ip(8) sees an XDP program on an interface of the namespace.</summary>
    internal bool HasProgram(string interfaceName = Near) =>
        // Not "xdp" alone: of a veth whose other end was moved, ip names that end's namespace, which begins with it.
        Ip("-d", "link", "show", "dev", interfaceName).Contains("prog/xdp", StringComparison.Ordinal);

    public void Dispose()
    {
        // A thread of the runtime may have been born in the namespace and keep it: the links go first.
        Command.Try("ip", null, "-n", Name, "link", "delete", Near);
        Command.Try("ip", null, "netns", "delete", Name);
    }

    /// <summary>A body on a thread of its own.</summary>
    internal sealed class Running
    {
        private readonly Thread thread;
        private ExceptionDispatchInfo? failure;

        internal Running(Action body)
        {
            thread = new Thread(() =>
            {
                try
                {
                    body();
                }
                catch (Exception e)
                {
                    failure = ExceptionDispatchInfo.Capture(e);
                }
            })
            { IsBackground = true };
            thread.Start();
        }

        internal void Join() => Join(Limit);

        internal void Join(TimeSpan limit)
        {
            if (!thread.Join(limit)) throw new TimeoutException($"The test body did not end within {limit}.");
            failure?.Throw();
        }
    }
}
