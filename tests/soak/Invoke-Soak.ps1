#Requires -Version 7.6

<#
.SYNOPSIS
    Sends mixed traffic for as long as it is told to, and keeps the books: nothing lost uncounted, nothing left behind.
.DESCRIPTION
    In network namespaces that the script makes and removes it opens sockets of random options, sends frames between them in
    random ways, receives, captures or forwards them, and meanwhile opens and closes others, some of which must be refused.
    All of it follows from -Seed, but for the times.

    After each epoch these have to hold, or the exit code is 1:
    - frames sent = packets received + rx_dropped + rx_ring_full + what the link dropped, exactly. Sent is what Send-XskFrame
      or Invoke-XskForward handed over, received are objects that were counted or packets that are in a capture file, the
      next two are counters of the socket, and the last is tx_dropped of the sending interface, as ip(8) has it.
      rx_fill_ring_empty_descs is a reason for rx_dropped, and is not added;
    - every frame of every UMEM is accounted for (CountFrames of the socket);
    - programs, maps and links that the sockets had are gone, as bpftool sees it; so are descriptors, ring mappings, and
      threads and descriptors in other network namespaces.
    At the end the namespaces have to be gone, and no more threads may be there than there were at the beginning.

    Needs root, ip and bpftool. It writes a line an epoch and returns one object.
.PARAMETER Minutes
    How long. An epoch that has begun is brought to its end.
.PARAMETER Seed
    Which random choices.
.PARAMETER ModulePath
    Folder that has XdpPS/<version> in it.
.EXAMPLE
    pwsh -NoProfile -File tests/soak/Invoke-Soak.ps1 -Minutes 60 -Seed 7
#>
[CmdletBinding()]
param(
    [double] $Minutes = 10,
    [int] $Seed = 20261121,
    [string] $ModulePath = (Join-Path $PSScriptRoot '../../output')
)

Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'
$PSStyle.OutputRendering = 'PlainText'

$manifest = (Get-Item -Path (Join-Path $ModulePath 'XdpPS/*/XdpPS.psd1')).FullName
Import-Module -Name $manifest
$random = [Random]::new($Seed)
$lab = "xdpps-soak-$PID"
$other = "$lab-b"
$folder = [IO.Directory]::CreateTempSubdirectory('xdpps-soak-').FullName
$faults = [Collections.Generic.List[string]]::new()
$total = [ordered]@{ Sent = 0L; Received = 0L; RxDropped = 0L; RxRingFull = 0L; LinkDropped = 0L; FillRingEmpty = 0L; Opened = 0; Refused = 0 }
$ours = @{ prog = [Collections.Generic.HashSet[int]]::new(); map = [Collections.Generic.HashSet[int]]::new(); link = [Collections.Generic.HashSet[int]]::new() }
$memory = [Collections.Generic.List[double[]]]::new()

function Invoke-Native {
    $program, $arguments = $args
    $output = & $program @arguments 2>&1 | ForEach-Object { "$_" }
    if ($LASTEXITCODE -ne 0) { throw "'$args' ended with $LASTEXITCODE`: $($output -join ' ')" }
    return $output
}

function Select-One { param([object[]] $From) $From[$random.Next($From.Count)] }

function New-Lab {
    foreach ($name in $lab, $other) {
        $null = Invoke-Native ip netns add $name
        # Without IPv6 and addresses the kernel sends nothing of its own accord.
        $null = Invoke-Native ip netns exec $name sh -c '[ ! -e /proc/sys/net/ipv6 ] || for f in all default; do echo 1 > /proc/sys/net/ipv6/conf/$f/disable_ipv6; done'
    }

    foreach ($pair in @(, ($lab, 'va', 'vb')) + @(, ($lab, 'vc', 'vd')) + @(, ($other, 'vx', 'vy'))) {
        $namespace, $left, $right = $pair
        $null = Invoke-Native ip -n $namespace link add $left numrxqueues 2 numtxqueues 2 type veth peer name $right numrxqueues 2 numtxqueues 2
        foreach ($end in $left, $right) { $null = Invoke-Native ip -n $namespace link set $end up }
    }
}

function Set-Mtu {
    param([int] $Mtu)
    foreach ($end in 'va', 'vb', 'vc', 'vd') { $null = Invoke-Native ip -n $lab link set $end mtu $Mtu }
}

