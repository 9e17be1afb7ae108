# How each thing is measured. A scenario starts programs on the cable "left" - "right" and returns numbers:
# Rate (packets a second), Cpu (nanoseconds of the process's CPU time a packet), and what else there is to know.
# What is measured runs on the last core, source or sink on the first.

$script:farCore = 0
$script:nearCore = [Environment]::ProcessorCount - 1

# How long PowerShell's own code takes until it has been compiled for speed, in seconds.
$script:compiling = 4

# The commands of those that can do the same task, for Mode rxdrop, txonly, l2fwd, ping, pong, open.
function Get-PeerCommand {
    param([string] $Mode, [string] $InterfaceName, [string[]] $Option = @())
    @($script:peer, $Mode, $InterfaceName) + $Option
}

function Get-CoreCommand {
    param([string] $Mode, [string] $InterfaceName, [string[]] $Option = @())
    @('dotnet', $script:core, $Mode, $InterfaceName) + $Option
}

function Get-CmdletCommand {
    param([string] $Task, [string] $InterfaceName, [double] $Length = $script:seconds)
    @(
        # The pipeline's thread is on that core, the process is not: on a single one .NET waits ten times as long before it
        # compiles what runs often (TC_DelaySingleProcMultiplier), and nobody's PowerShell has one.
        'taskset', '-c', "0-$([Environment]::ProcessorCount - 1)"
        $script:pwsh, '-NoProfile', '-NonInteractive', '-File', "$PSScriptRoot/Measure-Cmdlet.ps1", '-Task', $Task
        '-InterfaceName', $InterfaceName, '-Module', $script:module, '-Seconds', "$Length", '-WarmUp', "$($script:warmUp + $script:compiling)"
        '-Cpu', "$script:nearCore"
    )
}

function Get-TaskCommand {
    param([ValidateSet('Core', 'Peer')] [string] $Who, [string] $Mode, [string] $InterfaceName, [string[]] $Option = @())
    $Option = @('-t', $script:seconds, '-w', $script:warmUp) + $Option
    $Who -eq 'Core' ? (Get-CoreCommand $Mode $InterfaceName $Option) : (Get-PeerCommand $Mode $InterfaceName $Option)
}

# A generic receiver gets live frames only with GRO; a native one is measured as it comes.
function Set-Gro {
    param([bool] $On)
    if ($script:gro -eq $On) { return }
    & ethtool -K right gro ($On ? 'on' : 'off')
    if ($LASTEXITCODE -ne 0) { throw 'ethtool could not set GRO.' }
    $script:gro = $On
}

function Get-Rates {
    param([hashtable] $Result)
    if ($Result.packets -le 0) { throw 'Not one packet was counted.' }
    $rates = @{
        Rate = $Result.packets / $Result.seconds
        Cpu  = 1e9 * ($Result.user + $Result.system) / $Result.packets
    }
    # The core and the peer count from beginning to end, the cmdlets in the measured time.
    if ($Result.ContainsKey('allocated')) { $rates.Allocated = $Result.allocated / ($Result.ContainsKey('lost') ? $Result.packets : $Result.total) }
    $rates
}

# Receiving, from a source: Live (frames made in the kernel) or Veth (the peer sends).
function Measure-Receive {
    param([string[]] $Command, [ValidateSet('Live', 'Veth')] [string] $Source, [switch] $Generic, [switch] $OneCore)
    Set-Gro $Generic.IsPresent
    $receiver = Start-Program $script:nearCore $Command
    Wait-Ready $receiver
    $length = $script:warmUp + $script:compiling + $script:seconds + 1
    $from = $Source -eq 'Live' ? @($script:live, 'left', '-t', $length) : (Get-PeerCommand txonly left '-t', $length)
    $sender = Start-Program ($OneCore ? $script:nearCore : $script:farCore) $from
    $result = Wait-Result $receiver
    Stop-Program $sender
    $null = Wait-Program $sender
    Get-Rates $result
}

# The peer as the receiver that counts what a sender sends. It does not sleep: to wake it is the sender's work.
function Start-Sink {
    param([int] $Core, [string[]] $Option = @())
    $sink = Start-Program $Core (Get-PeerCommand rxdrop right (@('-b', '-t', 30) + $Option))
    Wait-Ready $sink
    $sink
}

# Sending.
function Measure-Transmit {
    param([string[]] $Command, [switch] $Generic, [switch] $SwapCores)
    Set-Gro $Generic.IsPresent
    $near, $far = $SwapCores ? ($script:farCore, $script:nearCore) : ($script:nearCore, $script:farCore)
    $sink = Start-Sink $far @($Generic ? '-g' : @())
    $result = Wait-Result (Start-Program $near $Command)
    Start-Sleep -Milliseconds 20
    Stop-Program $sink
    $arrived = Wait-Result $sink
    $rates = Get-Rates $result
    $rates.Rate *= [Math]::Min(1, $arrived.total / $result.total)
    $rates
}

# Another program that sends: nothing is known of it but what arrives, and the CPU time that the shell says it took.
function Measure-ForeignTransmit {
    param([string[]] $Command, [switch] $SwapCores)
    Set-Gro $false
    $near, $far = $SwapCores ? ($script:farCore, $script:nearCore) : ($script:nearCore, $script:farCore)
    $sink = Start-Sink $far
    $timed = @('bash', '-c', 'TIMEFORMAT="bench %U %S"; time "$@" >/dev/null 2>&1 || true', 'bash') + $Command
    $sender = Start-Program $near $timed
    $null = Wait-Program $sender
    Stop-Program $sink
    $arrived = Wait-Result $sink
    if ($sender.Errors.Result -notmatch 'bench (\d+\.\d+) (\d+\.\d+)' -or $arrived.total -eq 0) { throw "$Command sent nothing." }
    @{
        Rate = $arrived.total / $arrived.span
        Cpu  = 1e9 * ([double]$Matches[1] + [double]$Matches[2]) / $arrived.total
    }
}

