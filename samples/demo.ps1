#Requires -Version 7.6

<#
.SYNOPSIS
    XdpPS in a minute: a socket on each end of a cable, a few frames, what arrived, and the ring statistics.
.DESCRIPTION
    './build.sh demo' makes the cable and runs this. On two interfaces of your own that are joined:
    sudo pwsh -File samples/demo.ps1 -LeftName eth1 -RightName eth2
#>
[CmdletBinding()]
param(
    [string] $LeftName = 'left',
    [string] $RightName = 'right',
    # Name or folder of the module.
    [string] $Module = 'XdpPS'
)

Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'
Import-Module -Name $Module

# Frames as hosts really send them, from 192.0.2.1 to 192.0.2.2 (RFC 5737). Numbers of two bytes are big-endian.
$fromAddress = [byte[]](192, 0, 2, 1)
$toAddress = [byte[]](192, 0, 2, 2)

function Get-Big { param([int] $Value) [byte]($Value -shr 8), [byte]($Value -band 0xff) }

function Get-Ascii { param([string] $Text) [Text.Encoding]::ASCII.GetBytes($Text) }

# The Internet checksum (RFC 1071) over the pseudo header and the data, written into the data.
function Set-Checksum {
    param([byte[]] $Data, [int] $Offset, [byte[]] $PseudoHeader = @())
    $all = $PseudoHeader + $Data
    $sum = 0
    for ($i = 0; $i -lt $all.Length; $i++) { $sum += $i % 2 ? $all[$i] : 256 * $all[$i] }
    while ($sum -gt 0xffff) { $sum = ($sum -band 0xffff) + ($sum -shr 16) }
    $Data[$Offset], $Data[$Offset + 1] = Get-Big (0xffff - $sum)
    $Data
}

function New-ArpRequest {
    param($From)
    @(0, 1, 8, 0, 6, 4, 0, 1) + $From + $fromAddress + (, 0 * 6) + $toAddress
}

function New-EchoRequest { Set-Checksum (@(8, 0, 0, 0, 0, 1, 0, 1) + (Get-Ascii 'abcdefghijklmnopqrstuvwabcdefghi')) -Offset 2 }

function New-Ethernet { param($To, $From, [int] $Type, $Payload) , [byte[]]($To + $From + (Get-Big $Type) + $Payload) }

function New-IPv4 {
    param([byte] $Protocol, $Payload)
    $header = @(0x45, 0) + (Get-Big (20 + $Payload.Length)) + @(0, 1, 0x40, 0, 64, $Protocol, 0, 0) + $fromAddress + $toAddress
    (Set-Checksum $header -Offset 10) + $Payload
}

function Get-PseudoHeader { param([byte] $Protocol, [int] $Length) $fromAddress + $toAddress + @(0, $Protocol) + (Get-Big $Length) }

function New-Udp {
    param([int] $Source, [int] $Destination, $Payload)
    $datagram = (Get-Big $Source) + (Get-Big $Destination) + (Get-Big (8 + $Payload.Length)) + @(0, 0) + $Payload
    Set-Checksum $datagram -Offset 6 -PseudoHeader (Get-PseudoHeader 17 $datagram.Length)
}

function New-TcpSyn {
    param([int] $Source, [int] $Destination)
    $segment = (Get-Big $Source) + (Get-Big $Destination) + @(0, 0, 0, 1, 0, 0, 0, 0, 0x60, 2) + (Get-Big 64240) + @(0, 0, 0, 0, 2, 4) + (Get-Big 1460)
    Set-Checksum $segment -Offset 16 -PseudoHeader (Get-PseudoHeader 6 $segment.Length)
}

function New-DnsQuery {
    param([string] $Name)
    $labels = foreach ($label in $Name.Split('.')) { $label.Length; Get-Ascii $label }
    (Get-Big 0x2024) + (Get-Big 0x0100) + @(0, 1, 0, 0, 0, 0, 0, 0) + $labels + @(0, 0, 1, 0, 1)
}

function New-NeighbourSolicitation {
    param($From)
    $source, $target, $group = foreach ($address in '2001:db8::1', '2001:db8::2', 'ff02::1:ff00:2') { , ([ipaddress]$address).GetAddressBytes() }
    $message = @(135, 0, 0, 0, 0, 0, 0, 0) + $target + @(1, 1) + $From
    $length = Get-Big $message.Length
    $pseudo = $source + $group + @(0, 0) + $length + @(0, 0, 0, 58)
    @(0x60, 0, 0, 0) + $length + @(58, 255) + $source + $group + (Set-Checksum $message -Offset 2 -PseudoHeader $pseudo)
}

# Prints a command as one would type it and runs it; what it returns may go to a variable.
function Show-Command {
    param([string] $Command, [string] $Variable)
    $typed = $Variable ? "`$$Variable = $Command" : $Command
    Write-Host "PS> $typed" -ForegroundColor Cyan
    $result = & ([scriptblock]::Create($Command))
    if ($Variable) { Set-Variable -Name $Variable -Value $result -Scope Script }
    else { $result | Out-Host }
}

$left = $right = $null
try {
    Show-Command "New-XskSocket $LeftName" -Variable left
    Show-Command "New-XskSocket $RightName" -Variable right
    Write-Host "$left`n$right`n"

    $from = $left.MacAddress.GetAddressBytes()
    $to = $right.MacAddress.GetAddressBytes()
    $frames = @(
        New-Ethernet (, 0xff * 6) $from 0x0806 (New-ArpRequest $from)
        New-Ethernet $to $from 0x0800 (New-IPv4 1 (New-EchoRequest))
        New-Ethernet $to $from 0x0800 (New-IPv4 17 (New-Udp 49152 53 (New-DnsQuery 'www.example.com')))
        New-Ethernet $to $from 0x0800 (New-IPv4 6 (New-TcpSyn 49153 443))
        New-Ethernet $to $from 0x8100 ((Get-Big 100) + (Get-Big 0x0800) + (New-IPv4 17 (New-Udp 49154 514 (Get-Ascii '<14>demo: hello'))))
        New-Ethernet @(0x33, 0x33, 0xff, 0, 0, 2) $from 0x86dd (New-NeighbourSolicitation $from)
    )

    Write-Host '# Six frames, as byte[]: an ARP request, a ping, a DNS query, a TCP SYN,'
    Write-Host '# a syslog message in VLAN 100, an IPv6 neighbour solicitation.'
    Show-Command '$frames | Send-XskFrame $left'
    Write-Host
    Show-Command '$right | Receive-XskPacket -Count 6 -TimeoutSeconds 2' -Variable packets
    Show-Command '$packets'
    Show-Command '$left, $right | Get-XskRingStats'
    if (@($packets).Count -lt $frames.Count) { throw "Only $(@($packets).Count) of $($frames.Count) frames arrived." }
}
finally {
    if ($left -or $right) { Show-Command '$left, $right | Remove-XskSocket' }
}

Write-Host "All $($frames.Count) frames arrived; both sockets are closed, and their XDP programs removed."
