# Starting programs on a core, reading the line of key=value that each ends with, and ending those that are left.

$script:running = [Collections.Generic.List[object]]::new()

# A program, pinned to a core or to several ("0,1"), with its output in pipes. Whoever is still there at the end is killed.
function Start-Program {
    param([string] $Core, [string[]] $Command)
    # A cmdlet has its loop alone on the core (-Cpu); .NET's compiler and collector go where there is room.
    if ($Command -contains '-Cpu') { $Core = "0-$([Environment]::ProcessorCount - 1)" }
    $start = [Diagnostics.ProcessStartInfo]::new('taskset')
    @('-c', $Core) + $Command | ForEach-Object { $start.ArgumentList.Add($_) }
    $start.RedirectStandardOutput = $start.RedirectStandardError = $true
    # The programs say numbers with a point.
    $start.Environment['LC_ALL'] = 'C'
    $process = [Diagnostics.Process]::Start($start)
    $program = [pscustomobject]@{
        Name = "$($Command | Select-Object -First 3)"; Process = $process; Errors = $process.StandardError.ReadToEndAsync()
    }
    $script:running.Add($program)
    $program
}

function Wait-Ready {
    param($Program)
    $line = $Program.Process.StandardOutput.ReadLine()
    if ($line -ne 'ready') { throw "'$($Program.Name)' did not become ready: $line $($Program.Errors.Result)" }
}

# What a program wrote from here to its end. It is waited for in short steps, so that Ctrl-C is heard.
function Wait-Program {
    param($Program, [double] $Seconds = 30)
    $output = $Program.Process.StandardOutput.ReadToEndAsync()
    $watch = [Diagnostics.Stopwatch]::StartNew()
    while (-not $Program.Process.WaitForExit(50)) {
        if ($watch.Elapsed.TotalSeconds -gt $Seconds) { throw "'$($Program.Name)' did not end within $Seconds s." }
    }

    $null = $script:running.Remove($Program)
    if ($Program.Process.ExitCode -notin 0, 130) { throw "'$($Program.Name)' ended with $($Program.Process.ExitCode): $($Program.Errors.Result)" }
    $output.Result
}

# The last line's key=value pairs, as numbers.
function Wait-Result {
    param($Program, [double] $Seconds = 30)
    $result = @{}
    foreach ($pair in -split (Wait-Program $Program -Seconds $Seconds)) {
        $key, $value = $pair -split '=', 2
        if ($value) { $result[$key] = [double]::Parse($value, [cultureinfo]::InvariantCulture) }
    }

    if ($result.Count -eq 0) { throw "'$($Program.Name)' said nothing: $($Program.Errors.Result)" }
    $result
}

# SIGINT, upon which each of the programs says what it counted.
function Stop-Program {
    param($Program)
    if (-not $Program.Process.HasExited) { & kill -INT $Program.Process.Id }
}

function Stop-AllPrograms {
    foreach ($program in $script:running) {
        if (-not $program.Process.HasExited) { $program.Process.Kill() }
    }

    $script:running.Clear()
}

# What all cores have done, and what of it was not for us, in ticks.
function Read-Load {
    $fields = [long[]]((Get-Content -LiteralPath '/proc/stat' -TotalCount 1) -replace '^cpu +' -split ' ')
    $total = ($fields[0..7] | Measure-Object -Sum).Sum
    $busy = $total - $fields[3] - $fields[4]
    # We and the programs that have ended, and the threads that handle packets where nobody's time is to be had for it.
    $ours = (Get-Ticks $PID -WithChildren) + ($script:softirqThreads | ForEach-Object { Get-Ticks $_ } | Measure-Object -Sum).Sum
    [pscustomobject]@{ Busy = $busy; Total = $total; Foreign = $busy - $ours }
}

function Get-Ticks {
    param([int] $Id, [switch] $WithChildren)
    $fields = -split ((Get-Content -LiteralPath "/proc/$Id/stat" -Raw) -replace '^.*\) ')
    ([long[]]$fields[11..($WithChildren ? 14 : 12)] | Measure-Object -Sum).Sum
}

$script:softirqThreads = @(
    Get-Item -Path '/proc/[0-9]*/comm' -ErrorAction Ignore |
        Where-Object { (Get-Content -LiteralPath $_ -ErrorAction Ignore) -like 'ksoftirqd/*' } |
        ForEach-Object { [int]$_.Directory.Name }
)

# Waits, up to five seconds, until the machine has nothing else to do.
function Wait-Quiet {
    foreach ($i in 1..25) {
        $before = Read-Load
        Start-Sleep -Milliseconds 200
        $after = Read-Load
        if (($after.Busy - $before.Busy) -le 0.15 * ($after.Total - $before.Total)) { return }
    }
}

# The share of the CPU time that went to others, or that the host of a virtual machine took away.
function Get-Disturbance {
    param($Before, $After)
    ($After.Foreign - $Before.Foreign) / ($After.Total - $Before.Total)
}
