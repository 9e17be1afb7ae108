# How receiving grows with queues and cores: rows queues-SOURCE-QUEUESxCORES, each against one queue on one core.
# One process of the core receives, with a socket and a thread for each queue. Source, softirq and receiver share the
# cores: whatever is on none of them stands still, so that a core more is a core more for all of the work.

$script:queueLeft = 'qleft'
$script:queueRight = 'qright'

# A cable with so many queues at both ends, in place of the last one: native XDP wants as many to receive as the peer has to send.
function Set-QueueCable {
    param([int] $Queues)
    if (Test-Path -LiteralPath "/proc/sys/net/ipv4/conf/$script:queueRight") { & ip link delete $script:queueRight }
    & ip link add $script:queueLeft numtxqueues $Queues numrxqueues $Queues type veth peer name $script:queueRight numtxqueues $Queues numrxqueues $Queues
    if ($LASTEXITCODE -ne 0) { throw "ip could not make a cable with $Queues queues." }
    foreach ($end in $script:queueLeft, $script:queueRight) {
        & ip link set $end addrgenmode none 2>$null
        & ip link set $end up
    }
}

# Veth: a sender for each queue, since what is sent on a queue arrives on the one with its number (veth_xmit). Live: one
# for each core, since frames that are redirected arrive on the queue with the number of the core (veth_select_rxq).
function Measure-Queues {
    param([ValidateSet('Live', 'Veth')] [string] $Source, [int] $Queues, [int] $Cores)
    Set-QueueCable $Queues
    # One queue on two cores: its source on the first, its receiver on the second.
    $near = $Queues -lt $Cores ? "$($Cores - 1)" : ((0..($Cores - 1)) -join ',')
    # The senders start one after the other, on cores that are busy already.
    $start = $script:warmUp + 0.4 * $Queues
    $options = '-n', $Queues, '-t', $script:seconds, '-w', $start
    $receiver = Start-Program $near (Get-CoreCommand queues $script:queueRight $options)
    Wait-Ready $receiver
    $length = $start + $script:seconds + 1
    $senders = foreach ($i in 0..($Queues - 1)) {
        $command = $Source -eq 'Live' ? @($script:live, $script:queueLeft, '-t', $length) : (Get-PeerCommand txonly $script:queueLeft '-q', $i, '-t', $length)
        $sender = Start-Program ($i % $Cores) $command
        Wait-Ready $sender
        $sender
    }

    $result = Wait-Result $receiver
    foreach ($sender in $senders) {
        Stop-Program $sender
        $null = Wait-Program $sender
    }

    if ($result.least -eq 0) { throw "One of the $Queues queues received nothing." }
    Get-Rates $result
}

function New-QueueRow {
    param([string] $Source, [int] $Queues, [int] $Cores)
    $name = "queues-$($Source.ToLowerInvariant())-${Queues}x$Cores"
    $what = "receive on $Queues $($Queues -eq 1 ? 'queue' : 'queues') and $Cores $($Cores -eq 1 ? 'core' : 'cores'), source $($Source -eq 'Live' ? 'live frames' : 'veth transmit')"
    New-Row $name $what 'one queue on one core' -Check @((New-Check Rate), (New-Check Cpu)) `
        ([scriptblock]::Create("Measure-Queues $Source $Queues $Cores")) ([scriptblock]::Create("Measure-Queues $Source 1 1"))
}

function Get-QueueRows {
    New-QueueRow Veth 2 1
    New-QueueRow Veth 4 1
    if ([Environment]::ProcessorCount -lt 2) { return }
    New-QueueRow Veth 1 2
    New-QueueRow Veth 2 2
    New-QueueRow Veth 4 2
    New-QueueRow Live 1 2
    New-QueueRow Live 2 2
}

# The section of the report, from the outcomes of these rows; nothing where none was measured.
function Get-QueueLines {
    param([object[]] $Outcome)
    $rates = @($Outcome | Where-Object { $_.Row -like 'queues-*' -and $_.Check.Metric -eq 'Rate' })
    if (-not $rates) { return }
    @(
        '', '## Many queues', ''
        'The core receives and drops: one process with a socket and a thread for each queue of a cable (veth) with so many queues, each thread pinned to a core.'
        'Source, softirq and receiver share the cores that are named, so that one core more is one more for all of the work.'
        'Live frames arrive on the queue with the number of the core that makes them (`veth_select_rxq`): more queues than cores cannot be filled by them.'
        'What a process sends on a queue of veth arrives on the one with the same number (`veth_xmit`): a sender for each queue.'
        'Each is compared with one queue on one core, measured in turn.', ''
        '| source | queues | cores | rate, Mpps | one queue, one core | by pairs | range | CPU time a packet by pairs |'
        '|---|---:|---:|---:|---:|---:|---|---:|'
    )
    foreach ($rate in $rates) {
        $null = $rate.Row -match '^queues-(\w+)-(\d+)x(\d+)$'
        $source = $Matches[1] -eq 'live' ? 'live frames' : 'veth transmit'
        $queues, $cores = $Matches[2, 3]
        $text = Format-Outcome $rate
        $cpu = Format-Outcome ($Outcome | Where-Object { $_.Row -eq $rate.Row -and $_.Check.Metric -eq 'Cpu' })
        "| $source | $queues | $cores | $($text.Ours) | $($text.Theirs) | $($text.Compared) | $($text.Range) | $($cpu.Compared) |"
    }

    Get-QueueBounds
}

# What was not measured, since it takes more cores or a NIC: reckoned, and said to be so.
function Get-QueueBounds {
    @'

### Past this machine's cores: what bounds it

This part is reckoned, not measured.

- **In the core, nothing is shared between queues.** Each socket has its own four rings, its own frames and its own gate, and takes no lock; only sockets on one and the same queue share FILL and COMPLETION, under one. The program and its map are only read. So a queue more costs the others nothing, and the rate grows as the kernel lets it.
- **In the kernel, a queue is one NAPI context**, and so one core at a time for driver, XDP program and, in copy mode, the copy. A queue whose softirq and thread share a core costs the sum of both; on two cores they overlap, and the slower one, the softirq, sets the rate. With many queues the first is the better use of cores: no packet goes from one core's cache to another's. Steer the interrupts of a queue to the core that `-Cpu` names.
- **The NIC spreads by flow** (RSS). The busiest queue is full first: one flow is one queue, however many there are.
- **Line rate.** Frames of 64 bytes take 84 on the wire: 14.9 Mpps at 10 Gb/s, 148.8 at 100. Published for zero-copy on a 100 Gb/s NIC, by another program: 7.7 Mpps on one queue and 116.9 on 16 (go-afxdp), 95 % of 16 times as much.
- **Memory.** 100 Gb/s are 12.5 GB/s of bytes. Zero-copy writes them once (DMA) and reads what the program looks at; copy mode reads and writes each once more, some 37 to 50 GB/s with the line fills, which is two channels of DDR4-3200 (25.6 GB/s each). With short frames it is lines that count, not bytes: the packet's, and a share of one for each ring's entries (16 bytes on RX, 8 on FILL). On several sockets of a machine, memory, interrupts and thread belong on the NIC's.
- **The runtime.** The core allocates nothing a packet, so that no thread waits for the garbage collector on account of another. The pipeline does allocate, and a collection stops all threads of its process: to receive as objects on many queues, use a session for each.
- **The source.** On veth the sender's core does all of the receiver's kernel work as well, and there is no hardware to spread the load: what is measured above is the kernel's cost of both.
'@ -split "`n"
}
