#Requires -Version 7.6
#Requires -Modules XdpPS

<#
.SYNOPSIS
    Finds the path MTU to a host, and the hop that drops what is larger without a word.
.DESCRIPTION
    A router that cannot forward a packet with the DF bit, or an IPv6 packet, because the next link is too narrow says so
    by ICMP. Where a firewall suppresses that message, connections open and then hang: an MTU black hole.

    The script sends pings of growing size by frames of its own, which the host's own path MTU cache has no say in, and
    finds the largest that is answered by halving. Whether a larger one was refused by a message or vanished tells
    a narrow link from a black hole. A probe that is one byte too large and has few hops to live then shows how far it
    comes: the last hop that returns it as expired is the one that cannot send it on, so the link behind it has the MTU.
    A hop that sends no such message leaves a gap: the loss is then somewhere between Hop and NextHop.

    The answer takes the way back, which may be another one. Where every hop sees the large probe and the answer is
    missing all the same, suspect the link to the destination, or the way back.

    Needs root, and an interface that has an address. For as long as it runs the script takes the answers to its own
    probes away from the kernel, and nothing else.
.PARAMETER Destination
    A host that answers pings.
.PARAMETER InterfaceName
    The interface to send on.
.PARAMETER NetworkNamespace
    Name of the network namespace that the interface is in.
.PARAMETER DestinationMac
    MAC address of the next hop; without it, the kernel is asked.
.PARAMETER MinimumMtu
    The smallest size to try, in bytes of an IP packet. The default is the least that a link must carry: 68 of IPv4, 1280 of
    IPv6.
.PARAMETER MaximumMtu
    The largest size to try. The default is the interface's MTU.
.PARAMETER MaximumHops
    How many hops to look at.
.PARAMETER Attempts
    How often a probe without an answer is sent before it counts as lost.
.PARAMETER TimeoutSeconds
    How long to wait for an answer.
.OUTPUTS
    One object. Answered: whether the smallest probe was answered at all. PathMtu: the largest size that was.
    BlackHole: whether the next larger one vanished. ReportedBy, ReportedMtu: the router that refused it instead, and
    what it said. Hop, HopAddress: the last router that saw it. NextHop: who is behind that. HopMtu: what the link
    between these two carries. Probes: how many were sent.
.EXAMPLE
    ./Find-MtuBlackHole.ps1 192.0.2.80 -InterfaceName eth1
.EXAMPLE
    ./Find-MtuBlackHole.ps1 2001:db8::80 -InterfaceName eth1 -TimeoutSeconds 0.3 -Attempts 3
#>
[CmdletBinding(SupportsShouldProcess)]
param(
    [Parameter(Mandatory, Position = 0)]
    [ipaddress] $Destination,

    [Parameter(Mandatory)]
    [ValidateNotNullOrEmpty()]
    [string] $InterfaceName,

    [ValidatePattern('^[^/]+$', ErrorMessage = '{0} is not the name of a network namespace.')]
    [string] $NetworkNamespace,

    [ValidatePattern('^([0-9a-f]{2}[:-]){5}[0-9a-f]{2}$', ErrorMessage = '{0} is not a MAC address.')]
    [string] $DestinationMac,

    [ValidateRange(68, 65535)]
    [int] $MinimumMtu,

    [ValidateRange(68, 65535)]
    [int] $MaximumMtu,

    [ValidateRange(1, 255)]
    [int] $MaximumHops = 30,

    [ValidateRange(1, 20)]
    [int] $Attempts = 2,

    [ValidateRange(0.01, 60)]
    [double] $TimeoutSeconds = 1
)

Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'
Import-Module "$PSScriptRoot/NextHop.psm1" -Verbose:$false

$isIPv6 = $Destination.AddressFamily -eq 'InterNetworkV6'
$place = @{ InterfaceName = $InterfaceName }
if ($NetworkNamespace) { $place.NetworkNamespace = $NetworkNamespace }
$interface = Get-XdpInterface @place
if (-not $MinimumMtu) { $MinimumMtu = $isIPv6 ? 1280 : 68 }
if (-not $MaximumMtu) { $MaximumMtu = $interface.Mtu }
if ($MaximumMtu -gt $interface.Mtu) { throw "$InterfaceName has an MTU of $($interface.Mtu), so that no probe of $MaximumMtu bytes can be sent; give -MaximumMtu $($interface.Mtu)." }
if ($MinimumMtu -ge $MaximumMtu) { throw "-MinimumMtu ($MinimumMtu) has to be below -MaximumMtu ($MaximumMtu)." }
if (-not $PSCmdlet.ShouldProcess("$Destination, by $InterfaceName", "Send pings of $MinimumMtu to $MaximumMtu bytes")) { return }
# Asked once is enough.
$ConfirmPreference = 'None'

$hop = Get-NextHop $Destination @place
if ($DestinationMac) { $hop.DestinationMac = $DestinationMac }
$identifier = Get-Random -Minimum 1 -Maximum 65536
$bytes = $Destination.GetAddressBytes()
$words = @(for ($i = 0; $i -lt $bytes.Length; $i += 4) { '0x' + [Convert]::ToHexString($bytes, $i, 4) })

