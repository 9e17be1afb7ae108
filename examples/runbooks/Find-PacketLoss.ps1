#Requires -Version 7.6
#Requires -Modules XdpPS

<#
.SYNOPSIS
    Finds between which two points of a path packets get lost, by halving the path.
.DESCRIPTION
    Points are interfaces that the path leads in through, in the order in which packets reach them; the last is the
    destination's. The script sends numbered frames towards the destination and takes them off the path at one
    point, where a socket receives these frames and nothing else. If all arrive, the loss is behind that point, and else
    before it: with n points, about log2(n) rounds find the segment. The first round is at the destination, and the only
    one where nothing is lost. -All looks at every point instead and finds loss in several segments.

    Frames are UDP datagrams with -DestinationAddress, through routers, or frames of the experimental EtherType 0x88b5
    with -DestinationMac alone, through switches. What the socket at a point had to drop itself is an error, not a loss.

    All points have to be interfaces of this host, in any network namespace: one host at both ends of what is in doubt, such as
    a pair of ports around a switch or firewall, or a chain of containers. Needs root. Attaching XDP makes some network
    cards drop the link for a moment, which the script waits for.
.PARAMETER Transmit
    The interface to send on: its name, or the name of its network namespace, a slash and its name.
.PARAMETER Point
    The points in their order, written as -Transmit.
.PARAMETER DestinationAddress
    Where the datagrams go.
.PARAMETER SourceAddress
    Where they are from; without it, what the kernel would take.
.PARAMETER DestinationMac
    With -DestinationAddress, the next hop's MAC address; without it, the kernel is asked. Without -DestinationAddress, that of the
    destination, or of a group.
.PARAMETER DestinationPort
    UDP port that the datagrams go to. They arrive nowhere: each round takes them off the path.
.PARAMETER Count
    How many frames to send in each round.
.PARAMETER PacketsPerSecond
    How many to send in a second.
.PARAMETER Length
    Bytes of each frame, without FCS. Loss of long frames only shows with long ones.
.PARAMETER Tolerance
    Share of frames, from 0 to 1, that may be missing without counting as loss.
.PARAMETER TimeoutSeconds
    How long without a frame before the rest counts as lost.
.PARAMETER All
    Looks at every point.
.OUTPUTS
    One object. Lossy: whether frames were lost. Segments: From, To, LossRatio of each segment that loses some. Rounds: what
    was found at each point: Point, Sent, Received, Lost, LossRatio, Duplicates, Missing (the numbers, from 0).
.EXAMPLE
    ./Find-PacketLoss.ps1 -Transmit eth1 -Point fw/outside, fw2/outside, eth2 -DestinationAddress 192.0.2.80
.EXAMPLE
    ./Find-PacketLoss.ps1 -Transmit eth1 -Point eth2 -DestinationMac 02:00:00:00:00:02 -Length 1514 -Count 4000 -PacketsPerSecond 10000
#>
[CmdletBinding(SupportsShouldProcess)]
param(
    [Parameter(Mandatory)]
    [ValidatePattern('^([^/]+/)?[^/]+$', ErrorMessage = '{0} is neither an interface nor namespace/interface.')]
    [string] $Transmit,

    [Parameter(Mandatory)]
    [ValidatePattern('^([^/]+/)?[^/]+$', ErrorMessage = '{0} is neither an interface nor namespace/interface.')]
    [string[]] $Point,

    [Parameter(Mandatory, ParameterSetName = 'Routed')]
    [ipaddress] $DestinationAddress,

    [Parameter(ParameterSetName = 'Routed')]
    [ipaddress] $SourceAddress,

    [Parameter(Mandatory, ParameterSetName = 'Switched')]
    [Parameter(ParameterSetName = 'Routed')]
    [ValidatePattern('^([0-9a-f]{2}[:-]){5}[0-9a-f]{2}$', ErrorMessage = '{0} is not a MAC address.')]
    [string] $DestinationMac,

    [Parameter(ParameterSetName = 'Routed')]
    [ValidateRange(1, 65535)]
    [int] $DestinationPort = 40000,

    [ValidateRange(1, 4000)]
    [int] $Count = 500,

    [ValidateRange(1, 1000000)]
    [double] $PacketsPerSecond = 1000,

    [ValidateRange(80, 9014)]
    [int] $Length = 80,

    [ValidateRange(0, 1)]
    [double] $Tolerance = 0,

    [ValidateRange(0.01, 60)]
    [double] $TimeoutSeconds = 1,

    [switch] $All
)

Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'
Import-Module "$PSScriptRoot/NextHop.psm1" -Verbose:$false

function Get-Place {
    param([string] $Text)
    $namespace, $name = $Text.Contains('/') ? $Text.Split('/') : ($null, $Text)
    $place = @{ InterfaceName = $name }
    if ($namespace) { $place.NetworkNamespace = $namespace }
    return $place
}

if (-not $PSCmdlet.ShouldProcess("$Transmit to $($Point[-1])", "Send $Count frames at a time, and take them off the path at $($Point -join ', ')")) { return }
# Asked once is enough.
$ConfirmPreference = 'None'