function Get-LinkDropped {
    param([string] $Name)
    [long](Invoke-Native ip -n $lab -json -statistics link show dev $Name | ConvertFrom-Json).stats64.tx.dropped
}

function New-Pool {
    $state = [initialsessionstate]::CreateDefault2()
    $state.ImportPSModule(@($manifest))
    $pool = [runspacefactory]::CreateRunspacePool($state)
    $null = $pool.SetMaxRunspaces(4)
    $pool.Open()
    return $pool
}

function Start-Work {
    param([scriptblock] $Script, [hashtable] $With)
    $shell = [powershell]::Create()
    $shell.RunspacePool = $pool
    $null = $shell.AddScript($Script.ToString()).AddParameters($With)
    [pscustomobject]@{ Shell = $shell; Async = $shell.BeginInvoke() }
}

function Wait-Work {
    param($Work)
    if (-not $Work) { return }
    try {
        if (-not $Work.Async.AsyncWaitHandle.WaitOne(120000)) {
            $faults.Add('a command had not ended after two minutes')
            $Work.Shell.Stop()
            return
        }

        $Work.Shell.EndInvoke($Work.Async)
        foreach ($problem in $Work.Shell.Streams.Error) { $faults.Add("$problem") }
    }
    catch { $faults.Add("$($_.Exception.InnerException ?? $_.Exception)") }
    finally { $Work.Shell.Dispose() }
}

$receiving = {
    param($Socket, $ReadCount)
    $count = 0L
    Receive-XskPacket -Socket $Socket -ReadCount $ReadCount -TimeoutSeconds 0.7 | ForEach-Object { $count += @($_).Count }
    $count
}
$capturing = { param($Socket, $Path, $Format) Export-XskCapture -Path $Path -Socket $Socket -Format $Format -TimeoutSeconds 0.7 }
$forwarding = { param($From, $To, $Seconds) Invoke-XskForward -From $From -To $To -DurationSeconds $Seconds -WarningAction SilentlyContinue }
$sending = { param($Socket, $Frame, $How) $Frame | Send-XskFrame -Socket $Socket -PassThru -CompletionTimeoutSeconds 10 @How }

# Opens sockets and notes what the kernel has for them.
function Open-Socket {
    param([hashtable] $With)
    foreach ($socket in New-XskSocket @With -WarningAction SilentlyContinue) {
        $total.Opened++
        $program = $socket.ProgramId
        if ($program -ne 0 -and $ours.prog.Add($program)) {
            $maps = (bpftool --json prog show id $program | ConvertFrom-Json).PSObject.Properties['map_ids']?.Value
            foreach ($id in $maps) { $null = $ours.map.Add($id) }
            foreach ($link in bpftool --json link show | ConvertFrom-Json | ForEach-Object { $_ }) {
                if ($link.PSObject.Properties['prog_id']?.Value -eq $program) { $null = $ours.link.Add($link.id) }
            }
        }

        $socket
    }
}

function New-Options {
    param([string] $Name, [int] $Queue, [bool] $Large)
    $options = @{
        InterfaceName = $Name; NetworkNamespace = $lab; QueueId = $Queue; AttachMode = $script:mode
        FrameSize     = (Select-One 2048, 4096); FrameCount = (Select-One 512, 1024, 4096)
    }
    $options.RxRingSize = $options.FillRingSize = Select-One 64, 256, 512
    $options.TxRingSize = $options.CompletionRingSize = Select-One 128, 256
    if ($Large) { $options.MultiBuffer = $true }
    if ($random.Next(3) -eq 0) { $options.NoNeedWakeup = $true }
    if ($random.Next(3) -eq 0) { $options.Headroom = 64 }
    return $options
}

