#Requires -Version 7.6

<#
.SYNOPSIS
    Kills processes that use the module at random moments, and looks for what they leave behind.
.DESCRIPTION
    Each round starts a pwsh that opens and closes sockets, receives, sends, forwards, records, or does two of these in
    two sessions at once, under traffic, and ends it by SIGINT, SIGTERM or SIGKILL after a random time, at any moment
    from its start on. Then there must be no program on the interfaces, neither the program that was there nor its maps
    in the kernel, and every queue must be free: each is opened once more.

    It needs root, and runs itself again under 'unshare --net' where it is not in a network namespace of its own.
    It ends with an error at the first thing that is left, naming the round: -Seed and -Skip repeat it.
.PARAMETER Rounds
    How many.
.PARAMETER Seed
    What the random choices begin with.
.PARAMETER Skip
    Rounds that are only drawn, not run.
.PARAMETER ModulePath
    Folder that has XdpPS/<version> in it.
.OUTPUTS
    One object: rounds, how many ended while a program was attached, how many times SIGINT had to be sent again to a process
    at its start and to one at work, and counts by signal and by what was going on.
.EXAMPLE
    pwsh -NoProfile -File tests/faults/Invoke-SignalRounds.ps1 -Rounds 200
#>
[CmdletBinding()]
param(
    [ValidateRange(1, 1000000)] [int] $Rounds = 6,
    [int] $Seed = 1,
    [int] $Skip = 0,
    [string] $ModulePath = (Join-Path $PSScriptRoot '../../output')
)

Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'

if (-not $env:XDPPS_TEST_OUTER_NAMESPACE) {
    $env:XDPPS_TEST_OUTER_NAMESPACE = [IO.FileInfo]::new('/proc/self/ns/net').LinkTarget
    unshare --net -- pwsh -NoProfile -NonInteractive -File $PSCommandPath -Rounds $Rounds -Seed $Seed -Skip $Skip -ModulePath $ModulePath ($VerbosePreference -eq 'Continue' ? '-Verbose' : @())
    exit $LASTEXITCODE
}

$env:XDPPS_TEST_MODULE_PATH = (Resolve-Path -LiteralPath $ModulePath).Path
Import-Module "$PSScriptRoot/../pester/Support.psm1"
Import-BuiltModule
$PSStyle.OutputRendering = 'PlainText'

$folder = (New-Item -ItemType Directory -Path (Join-Path ([IO.Path]::GetTempPath()) "xdpps-rounds-$PID")).FullName
$first = New-TestCable -Queues 2
$second = New-TestCable -Queues 2
$ends = $first.Left, $second.Left
$activities = [ordered]@{
    opening    = 'while ($true) { New-XskSocket {0} -QueueId 0, 1 | Remove-XskSocket }'
    holding    = '$s = New-XskSocket {0} -QueueId 0, 1; Start-Sleep 30'
    receiving  = 'Receive-XskPacket -InterfaceName {0} -ReadCount 16 | ForEach-Object { $null = $_[0].Source }'
    sending    = '$s = New-XskSocket {0}; while ($true) { 1..2000 | ForEach-Object { , $frame } | Send-XskFrame $s }'
    forwarding = '$a = New-XskSocket {0}; $b = New-XskSocket {1} -ShareUmemWith $a; Invoke-XskForward $a $b -Bidirectional'
    recording  = '$s = New-XskSocket {0}; Export-XskCapture {2} -Socket $s'
    both       = '$s = New-XskSocket {0}; $job = Start-ThreadJob { param($s) $s | Receive-XskPacket | Out-Null } -ArgumentList $s; while ($true) { Send-XskFrame $s -Data $frame -Repeat 100 }'
}

function Get-MapId {
    param([int] $ProgramId)
    $shown = bpftool --json prog show id $ProgramId 2>$null | ConvertFrom-Json
    if ($shown) { $shown.PSObject.Properties['map_ids']?.Value }
}

function Assert-Gone {
    param([string] $What, [scriptblock] $Condition)
    if (-not (Wait-Until $Condition -Seconds 5)) { throw "Round $round (-Seed $Seed -Skip $($round - 1)), $activity, SIG$signal after $delay ms: $What" }
}

$random = [Random]::new($Seed)
$attachedRounds = 0
$repeated = $repeatedAtWork = 0
$bySignal = @{ INT = 0; TERM = 0; KILL = 0 }
$byActivity = @{}
$children = [Collections.Generic.List[Diagnostics.Process]]::new()
# Traffic towards both interfaces, all the time.
$traffic = foreach ($end in $first.Right, $second.Right) {
    Start-Pipeline { param($name, $frame) $s = New-XskSocket $name -NoProgram; while ($true) { Send-XskFrame $s -Data $frame -Repeat 5000 -PacketsPerSecond 2000 -WarningAction Ignore } } $end, (New-TestFrame -Length 100)
}

