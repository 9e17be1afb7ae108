# What is measured, row by row, and what it must show. Ours is compared with Theirs, where there is one.
# A check compares a metric as Ratio (ours by theirs, pair by pair), Difference (ours less theirs), or Value (ours alone).

function New-Row {
    param([string] $Name, [string] $What, [string] $Versus, [scriptblock] $Ours, [scriptblock] $Theirs, [object[]] $Check, [string[]] $Tool)
    # A row named for a tool needs it.
    if ($Name -in 'trafgen', 'tcpreplay', 'tcpdump') { $Tool = $Name }
    [pscustomobject]@{ Name = $Name; What = $What; Versus = $Versus; Ours = $Ours; Theirs = $Theirs; Check = $Check; Tool = $Tool }
}

function New-Check {
    param([string] $Metric, [string] $Compare = 'Ratio', $AtLeast, $AtMost, $Goal)
    [pscustomobject]@{ Metric = $Metric; Compare = $Compare; AtLeast = $AtLeast; AtMost = $AtMost; Goal = $Goal }
}

# As the metrics are shown.
$script:metrics = @{
    Rate      = @{ Title = 'rate'; Unit = 'Mpps'; Scale = 1e-6; Format = '0.000' }
    Cpu       = @{ Title = 'CPU time a packet'; Unit = 'ns'; Scale = 1; Format = '0' }
    Allocated = @{ Title = 'allocated a packet'; Unit = 'bytes'; Scale = 1; Format = '0.0' }
    Lost      = @{ Title = 'dropped'; Unit = 'packets'; Scale = 1; Format = '0' }
    P50       = @{ Title = 'round trip, p50'; Unit = 'us'; Scale = 1; Format = '0.00' }
    P99       = @{ Title = 'round trip, p99'; Unit = 'us'; Scale = 1; Format = '0.00' }
    GapP50    = @{ Title = 'error of a gap, p50'; Unit = 'us'; Scale = 1; Format = '0.00' }
    GapP99    = @{ Title = 'error of a gap, p99'; Unit = 'us'; Scale = 1; Format = '0.00' }
    GapMost   = @{ Title = 'error of a gap, the most'; Unit = 'us'; Scale = 1; Format = '0.00' }
    Kept      = @{ Title = 'kept of those sent'; Unit = '%'; Scale = 1; Format = '0.0' }
    Percent   = @{ Title = 'CPU time'; Unit = '% of a core'; Scale = 1; Format = '0.00' }
    Stop      = @{ Title = 'time until it has ended'; Unit = 'ms'; Scale = 1; Format = '0.0' }
    LongestStop = @{ Title = 'time until it has ended, longest of 20'; Unit = 'ms'; Scale = 1; Format = '0.0' }
    Import    = @{ Title = 'time'; Unit = 'ms'; Scale = 1; Format = '0' }
    Open      = @{ Title = 'New-XskSocket'; Unit = 'ms'; Scale = 1; Format = '0.0' }
    FirstOpen = @{ Title = 'New-XskSocket, first of a session'; Unit = 'ms'; Scale = 1; Format = '0.0' }
    Close     = @{ Title = 'Remove-XskSocket'; Unit = 'ms'; Scale = 1; Format = '0.0' }
    FirstClose = @{ Title = 'Remove-XskSocket, first of a session'; Unit = 'ms'; Scale = 1; Format = '0.0' }
    Memory    = @{ Title = 'resident memory added'; Unit = 'MiB'; Scale = 1 / 1MB; Format = '0.00' }
    FirstMemory = @{ Title = 'resident memory added, first of a session'; Unit = 'MiB'; Scale = 1 / 1MB; Format = '0.00' }
}

$rateAsPeer = @(
    New-Check Rate -AtLeast 0.98 -Goal 1.05
    New-Check Cpu -AtMost 1.0 -Goal 0.9
)
# Where a loop does not sleep its CPU time is the elapsed time.
$rateAlone = New-Check Rate -AtLeast 0.98 -Goal 1.05
$noAllocation = New-Check Allocated -Compare Value -AtMost 0.01
$cpuOnly = New-Check Cpu
$frameBytes = 60
# 8,192 frames of 2,048 bytes, RX and TX of 2,048 entries of 16 bytes, FILL and COMPLETION of 2,048 entries of 8.
$socketMemory = (8192 * 2048) + (2048 * 2 * (16 + 8)) + 2MB