# Opens and closes sockets beside the traffic; some have to be refused.
function Invoke-Churn {
    param($Busy)
    foreach ($i in 1..$random.Next(2, 7)) {
        switch ($random.Next(5)) {
            0 { Open-Refused @{ InterfaceName = 'vx'; NetworkNamespace = $other; QueueId = 9 } 'QueueOutOfRange' }
            1 { Open-Refused @{ InterfaceName = 'vx'; NetworkNamespace = $other; BindMode = 'ZeroCopy'; AttachMode = 'Native' } 'ZeroCopyNotSupported' }
            2 { Open-Refused @{ InterfaceName = $Busy.InterfaceName; NetworkNamespace = $lab; QueueId = $Busy.QueueId } 'QueueBusy' }
            3 { Open-Socket @{ InterfaceName = 'vx', 'vy'; NetworkNamespace = $other; QueueId = 0, 1; FrameCount = 512 } | Remove-XskSocket }
            4 {
                $first = Open-Socket @{ InterfaceName = 'vy'; NetworkNamespace = $other; Filter = 'udp port 53' }
                $second = Open-Socket @{ InterfaceName = 'vx'; NetworkNamespace = $other; ShareUmemWith = $first; AttachMode = $first.AttachMode }
                (Select-One $first, $second) | Remove-XskSocket
                $first, $second | Where-Object State -EQ 'Open' | Remove-XskSocket
            }
        }
    }
}

function Open-Refused {
    param([hashtable] $With, [string] $ErrorId)
    try {
        New-XskSocket @With -WarningAction SilentlyContinue | Remove-XskSocket
        $faults.Add("what should have been refused with $ErrorId was opened")
    }
    catch {
        $total.Refused++
        if ($_.FullyQualifiedErrorId -notlike "$ErrorId,*") { $faults.Add("refused with $($_.FullyQualifiedErrorId), not $ErrorId") }
    }
}

# What is sent, and how: frames for the pipeline, and arguments of Send-XskFrame.
function New-Traffic {
    param([bool] $Large)
    $longest = $Large ? 9014 : 1514
    $style = Select-One 'burst', 'paced', 'template', 'sizes'
    $how = @{ Repeat = 1 }
    if ($style -eq 'template') {
        $frame = New-XskFrame -Udp -SourceMac 02:00:00:00:00:01 -DestinationMac 02:00:00:00:00:02 -SourceAddress 10.0.0.1 -DestinationAddress 10.0.0.2 -SourcePort '1000-1999' -DestinationPort 53 -PayloadLength $random.Next(0, $longest - 50) -Count 1000
        $how.Repeat = $random.Next(2, 40)
    }
    else {
        $frame = foreach ($i in 1..64) {
            $bytes = [byte[]]::new(($style -eq 'sizes') ? $random.Next(60, $longest + 1) : (Select-One 60, 64, 512, 1514))
            $random.NextBytes($bytes)
            [Array]::Copy([Convert]::FromHexString('020000000002020000000001' + '88b5'), $bytes, 14)
            , $bytes
        }
        $how.Repeat = $random.Next(10, 600)
    }

    if ($style -eq 'paced') {
        $how.PacketsPerSecond = Select-One 5000, 20000
        $how.Repeat = $random.Next(50, 300)
    }

    [pscustomobject]@{ Style = $style; Frame = $frame; How = $how }
}

# Books: what was sent on one end is received, or dropped and counted, at the other. Frames on the way get a moment.
function Assert-Identity {
    param($Socket, [long] $Sent, [long] $Counted, [string] $From, [long] $DroppedBefore)
    $drained = 0L
    foreach ($try in 1..40) {
        $drained += @(Receive-XskPacket -Socket $Socket -TimeoutSeconds 0.05 -ReadCount 256 -WarningAction SilentlyContinue | ForEach-Object { $_ }).Count
        $stats = Get-XskRingStats -Socket $Socket
        $dropped = (Get-LinkDropped $From) - $DroppedBefore
        $missing = $Sent - $Counted - $drained - $stats.RxDropped - $stats.RxRingFull - $dropped
        if ($missing -eq 0) { break }
    }

    if ($missing -ne 0) { $faults.Add("$From to $($Socket.InterfaceName): $Sent sent, $($Counted + $drained) received, $($stats.RxDropped) rx_dropped, $($stats.RxRingFull) rx_ring_full, $dropped dropped by the link: $missing missing") }
    if ($stats.RxPackets -ne $Counted + $drained) { $faults.Add("$($Socket.InterfaceName): $($stats.RxPackets) read, $($Counted + $drained) counted") }
    $total.Sent += $Sent
    $total.Received += $Counted + $drained
    $total.RxDropped += $stats.RxDropped
    $total.RxRingFull += $stats.RxRingFull
    $total.LinkDropped += $dropped
    $total.FillRingEmpty += $stats.FillRingEmpty
}

function Get-SentCount {
    param($Result)
    $frames = ($Result | Measure-Object -Property Frames -Sum).Sum
    $completed = ($Result | Measure-Object -Property Completed -Sum).Sum
    if ($frames -ne $completed) { $faults.Add("$frames frames sent, $completed completed") }
    return [long]$frames
}

