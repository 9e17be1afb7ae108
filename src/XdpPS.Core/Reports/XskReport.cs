namespace XdpPS;

/// <summary>
/// A page about measurements and checks: self-contained, with its plots in it, and neither script nor anything that
/// would have to be loaded.
/// </summary>
public sealed class XskReport
{
    /// <summary>Heading of the page.</summary>
    public required string Title { get; init; }

    /// <summary>The host that the report is made on.</summary>
    public string Host { get; init; } = Environment.MachineName;

    /// <summary>Its kernel.</summary>
    public string Kernel { get; init; } = Environment.OSVersion.Version.ToString();

    /// <summary>When it is made.</summary>
    public DateTimeOffset Created { get; init; } = DateTimeOffset.Now;

    /// <summary>Checks of interfaces.</summary>
    public IList<ReportCheck> Checks { get; } = [];

    /// <summary>Interfaces: those with a speed give the paths that begin at them a line rate.</summary>
    public IList<ReportInterface> Interfaces { get; } = [];

    /// <summary>Throughputs, with their trials.</summary>
    public IList<ReportThroughput> Throughputs { get; } = [];

    /// <summary>Measurements that are no trials of a throughput.</summary>
    public IList<ReportMeasurement> Measurements { get; } = [];

    /// <summary>There is nothing to be reported.</summary>
    public bool IsEmpty => Checks.Count + Interfaces.Count + Throughputs.Count + Measurements.Count == 0;

    /// <summary>The worst verdict of the checks; Unknown is better than Warn. Null without checks.</summary>
    public XdpCheckStatus? Verdict
    {
        get
        {
            if (Checks.Count == 0) return null;
            XdpCheckStatus[] worstFirst = [XdpCheckStatus.Fail, XdpCheckStatus.Warn, XdpCheckStatus.Unknown];
            foreach (XdpCheckStatus status in worstFirst)
            {
                if (Checks.Any(check => check.Status == status)) return status;
            }

            return XdpCheckStatus.Pass;
        }
    }

    /// <summary>The page: HTML that is well-formed XML, in UTF-8.</summary>
    public byte[] ToHtml()
    {
        using HtmlWriter html = new();
        return new ReportWriter(this, html).Write();
    }

    /// <summary>Writes the page, with the permissions that the umask leaves; at the path there is the whole of it, or what was there before.</summary>
    /// <param name="path">The file, which is reached through no symbolic link.</param>
    /// <param name="keepExisting">A file that is there is an error.</param>
    /// <param name="overwriteReadOnly">A file that is read-only is replaced, too.</param>
    /// <exception cref="XskException">The file exists and must not be replaced, is no regular file, cannot be made, or the disk is full.</exception>
    public void Save(string path, bool keepExisting = false, bool overwriteReadOnly = false) =>
        ReportFile.Write(path, ToHtml(), keepExisting, overwriteReadOnly);
}
