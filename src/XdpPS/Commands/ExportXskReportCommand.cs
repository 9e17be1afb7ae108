using System.Management.Automation;
using XdpPS.Completion;
using XdpPS.Errors;
using XdpPS.Reports;

namespace XdpPS.Commands;

/// <summary>Export-XskReport.</summary>
[Cmdlet(VerbsData.Export, "XskReport", SupportsShouldProcess = true)]
[OutputType(typeof(FileInfo))]
public sealed class ExportXskReportCommand : XskCommand
{
    private readonly ReportInput input = new();

    [Parameter(Mandatory = true, Position = 0)]
    [Alias("LiteralPath", "LP")]
    [ValidateNotNullOrEmpty]
    public string Path { get; set; } = null!;

    [Parameter(Mandatory = true, Position = 1, ValueFromPipeline = true)]
    [AllowNull]
    [AllowEmptyCollection]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public PSObject?[]? InputObject { get; set; }

    [Parameter]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(NothingCompleter))]
    public string Title { get; set; } = "AF_XDP acceptance report";

    [Parameter]
    [Alias("NoOverwrite")]
    public SwitchParameter NoClobber { get; set; }

    [Parameter]
    public SwitchParameter Force { get; set; }

    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (PSObject one in (InputObject ?? []).OfType<PSObject>())
        {
            if (input.TryAdd(one, out string? trouble)) continue;
            WriteError(XskErrorRecord.Create(
                "ReportInputInvalid", ErrorCategory.InvalidData, trouble,
                "give what Measure-XskPath, Test-XdpInterface and Get-XdpInterface return, also through Clixml, a job or remoting", one));
        }
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        if (Stopping) return;
        string path = ReportPath();
        XskReport report = input.ToReport(Title);
        if (report.IsEmpty)
        {
            ThrowTerminatingError(XskErrorRecord.Create(
                "ReportEmpty", ErrorCategory.InvalidData, "There is nothing to report: no measurement and no check came",
                "see the errors of the commands before", Path));
        }

        if (!ShouldProcess(path, "Write a report")) return;
        try
        {
            report.Save(path, NoClobber, Force);
        }
        catch (XskException e)
        {
            ThrowTerminatingError(e, path);
        }

        WriteVerbose($"{report.Checks.Count} checks and {report.Throughputs.Count + report.Measurements.Count} measurements written to {path}");
        if (PassThru) WriteObject(InvokeProvider.Item.Get([path], force: true, literalPath: true), enumerateCollection: true);
    }

    private string ReportPath()
    {
        try
        {
            return FilePath(Path);
        }
        catch (SessionStateException)
        {
            ThrowTerminatingError(XskErrorRecord.Create(
                nameof(XskErrorId.ReportNotWritable), ErrorCategory.OpenError,
                $"'{Path}' is no place for a file", "see Get-PSDrive for the drives there are", Path));
            throw;
        }
    }
}