function Get-CapturedCount {
    param([string] $Path)
    $lines = Invoke-Native tcpdump -nn -q -t --count -r $Path
    [long]($lines -match '^\d+ packets?$' -replace ' .*')[0]
}

# From va to vb: by objects, into a file, or only when all has been sent; one queue, or two of one UMEM.
function Invoke-Transfer {
    param([bool] $Large)
    $traffic = New-Traffic $Large
    $consumer = Select-One 'objects', 'arrays', 'capture', 'late'
    # In generic mode veth does not hand on which queue a frame was sent on (veth_xmit).
    $queues = $script:mode -eq 'Generic' ? 0 : (Select-One @(, 0), @(, 1), @(0, 1))
    $receivers = @()
    foreach ($queue in $queues) {
        $options = New-Options vb $queue $Large
        if ($receivers) {
            # Half of the owner's free frames are for the second.
            $options = @{ InterfaceName = 'vb'; NetworkNamespace = $lab; QueueId = $queue; ShareUmemWith = $receivers[0]; AttachMode = $options.AttachMode; RxRingSize = 64; FillRingSize = 64; TxRingSize = 0 }
        }

        $receivers += Open-Socket $options
    }

    $senders = foreach ($queue in $queues) {
        $options = New-Options va $queue $Large
        $options.RxRingSize = 0
        $options.NoProgram = $true
        Open-Socket $options
    }
    $before = Get-LinkDropped va
    $readers = foreach ($socket in $receivers) {
        switch ($consumer) {
            'objects' { Start-Work $receiving @{ Socket = $socket; ReadCount = 1 } }
            'arrays' { Start-Work $receiving @{ Socket = $socket; ReadCount = 64 } }
            'capture' { Start-Work $capturing @{ Socket = $socket; Path = "$folder/q$($socket.QueueId)"; Format = (Select-One 'Pcap', 'Pcapng') } }
        }
    }
    # One queue after the other where there are two: the link's counter is of both.
    for ($i = 0; $i -lt @($senders).Count; $i++) {
        $work = Start-Work $sending @{ Socket = @($senders)[$i]; Frame = $traffic.Frame; How = $traffic.How }
        Invoke-Churn $receivers[$i]
        $sent = Get-SentCount (Wait-Work $work)
        if ($consumer -eq 'late') { $counted = 0L }
        else {
            $result = Wait-Work @($readers)[$i]
            $counted = $consumer -eq 'capture' ? (Get-CapturedCount "$folder/q$($receivers[$i].QueueId)") : [long]$result[0]
        }

        Assert-Identity $receivers[$i] $sent $counted va $before
        $before = Get-LinkDropped va
    }

    "$($traffic.Style), $consumer, $(@($queues).Count) queue(s)$($Large ? ', multi-buffer' : '')"
}

# From va to vb, forwarded to vc, received at vd: the books of both cables.
function Invoke-Forwarding {
    param([bool] $Large)
    $traffic = New-Traffic $Large
    $shared = $random.Next(2) -eq 0
    $out = Open-Socket ((New-Options va 0 $Large) + @{ NoProgram = $true })
    $from = Open-Socket (New-Options vb 0 $Large)
    $options = New-Options vc 0 $Large
    if ($shared) {
        $options = @{ InterfaceName = 'vc'; NetworkNamespace = $lab; QueueId = 0; ShareUmemWith = $from; AttachMode = $options.AttachMode }
    }

    $to = Open-Socket $options
    $end = Open-Socket (New-Options vd 0 $Large)
    $before = @{ va = Get-LinkDropped va; vc = Get-LinkDropped vc }
    $reader = Start-Work $receiving @{ Socket = $end; ReadCount = 64 }
    $forward = Start-Work $forwarding @{ From = $from; To = $to; Seconds = 2.5 }
    $work = Start-Work $sending @{ Socket = $out; Frame = $traffic.Frame; How = $traffic.How }
    Invoke-Churn $end
    $sent = Get-SentCount (Wait-Work $work)
    $result = Wait-Work $forward
    $counted = [long](Wait-Work $reader)[0]
    if ($result.Received -ne $result.Forwarded + $result.Dropped + $result.Filtered) { $faults.Add("a forward took $($result.Received): $result") }
    if ($result.Completed -ne $result.Forwarded) { $faults.Add("a forward's frames were not all completed: $result") }
    Assert-Identity $from $sent $result.Received va $before.va
    Assert-Identity $end $result.Forwarded $counted vc $before.vc
    "$($traffic.Style), forward $($shared ? 'without copying' : 'with a copy')$($Large ? ', multi-buffer' : '')"
}

