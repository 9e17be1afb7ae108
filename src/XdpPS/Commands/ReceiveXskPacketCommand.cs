using System.Diagnostics;
using System.Management.Automation;
using System.Net;
using XdpPS.Completion;
using XdpPS.Filters;
using XdpPS.Session;

namespace XdpPS.Commands;

/// <summary>Receive-XskPacket.</summary>
[Cmdlet(VerbsCommunications.Receive, "XskPacket", DefaultParameterSetName = SocketSet)]
[OutputType(typeof(XskPacket), typeof(XskPacket[]), typeof(byte[]))]
public sealed partial class ReceiveXskPacketCommand : XskFilterCommand
{
    private const string SocketSet = "Socket";
    private const string InterfaceSet = "Interface";

    /// <summary>The most packets taken from one socket before the next has its turn.</summary>
    private const int Turn = 64;

    private static readonly TimeSpan ReportInterval = TimeSpan.FromMilliseconds(200);

    private readonly List<XskSocket> sockets = [];
    private readonly List<XskSocket> opened = [];
    private PacketFilter? filter;
    private XskPoller? poller;
    private XskPacketReader? reader;
    private long started;
    private long lastPacketAt;
    private long lastReportAt;
    private bool progressShown;
    private TimeSpan? timeout;
    private TimeSpan? duration;

    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ParameterSetName = SocketSet)]
    [AllowNull]
    [AllowEmptyCollection]
    [ArgumentCompleter(typeof(SocketCompleter))]
    public XskSocket?[]? Socket { get; set; }

    [Parameter(Mandatory = true, Position = 0, ParameterSetName = InterfaceSet)]
    [Alias("Interface", "ifAlias", "InterfaceAlias", "ifName", "Name")]
    [ArgumentCompleter(typeof(InterfaceNameCompleter))]
    [ValidateNotNullOrEmpty]
    public string[] InterfaceName { get; set; } = [];

    [Parameter(ParameterSetName = InterfaceSet)]
    [ArgumentCompleter(typeof(NetworkNamespaceCompleter))]
    public string? NetworkNamespace { get; set; }

    [Parameter]
    [ValidateRange(1, long.MaxValue)]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public long Count { get; set; } = long.MaxValue;

    [Parameter]
    [ValidateRange(0.0, 31536000.0)]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public double TimeoutSeconds { get; set; }

    [Parameter]
    [ValidateRange(0.001, 31536000.0)]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public double DurationSeconds { get; set; }

    [Parameter]
    [ValidateRange(1, 65536)]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public int ReadCount { get; set; } = 1;

    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public int SnapLength { get; set; } = int.MaxValue;

    [Parameter]
    [ArgumentCompleter(typeof(CpuCompleter))]
    public int Cpu { get; set; }

    // PowerShell reads the attributes of the property itself: those of the base would put these into both sets.
    [Parameter(ParameterSetName = InterfaceSet)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(FilterCompleter))]
    public override string? Filter { get; set; }

    [Parameter(ParameterSetName = InterfaceSet)]
    [EtherTypeValues]
    [ArgumentCompleter(typeof(FieldCompleter))]
    public override ushort[] EtherType { get; set; } = [];

    [Parameter(ParameterSetName = InterfaceSet)]
    [IPProtocolValues]
    [ArgumentCompleter(typeof(FieldCompleter))]
    public override byte[] IPProtocol { get; set; } = [];

    [Parameter(ParameterSetName = InterfaceSet)]
    [PortValues]
    [ArgumentCompleter(typeof(UsualValueCompleter))]
    public override PortRange[] Port { get; set; } = [];

    [Parameter(ParameterSetName = InterfaceSet)]
    [AddressValues]
    [ArgumentCompleter(typeof(AddressCompleter))]
    public override IPNetwork[] Address { get; set; } = [];

    [Parameter(ParameterSetName = InterfaceSet)]
    [VlanValues]
    [ArgumentCompleter(typeof(FieldCompleter))]
    public override ushort[]? Vlan { get; set; }

    [Parameter(ParameterSetName = InterfaceSet)]
    public override SwitchParameter NotMatch { get; set; }

    [Parameter(ParameterSetName = InterfaceSet)]
    public SwitchParameter KeepKernelTraffic { get; set; }

    [Parameter(ParameterSetName = InterfaceSet)]
    public SwitchParameter MultiBuffer { get; set; }

    [Parameter(ParameterSetName = InterfaceSet)]
    public SwitchParameter Force { get; set; }

    private long Received => AsPcapStream ? streamed : reader!.Received;

    private bool TimedOut => timeout is { } limit && Stopwatch.GetElapsedTime(lastPacketAt) >= limit;

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (XskSocket socket in (Socket ?? []).OfType<XskSocket>())
        {
            if (!sockets.Contains(socket)) sockets.Add(socket);
        }
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        if (Stopping) return;
        filter = MakeFilter();
        foreach (string name in InterfaceName.Distinct()) opened.AddRange(XskSocketOpener.Open(this, name, XskSocketOpener.AllQueues(queue => Options(name, queue))));
        sockets.AddRange(opened);
        if (sockets.Count == 0) return;

        timeout = Given(nameof(TimeoutSeconds)) ? TimeSpan.FromSeconds(TimeoutSeconds) : null;
        duration = Given(nameof(DurationSeconds)) ? TimeSpan.FromSeconds(DurationSeconds) : null;
        DropWatch drops = new(sockets);
        try
        {
            using ThreadAffinity? pinned = Given(nameof(Cpu)) ? ThreadAffinity.Pin(Cpu) : null;
            poller = new XskPoller(sockets);
            using CancellationTokenRegistration wake = StopToken.Register(poller.Wake);
            reader = new XskPacketReader(SnapLength);
            started = lastPacketAt = lastReportAt = Stopwatch.GetTimestamp();
            Warn(drops.LookNowAndThen());
            if (AsPcapStream) ReceiveAsStream(drops);
            else if (ReadCount == 1) ReceiveSingly(drops);
            else ReceiveInArrays(drops);
        }
        catch (XskException e) when (!Stopping)
        {
            ThrowTerminatingError(e, sockets.Count == 1 ? sockets[0] : sockets.ToArray());
        }
        catch (XskException)
        {
            return; // The stop closed something under us.
        }

        if (Stopping) return;
        Warn(drops.Look());
        if (progressShown) WriteProgress(new ProgressRecord(0, "Receiving packets", "Done") { RecordType = ProgressRecordType.Completed });
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            poller?.Dispose();
            foreach (XskSocket socket in opened) socket.Close();
        }

        base.Dispose(disposing);
    }

    /// <summary>Every queue, receive only: half the default frames do, since none are needed to send.</summary>
    private XskSocketOptions Options(string name, int queue) => new()
    {
        InterfaceName = name,
        NetworkNamespace = NetworkNamespace,
        QueueId = queue,
        TxRingSize = 0,
        FrameCount = XskSocketOptions.DefaultFrameCount / 2,
        Filter = filter,
        KeepKernelTraffic = KeepKernelTraffic,
        MultiBuffer = MultiBuffer,
        Force = Force,
    };

    private void ReceiveSingly(DropWatch drops)
    {
        while (Continue(reader!.Received))
        {
            bool any = false;
            foreach (XskSocket socket in sockets)
            {
                for (int i = 0; i < Turn && Continue(reader.Received); i++)
                {
                    // One at a time: were more taken from the ring than are written, a pipeline that ends here would lose them.
                    if (reader.ReadOne(socket) is not { } packet) break;
                    any = true;
                    WriteObject(packet);
                }
            }

            if (any) lastPacketAt = Stopwatch.GetTimestamp();
            else if (TimedOut) return;
            else WaitForPackets();
            Report(drops);
        }
    }

    private void ReceiveInArrays(DropWatch drops)
    {
        XskPacket[] array = new XskPacket[ReadCount];
        int filled = 0;
        long taken = 0;
        try
        {
            Fill();
        }
        catch (XskException) when (!Stopping)
        {
            // What has been taken from the ring is the user's, whatever comes next.
            Flush();
            throw;
        }

        if (!Stopping) Flush();

        void Fill()
        {
            while (Continue(taken))
            {
                bool any = false;
                foreach (XskSocket socket in sockets)
                {
                    int room = (int)Math.Min(ReadCount - filled, Count - taken);
                    int read = reader!.Read(socket, array.AsSpan(filled, Math.Min(room, Turn)));
                    filled += read;
                    taken += read;
                    any |= read > 0;
                    if (filled < ReadCount && taken < Count) continue;
                    Flush();
                    if (taken == Count) break;
                }

                if (any) lastPacketAt = Stopwatch.GetTimestamp();
                else if (TimedOut) break;
                // A line that has gone quiet must not hold packets back.
                else if (!WaitForPackets() && Stopwatch.GetElapsedTime(lastPacketAt).TotalSeconds >= 1) Flush();
                Report(drops);
            }
        }

        void Flush()
        {
            if (filled == 0) return;
            XskPacket[] full = filled == ReadCount ? array : array[..filled];
            array = new XskPacket[ReadCount];
            filled = 0;
            WriteObject(full, enumerateCollection: false);
        }
    }

    private bool Continue(long received)
    {
        if (Stopping || received >= Count) return false;
        return duration is not { } limit || Stopwatch.GetElapsedTime(started) < limit;
    }

    private bool WaitForPackets()
    {
        TimeSpan wait = TimeSpan.FromSeconds(1);
        if (duration is { } whole) wait = Least(wait, whole - Stopwatch.GetElapsedTime(started));
        if (timeout is { } quiet) wait = Least(wait, quiet - Stopwatch.GetElapsedTime(lastPacketAt));
        return poller!.Wait(wait);
    }

    private static TimeSpan Least(TimeSpan a, TimeSpan b) => a < b ? a : b < TimeSpan.Zero ? TimeSpan.Zero : b;

    private void Report(DropWatch drops)
    {
        long now = Stopwatch.GetTimestamp();
        if (Stopwatch.GetElapsedTime(lastReportAt, now) < ReportInterval) return;
        lastReportAt = now;
        Warn(drops.LookNowAndThen());
        // The program that reads a stream writes to the same terminal.
        if (AsPcapStream || (Count == long.MaxValue && duration is null)) return;

        TimeSpan elapsed = Stopwatch.GetElapsedTime(started, now);
        double share = Count != long.MaxValue ? (double)Received / Count : 0;
        if (duration is { } limit) share = Math.Max(share, elapsed / limit);
        string status = Count != long.MaxValue ? $"{Received} of {Count} packets" : $"{Received} packets in {elapsed.TotalSeconds:F0} s";
        ShowProgress(new ProgressRecord(0, "Receiving packets", status) { PercentComplete = (int)Math.Clamp(share * 100, 0, 100) });
        progressShown = true;
    }
}
