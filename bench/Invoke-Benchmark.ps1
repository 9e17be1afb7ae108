#Requires -Version 7.6

<#
.SYNOPSIS
    Measures XdpPS beside C and the usual tools, and writes docs/benchmarks.md.
.DESCRIPTION
    To be run on a cable of its own: 'build.ps1 -Task Bench' builds what is needed and calls this by tools/with-cable.sh,
    which makes the interfaces left and right in a network namespace and removes them however this ends.
.PARAMETER Row
    Names of rows, with wildcards. Without -OutputPath, the report is then only printed.
.PARAMETER Pairs
    How often ours and the other are measured in turn.
.PARAMETER List
    Names the rows, and measures nothing.
#>
[CmdletBinding()]
param(
    [string[]] $Row = '*',
    [ValidateRange(1, 100)] [int] $Pairs = 5,
    [ValidateRange(0.1, 60)] [double] $Seconds = 1.5,
    [ValidateRange(0.1, 60)] [double] $WarmUp = 0.5,
    [string] $OutputPath,
    [string] $Programs = "$PSScriptRoot/../output/bench",
    [string] $Module = "$PSScriptRoot/../output/XdpPS",
    [string] $Core = "$PSScriptRoot/XdpPS.Benchmarks/bin/Release/net10.0/XdpPS.Benchmarks.dll",
    [switch] $List
)

Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'

$peer = "$Programs/xsk_peer"
$live = "$Programs/live_frames"
$pwsh = (Test-Path -LiteralPath "$PSHOME/pwsh") ? "$PSHOME/pwsh" : 'pwsh'
$gro = $null

. "$PSScriptRoot/Programs.ps1"
. "$PSScriptRoot/Scenarios.ps1"
. "$PSScriptRoot/Queues.ps1"
. "$PSScriptRoot/Pacing.ps1"
. "$PSScriptRoot/Rows.ps1"
. "$PSScriptRoot/Limits.ps1"
. "$PSScriptRoot/Report.ps1"

# Frame and capture file for those that want one.
function Get-TrafgenCommand {
    param([string] $InterfaceName)
    $frame = '{ 0x02, 0, 0, 0, 0, 0x02, 0x02, 0, 0, 0, 0, 0x01, 0x88, 0xb5, fill(0x00, 46) }'
    @('timeout', '-s', 'INT', ($Seconds + $WarmUp), 'trafgen', '--dev', $InterfaceName, '--cpus', '1', '--no-cpu-stats', '--notouch-irq', $frame)
}

function Get-TcpreplayCommand {
    param([string] $InterfaceName)
    $path = "$Programs/frames.pcap"
    New-Capture $path
    @('timeout', '-s', 'INT', ($Seconds + $WarmUp), 'tcpreplay', '-i', $InterfaceName, '--topspeed', '--preload-pcap', '--loop', '100000000', $path)
}

# 1,000 frames in a classic pcap file.
function New-Capture {
    param([string] $Path)
    $file = [IO.BinaryWriter]::new([IO.File]::Create($Path))
    try {
        foreach ($word in 0xa1b2c3d4L, 0x00040002, 0, 0, 65535, 1) { $file.Write([uint]$word) }
        [byte[]]$frame = @(2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xb5) + [byte[]]::new(46)
        for ($i = 0; $i -lt 1000; $i++) {
            foreach ($word in 0, $i, $frame.Length, $frame.Length) { $file.Write([uint]$word) }
            $file.Write($frame)
        }
    }
    finally { $file.Dispose() }
}

# One side of a pair. Where others had more than 5 % of the CPU time it is measured again, twice at most; the least
# disturbed counts.
function Measure-Side {
    param([scriptblock] $Side)
    $script:runs++
    $best = $null
    foreach ($attempt in 1..3) {
        Wait-Quiet
        $before = Read-Load
        $result = & $Side
        $disturbance = Get-Disturbance $before (Read-Load)
        Write-Verbose "attempt $attempt`: $(($disturbance * 100).ToString('0.0')) % for others; $($result.Keys.ForEach{ "$_ $($result[$_])" } -join ', ')"
        if ($null -eq $best -or $disturbance -lt $best.Disturbance) { $best = @{ Result = $result; Disturbance = $disturbance } }
        if ($disturbance -le 0.05) { return $result }
        if ($attempt -lt 3) { $script:repeats++ }
    }

    $script:disturbed++
    $best.Result
}

# pwsh -File hands over a,b as one text.
$Row = $Row -split ','
$chosen = @($rows | Where-Object { $name = $_.Name; $Row.Where{ $name -like $_ } })
if ($List) { return $chosen | Select-Object -Property Name, What, Versus }
if (-not $chosen) { throw "No row is called $($Row -join ', '): $($rows.Name -join ', ')." }
foreach ($program in $peer, $live, $Core, $Module) {
    if (-not (Test-Path -LiteralPath $program)) { throw "$program is missing: run build.ps1 -Task Bench, which builds it." }
}
if (-not (Test-Path -LiteralPath '/proc/sys/net/ipv4/conf/right')) { throw 'There is no cable (left, right) here: run this by tools/with-cable.sh.' }

$runs = $repeats = $disturbed = 0
$measured = @{}
$outcomes = @(
    try {
        foreach ($one in $chosen) {
            Write-Host "$($one.Name): $($one.What)$($one.Versus ? ", against $($one.Versus)" : '')"
            $missing = @($one.Tool | Where-Object { $_ -and -not (Get-Command -Name $_ -CommandType Application -ErrorAction Ignore) })
            if ($missing) {
                Write-Host "  left out: $missing is not installed"
                continue
            }

            $taken = foreach ($i in 1..$Pairs) {
                Write-Progress -Activity $one.Name -Status "pair $i of $Pairs" -PercentComplete (100 * ($i - 1) / $Pairs)
                [pscustomobject]@{ Ours = Measure-Side $one.Ours; Theirs = $one.Theirs ? (Measure-Side $one.Theirs) : $null }
            }
            $measured[$one.Name] = @($taken)
            foreach ($outcome in Get-Outcome $one @($taken)) {
                $text = Format-Outcome $outcome
                Write-Host "  $($text.Metric): $($text.Ours)$($text.Theirs ? " to $($text.Theirs)" : '')  $($text.Compared) ($($text.Range))  $($text.Required) $($text.Reached)"
                $outcome
            }
        }
    }
    finally { Stop-AllPrograms }
)

$measured | ConvertTo-Json -Depth 5 | Set-Content -LiteralPath "$Programs/results.json"
Write-Host "$runs measurements, $repeats repetitions because of other work; $disturbed were disturbed for all that."
if ($OutputPath) {
    $selection = ($Row -join ' ' -eq '*' ? '' : " -Row '$($Row -join "','")'") + " -Pairs $Pairs -Seconds $(Format-Number $Seconds '0.##')"
    $report = @{
        Path = $OutputPath; Outcome = $outcomes; Measured = $measured; Command = "build.ps1 -Task Bench$selection"
        Pairs = $Pairs; Seconds = $Seconds; Disturbed = $disturbed; Runs = $runs
    }
    Write-Report @report
    Write-Host "Wrote $OutputPath"
}
