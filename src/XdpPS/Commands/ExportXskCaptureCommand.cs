using System.Diagnostics;
using System.Management.Automation;
using XdpPS.Completion;
using XdpPS.Errors;
using XdpPS.Frames;
using XdpPS.Session;

namespace XdpPS.Commands;

/// <summary>Export-XskCapture.</summary>
[Cmdlet(VerbsData.Export, "XskCapture", SupportsShouldProcess = true, DefaultParameterSetName = PacketSet)]
[OutputType(typeof(FileInfo))]
public sealed partial class ExportXskCaptureCommand : XskCommand
{
    private const string PacketSet = "Packet";
    private const string SocketSet = "Socket";
    private const double BytesPerMegabyte = 1 << 20;

    private static readonly TimeSpan FlushInterval = TimeSpan.FromSeconds(1);

    /// <summary>Between the pipeline and the timer that flushes.</summary>
    private readonly Lock gate = new();
    private XskCaptureWriter? writer;

    /// <summary>The file that is yet to be begun.</summary>
    private string? pending;
    private Timer? flusher;
    private XskException? flushFailure;

    [Parameter(Mandatory = true, Position = 0)]
    [Alias("LiteralPath", "LP")]
    [ValidateNotNullOrEmpty]
    public string Path { get; set; } = null!;

    [Parameter(Mandatory = true, Position = 1, ValueFromPipeline = true, ParameterSetName = PacketSet)]
    [Alias("Packet")]
    [AllowEmptyString]
    [AllowEmptyCollection]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public PSObject InputObject { get; set; } = null!;

    [Parameter(Mandatory = true, ParameterSetName = SocketSet)]
    [ValidateNotNull]
    [ArgumentCompleter(typeof(SocketCompleter))]
    public XskSocket[] Socket { get; set; } = [];

    [Parameter(ParameterSetName = SocketSet)]
    [ValidateRange(1, long.MaxValue)]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public long Count { get; set; } = long.MaxValue;

    [Parameter(ParameterSetName = SocketSet)]
    [ValidateRange(0.0, 31536000.0)]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public double TimeoutSeconds { get; set; }

    [Parameter(ParameterSetName = SocketSet)]
    [ValidateRange(0.001, 31536000.0)]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public double DurationSeconds { get; set; }

    [Parameter(ParameterSetName = SocketSet)]
    [ArgumentCompleter(typeof(CpuCompleter))]
    public int Cpu { get; set; }

    [Parameter]
    public XskCaptureFormat Format { get; set; }

    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public int SnapLength { get; set; } = int.MaxValue;

    [Parameter]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public string? Comment { get; set; }

    [Parameter]
    [ValidateRange(0.001, 1e9)]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public double RotateMegabytes { get; set; }

    [Parameter]
    [ValidateRange(0.001, 31536000.0)]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public double RotateSeconds { get; set; }

    [Parameter]
    [ValidateRange(1, 1000000)]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public int KeepFiles { get; set; }

    [Parameter]
    public SwitchParameter Append { get; set; }

    [Parameter]
    [Alias("NoOverwrite")]
    public SwitchParameter NoClobber { get; set; }

    [Parameter]
    public SwitchParameter Force { get; set; }

    [Parameter]
    public SwitchParameter PassThru { get; set; }

    private bool Rotates => Given(nameof(RotateMegabytes)) || Given(nameof(RotateSeconds));

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        CheckCombination();
        string path;
        try
        {
            path = FilePath(Path);
        }
        catch (SessionStateException)
        {
            ThrowTerminatingError(XskErrorRecord.Create(
                nameof(XskErrorId.CaptureNotWritable), ErrorCategory.OpenError,
                $"'{Path}' is no place for a file", "see Get-PSDrive for the drives there are", Path));
            return;
        }