$from = Get-Place $Transmit
if ($DestinationAddress) {
    $hop = Get-NextHop $DestinationAddress @from
    $frame = @{
        Udp = $true; SourceAddress = "$($SourceAddress ?? $hop.SourceAddress)"; DestinationAddress = "$DestinationAddress"
        SourcePort = $DestinationPort; DestinationPort = $DestinationPort; DestinationMac = $DestinationMac ? $DestinationMac : $hop.DestinationMac
    }
    $filter = "udp dst port $DestinationPort and dst host $DestinationAddress"
    $payloadAt = $DestinationAddress.AddressFamily -eq 'InterNetworkV6' ? 62 : 42
}
else {
    $frame = @{ EtherType = 0x88b5; DestinationMac = $DestinationMac }
    $filter = 'ether proto 0x88b5'
    $payloadAt = 14
}

# Sends numbered frames, and says which of them arrive at a point. Each round has a mark of its own: what is late belongs to none.
function Measure-Point {
    param([string] $At)
    $mark = [Random]::Shared.NextInt64().ToString('X16')
    $place = Get-Place $At
    $receiver = @(New-XskSocket @place -AllQueues -Filter $filter -TxRingSize 0 -RxRingSize 4096 -FillRingSize 4096)
    try {
        $frames = foreach ($number in 0..($Count - 1)) {
            New-XskFrame @from @frame -Length $Length -Payload ('0x' + $mark + $number.ToString('x8') + '00' * ($Length - $payloadAt - 12))
        }
        $null = $frames | Send-XskFrame $sender -PacketsPerSecond $PacketsPerSecond -ProgressAction SilentlyContinue
        $seen = [int[]]::new($Count)
        foreach ($packet in $receiver | Receive-XskPacket -TimeoutSeconds $TimeoutSeconds -ProgressAction SilentlyContinue) {
            $data = $packet.Data
            if ($data.Length -lt $payloadAt + 12 -or [Convert]::ToHexString($data, $payloadAt, 8) -ne $mark) { continue }
            $seen[[Convert]::ToInt32([Convert]::ToHexString($data, $payloadAt + 8, 4), 16)]++
        }

        $dropped = ($receiver | Get-XskRingStats | ForEach-Object { $_.RxDropped + $_.RxRingFull } | Measure-Object -Sum).Sum
        if ($dropped) { throw "The socket at $At itself dropped $dropped frames, so that nothing can be said of the path; send fewer with -PacketsPerSecond or -Count." }
    }
    finally {
        $receiver | Remove-XskSocket
    }

    $missing = @(0..($Count - 1) | Where-Object { $seen[$_] -eq 0 })
    Write-Verbose "$At`: $($Count - $missing.Count) of $Count"
    [pscustomobject]@{
        Point      = $At
        Sent       = $Count
        Received   = $Count - $missing.Count
        Lost       = $missing.Count
        LossRatio  = $missing.Count / $Count
        Duplicates = [long]($seen | Where-Object { $_ -gt 1 } | ForEach-Object { $_ - 1 } | Measure-Object -Sum).Sum
        Missing    = [int[]]$missing
    }
}

$rounds = [Collections.Generic.List[object]]::new()
$segments = @()
$sender = New-XskSocket @from -NoProgram -RxRingSize 0
try {
    if ($All) {
        $before = [pscustomobject]@{ Point = $Transmit; LossRatio = 0.0 }
        $segments = @(foreach ($name in $Point) {
            $round = Measure-Point $name
            $rounds.Add($round)
            # Of what reached the point before; other frames were sent to it, so that a little may be chance.
            $ratio = $before.LossRatio -lt 1 ? [math]::Max(0, 1 - (1 - $round.LossRatio) / (1 - $before.LossRatio)) : 0
            if ($ratio -gt $Tolerance) { [pscustomobject]@{ From = $before.Point; To = $name; LossRatio = $ratio } }
            $before = $round
        })
    }
    else {
        # All arrive at the point of index 'good', the sender's being -1, and too few at that of 'bad'.
        $good = -1
        $bad = $Point.Count - 1
        $round = Measure-Point $Point[$bad]
        $rounds.Add($round)
        if ($round.LossRatio -gt $Tolerance) {
            $ratio = $round.LossRatio
            while ($bad - $good -gt 1) {
                $middle = $good + [math]::Floor(($bad - $good) / 2)
                $round = Measure-Point $Point[$middle]
                $rounds.Add($round)
                if ($round.LossRatio -gt $Tolerance) { $bad = $middle; $ratio = $round.LossRatio } else { $good = $middle }
            }

            $segments = @([pscustomobject]@{ From = $good -lt 0 ? $Transmit : $Point[$good]; To = $Point[$bad]; LossRatio = $ratio })
        }
    }
}
finally {
    Remove-XskSocket $sender
}

[pscustomobject]@{
    Transmit = $Transmit
    Lossy    = $segments.Count -gt 0
    Segments = $segments
    Rounds   = $rounds.ToArray()
}
