# From pairs of measurements to the table.

function Get-Median {
    param([double[]] $Value)
    $sorted = @($Value | Sort-Object)
    $middle = [Math]::Floor($sorted.Count / 2)
    $sorted.Count % 2 ? $sorted[$middle] : ($sorted[$middle - 1] + $sorted[$middle]) / 2
}

function Format-Number {
    param([double] $Value, [string] $Format)
    $Value.ToString($Format, [cultureinfo]::InvariantCulture)
}

# A row's checks against its pairs: medians, the median of what is compared pair by pair with its range, and whether that does.
function Get-Outcome {
    param($Row, [object[]] $Pair)
    foreach ($check in $Row.Check) {
        $metric = $check.Metric
        $ours = @($Pair.Ours | ForEach-Object { $_[$metric] })
        $theirs = $Row.Theirs ? @($Pair.Theirs | ForEach-Object { $_[$metric] }) : @()
        $compared = @(
            for ($i = 0; $i -lt $ours.Count; $i++) {
                switch ($check.Compare) {
                    'Ratio' { $ours[$i] / $theirs[$i] }
                    'Difference' { $ours[$i] - $theirs[$i] }
                    'Value' { $ours[$i] }
                }
            }
        )
        $middle = Get-Median $compared
        [pscustomobject]@{
            Row      = $Row.Name
            What     = $Row.What
            Versus   = $check.Compare -ne 'Value' ? $Row.Versus : ''
            Check    = $check
            Ours     = Get-Median $ours
            Theirs   = $check.Compare -ne 'Value' ? (Get-Median $theirs) : $null
            Compared = $middle
            Least    = ($compared | Measure-Object -Minimum).Minimum
            Most     = ($compared | Measure-Object -Maximum).Maximum
            Reached  = Test-Reached $check $middle
        }
    }
}

# yes, no, goal; or nothing where nothing is required.
function Test-Reached {
    param($Check, [double] $Value)
    $required, $sign = $null -ne $Check.AtLeast ? ($Check.AtLeast, 1) : ($Check.AtMost, -1)
    if ($null -eq $required) { return '' }
    if ($sign * $Value -lt $sign * $required) { return 'no' }
    $null -ne $Check.Goal -and $sign * $Value -ge $sign * $Check.Goal ? 'goal' : 'yes'
}

# The texts of a line of the table.
function Format-Outcome {
    param($Outcome)
    $metric = $script:metrics[$Outcome.Check.Metric]
    $scale = { param($Value) Format-Number ($Value * $metric.Scale) $metric.Format }
    $show = switch ($Outcome.Check.Compare) {
        'Ratio' { { param($Value) "$(Format-Number $Value '0.00')x" } }
        'Difference' { { param($Value) Format-Number ($Value * $metric.Scale) "+$($metric.Format);-$($metric.Format)" } }
        'Value' { $scale }
    }
    $bound = $null -ne $Outcome.Check.AtLeast ? [char]0x2265 : [char]0x2264
    $required = $Outcome.Check.AtLeast ?? $Outcome.Check.AtMost
    $compared = $Outcome.Check.Compare -eq 'Value' ? '' : (& $show $Outcome.Compared)
    [ordered]@{
        What     = $Outcome.What
        Versus   = $Outcome.Versus
        Metric   = "$($metric.Title), $($metric.Unit)"
        Ours     = & $scale $Outcome.Ours
        Theirs   = $null -ne $Outcome.Theirs ? (& $scale $Outcome.Theirs) : ''
        Compared = $compared
        Range    = "$(& $show $Outcome.Least) to $(& $show $Outcome.Most)"
        Required = $null -ne $required ? "$bound $(& $show $required)" : ''
        Goal     = $null -ne $Outcome.Check.Goal ? "$bound $(& $show $Outcome.Check.Goal)" : ''
        Reached  = switch ($Outcome.Reached) { 'no' { '**no**' } 'goal' { 'yes, the goal too' } default { $_ } }
    }
}

function Get-MachineLines {
    $model = (Get-Content -LiteralPath '/proc/cpuinfo') -match '^model name' | Select-Object -First 1
    $memory = [long]((Get-Content -LiteralPath '/proc/meminfo' -TotalCount 1) -replace '\D') * 1KB
    $libxdp = & dpkg-query -W -f '${Version}' libxdp-dev 2>$null
    "- machine: $([Environment]::ProcessorCount) cores, $($model -replace '.*: '), $(Format-Number ($memory / 1GB) '0') GiB"
    if ((Get-Content -LiteralPath '/proc/cpuinfo' -Raw) -match '\bhypervisor\b') { '- a virtual machine: what else its host does shows in the ranges' }
    "- kernel: $(uname -sr)"
    "- PowerShell $($PSVersionTable.PSVersion), .NET $([Environment]::Version)$($libxdp ? ", libxdp $libxdp" : '')"
    "- date: $([DateTime]::UtcNow.ToString('yyyy-MM-dd'))"
}

# How the peer does beside what is known of xdpsock on such a machine, so that a weak peer cannot flatter us.
function Get-PeerLines {
    param([hashtable] $Measured)
    $known = @(
        @('rxdrop-native', 'receive and drop, native, live frames', '3.4 to 3.6', 3.4)
        @('rxdrop-generic', 'receive and drop, generic with GRO, live frames', '1.7', 1.7)
        @('txonly-native', 'transmit, into an XDP receiver', '0.86 to 0.92', 0.86)
    )
    foreach ($entry in $known) {
        if (-not $Measured.ContainsKey($entry[0])) { continue }
        $rate = (Get-Median @($Measured[$entry[0]].Theirs | ForEach-Object { $_.Rate })) * 1e-6
        "| $($entry[1]) | $(Format-Number $rate '0.00') | $($entry[2]) | $($rate -ge $entry[3] ? 'as fast' : 'slower') |"
    }
}

