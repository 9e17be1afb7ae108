#Requires -Version 7.6
#Requires -Modules XdpPS

<#
.SYNOPSIS
    Watches an interface, and captures its packets for a minute when something is wrong.
.DESCRIPTION
    Looks once a second whether one of the given alerts is raised: more packets or drops per second than a threshold, as
    the interface's own counters say, a script block that returns true, or a program that ends with an exit code other
    than 0. Then it opens a socket on every receive queue, writes what arrives into a ring of pcapng files, and goes on watching.

    Until the alert the interface is left alone. From then on packets that are captured do not reach the host: that is
    right for a mirror port or a tap. On an interface that the host needs, give -Filter, and know that what it matches is
    missing there for that minute; -Force overrides what New-XskSocket refuses.

    Needs root. Attaching XDP makes some network cards drop the link for a moment, which the script waits for.
.PARAMETER InterfaceName
    The interface to watch and capture on.
.PARAMETER NetworkNamespace
    Name of the network namespace that it is in.
.PARAMETER Path
    Folder for the captures. It is made where it is missing.
.PARAMETER PacketsPerSecond
    Alert when more packets than this are received in a second.
.PARAMETER DropsPerSecond
    Alert when more packets than this are dropped, missed or damaged in a second. 0 means any.
.PARAMETER Condition
    Alert when this script block returns true. It has to end by itself: nothing else is looked at meanwhile.
.PARAMETER CheckCommand
    Alert when this program, given with its arguments, ends with an exit code other than 0.
.PARAMETER CheckTimeoutSeconds
    How long it may take. One that hangs is ended after that, which is an alert with the value 124, or 137 where it had to be
    killed, as timeout(1) has it.
.PARAMETER IntervalSeconds
    How long to wait between two looks; rates are those of this interval.
.PARAMETER DurationSeconds
    How long to capture.
.PARAMETER RotateMegabytes
    A new file is begun when this many megabytes are in one.
.PARAMETER KeepFiles
    How many files of each alert to keep; the oldest goes first.
.PARAMETER Filter
    A tcpdump expression; the capture has only what it matches.
.PARAMETER SnapLength
    How many bytes of each packet to keep.
.PARAMETER MaximumAlerts
    Ends after this many captures.
.PARAMETER WatchSeconds
    Ends after this time without an alert. 0 means never.
.PARAMETER Force
    Captures on an interface that the host lives on, too.
.OUTPUTS
    An object for each alert, when its capture is complete: Time, InterfaceName, NetworkNamespace, Reason (the
    parameter whose alert was raised), Value, Threshold, Packets, Lost, Files.
.EXAMPLE
    ./Invoke-AlertCapture.ps1 eth1 -PacketsPerSecond 50000 -Path /var/tmp/captures
.EXAMPLE
    ./Invoke-AlertCapture.ps1 eth1 -DropsPerSecond 0 -SnapLength 128 -MaximumAlerts 5
.EXAMPLE
    ./Invoke-AlertCapture.ps1 eth1 -CheckCommand ping, -c1, -W1, 192.0.2.80 -Filter 'icmp or arp'
#>
[CmdletBinding(SupportsShouldProcess)]
param(
    [Parameter(Mandatory, Position = 0)]
    [ValidateNotNullOrEmpty()]
    [string] $InterfaceName,

    [ValidatePattern('^[^/]+$', ErrorMessage = '{0} is not the name of a network namespace.')]
    [string] $NetworkNamespace,

    [ValidateNotNullOrEmpty()]
    [string] $Path = '.',

    [ValidateRange(0, 1e12)]
    [double] $PacketsPerSecond,

    [ValidateRange(0, 1e12)]
    [double] $DropsPerSecond,

    [ValidateNotNull()]
    [scriptblock] $Condition,

    [ValidateNotNullOrEmpty()]
    [string[]] $CheckCommand,

    [ValidateRange(0.05, 3600)]
    [double] $CheckTimeoutSeconds = 10,

    [ValidateRange(0.05, 3600)]
    [double] $IntervalSeconds = 1,

    [ValidateRange(0.1, 86400)]
    [double] $DurationSeconds = 60,

    [ValidateRange(0.01, 1e6)]
    [double] $RotateMegabytes = 100,

    [ValidateRange(1, 10000)]
    [int] $KeepFiles = 10,

    [string] $Filter,

    [ValidateRange(14, 65535)]
    [int] $SnapLength,

    [ValidateRange(1, 1000000)]
    [int] $MaximumAlerts = 1,

    [ValidateRange(0, 31536000)]
    [double] $WatchSeconds = 0,

    [switch] $Force
)

Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'
Import-Module "$PSScriptRoot/NextHop.psm1" -Verbose:$false

