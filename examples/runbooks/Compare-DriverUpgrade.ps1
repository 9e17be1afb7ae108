#Requires -Version 7.6
#Requires -Modules XdpPS

<#
.SYNOPSIS
    Looks at an interface before and after a change (driver, firmware, kernel), and says what is different.
.DESCRIPTION
    With -Phase Before it saves what Get-XdpInterface says of the interface, the verdicts of Test-XdpInterface and, where a
    -Peer is given, measurements of the path between the two by Measure-XskPath. Then comes the upgrade, and a reboot if it must
    be. With -Phase After it does the same again, in the same way, and compares.

    The measurements of each frame size are repeated, and their medians compared: one run of a few seconds says little. They send as much as
    the path takes, so keep other traffic off it. What Test-XdpInterface calls Fail is compared, not judged: the
    script can be run on an interface that was bad before.

    Needs root.
.PARAMETER Phase
    Before or After the change.
.PARAMETER Path
    Folder for before.clixml, after.clixml and comparison.csv. It is made where it is missing.
.PARAMETER InterfaceName
    The interface. It is needed before, and remembered afterwards.
.PARAMETER NetworkNamespace
    Name of the network namespace that the interface and its peer are in.
.PARAMETER Peer
    The interface at the other end of the cable, for measurements. It is remembered, as the rest of what is measured is.
.PARAMETER FrameSize
    Frame sizes as RFC 2544 has them, with FCS.
.PARAMETER PacketsPerSecond
    Rate at which loss and latency are measured; throughput is measured at top speed.
.PARAMETER DurationSeconds
    How long each measurement takes.
.PARAMETER Repeat
    How many times each is made.
.PARAMETER ToleranceRatio
    By how much, relative to before, a rate or latency may be worse without being called Worse.
.PARAMETER LossTolerance
    By how much the share of frames that are lost, from 0 to 1, may rise without being called Worse.
.PARAMETER Force
    Overwrites what was saved before.
.OUTPUTS
    With -Phase Before, the file that was saved. With -Phase After, an object for each thing compared: Kind (Fact, Check,
    Measurement), Name, Before, After, Verdict (Same, Changed, Better, Worse; Gone or New for what is there on one side only).
.EXAMPLE
    ./Compare-DriverUpgrade.ps1 Before -Path ice-1.15 -InterfaceName eth1 -Peer eth2
.EXAMPLE
    ./Compare-DriverUpgrade.ps1 After -Path ice-1.15 | Where-Object Verdict -NE Same
#>
[CmdletBinding(SupportsShouldProcess)]
param(
    [Parameter(Mandatory, Position = 0)]
    [ValidateSet('Before', 'After')]
    [string] $Phase,

    [Parameter(Mandatory)]
    [ValidateNotNullOrEmpty()]
    [string] $Path,

    [string] $InterfaceName,

    [ValidatePattern('^[^/]+$', ErrorMessage = '{0} is not the name of a network namespace.')]
    [string] $NetworkNamespace,

    [string] $Peer,

    [ValidateRange(64, 9018)]
    [int[]] $FrameSize = @(64, 512, 1518),

    [ValidateRange(1, 1e9)]
    [double] $PacketsPerSecond = 1000,

    [ValidateRange(0.01, 3600)]
    [double] $DurationSeconds = 5,

    [ValidateRange(1, 100)]
    [int] $Repeat = 3,

    [ValidateRange(0, 10)]
    [double] $ToleranceRatio = 0.1,

    [ValidateRange(0, 1)]
    [double] $LossTolerance = 0.001,

    [switch] $Force
)

Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'
$beforePath = Join-Path $Path before.clixml
$before = $null
if ($Phase -eq 'After') {
    if (-not (Test-Path -LiteralPath $beforePath)) { throw "There is no $beforePath to compare with; run this with -Phase Before first, before the change." }
    $before = Import-Clixml -LiteralPath $beforePath
    $plan = $before.Plan
    foreach ($name in 'InterfaceName', 'NetworkNamespace', 'Peer', 'FrameSize', 'PacketsPerSecond', 'DurationSeconds', 'Repeat') {
        if ($PSBoundParameters.ContainsKey($name)) { throw "-$name is what it was before; leave it out." }
    }
}
else {
    if (-not $InterfaceName) { throw 'Nothing says which interface: give -InterfaceName.' }
    if (-not $Force -and (Test-Path -LiteralPath $beforePath)) { throw "$beforePath is there already; give another folder, or -Force." }
    $plan = [pscustomobject]@{
        InterfaceName = $InterfaceName; NetworkNamespace = $NetworkNamespace; Peer = $Peer; FrameSize = $FrameSize
        PacketsPerSecond = $PacketsPerSecond; DurationSeconds = $DurationSeconds; Repeat = $Repeat
    }
}

if (-not $PSCmdlet.ShouldProcess($plan.InterfaceName, $plan.Peer ? "Check, and measure to $($plan.Peer)" : 'Check')) { return }
# Asked once is enough.
$ConfirmPreference = 'None'

$place = @{}
if ($plan.NetworkNamespace) { $place.NetworkNamespace = $plan.NetworkNamespace }

# The middle one of some numbers; $null where there is none.
function Get-Median {
    param([object[]] $Number)
    $sorted = @($Number | Where-Object { $null -ne $_ } | Sort-Object)
    if ($sorted.Count) { $sorted[[math]::Floor(($sorted.Count - 1) / 2)] }
}