try {
    for ($round = 1; $round -le $Rounds; $round++) {
        $activity = @($activities.Keys)[$random.Next($activities.Count)]
        $signal = @('INT', 'TERM', 'KILL')[$random.Next(3)]
        # One in four at its start, when the module is loaded and sockets are opened; the others while they work.
        $early = $random.Next(4) -eq 0
        $delay = $early ? $random.Next(900) : $random.Next(600)
        if ($round -le $Skip) { continue }
        $path = Join-Path $folder "$round.pcapng"
        $script = $activities[$activity].Replace('{0}', $first.Left).Replace('{1}', $second.Left).Replace('{2}', $path)
        $script = "`$WarningPreference = 'Ignore'; Import-Module '$(Get-ModuleManifest)'; `$frame = [byte[]]::new(100); $script"
        $child = Start-Program -Program (Get-PwshPath) -Arguments '-NoProfile', '-NonInteractive', '-Command', $script
        $children.Add($child)
        if (-not $early) { $null = Wait-Until { $child.HasExited -or (Get-AttachedProgram $first.Left).Id -ne 0 } -Seconds 30 }
        Start-Sleep -Milliseconds $delay
        if ($child.HasExited) { throw "Round $round, ${activity}: the process ended by itself: $($child.StandardError.ReadToEnd())" }
        $programs = @($ends | ForEach-Object { (Get-AttachedProgram $_).Id } | Where-Object { $_ -ne 0 })
        $maps = @($programs | ForEach-Object { Get-MapId $_ })
        if ($programs) { $attachedRounds++ }
        $bySignal[$signal]++
        $byActivity[$activity] = 1 + ($byActivity[$activity] ?? 0)
        /bin/kill "-$signal" $child.Id
        # PowerShell ignores one at a moment of its start (Measure-InterruptedStart.ps1): it is sent again, as a user would, and that is counted.
        for ($again = 0; $signal -eq 'INT' -and $again -lt 3 -and -not $child.WaitForExit(3000); $again++) {
            if ($early) { $repeated++ } else { $repeatedAtWork++ }
            Write-Verbose "Round $round (-Seed $Seed -Skip $($round - 1)), ${activity}: SIGINT after $delay ms$($early ? ' from the start' : '') did not end it within $(3 * ($again + 1)) s"
            /bin/kill -INT $child.Id
        }
        if (-not $child.WaitForExit(10000)) { throw "Round $round (-Seed $Seed -Skip $($round - 1)), ${activity}: SIG$signal after $delay ms did not end it" }

        foreach ($end in $ends) { Assert-Gone "a program is left on $end" { (Get-AttachedProgram $end).Id -eq 0 } }
        foreach ($id in $programs) { Assert-Gone "program $id is left" { $null = bpftool prog show id $id 2>$null; $LASTEXITCODE -ne 0 } }
        foreach ($id in $maps) { Assert-Gone "map $id is left" { $null = bpftool map show id $id 2>$null; $LASTEXITCODE -ne 0 } }
        New-XskSocket $ends -QueueId 0, 1 -WarningAction Ignore | Remove-XskSocket
        if (Test-Path -LiteralPath $path) {
            if ((Get-Item -LiteralPath $path).Length -gt 0) { $null = @(Import-XskCapture $path) }
            Remove-Item -LiteralPath $path
        }
    }
}
finally {
    $children | Where-Object { -not $_.HasExited } | ForEach-Object { $_.Kill() }
    $traffic | ForEach-Object { Close-Pipeline $_ }
    Get-XskSocket | Remove-XskSocket
    Remove-TestCable $first
    Remove-TestCable $second
    Remove-Item -LiteralPath $folder -Recurse -Force
}

[pscustomobject]@{
    Rounds         = $Rounds - $Skip
    Attached       = $attachedRounds
    Repeated       = $repeated
    RepeatedAtWork = $repeatedAtWork
    BySignal       = ($bySignal.GetEnumerator() | Sort-Object Name | ForEach-Object { "$($_.Name) $($_.Value)" }) -join ', '
    ByActivity     = ($byActivity.GetEnumerator() | Sort-Object Name | ForEach-Object { "$($_.Name) $($_.Value)" }) -join ', '
    Left           = 0
}
