namespace XdpPS;

/// <summary>What a check says.</summary>
internal sealed record CheckFinding(XdpCheckStatus Status, string Detail, string? Remedy)
{
    internal static CheckFinding Pass(string detail) => new(XdpCheckStatus.Pass, detail, null);

    internal static CheckFinding Warn(string detail, string remedy) => new(XdpCheckStatus.Warn, detail, remedy);

    internal static CheckFinding Fail(string detail, string remedy) => new(XdpCheckStatus.Fail, detail, remedy);

    internal static CheckFinding Unknown(string detail, string? remedy = null) => new(XdpCheckStatus.Unknown, detail, remedy);
}
