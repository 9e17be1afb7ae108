#Requires -Version 7.6

<#
.SYNOPSIS
    Measures one thing about the cmdlets in a PowerShell of its own, and prints it as one line of key=value.
.DESCRIPTION
    The keys are those of bench/peer/xsk_peer.c; allocated is in bytes, of the measured time. "ready" on a line of its
    own means that packets may come.
.PARAMETER Cpu
    Where the cmdlet that is measured runs.
.PARAMETER Task
    Import, OpenAndClose, Idle, Stop; ReceiveSingly and ReceiveInArrays (-ReadCount 64) as fast as possible; ReceiveAll, which
    waits for a source that begins after the second "ready"; Record (Export-XskCapture -Socket) likewise; SendRepeat and
    SendPackets. SendAtRate and Replay send for the measured time at 10,000 packets a second, with the EtherType 0x88b5;
    to warm up, with 0x88b6.
.PARAMETER Path
    The file that Record writes. Of Replay: the recording to warm up with and the one to measure, with a comma between them.
#>
[CmdletBinding()]
param(
    [Parameter(Mandatory)]
    [ValidateSet('Import', 'OpenAndClose', 'Idle', 'Stop', 'ReceiveSingly', 'ReceiveInArrays', 'ReceiveAll', 'Record', 'SendRepeat', 'SendPackets', 'SendAtRate', 'Replay')]
    [string] $Task,
    [Parameter(Mandatory)] [string] $InterfaceName,
    [Parameter(Mandatory)] [string] $Module,
    [double] $Seconds = 1.5,
    [double] $WarmUp = 0.5,
    [int] $Cpu = [Environment]::ProcessorCount - 1,
    [string] $Path
)

Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'
# Drops are meant to be here, and both would be among the lines that are read.
$ProgressPreference = $WarningPreference = 'SilentlyContinue'

$import = [Diagnostics.Stopwatch]::StartNew()
Import-Module -Name $Module
$import.Stop()

# 60 bytes, as the peers send: from 02:00:00:00:00:01 to 02:00:00:00:00:02, local experimental EtherType.
$frame = [byte[]]::new(60)
[byte[]](2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xb5) | ForEach-Object { $i = 0 } { $frame[$i++] = $_ }

function Read-Counters {
    $statistics = Get-XskRingStats -Socket $socket
    @{
        Received  = $statistics.RxPackets
        Completed = $statistics.TxCompleted
        Lost      = $statistics.RxDropped + $statistics.RxRingFull
        Allocated = [GC]::GetTotalAllocatedBytes($true)
    }
}

# Runs a script for the warm-up and once more measured; what it counts is received or completed packets. The counters
# are read outside of the measured time.
function Measure-Task {
    param([scriptblock] $Body, [string] $Counter, [switch] $TwiceReady, [switch] $WithoutCompiler)
    Write-Ready
    & $Body $WarmUp
    if ($TwiceReady) { Write-Ready }
    $compiled = $WithoutCompiler ? (Get-CompilerTime) : 0
    $from = Read-Counters
    # Not $cpu: the script that runs below reads $Cpu, and would find this one.
    $spent = [Environment]::CpuUsage
    $watch = [Diagnostics.Stopwatch]::StartNew()
    & $Body $Seconds
    $watch.Stop()
    $used = [Environment]::CpuUsage
    $compiled = $WithoutCompiler ? (Get-CompilerTime) - $compiled : 0
    $to = Read-Counters
    Write-Line ([ordered]@{
            packets   = $to[$Counter] - $from[$Counter]
            seconds   = $watch.Elapsed.TotalSeconds
            user      = ($used.UserTime - $spent.UserTime).TotalSeconds - $compiled
            system    = ($used.PrivilegedTime - $spent.PrivilegedTime).TotalSeconds
            total     = $to[$Counter]
            lost      = $to.Lost - $from.Lost
            allocated = $to.Allocated - $from.Allocated
        })
}

# Seconds that .NET's thread has taken which compiles code for speed, PowerShell's for the most part: it goes on for long
# after the start, also while nothing is called.
function Get-CompilerTime {
    $ticks = foreach ($task in Get-ChildItem -LiteralPath '/proc/self/task') {
        if ((Get-Content -LiteralPath "$task/comm") -notlike '.NET Tiered*') { continue }
        $fields = -split ((Get-Content -LiteralPath "$task/stat" -Raw) -replace '^.*\) ')
        [double]$fields[11] + [double]$fields[12]
    }
    ($ticks | Measure-Object -Sum).Sum / [int](getconf CLK_TCK)
}

# What the command itself says of how it kept to the times.
function Write-Result {
    param($Result)
    Write-Line ([ordered]@{
            packets = $Result.Frames; seconds = $Result.ElapsedSeconds
            late = $Result.LateFrames; p99 = $Result.LatenessP99Seconds; worst = $Result.WorstLatenessSeconds
        })
}

function Write-Ready { [Console]::Out.WriteLine('ready') }

function Write-Line {
    param([Collections.IDictionary] $Values)
    $pairs = foreach ($key in $Values.Keys) { "$key=$(([double]$Values[$key]).ToString([cultureinfo]::InvariantCulture))" }
    [Console]::Out.WriteLine($pairs -join ' ')
}