$alerts = @('PacketsPerSecond', 'DropsPerSecond', 'Condition', 'CheckCommand' | Where-Object { $PSBoundParameters.ContainsKey($_) })
if (-not $alerts) { throw 'Nothing says when to capture: give -PacketsPerSecond, -DropsPerSecond, -Condition or -CheckCommand.' }
$check = $CheckCommand ? @((Get-Command -Name $CheckCommand[0] -CommandType Application)[0].Source) + ($CheckCommand | Select-Object -Skip 1) : @()
if (-not $PSCmdlet.ShouldProcess($InterfaceName, "Capture for $DurationSeconds seconds into $Path on the alert of $($alerts -join ', ')")) { return }
# Asked once is enough.
$ConfirmPreference = 'None'

$null = New-Item -ItemType Directory -Path $Path -Force
$place = @{ InterfaceName = $InterfaceName }
if ($NetworkNamespace) { $place.NetworkNamespace = $NetworkNamespace }
$socketOptions = @{ AllQueues = $true; TxRingSize = 0; Force = $Force }
if ($Filter) { $socketOptions.Filter = $Filter }
$captureOptions = @{ RotateMegabytes = $RotateMegabytes; KeepFiles = $KeepFiles; DurationSeconds = $DurationSeconds }
if ($SnapLength) { $captureOptions.SnapLength = $SnapLength }

# What the interface has counted so far, and when that was.
function Get-Sample {
    $clock = [Diagnostics.Stopwatch]::GetTimestamp()
    $rx = @(Invoke-IpCommand $NetworkNamespace -Argument '-statistics', 'link', 'show', 'dev', $InterfaceName)[0].stats64.rx
    # Which of these a kernel and a driver have differs.
    $drops = 'dropped', 'missed', 'errors', 'over_errors' | ForEach-Object { $rx.PSObject.Properties[$_]?.Value } | Measure-Object -Sum
    [pscustomobject]@{ Clock = $clock; Packets = $rx.packets; Drops = $drops.Sum }
}

# Why there is an alert now; nothing where there is none.
function Get-Alert {
    param($Before, $Now)
    $seconds = [Diagnostics.Stopwatch]::GetElapsedTime($Before.Clock, $Now.Clock).TotalSeconds
    foreach ($name in $alerts) {
        $value = $threshold = $null
        $raised = switch ($name) {
            'PacketsPerSecond' { $value = ($Now.Packets - $Before.Packets) / $seconds; $threshold = $PacketsPerSecond; $value -gt $threshold }
            'DropsPerSecond' { $value = ($Now.Drops - $Before.Drops) / $seconds; $threshold = $DropsPerSecond; $value -gt $threshold }
            'Condition' { $value = & $Condition; [bool]$value }
            'CheckCommand' {
                # Nobody is there to answer it.
                $null = $null | timeout -k 1 $CheckTimeoutSeconds.ToString([cultureinfo]::InvariantCulture) @check 2>&1
                $value = $LASTEXITCODE
                $threshold = 0
                $value -ne 0
            }
        }
        if ($raised) { return [pscustomobject]@{ Reason = $name; Value = $value; Threshold = $threshold } }
    }
}

$count = 0
$quiet = [Diagnostics.Stopwatch]::StartNew()
$before = Get-Sample
while ($count -lt $MaximumAlerts -and ($WatchSeconds -eq 0 -or $quiet.Elapsed.TotalSeconds -lt $WatchSeconds)) {
    Start-Sleep -Duration ([timespan]::FromSeconds($IntervalSeconds))
    $now = Get-Sample
    $alert = Get-Alert $before $now
    $before = $now
    if (-not $alert) { continue }

    $count++
    $time = Get-Date
    Write-Verbose "$($alert.Reason) is $($alert.Value): capturing for $DurationSeconds seconds"
    $file = Join-Path $Path ('alert_{0}_{1:yyyyMMddHHmmssfff}.pcapng' -f $InterfaceName, $time)
    $sockets = @(New-XskSocket @place @socketOptions)
    try {
        $files = @(Export-XskCapture $file -Socket $sockets @captureOptions -Comment "$($alert.Reason) was $($alert.Value)" -PassThru -ProgressAction SilentlyContinue)
        $stats = @($sockets | Get-XskRingStats)
    }
    finally {
        $sockets | Remove-XskSocket
    }

    [pscustomobject]@{
        Time             = $time
        InterfaceName    = $InterfaceName
        NetworkNamespace = $NetworkNamespace
        Reason           = $alert.Reason
        Value            = $alert.Value
        Threshold        = $alert.Threshold
        Packets          = ($stats | Measure-Object -Property RxPackets -Sum).Sum
        Lost             = ($stats | ForEach-Object { $_.RxDropped + $_.RxRingFull } | Measure-Object -Sum).Sum
        Files            = $files
    }
    $quiet.Restart()
    $before = Get-Sample
}