. "$PSScriptRoot/Leftovers.ps1"

$watch = [Diagnostics.Stopwatch]::StartNew()
$epoch = 0
$pool = $null
try {
    New-Lab
    $pool = New-Pool
    $mode = 'Native'
    # Once through everything, so that what the runtime opens for itself is there.
    foreach ($i in 1..4) { $null = Wait-Work (Start-Work { Start-Sleep -Milliseconds 200 } @{}) }
    Open-Socket @{ InterfaceName = 'vx'; NetworkNamespace = $other } | Remove-XskSocket
    $allowed = Get-Left
    $threads = 0
    while ($watch.Elapsed.TotalMinutes -lt $Minutes) {
        $epoch++
        $known = $faults.Count
        $earlier = $total.Sent
        $mode = Select-One 'Native', 'Generic'
        $large = $random.Next(4) -eq 0
        Set-Mtu ($large ? 9000 : 1500)
        try {
            $what = $random.Next(3) -eq 0 ? (Invoke-Forwarding $large) : (Invoke-Transfer $large)
        }
        catch {
            $what = 'stopped by an error'
            $faults.Add("$_ $($_.ScriptStackTrace -split "`n" | Select-Object -First 1)")
        }

        $open = @(Get-XskSocket)
        foreach ($socket in $open) {
            if (-not $socket.CountFrames().IsConserved) { $faults.Add("$($socket.InterfaceName): $($socket.CountFrames())") }
        }

        $open | Sort-Object { $random.Next() } | Remove-XskSocket
        $left = Assert-NothingLeft $allowed
        # Those that the runtime starts come and go in the first third.
        if ($watch.Elapsed.TotalMinutes -lt $Minutes / 3) { $threads = [math]::Max($threads, $left.Threads) }
        $memory.Add(@($watch.Elapsed.TotalMinutes, (Get-ResidentKilobyte), ([GC]::GetTotalMemory($true) / 1024)))
        Write-Host ('{0,4} {1:mm\:ss} {2,7} {3,9:n0}  {4}' -f $epoch, $watch.Elapsed, $mode.ToLowerInvariant(), ($total.Sent - $earlier), $what)
        foreach ($fault in $faults | Select-Object -Skip $known) { Write-Host "     FAULT: $fault" }
    }
}
finally {
    Get-XskSocket | Remove-XskSocket
    if ($pool) { $pool.Dispose() }
    foreach ($name in $lab, $other) { ip netns delete $name 2>$null }
    Remove-Item -LiteralPath $folder -Recurse -Force
}

$left = Get-Left
if ($threads -and $left.Threads -gt $threads) { $faults.Add("$($left.Threads) threads, $threads before") }
$namespaces = @(@(ip netns list) -match "^$lab\b").Count
if ($namespaces) { $faults.Add("$namespaces network namespaces are left") }

[pscustomobject]([ordered]@{
        Minutes          = [math]::Round($watch.Elapsed.TotalMinutes, 1)
        Seed             = $Seed
        Epochs           = $epoch
    } + $total + [ordered]@{
        Unaccounted      = $total.Sent - $total.Received - $total.RxDropped - $total.RxRingFull - $total.LinkDropped
        ProgramsMapsLinksLeft = Get-BpfLeft
        DescriptorsMore  = [math]::Max(0, $left.Descriptors - $allowed.Descriptors)
        MappingsLeft     = $left.Mappings
        ThreadsMore      = $threads ? [math]::Max(0, $left.Threads - $threads) : 0
        NamespacesLeft   = $namespaces
        ResidentMB       = [math]::Round((Get-ResidentKilobyte) / 1024, 1)
        ResidentKBPerMinute = Get-Slope 1
        HeapMB           = [math]::Round([GC]::GetTotalMemory($true) / 1MB, 1)
        HeapKBPerMinute  = Get-Slope 2
        Faults           = $faults.ToArray()
    })
exit ($faults.Count -gt 0 -or $epoch -eq 0 ? 1 : 0)