# tcpdump, without an XDP program on the interface, from the peer that sends.
function Measure-Tcpdump {
    param([string] $Path = '/dev/null')
    Set-Gro $false
    # As root, and no other user, it may write where only root may.
    $capture = Start-Program $script:nearCore @('tcpdump', '-i', 'right', '-n', '-B', '16384', '-Z', 'root', '-w', $Path)
    Start-Sleep -Milliseconds 500
    $sent = Wait-Result (Start-Program $script:farCore (Get-PeerCommand txonly left '-t', ($script:warmUp + $script:seconds)))
    Start-Sleep -Milliseconds 100
    $fields = -split ((Get-Content -LiteralPath "/proc/$($capture.Process.Id)/stat" -Raw) -replace '^.*\) ')
    $ticks = [double]$fields[11] + [double]$fields[12]
    Stop-Program $capture
    $null = Wait-Program $capture
    if ($capture.Errors.Result -notmatch '(\d+) packets? captured') { throw "tcpdump counted nothing: $($capture.Errors.Result)" }
    $captured = [double]$Matches[1]
    @{ Rate = $captured / $sent.seconds; Cpu = 1e9 / [int](getconf CLK_TCK) * $ticks / $captured; Kept = 100 * $captured / $sent.total }
}

# What of all that the peer sends is in the file.
function Measure-Recording {
    param([switch] $Tcpdump)
    $folder = [IO.Directory]::CreateTempSubdirectory('xdpps-bench-').FullName
    try {
        if ($Tcpdump) { return Measure-Tcpdump "$folder/frames.pcap" }
        Set-Gro $false
        $recorder = Start-Program $script:nearCore ((Get-CmdletCommand Record right ($script:seconds + 1)) + '-Path', "$folder/frames.pcapng")
        Wait-Ready $recorder
        $null = Wait-Result (Start-Program $script:farCore (Get-PeerCommand txonly left '-t', ($script:warmUp + $script:compiling)))
        Wait-Ready $recorder
        Start-Sleep -Milliseconds 200
        $sent = Wait-Result (Start-Program $script:farCore (Get-PeerCommand txonly left '-t', $script:seconds))
        $result = Wait-Result $recorder
        @{ Rate = $result.packets / $sent.seconds; Cpu = (Get-Rates $result).Cpu; Kept = 100 * $result.packets / $sent.total }
    }
    finally { Remove-Item -LiteralPath $folder -Recurse }
}

# Out again where it came in; the source counts what came back.
function Measure-Forward {
    param([string[]] $Command, [switch] $Generic)
    Set-Gro $Generic.IsPresent
    $forwarder = Start-Program $script:nearCore $Command
    Wait-Ready $forwarder
    $source = Start-Program $script:farCore @($script:live, 'left', '-d', '-t', ($script:warmUp + $script:seconds + 1))
    $result = Wait-Result $forwarder
    Stop-Program $source
    $back = Wait-Result $source
    $rates = Get-Rates $result
    $rates.Rate *= [Math]::Min(1, $back.returned / $result.total)
    $rates
}

function Measure-PingPong {
    param([ValidateSet('Core', 'Peer')] [string] $Who)
    Set-Gro $false
    $pong = Start-Program $script:farCore (Get-TaskCommand $Who pong right '-t', 30)
    Wait-Ready $pong
    $result = Wait-Result (Start-Program $script:nearCore (Get-TaskCommand $Who ping left))
    Stop-Program $pong
    $null = Wait-Program $pong
    if (-not $result.ContainsKey('p50')) { throw 'No frame came back.' }
    @{ P50 = $result.p50; P99 = $result.p99 }
}

# The pipeline at a rate that it must keep up with: what was sent and did not get to it was dropped.
function Measure-Drops {
    param([int] $Rate)
    Set-Gro $false
    $receiver = Start-Program $script:nearCore (Get-CmdletCommand ReceiveAll right ($script:seconds + 1))
    Wait-Ready $receiver
    $null = Wait-Result (Start-Program $script:farCore (Get-PeerCommand txonly left '-r', $Rate, '-t', ($script:warmUp + $script:compiling)))
    Wait-Ready $receiver
    Start-Sleep -Milliseconds 200
    $sent = Wait-Result (Start-Program $script:farCore (Get-PeerCommand txonly left '-r', $Rate, '-t', $script:seconds))
    $result = Wait-Result $receiver
    $rates = Get-Rates $result
    @{ Rate = $sent.packets / $sent.seconds; Lost = $sent.total - $result.packets; Cpu = $rates.Cpu }
}

# Nothing arrives: the share of a core in percent.
function Measure-Idle {
    $receiver = Start-Program $script:nearCore (Get-CmdletCommand Idle right 3)
    Wait-Ready $receiver
    $result = Wait-Result $receiver
    @{ Percent = 100 * ($result.user + $result.system) / $result.seconds }
}

# A program that needs nobody else on the cable.
function Measure-Alone {
    param([string[]] $Command)
    Wait-Result (Start-Program $script:nearCore $Command)
}
