#Requires -Version 7.6

<#
.SYNOPSIS
    When a pwsh that has just been started, without XdpPS, does not end on SIGINT.
.DESCRIPTION
    Starts 'pwsh -Command Start-Sleep' again and again, and sends it one SIGINT, each time a little later. One that is running
    after three more seconds has not answered; it is sent another. Others are sent theirs when their script has begun.
.PARAMETER Until
    The latest moment, in milliseconds after the start.
.PARAMETER Step
    Milliseconds between two of them.
.PARAMETER Begun
    How many are sent theirs when their script has begun.
.OUTPUTS
    Two objects, of those at their start and of those whose script had begun: how many there were, how many ended at the first
    SIGINT, how many at the second, how many at neither, and how many milliseconds after the start the unanswered ones were sent.
.EXAMPLE
    pwsh -NoProfile -File tests/faults/Measure-InterruptedStart.ps1
#>
[CmdletBinding()]
param(
    [int] $Until = 1000,
    [ValidateRange(1, 1000)] [int] $Step = 25,
    [int] $Begun = 20
)

Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'
$PSStyle.OutputRendering = 'PlainText'
$pwsh = (Test-Path -LiteralPath "$PSHOME/pwsh") ? "$PSHOME/pwsh" : 'pwsh'

function Start-Sleeper {
    $start = [Diagnostics.ProcessStartInfo]::new($pwsh, [string[]]('-NoProfile', '-NonInteractive', '-Command', "'READY'; Start-Sleep 60"))
    $start.RedirectStandardInput = $start.RedirectStandardOutput = $start.RedirectStandardError = $true
    return [Diagnostics.Process]::Start($start)
}

# Ends a process by as many SIGINT as it takes, and returns how many that were; 3 for more than two.
function Stop-Sleeper {
    param($Process)
    try {
        foreach ($number in 1, 2) {
            /bin/kill -INT $Process.Id
            if ($Process.WaitForExit(3000)) { return $number }
        }

        $Process.Kill()
        return 3
    }
    finally { $Process.Dispose() }
}

function Get-Summary {
    param([string] $When, [object[]] $Answer)
    [pscustomobject]@{
        When       = $When
        Started    = $Answer.Count
        First      = @($Answer | Where-Object Number -EQ 1).Count
        Second     = @($Answer | Where-Object Number -EQ 2).Count
        Never      = @($Answer | Where-Object Number -EQ 3).Count
        Unanswered = ($Answer | Where-Object Number -NE 1 | ForEach-Object Delay) -join ', '
    }
}

$answers = for ($delay = 0; $delay -le $Until; $delay += $Step) {
    $child = Start-Sleeper
    Start-Sleep -Milliseconds $delay
    @{ Delay = $delay; Number = Stop-Sleeper $child }
}

Get-Summary 'at its start' $answers
$answers = for ($i = 0; $i -lt $Begun; $i++) {
    $child = Start-Sleeper
    $null = $child.StandardOutput.ReadLine()
    @{ Delay = 'begun'; Number = Stop-Sleeper $child }
}

Get-Summary 'its script had begun' $answers