        if (!ShouldProcess(path, Append ? "Append packets to the capture file" : "Write a capture file")) return;
        pending = path;
        // The packets may come from the very file that is to be replaced: it is there until one of them arrives, and then open.
        if (ParameterSetName == SocketSet || Append || NoClobber || Rotates || !File.Exists(path)) Begin();
    }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (ParameterSetName == SocketSet) return;
        if (pending is not null) Begin();
        if (writer is null) return;
        switch (InputObject.BaseObject)
        {
            case XskPacket packet:
                Write(packet);
                return;
            case XskPacket[] packets:
                foreach (XskPacket packet in packets) Write(packet);
                return;
        }

        FrameInput input = new FrameInput(allowTruncated: true).Read(InputObject);
        if (input.IsUnrolled) ThrowTerminatingError(XskErrorRecord.BytesUnrolled("Export-XskCapture", "-InputObject", InputObject));

        foreach (ErrorRecord error in input.Errors) WriteError(error);
        // A template may stand for more frames than a disk holds.
        foreach (XskPacket packet in input.Frames.SelectMany(frame => frame.ToPackets()).TakeWhile(_ => !Stopping)) Write(packet);
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        if (pending is not null) Begin();
        if (writer is null) return;
        if (ParameterSetName == SocketSet) Record();
        try
        {
            lock (gate)
            {
                if (flushFailure is not null) throw flushFailure;
                writer.Complete();
            }
        }
        catch (XskException e)
        {
            if (!Stopping) ThrowTerminatingError(e, Path);
            return;
        }

        string summary = $"{writer.Packets} packets, {writer.Bytes} bytes of them kept, written to {(writer.Files.Count == 1 ? writer.Files[0] : $"{writer.Files.Count} files")}";
        if (Stopping)
        {
            // A stopped command can write no object; what it did is said as tcpdump says it.
            if (ParameterSetName == SocketSet) Host.UI.WriteLine(summary);
            return;
        }

        WriteVerbose(summary);
        if (!PassThru) return;
        // As Get-Item gives them, with what the file system's provider adds.
        string[] files = [.. writer.Files.Where(File.Exists)];
        if (files.Length > 0) WriteObject(InvokeProvider.Item.Get(files, force: true, literalPath: true), enumerateCollection: true);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            flusher?.Dispose();
            lock (gate) writer?.Dispose();
            poller?.Dispose();
        }

        base.Dispose(disposing);
    }

    private void CheckCombination()
    {
        (string Cause, string Remedy)? wrong =
            Append && Rotates ? ("-Append continues one file, and a rotation begins new ones", "use one or the other")
            : Append && NoClobber ? ("-Append continues a file that -NoClobber would leave as it is", "use one or the other")
            : Given(nameof(KeepFiles)) && !Rotates ? ("-KeepFiles says how many files of a rotation are kept, and there is none", "add -RotateMegabytes or -RotateSeconds")
            : Comment is not null && Format == XskCaptureFormat.Pcap ? ("A pcap file has no place for a comment", "leave out -Comment, or write pcapng")
            : null;
        if (wrong is not { } mistake) return;
        ThrowTerminatingError(XskErrorRecord.Create("ParametersContradict", ErrorCategory.InvalidArgument, mistake.Cause, mistake.Remedy, null));
    }

    private void Begin()
    {
        string path = pending!;
        pending = null;
        try
        {
            writer = new XskCaptureWriter(Options(path));
        }
        catch (XskException e)
        {
            ThrowTerminatingError(e, path);
        }

        if (ParameterSetName == PacketSet) flusher = new Timer(_ => FlushInBackground(), null, FlushInterval, FlushInterval);
    }

    private XskCaptureOptions Options(string path) => new()
    {
        Path = path,
        Format = Format,
        Append = Append,
        NoClobber = NoClobber,
        Force = Force,
        SnapLength = SnapLength,
        Comment = Comment,
        RotateBytes = Given(nameof(RotateMegabytes)) ? (long)(RotateMegabytes * BytesPerMegabyte) : null,
        RotateInterval = Given(nameof(RotateSeconds)) ? TimeSpan.FromSeconds(RotateSeconds) : null,
        KeepFiles = Given(nameof(KeepFiles)) ? KeepFiles : null,
    };

    private void Write(XskPacket packet)
    {
        try
        {
            lock (gate)
            {
                if (flushFailure is not null) throw flushFailure;
                writer!.Write(packet);
            }
        }
        catch (XskException e)
        {
            ThrowTerminatingError(e, Path);
        }
    }

    /// <summary>A pipeline that has gone quiet must not hold back what came before.</summary>
    private void FlushInBackground()
    {
        lock (gate)
        {
            if (flushFailure is not null) return;
            try
            {
                writer!.Flush();
            }
            catch (XskException e)
            {
                flushFailure = e;
            }
            catch (ObjectDisposedException)
            {
                // It has ended meanwhile.
            }
        }
    }
}
