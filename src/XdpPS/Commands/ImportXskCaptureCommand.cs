using System.Management.Automation;
using XdpPS.Completion;

namespace XdpPS.Commands;

/// <summary>Import-XskCapture.</summary>
[Cmdlet(VerbsData.Import, "XskCapture", DefaultParameterSetName = PathSet)]
[OutputType(typeof(XskPacket), typeof(XskPacket[]))]
public sealed class ImportXskCaptureCommand : XskCommand
{
    private const string PathSet = "Path";
    private const string LiteralPathSet = "LiteralPath";

    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ParameterSetName = PathSet)]
    [ValidateNotNullOrEmpty]
    public string[] Path { get; set; } = [];

    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = LiteralPathSet)]
    [Alias("PSPath", "LP")]
    [ValidateNotNullOrEmpty]
    public string[] LiteralPath { get; set; } = [];

    [Parameter]
    [ValidateRange(1, 65536)]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public int ReadCount { get; set; } = 1;

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        bool wildcards = ParameterSetName == PathSet;
        foreach (string path in wildcards ? Path : LiteralPath)
        {
            foreach (string file in CaptureFiles(path, wildcards)) Read(file);
        }
    }

    private void Read(string file)
    {
        List<XskPacket> array = new(ReadCount == 1 ? 0 : ReadCount);
        try
        {
            using XskCaptureReader capture = XskCaptureReader.Open(file, StopToken);
            while (!Stopping && capture.Read() is { } packet)
            {
                if (ReadCount == 1)
                {
                    WriteObject(packet);
                    continue;
                }

                array.Add(packet);
                if (array.Count == ReadCount) Flush();
            }

            Flush();
        }
        catch (XskException e)
        {
            // The packets before the damage.
            Flush();
            WriteError(e, file);
        }
        catch (OperationCanceledException) when (Stopping)
        {
            // It waited for somebody to write to a pipe.
        }

        void Flush()
        {
            if (array.Count == 0 || Stopping) return;
            XskPacket[] full = [.. array];
            array.Clear();
            WriteObject(full, enumerateCollection: false);
        }
    }
}
