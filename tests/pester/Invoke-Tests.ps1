#Requires -Version 7.6

<#
.SYNOPSIS
    Runs the Pester suite against the built module.
.DESCRIPTION
    As root the script runs itself again under 'unshare --net', in a network namespace that has no name and vanishes
    with the process: no test can touch an interface of the machine, and nothing is left to clean up. Otherwise the
    tests with the tag Netns are reported as skipped, with the reason in their names.

    Run it in a fresh pwsh, since an assembly that is loaded once stays loaded:
    pwsh -NoProfile -File tests/pester/Invoke-Tests.ps1 -ResultPath output/TestResults/pester.xml

    The exit code is the number of failures: tests, and files that could not be run; 255 at the most.
.PARAMETER ModulePath
    Folder that has XdpPS/<version> in it; it becomes the first of PSModulePath.
.PARAMETER ResultPath
    File for the results as NUnit XML. Its folder is made where it is missing.
.PARAMETER SummaryPath
    File for the counts as JSON: passed, failed, skipped, notRun, netnsRun (tests of the tag Netns that were run, passed
    or failed), seconds, failures (names of tests and blocks, and what failed), failedFiles,
    skipReasons (reason and count).
.PARAMETER PesterPath
    Manifest of the Pester to use; without it, the newest that is installed, 5.7 or later.
.PARAMETER Path
    Test files, or wildcards for them, in this folder; all without it.
.PARAMETER Output
    What Pester prints: None, Normal, Detailed or Diagnostic.
.EXAMPLE
    pwsh -NoProfile -File tests/pester/Invoke-Tests.ps1 -Path Send*, New* -Output Detailed
#>
[CmdletBinding()]
param(
    [string] $ModulePath = (Join-Path $PSScriptRoot '../../output'),
    [string] $ResultPath,
    [string] $SummaryPath,
    [string] $PesterPath,
    [string[]] $Path = '*',
    [ValidateSet('None', 'Normal', 'Detailed', 'Diagnostic')]
    [string] $Output = 'Normal'
)

Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'

# Arguments of 'pwsh -File' are single strings.
$Path = @($Path -split ',' | ForEach-Object { $_.Trim() })
$namespaceLink = '/proc/self/ns/net'
$outer = $env:XDPPS_TEST_OUTER_NAMESPACE
$inside = $outer -and [IO.FileInfo]::new($namespaceLink).LinkTarget -ne $outer

if (-not $outer) {
    # What processes that are killed leave among the temporary files goes away with this folder.
    $usual = $env:TMPDIR
    # Nobody else can have made it before; the ordinary users of some tests may read in it.
    $env:TMPDIR = [IO.Directory]::CreateTempSubdirectory('xdpps-tests-').FullName
    [IO.File]::SetUnixFileMode($env:TMPDIR, 'UserRead, UserWrite, UserExecute, GroupRead, GroupExecute, OtherRead, OtherExecute')
    $env:XDPPS_TEST_OUTER_NAMESPACE = [IO.FileInfo]::new($namespaceLink).LinkTarget
    $arguments = @('-NoProfile', '-NonInteractive', '-File', $PSCommandPath)
    foreach ($name in $PSBoundParameters.Keys) { $arguments += "-$name", ($PSBoundParameters[$name] -join ',') }
    # The dotnet tool has no pwsh beside its assemblies, but one on PATH.
    $command = @((Test-Path -LiteralPath "$PSHOME/pwsh") ? "$PSHOME/pwsh" : 'pwsh')
    if ((id -u) -eq '0' -and (Get-Command -Name unshare -CommandType Application -ErrorAction Ignore)) {
        unshare --net true 2>$null
        if ($LASTEXITCODE -eq 0) { $command = @('unshare', '--net', '--') + $command }
    }

    try {
        $program, $rest = $command + $arguments
        & $program @rest
        exit $LASTEXITCODE
    }
    finally {
        Remove-Item -LiteralPath $env:TMPDIR -Recurse -Force
        $env:TMPDIR = $usual
        $env:XDPPS_TEST_OUTER_NAMESPACE = $null
    }
}

if ($inside) {
    # Without IPv6 the kernel sends nothing of its own accord on interfaces that have no address.
    Get-Item -Path '/proc/sys/net/ipv6/conf/*/disable_ipv6' | ForEach-Object { Set-Content -LiteralPath $_ -Value 1 }
    # loopback answers to the tests of generic mode.
    ip link set lo up
}

$env:XDPPS_TEST_MODULE_PATH = (Resolve-Path -LiteralPath $ModulePath).Path
$env:PSModulePath = $env:XDPPS_TEST_MODULE_PATH, $env:PSModulePath -join ':'
# Escape sequences in messages would hide the words that the tests look for.
$env:NO_COLOR = '1'
$PSStyle.OutputRendering = 'PlainText'

if ($PesterPath) { Import-Module -Name $PesterPath }
else { Import-Module -Name Pester -MinimumVersion 5.7.0 }

$configuration = New-PesterConfiguration
$configuration.Run.Path = @($Path | ForEach-Object { (Get-Item -Path (Join-Path $PSScriptRoot ($_ -replace '(\.Tests)?(\.ps1)?$', '.Tests.ps1'))).FullName })
$configuration.Run.PassThru = $true
$configuration.Output.Verbosity = $Output
if ($ResultPath) {
    $null = New-Item -ItemType Directory -Path (Split-Path -Path ([IO.Path]::GetFullPath($ResultPath, $PWD)) -Parent) -Force
    $configuration.TestResult.Enabled = $true
    $configuration.TestResult.OutputFormat = 'NUnitXml'
    $configuration.TestResult.OutputPath = [IO.Path]::GetFullPath($ResultPath, $PWD)
}

$result = Invoke-Pester -Configuration $configuration

function Test-InNetns {
    param($Test)
    for ($block = $Test.Block; $block; $block = $block.Parent) {
        if ($block.Tag -contains 'Netns') { return $true }
    }
    return $false
}

# A reason is given by Set-ItResult, or stands in the name of a block: '... [skipped: reason]'.
function Get-SkipReason {
    param($Test)
    if ($Test.ExpandedPath -match '\[skipped: (?<reason>[^\]]+)\]') { return $Matches.reason }
    $because = $Test.ErrorRecord | Select-Object -First 1
    return $because ? "$because" : 'no reason given'
}

if ($SummaryPath) {
    $ran = @($result.Tests | Where-Object Result -In 'Passed', 'Failed')
    [ordered]@{
        passed      = $result.PassedCount
        failed      = $result.FailedCount + $result.FailedContainersCount + $result.FailedBlocksCount
        skipped     = $result.SkippedCount
        notRun      = $result.NotRunCount
        netnsRun    = @($ran | Where-Object { Test-InNetns $_ }).Count
        seconds     = [math]::Round($result.Duration.TotalSeconds, 1)
        failures    = @(@($result.Failed) + @($result.FailedBlocks) | ForEach-Object { "$($_.ExpandedPath): $($_.ErrorRecord | Select-Object -First 1)" } | Sort-Object -Unique)
        failedFiles = @($result.FailedContainers | ForEach-Object { "$_" })
        skipReasons = @($result.Skipped | ForEach-Object { Get-SkipReason $_ } | Group-Object -NoElement | ForEach-Object {
                [ordered]@{ reason = $_.Name; count = $_.Count }
            })
    } | ConvertTo-Json -Depth 4 | Set-Content -LiteralPath ([IO.Path]::GetFullPath($SummaryPath, $PWD))
}

exit [math]::Min(255, $result.FailedCount + $result.FailedContainersCount + $result.FailedBlocksCount)
