using System.Management.Automation;
using XdpPS.Completion;
using XdpPS.Session;

namespace XdpPS.Commands;

/// <summary>Get-XskRingStats.</summary>
[Cmdlet(VerbsCommon.Get, "XskRingStats", DefaultParameterSetName = OnceSet)]
[OutputType(typeof(XskRingStats))]
public sealed class GetXskRingStatsCommand : XskCommand
{
    private const string OnceSet = "Once";
    private const string ContinuousSet = "Continuous";

    private readonly List<XskSocket> sockets = [];

    [Parameter(Position = 0, ValueFromPipeline = true)]
    [AllowNull]
    [AllowEmptyCollection]
    [ArgumentCompleter(typeof(SocketCompleter))]
    public XskSocket?[]? Socket { get; set; }

    [Parameter(ParameterSetName = ContinuousSet)]
    public SwitchParameter Continuous { get; set; }

    [Parameter(ParameterSetName = ContinuousSet)]
    [ValidateRange(0.01, 86400)]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public double IntervalSeconds { get; set; } = 1;

    [Parameter(ParameterSetName = ContinuousSet)]
    [ValidateRange(1, int.MaxValue)]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public int Count { get; set; } = int.MaxValue;

    /// <summary>A count or an interval says as much as the switch.</summary>
    private bool Repeats => ParameterSetName == ContinuousSet;

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        bool named = MyInvocation.BoundParameters.ContainsKey(nameof(Socket)) || MyInvocation.ExpectingInput;
        IEnumerable<XskSocket> given = named ? (Socket ?? []).OfType<XskSocket>() : SocketRegistry.OfThisRunspace();
        foreach (XskSocket socket in given)
        {
            if (Repeats) sockets.Add(socket);
            else Write(socket, null);
        }
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        if (!Repeats || sockets.Count == 0) return;
        Dictionary<XskSocket, XskRingStats> earlier = [];
        foreach (XskSocket socket in sockets.ToArray())
        {
            if (Read(socket, null) is { } first) earlier[socket] = first;
        }

        for (int i = 0; i < Count && earlier.Count > 0; i++)
        {
            if (StopToken.WaitHandle.WaitOne(TimeSpan.FromSeconds(IntervalSeconds)) || Stopping) return;
            foreach (XskSocket socket in earlier.Keys.ToArray())
            {
                if (Write(socket, earlier[socket]) is { } now) earlier[socket] = now;
                else earlier.Remove(socket);
            }
        }
    }

    private XskRingStats? Write(XskSocket socket, XskRingStats? since)
    {
        XskRingStats? stats = Read(socket, since);
        if (stats is not null) WriteObject(stats);
        return stats;
    }

    private XskRingStats? Read(XskSocket socket, XskRingStats? since)
    {
        try
        {
            return socket.GetStatistics(since);
        }
        catch (XskException e)
        {
            WriteError(e, socket);
            return null;
        }
    }
}