$script:rows = @(
    New-Row rxdrop-native 'core, receive and drop, native, not sleeping' 'C peer' -Check @($rateAlone, $noAllocation) `
        { Measure-Receive (Get-TaskCommand Core rxdrop right '-b') Live } `
        { Measure-Receive (Get-TaskCommand Peer rxdrop right '-b') Live }
    New-Row rxdrop-arrival 'core, receive and drop, native, not sleeping, with arrival times (the default), which the peer does not take' 'C peer' -Check @((New-Check Rate), $noAllocation) `
        { Measure-Receive (Get-TaskCommand Core rxdrop right '-b', '-a') Live } `
        { Measure-Receive (Get-TaskCommand Peer rxdrop right '-b') Live }
    New-Row rxdrop-generic 'core, receive and drop, generic, not sleeping' 'C peer' -Check @($rateAlone, $noAllocation) `
        { Measure-Receive (Get-TaskCommand Core rxdrop right '-g', '-b') Live -Generic } `
        { Measure-Receive (Get-TaskCommand Peer rxdrop right '-g', '-b') Live -Generic }
    New-Row rxdrop-native-poll 'core, receive and drop, native, sleeping when there is nothing' 'C peer' -Check ($rateAsPeer + $noAllocation) `
        { Measure-Receive (Get-TaskCommand Core rxdrop right) Live } `
        { Measure-Receive (Get-TaskCommand Peer rxdrop right) Live }
    New-Row rxdrop-generic-poll 'core, receive and drop, generic, sleeping when there is nothing' 'C peer' -Check ($rateAsPeer + $noAllocation) `
        { Measure-Receive (Get-TaskCommand Core rxdrop right '-g') Live -Generic } `
        { Measure-Receive (Get-TaskCommand Peer rxdrop right '-g') Live -Generic }
    New-Row rxdrop-onecore 'core, receive and drop, native, source on the same core' 'C peer' -Check $rateAsPeer `
        { Measure-Receive (Get-TaskCommand Core rxdrop right) Live -OneCore } `
        { Measure-Receive (Get-TaskCommand Peer rxdrop right) Live -OneCore }
    New-Row rxdrop-veth 'core, receive and drop, native, source veth transmit' 'C peer' -Check $rateAsPeer `
        { Measure-Receive (Get-TaskCommand Core rxdrop right) Veth } `
        { Measure-Receive (Get-TaskCommand Peer rxdrop right) Veth }
    New-Row txonly-native 'core, transmit, native' 'C peer' -Check ($rateAsPeer + $noAllocation) `
        { Measure-Transmit (Get-TaskCommand Core txonly left) } `
        { Measure-Transmit (Get-TaskCommand Peer txonly left) }
    New-Row txonly-generic 'core, transmit, generic' 'C peer' -Check ($rateAsPeer + $noAllocation) `
        { Measure-Transmit (Get-TaskCommand Core txonly left '-g') -Generic } `
        { Measure-Transmit (Get-TaskCommand Peer txonly left '-g') -Generic }
    New-Row l2fwd-native 'core, l2fwd, native' 'C peer' -Check ($rateAsPeer + $noAllocation) `
        { Measure-Forward (Get-TaskCommand Core l2fwd right) } `
        { Measure-Forward (Get-TaskCommand Peer l2fwd right) }
    New-Row l2fwd-generic 'core, l2fwd, generic' 'C peer' -Check ($rateAsPeer + $noAllocation) `
        { Measure-Forward (Get-TaskCommand Core l2fwd right '-g') -Generic } `
        { Measure-Forward (Get-TaskCommand Peer l2fwd right '-g') -Generic }
    New-Row pingpong 'core, ping-pong, native, neither side sleeps' 'C peer' `
        { Measure-PingPong Core } `
        { Measure-PingPong Peer } -Check @(
        New-Check P50 -AtMost 1.05
        New-Check P99 -AtMost 1.2
    )
    # trafgen goes to the first core itself.
    New-Row trafgen 'core, transmit, native' 'trafgen' -Check @((New-Check Rate -AtLeast 1.2), $cpuOnly) `
        { Measure-Transmit (Get-TaskCommand Core txonly left) -SwapCores } `
        { Measure-ForeignTransmit (Get-TrafgenCommand left) -SwapCores }
    New-Row tcpreplay 'core, transmit, native' 'tcpreplay' -Check @((New-Check Rate -AtLeast 1.6), $cpuOnly) `
        { Measure-Transmit (Get-TaskCommand Core txonly left) } `
        { Measure-ForeignTransmit (Get-TcpreplayCommand left) }
    New-Row tcpdump 'Receive-XskPacket -ReadCount 64 | Out-Null, source veth transmit' 'tcpdump -w /dev/null' -Check @((New-Check Rate), $cpuOnly) `
        { Measure-Receive (Get-CmdletCommand ReceiveInArrays right) Veth } `
        { Measure-Tcpdump }
    New-Row capture -Tool tcpdump 'Export-XskCapture -Socket to a file, source veth transmit' 'tcpdump -w to a file' -Check @((New-Check Rate), (New-Check Kept -Compare Difference), $cpuOnly) `
        { Measure-Recording } `
        { Measure-Recording -Tcpdump }
    New-Row receive-arrays 'Receive-XskPacket -ReadCount 64 | Out-Null, live frames' 'core' -Check @(
        New-Check Rate -AtLeast 0.90
        $cpuOnly
        New-Check Allocated -Compare Value -AtMost (100 + $frameBytes)) `
        { Measure-Receive (Get-CmdletCommand ReceiveInArrays right) Live } `
        { Measure-Receive (Get-TaskCommand Core rxdrop right) Live }
    New-Row receive-arrays-veth 'Receive-XskPacket -ReadCount 64 | Out-Null, source veth transmit' 'core' -Check @(
        New-Check Rate -AtLeast 0.90
        $cpuOnly) `
        { Measure-Receive (Get-CmdletCommand ReceiveInArrays right) Veth } `
        { Measure-Receive (Get-TaskCommand Core rxdrop right) Veth }
    New-Row receive-single 'Receive-XskPacket | Out-Null, source veth transmit' 'core' -Check @(
        New-Check Rate -AtLeast 0.85
        $cpuOnly
        New-Check Allocated -Compare Value -AtMost (120 + $frameBytes)) `
        { Measure-Receive (Get-CmdletCommand ReceiveSingly right) Veth } `
        { Measure-Receive (Get-TaskCommand Core rxdrop right) Veth }
    New-Row receive-500k 'Receive-XskPacket | Out-Null at 500,000 packets a second' '' -Check @(
        New-Check Rate -Compare Value -AtLeast 490000
        New-Check Lost -Compare Value -AtMost 0) `
        { Measure-Drops 500000 }
    New-Row send-repeat 'Send-XskFrame -Repeat' 'core' -Check @((New-Check Rate -AtLeast 0.95), $cpuOnly) `
        { Measure-Transmit (Get-CmdletCommand SendRepeat left) } `
        { Measure-Transmit (Get-TaskCommand Core txonly left) }
    New-Row send-packets 'packets through the pipeline | Send-XskFrame' 'core' -Check @((New-Check Rate -AtLeast 0.5), $cpuOnly) `
        { Measure-Transmit (Get-CmdletCommand SendPackets left) } `
        { Measure-Transmit (Get-TaskCommand Core txonly left) }
    Get-PacingRows
    New-Row idle 'idle Receive-XskPacket, without .NET''s compiler' '' -Check (New-Check Percent -Compare Value -AtMost 1) `
        { Measure-Idle }
    New-Row stop 'Receive-XskPacket that waits, and Send-XskFrame at a pace, stopped as by Ctrl-C' '' -Check @(
        New-Check Stop -Compare Value -AtMost 100
        New-Check LongestStop -Compare Value -AtMost 500) `
        {
        $r = Measure-Alone (Get-CmdletCommand Stop right)
        @{ Stop = $r.median; LongestStop = $r.longest }
    }
    New-Row import 'Import-Module, new session' '' -Check (New-Check Import -Compare Value -AtMost 120) `
        { @{ Import = (Measure-Alone (Get-CmdletCommand Import right)).milliseconds } }
    New-Row open 'a socket with defaults' 'C peer' -Check @(
        New-Check Open -Compare Difference -AtMost 10
        New-Check FirstOpen -Compare Difference -AtMost 10
        New-Check Close -Compare Difference -AtMost 10
        New-Check FirstClose -Compare Difference -AtMost 10
        New-Check Memory -Compare Value -AtMost $socketMemory
        New-Check FirstMemory -Compare Value -AtMost $socketMemory) `
        {
        $r = Measure-Alone (Get-CmdletCommand OpenAndClose right)
        @{
            Open = $r.open; FirstOpen = $r.first_open; Close = $r.close; FirstClose = $r.first_close
            Memory = $r.memory; FirstMemory = $r.first_memory
        }
    } {
        $r = Measure-Alone (Get-PeerCommand open right '-n', 5)
        @{ Open = $r.open; FirstOpen = $r.first_open; Close = $r.close; FirstClose = $r.close }
    }
    Get-QueueRows
)
