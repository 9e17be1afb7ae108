# How far the gaps between frames are from what they ought to be. The witness is tcpdump at the other end of the cable,
# on the other core: its times are taken by the kernel when the sender's core hands the frame over (netif_rx).

$script:pacedRate = 10000

# As many frames as fit the measured time at that rate; gaps of 20 to 180 microseconds, 100 on the average, always the same.
function Get-RecordedGap {
    $random = [Random]::new(1)
    foreach ($i in 2..[int]($script:seconds * $script:pacedRate)) { $random.Next(20, 181) }
}

# Two recordings with these gaps: one to warm up, with another EtherType, and one to measure.
function New-PacedCapture {
    param([int[]] $Gap)
    foreach ($type in 0xb6, 0xb5) {
        $path = "$Programs/paced-$($type -eq 0xb5 ? 'measured' : 'warm-up').pcap"
        $file = [IO.BinaryWriter]::new([IO.File]::Create($path))
        try {
            foreach ($word in 0xa1b2c3d4L, 0x00040002, 0, 0, 65535, 1) { $file.Write([uint]$word) }
            [byte[]]$frame = @(2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, $type) + [byte[]]::new(46)
            $time = 1000000L
            foreach ($one in @(0) + $Gap) {
                $time += $one
                foreach ($word in (($time - $time % 1000000) / 1000000), ($time % 1000000), $frame.Length, $frame.Length) { $file.Write([uint]$word) }
                $file.Write($frame)
            }
        }
        finally { $file.Dispose() }
    }
}

# The times in a pcap file of nanoseconds.
function Read-FrameTime {
    param([string] $Path)
    $bytes = [IO.File]::ReadAllBytes($Path)
    if ([BitConverter]::ToUInt32($bytes, 0) -ne 0xa1b23c4dL) { throw "$Path has no nanoseconds." }
    for ($offset = 24; $offset + 16 -le $bytes.Length; $offset += 16 + [BitConverter]::ToInt32($bytes, $offset + 8)) {
        1000000000L * [BitConverter]::ToUInt32($bytes, $offset) + [BitConverter]::ToUInt32($bytes, $offset + 4)
    }
}

function Measure-Pacing {
    param([string[]] $Command, [int[]] $Gap)
    Set-Gro $false
    $path = "$Programs/paced-witness.pcap"
    $witness = Start-Program $script:farCore @(
        'tcpdump', '-i', 'right', '-n', '--time-stamp-precision', 'nano', '-s', '64', '-B', '32768', '-w', $path, '-Z', 'root', 'ether', 'proto', '0x88b5'
    )
    # Its socket is there, and soon after that its filter.
    foreach ($i in 1..100) {
        if (@(Get-Content -LiteralPath "/proc/$($witness.Process.Id)/net/packet").Count -gt 1) { break }
        Start-Sleep -Milliseconds 50
    }
    Start-Sleep -Milliseconds 500
    $null = Wait-Program (Start-Program $script:nearCore $Command)
    # Its buffer hands over a block that is not full after a second.
    Start-Sleep -Milliseconds 1300
    Stop-Program $witness
    $null = Wait-Program $witness
    $times = [long[]]@(Read-FrameTime $path)
    if ($times.Count -ne $Gap.Count + 1) { throw "$($times.Count) of $($Gap.Count + 1) frames arrived." }
    $errors = [double[]]::new($Gap.Count)
    for ($i = 0; $i -lt $Gap.Count; $i++) { $errors[$i] = [Math]::Abs(($times[$i + 1] - $times[$i]) / 1000 - $Gap[$i]) }
    [Array]::Sort($errors)
    @{
        GapP50  = $errors[[int][Math]::Ceiling(0.50 * $errors.Count) - 1]
        GapP99  = $errors[[int][Math]::Ceiling(0.99 * $errors.Count) - 1]
        GapMost = $errors[-1]
    }
}

function Get-PacingRows {
    $check = @(
        New-Check GapP50
        New-Check GapP99
        New-Check GapP99 -Compare Value -AtMost 50
        New-Check GapMost
    )
    New-Row pace-rate "Send-XskFrame -PacketsPerSecond $script:pacedRate, gaps between frames" 'tcpreplay --pps' -Tool tcpreplay, tcpdump -Check $check `
        {
        $gap = [int[]]::new($script:seconds * $script:pacedRate - 1)
        [Array]::Fill($gap, [int](1000000 / $script:pacedRate))
        Measure-Pacing (Get-CmdletCommand SendAtRate left) $gap
    } {
        $gap = [int[]]::new($script:seconds * $script:pacedRate - 1)
        [Array]::Fill($gap, [int](1000000 / $script:pacedRate))
        New-PacedCapture $gap
        Measure-Pacing @('tcpreplay', '-i', 'left', "--pps=$script:pacedRate", '--preload-pcap', "$Programs/paced-measured.pcap") $gap
    }
    New-Row pace-original 'Import-XskCapture | Send-XskFrame -Timing Original, gaps between frames (20 to 180 us)' 'tcpreplay' -Tool tcpreplay, tcpdump -Check $check `
        {
        $gap = Get-RecordedGap
        New-PacedCapture $gap
        Measure-Pacing ((Get-CmdletCommand Replay left) + @('-Path', "$Programs/paced-warm-up.pcap,$Programs/paced-measured.pcap")) $gap
    } {
        $gap = Get-RecordedGap
        New-PacedCapture $gap
        Measure-Pacing @('tcpreplay', '-i', 'left', '--preload-pcap', "$Programs/paced-measured.pcap") $gap
    }
}