# Answers to our pings, and errors about them: these carry the ping's headers behind their own. Others' errors are the kernel's:
# from them it learns the path MTU.
$filter = if ($isIPv6) {
    $inner = (0..3 | ForEach-Object { "ip6[$(72 + 4 * $_):4] = $($words[$_])" }) -join ' and '
    "icmp6 and ((ip6[40] = 129 and ip6[44:2] = $identifier) or (ip6[40] <= 3 and ip6[54] = 58 and ip6[92:2] = $identifier and $inner))"
}
else {
    "icmp and ((icmp[0] = 0 and icmp[4:2] = $identifier) or ((icmp[0] = 3 or icmp[0] = 11) and icmp[17] = 1 and icmp[32:2] = $identifier and icmp[24:4] = $($words[0])))"
}

# The number of the ping that a packet answers, or is an error about; $null where it is none of ours.
function Get-AnsweredNumber {
    param($Packet)
    $message = $isIPv6 ? $Packet.Icmpv6 : $Packet.Icmp
    if ("$($message.Type)" -eq 'EchoReply') { return $message.SequenceNumber }
    $ping = $isIPv6 ? $message.OriginalPacket?.Icmpv6 : $message.OriginalDatagram?.Icmp
    if ($ping -and $ping.Identifier -eq $identifier) { return $ping.SequenceNumber }
}

$probes = 0
function Send-Probe {
    param([int] $Size, [int] $TimeToLive = 64)
    foreach ($attempt in 1..$Attempts) {
        $script:probes++
        $number = $script:probes -band 0xffff
        $ping = @{
            SourceAddress = "$($hop.SourceAddress)"; DestinationAddress = "$Destination"; DestinationMac = $hop.DestinationMac
            Identifier = $identifier; SequenceNumber = $number; TimeToLive = $TimeToLive; Length = 14 + $Size
        }
        if (-not $isIPv6) { $ping.DontFragment = $true }
        New-XskFrame -IcmpEcho @place @ping | Send-XskFrame $socket
        $clock = [Diagnostics.Stopwatch]::StartNew()
        while (($left = $TimeoutSeconds - $clock.Elapsed.TotalSeconds) -gt 0) {
            $packet = Receive-XskPacket $socket -Count 1 -TimeoutSeconds ([math]::Max(0.001, $left)) -ProgressAction SilentlyContinue
            if (-not $packet -or (Get-AnsweredNumber $packet) -ne $number) { continue }
            $message = $isIPv6 ? $packet.Icmpv6 : $packet.Icmp
            $mtu = $isIPv6 ? ("$($message.Type)" -eq 'PacketTooBig' ? $message.Mtu : $null) : $message.NextHopMtu
            $kind = "$($message.Type)"
            if ($null -ne $mtu) { $kind = 'TooBig' }
            Write-Verbose "$Size bytes, $TimeToLive hops: $kind from $(($packet.IPv4 ?? $packet.IPv6).SourceAddress)"
            return [pscustomobject]@{ Kind = $kind; From = ($packet.IPv4 ?? $packet.IPv6).SourceAddress; Mtu = $mtu }
        }
    }

    Write-Verbose "$Size bytes, $TimeToLive hops: no answer"
    [pscustomobject]@{ Kind = 'None'; From = $null; Mtu = $null }
}

$result = [pscustomobject][ordered]@{
    Destination = $Destination; InterfaceName = $InterfaceName; NetworkNamespace = $NetworkNamespace; Answered = $false
    PathMtu = $null; BlackHole = $false; ReportedBy = $null; ReportedMtu = $null
    Hop = $null; HopAddress = $null; NextHop = $null; HopMtu = $null; Probes = 0
}
$socket = New-XskSocket @place -Filter $filter
try {
    $result.Answered = (Send-Probe $MinimumMtu).Kind -eq 'EchoReply'
    if ($result.Answered) {
        # What is answered is below, what is not is above.
        $low = $MinimumMtu
        $high = $MaximumMtu + 1
        $refusal = $null
        $size = $MaximumMtu
        while ($high - $low -gt 1) {
            $answer = Send-Probe $size
            if ($answer.Kind -eq 'EchoReply') { $low = $size }
            else {
                $high = $size
                $refusal = $answer
            }

            # A router that says what it takes is believed as far as one probe, and the one above that.
            $size = $answer.Kind -eq 'TooBig' -and $answer.Mtu -gt $low -and $answer.Mtu -lt $high ? $answer.Mtu :
                $answer.Kind -eq 'EchoReply' -and $refusal -and $refusal.Mtu -eq $low ? $low + 1 : [math]::Floor(($low + $high) / 2)
        }

        $result.PathMtu = $low
        if ($refusal -and $refusal.Kind -eq 'TooBig') {
            $result.ReportedBy = $refusal.From
            $result.ReportedMtu = $refusal.Mtu
        }
        elseif ($refusal) {
            $result.BlackHole = $true
            $result.HopMtu = $low
            $result.Hop = 0
            foreach ($hops in 1..$MaximumHops) {
                $large = Send-Probe $high $hops
                if ($large.Kind -eq 'TimeExceeded') {
                    $result.Hop = $hops
                    $result.HopAddress = $large.From
                    continue
                }

                # A hop that is silent about a small one, too, says nothing.
                $small = Send-Probe $low $hops
                if ($small.Kind -eq 'None') { continue }
                $result.NextHop = $small.From
                break
            }
        }
    }
}
finally {
    Remove-XskSocket $socket
}

$result.Probes = $probes
$result