# Where the time goes, from profiles of the same programs: perf record -g -p PID, with DOTNET_PerfMapEnabled=1 and
# DOTNET_EnableWriteXorExecute=0 in the environment of ours, so that compiled code has its names.
function Get-LimitLines {
    '## What the limits are'
    ''
    'Profiled with `perf record -g` on two cores, kernel 6.18:'
    ''
    '- Sending: 96 to 99 % of the CPU time is the kernel''s, with ours as with C. Each frame becomes a socket buffer that goes all'
    '  the way into the receiver''s UMEM before `sendto` returns: 18 to 20 % is copying, 10 to 12 % giving its page back, 5 % taking a'
    '  frame of the receiver''s. What a sender can do is to have few frames in use, so that they are in the cache when the kernel'
    '  copies them: ours has the kernel take a batch whole before it fills the next, where the peer, like xdpsock, keeps its TX'
    '  ring full.'
    '- Receiving with sleep: being put to sleep and woken is 60 to 70 % of what C needs. Woken for each batch of the driver, on a'
    '  veth pair 64 packets at the most and often one, ours needed more than C: a poll of two descriptors, so that another thread can'
    '  end it. From 160,000 packets a second on it now sleeps by the clock, 50 us as asked for and about 100 as the kernel does'
    '  it, and finds hundreds. That is the price, too: under such load a packet may wait that much longer.'
    '- Receiving without sleep: the source is the limit. The receiver looks at an empty ring most of the time, and its CPU time is'
    '  the elapsed time.'
    '- Ping-pong: a round trip is two `sendto` calls, which take nearly 2 us of system time each and deliver amid that. Between'
    '  the arrival of a frame and the call ours enters and leaves the socket three times (so that no other thread can close it'
    '  meanwhile), checks whose frame it is, copies it, and changes between managed and native code. A frame at a time, nobody'
    '  shares that cost.'
    '- l2fwd: sending, as above.'
}

function Write-Report {
    param([string] $Path, [object[]] $Outcome, [hashtable] $Measured, [string] $Command, [int] $Pairs, [double] $Seconds, [int] $Disturbed, [int] $Runs)
    $lines = @(
        '# Benchmarks'
        ''
        'Measured by `bench/` on a cable (veth pair) in a network namespace of its own, side by side with C and the usual tools.'
        ''
        "- command: ``$Command``"
        Get-MachineLines
        "- $Pairs pairs a row, ours and the other in turn (A B A B), each measured for $(Format-Number $Seconds '0.0#') s after a warm-up of $(Format-Number $script:warmUp '0.0#') s"
        "- where other work, or the host of a virtual machine, took more than 5 % of the CPU time, a measurement was repeated; it did so in $Disturbed of $Runs for all that"
        ''
        'Frames have 60 bytes (64 with FCS). What is measured runs on the last core, its source or sink on the first.'
        'Figures are medians; "by pairs" is the median of the ratios (or differences) of each pair, and the range is theirs.'
        'CPU time is of the whole process, user and system. A packet sent counts when it has arrived at the other end.'
        'Where the source is the limit, the rate says what the kernel does, and the CPU time a packet is what to compare.'
        ''
        '| what | against | metric | ours | theirs | by pairs | range | required | goal | reached |'
        '|---|---|---|---:|---:|---:|---|---|---|---|'
    )
    $lines += foreach ($one in $Outcome | Where-Object Row -NotLike 'queues-*') {
        $text = Format-Outcome $one
        '| {0} |' -f ((@($text.Values) -replace '\|', '\|') -join ' | ')
    }

    $short = @($Outcome | Where-Object Reached -EQ 'no')
    $required = @($Outcome | Where-Object Reached)
    $lines += @('', "## Shortfalls", '')
    $lines += "$($required.Count - $short.Count) of $($required.Count) requirements are met."
    if ($short) { $lines += '' }
    $lines += foreach ($one in $short) {
        $text = Format-Outcome $one
        $found = $text.Compared ? $text.Compared : $text.Ours
        $name = $one.Check.Compare -eq 'Ratio' ? $script:metrics[$one.Check.Metric].Title : $text.Metric
        "- $($one.What)$($one.Versus ? ", against $($one.Versus)" : ''): $name is $found, required $($text.Required).$(Get-Limit $one)"
    }

    $lines += @('') + @(Get-LimitLines)
    $lines += Get-QueueLines $Outcome
    $peerLines = @(Get-PeerLines $Measured)
    if ($peerLines) {
        $lines += @(
            '', '## Is the peer a weak one?', ''
            'What xdpsock (bpf-examples) gave on a virtual machine with two cores, kernel 6.18, on veth, in Mpps:', ''
            '| what | peer | xdpsock | |', '|---|---:|---:|---|'
        ) + $peerLines
        $lines += @(
            ''
            'Published for veth: 0.83 Mpps native, 0.99 generic received from one sender (xdp-tutorial #110).'
            'Published for one core of a NIC, 64 bytes: zero-copy 7 to 20 Mpps, copy 1.2 to 5, generic 0.3 to 2'
            '(bpf-examples #61, go-afxdp, netdev 2019-05-16).'
        )
    }

    Set-Content -LiteralPath $Path -Value $lines
}