function Get-ResidentBytes {
    [GC]::Collect()
    [GC]::WaitForPendingFinalizers()
    $line = Select-String -LiteralPath '/proc/self/status' -Pattern '^VmRSS:\s+(\d+) kB'
    1KB * [long]$line.Matches[0].Groups[1].Value
}

function Get-Median {
    param([double[]] $Value)
    ($Value | Sort-Object)[[Math]::Floor($Value.Count / 2)]
}

# The first is what a session's first socket costs, with the compiling of code; the medians are of all.
function Measure-OpenAndClose {
    $opening = [Collections.Generic.List[double]]::new()
    $closing = [Collections.Generic.List[double]]::new()
    $added = foreach ($i in 1..5) {
        $before = Get-ResidentBytes
        $watch = [Diagnostics.Stopwatch]::StartNew()
        $made = New-XskSocket $InterfaceName
        $opening.Add($watch.Elapsed.TotalMilliseconds)
        (Get-ResidentBytes) - $before
        $watch.Restart()
        Remove-XskSocket $made
        $closing.Add($watch.Elapsed.TotalMilliseconds)
        Start-Sleep -Milliseconds 100
    }
    Write-Line ([ordered]@{
            first_open = $opening[0]; open = Get-Median $opening; first_close = $closing[0]; close = Get-Median $closing
            first_memory = $added[0]; memory = Get-Median $added
        })
}

# What Ctrl-C does, ten times amid a wait for packets and ten amid a paced send, whose next frame is far off.
function Measure-Stop {
    $session = [initialsessionstate]::CreateDefault2()
    $session.ImportPSModule($Module)
    $runspace = [runspacefactory]::CreateRunspace($session)
    $runspace.Open()
    $times = foreach ($body in { param($s) Receive-XskPacket $s }, { param($s, $data) Send-XskFrame $s -Data $data -Repeat 100 -PacketsPerSecond 1 }) {
        foreach ($i in 1..10) {
            $shell = [powershell]::Create($runspace)
            $running = $shell.AddScript($body).AddArgument($socket).AddArgument($frame).BeginInvoke()
            Start-Sleep -Milliseconds (250 + 7 * $i)
            if ($running.IsCompleted) { throw "There was nothing to stop: $($shell.Streams.Error)" }
            $watch = [Diagnostics.Stopwatch]::StartNew()
            $shell.Stop()
            $watch.Elapsed.TotalMilliseconds
            $shell.Dispose()
        }
    }
    $runspace.Dispose()
    Write-Line ([ordered]@{ median = Get-Median $times; longest = ($times | Measure-Object -Maximum).Maximum })
}

$socket = $null
switch ($Task) {
    'Import' { Write-Line @{ milliseconds = $import.Elapsed.TotalMilliseconds }; return }
    'OpenAndClose' { Measure-OpenAndClose; return }
}

$socket = New-XskSocket $InterfaceName
try {
    switch ($Task) {
        'ReceiveSingly' { Measure-Task { Receive-XskPacket $socket -Cpu $Cpu -DurationSeconds $args[0] | Out-Null } Received }
        'ReceiveInArrays' { Measure-Task { Receive-XskPacket $socket -Cpu $Cpu -DurationSeconds $args[0] -ReadCount 64 | Out-Null } Received }
        'ReceiveAll' { Measure-Task { Receive-XskPacket $socket -Cpu $Cpu -DurationSeconds $args[0] | Out-Null } Received -TwiceReady }
        'Record' { Measure-Task { Export-XskCapture $Path -Socket $socket -Cpu $Cpu -DurationSeconds $args[0] } Received -TwiceReady }
        'Idle' { Measure-Task { Receive-XskPacket $socket -Cpu $Cpu -DurationSeconds $args[0] | Out-Null } Received -WithoutCompiler }
        'Stop' { Measure-Stop }
        'SendRepeat' { Measure-Task { Send-XskFrame $socket -Cpu $Cpu -Data $frame -Repeat ([long]::MaxValue) -DurationSeconds $args[0] } Completed }
        'SendAtRate' {
            $other = $frame.Clone()
            $other[13] = 0xb6
            Send-XskFrame $socket -Cpu $Cpu -Data $other -PacketsPerSecond 10000 -DurationSeconds $WarmUp
            Write-Result (Send-XskFrame $socket -Cpu $Cpu -Data $frame -PacketsPerSecond 10000 -Repeat (10000 * $Seconds) -PassThru)
        }
        'Replay' {
            foreach ($one in $Path -split ',') { $result = Import-XskCapture $one | Send-XskFrame $socket -Cpu $Cpu -Timing Original -PassThru }
            Write-Result $result
        }
        'SendPackets' {
            $packet = [XdpPS.XskPacket]::new($frame)
            $packets = [object[]]::new(20000)
            [array]::Fill($packets, $packet)
            Measure-Task {
                $watch = [Diagnostics.Stopwatch]::StartNew()
                while ($watch.Elapsed.TotalSeconds -lt $args[0]) { $packets | Send-XskFrame $socket -Cpu $Cpu }
            } Completed
        }
    }
}
finally { Remove-XskSocket $socket }