# What ethtool says of the driver: name, version, firmware.
function Get-DriverFact {
    $facts = [ordered]@{ Kernel = [Environment]::OSVersion.VersionString }
    if (Get-Command -Name ethtool -CommandType Application -ErrorAction Ignore) {
        $program, $arguments = @(if ($plan.NetworkNamespace) { 'ip', 'netns', 'exec', $plan.NetworkNamespace }) + 'ethtool', '-i', $plan.InterfaceName
        & $program @arguments 2>$null | Where-Object { $_ -match '^(driver|version|firmware-version): (.+)' } | ForEach-Object { $facts[$Matches[1]] = $Matches[2] }
    }
    return $facts
}

function Measure-Path {
    $near = $far = $null
    try {
        $near = New-XskSocket $plan.InterfaceName @place
        $far = New-XskSocket $plan.Peer @place
        foreach ($size in $plan.FrameSize) {
            $common = @{ Transmit = $far; Receive = $near; FrameSize = $size; DurationSeconds = $plan.DurationSeconds; DrainSeconds = [math]::Min(2, $plan.DurationSeconds); ProgressAction = 'SilentlyContinue' }
            $fast = @(foreach ($i in 1..$plan.Repeat) { Measure-XskPath @common })
            $steady = @(foreach ($i in 1..$plan.Repeat) { Measure-XskPath @common -PacketsPerSecond $plan.PacketsPerSecond })
            [pscustomobject]@{
                FrameSize = $size; Fast = $fast; Steady = $steady
                PacketsPerSecond = Get-Median $fast.ReceivedPacketsPerSecond
                LossRatio = Get-Median $steady.LossRatio
                LatencyP50 = Get-Median $steady.LatencyP50; LatencyP99 = Get-Median $steady.LatencyP99
            }
        }
    }
    finally {
        $near, $far | Where-Object { $_ } | Remove-XskSocket
    }
}

$now = [pscustomobject]@{
    Time         = Get-Date
    Plan         = $plan
    Driver       = Get-DriverFact
    Interface    = Get-XdpInterface $plan.InterfaceName @place
    Checks       = @(Test-XdpInterface $plan.InterfaceName @place)
    Measurements = @(if ($plan.Peer) { Measure-Path })
}
$null = New-Item -ItemType Directory -Path $Path -Force
$file = $Phase -eq 'After' ? (Join-Path $Path after.clixml) : $beforePath
$now | Export-Clixml -LiteralPath $file -Depth 5
if ($Phase -eq 'Before') { return Get-Item -LiteralPath $file }

function New-Row {
    param([string] $Kind, [string] $Name, $Before, $After, [string] $Verdict)
    [pscustomobject]@{ Kind = $Kind; Name = $Name; Before = $Before; After = $After; Verdict = $Verdict }
}

$rows = @(
    foreach ($name in @($before.Driver.Keys) + @($now.Driver.Keys) | Select-Object -Unique) {
        New-Row Fact $name $before.Driver[$name] $now.Driver[$name] ($before.Driver[$name] -eq $now.Driver[$name] ? 'Same' : 'Changed')
    }

    foreach ($name in 'State', 'Mtu', 'SpeedMbps', 'RxQueues', 'TxQueues', 'XdpFeatures', 'SupportsZeroCopy', 'XdpMode') {
        $old = $before.Interface.PSObject.Properties[$name]?.Value
        $new = $now.Interface.PSObject.Properties[$name]?.Value
        New-Row Fact $name $old $new ("$old" -eq "$new" ? 'Same' : 'Changed')
    }

    # Unknown is no better than a warning.
    $rank = @{ Pass = 0; Warn = 1; Unknown = 1; Fail = 2 }
    foreach ($name in @($before.Checks) + @($now.Checks) | ForEach-Object Name | Select-Object -Unique) {
        # Versions of the module, or what it could ask, may differ.
        $old, $new = $before, $now | ForEach-Object { , @($_.Checks | Where-Object Name -EQ $name | ForEach-Object { "$($_.Status)" }) }
        $verdict = if (-not $old) { 'New' } elseif (-not $new) { 'Gone' } elseif ($rank[$new[0]] -gt $rank[$old[0]]) { 'Worse' } elseif ($rank[$new[0]] -lt $rank[$old[0]]) { 'Better' }
        else { $new[0] -eq $old[0] ? 'Same' : 'Changed' }
        New-Row Check $name ($old | Select-Object -First 1) ($new | Select-Object -First 1) $verdict
    }

    foreach ($measurement in $now.Measurements) {
        $old = $before.Measurements | Where-Object FrameSize -EQ $measurement.FrameSize
        foreach ($name in 'PacketsPerSecond', 'LossRatio', 'LatencyP50', 'LatencyP99') {
            $verdict = if ($null -eq $old.$name -or $null -eq $measurement.$name) { $null -eq $old.$name -and $null -eq $measurement.$name ? 'Same' : 'Changed' }
            else {
                # A loss is compared with all that was sent, the others with what they were.
                $tolerance = $name -eq 'LossRatio' ? $LossTolerance : $ToleranceRatio
                $gain = $name -eq 'LossRatio' ? $old.$name - $measurement.$name : ($measurement.$name - $old.$name) / [math]::Max([math]::Abs($old.$name), 1e-9)
                if ($name -like 'Latency*') { $gain = -$gain }
                $gain -lt -$tolerance ? 'Worse' : $gain -gt $tolerance ? 'Better' : 'Same'
            }
            New-Row Measurement "$name at $($measurement.FrameSize) bytes" $old.$name $measurement.$name $verdict
        }
    }
)
$rows | Export-Csv -LiteralPath (Join-Path $Path comparison.csv)
$rows
