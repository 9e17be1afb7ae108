#Requires -Version 7.6
#Requires -Modules XdpPS

<#
.SYNOPSIS
    Asks a network who has an address, and says whether more than one has.
.DESCRIPTION
    Asks as a host does before it takes an address, so that no neighbour learns anything wrong by it: for IPv4 by ARP probes
    (RFC 5227, section 2.1.1: a request whose sender address is 0.0.0.0), for IPv6 by neighbour solicitations of the
    unspecified address (duplicate address detection, RFC 4862, section 5.4). Whoever has the address answers with
    his MAC address.

    The verdict is Free (nobody answered), InUse (one did), Duplicate (several did, or one did and the interface has
    the address itself), Own (only the interface has it) or Contended (nobody has it, but somebody else asks at the same
    time, about to take it).

    Needs root. For as long as it runs the script takes ARP, or neighbour discovery, about these addresses away from
    the kernel, and nothing else.
.PARAMETER Address
    The addresses in question, up to 64. Those of IPv6 may be link-local; a scope, as in fe80::1%eth1, is not needed, and has
    to be that of -InterfaceName.
.PARAMETER InterfaceName
    The interface whose network to ask.
.PARAMETER NetworkNamespace
    Name of the network namespace that the interface is in.
.PARAMETER ProbeCount
    How many times to ask.
.PARAMETER ProbeIntervalSeconds
    How long to wait between two probes. The default is what RFC 5227 says: between 1 and 2 seconds, at random.
.PARAMETER WaitSeconds
    How long to wait for answers after the last probe.
.OUTPUTS
    An object for each address. Verdict: see above. Own: whether the interface has it. Owners: MAC addresses of the others
    that have it. Contenders: those of others that ask for it.
.EXAMPLE
    ./Test-DuplicateAddress.ps1 192.0.2.10 -InterfaceName eth1
.EXAMPLE
    '192.0.2.10', '2001:db8::10' | ./Test-DuplicateAddress.ps1 -InterfaceName eth1 | Where-Object Verdict -EQ Duplicate
#>
[CmdletBinding(SupportsShouldProcess)]
param(
    [Parameter(Mandatory, Position = 0, ValueFromPipeline)]
    [ValidateCount(1, 64)]
    [ipaddress[]] $Address,

    [Parameter(Mandatory)]
    [ValidateNotNullOrEmpty()]
    [string] $InterfaceName,

    [ValidatePattern('^[^/]+$', ErrorMessage = '{0} is not the name of a network namespace.')]
    [string] $NetworkNamespace,

    [ValidateRange(1, 10)]
    [int] $ProbeCount = 3,

    [ValidateRange(0, 60)]
    [double] $ProbeIntervalSeconds,

    [ValidateRange(0.01, 60)]
    [double] $WaitSeconds = 2
)

begin {
    Set-StrictMode -Version 3.0
    $ErrorActionPreference = 'Stop'
    Import-Module "$PSScriptRoot/NextHop.psm1" -Verbose:$false
    $all = [Collections.Generic.List[ipaddress]]::new()

    # A filter for what says that somebody has, or wants, the address.
    function Get-ClaimFilter {
        param([ipaddress] $Target)
        $bytes = $Target.GetAddressBytes()
        $words = @(for ($i = 0; $i -lt $bytes.Length; $i += 4) { '0x' + [Convert]::ToHexString($bytes, $i, 4) })
        if ($words.Count -eq 1) { return "(arp and (arp[14:4] = $($words[0]) or (arp[14:4] = 0 and arp[24:4] = $($words[0]))))" }
        $isTarget = (0..3 | ForEach-Object { "ip6[$(48 + 4 * $_):4] = $($words[$_])" }) -join ' and '
        $isProbe = (0..3 | ForEach-Object { "ip6[$(8 + 4 * $_):4] = 0" }) -join ' and '
        "(icmp6 and $isTarget and (ip6[40] = 136 or (ip6[40] = 135 and $isProbe)))"
    }

    function New-Probe {
        param([ipaddress] $Target, [hashtable] $Place)
        if ($Target.AddressFamily -eq 'InterNetwork') {
            return New-XskFrame -Arp @Place -SourceAddress 0.0.0.0 -DestinationAddress "$Target" -MinimumLength 60
        }

        # To the group of all whose addresses end alike (RFC 4291, section 2.7.1).
        $bytes = $Target.GetAddressBytes()
        $group = [Convert]::FromHexString('FF0200000000000000000001FF') + $bytes[13..15]
        $message = [byte[]](@(135, 0, 0, 0, 0, 0, 0, 0) + $bytes)
        New-XskFrame -IPProtocol 58 @Place -SourceAddress '::' -DestinationAddress "$([ipaddress]::new([byte[]]$group))" -TimeToLive 255 -Payload $message |
            Edit-XskFrame -RepairChecksum
    }

    # Which of the addresses a packet is about, and whether its sender has it.
    function Get-Claim {
        param($Packet)
        if ($Packet.Arp) {
            $isProbe = "$($Packet.Arp.SenderProtocolAddress)" -eq '0.0.0.0'
            return @{ Address = $isProbe ? $Packet.Arp.TargetProtocolAddress : $Packet.Arp.SenderProtocolAddress; Has = -not $isProbe; Mac = $Packet.Arp.SenderHardwareAddress }
        }

        @{ Address = $Packet.Icmpv6.TargetAddress; Has = "$($Packet.Icmpv6.Type)" -eq 'NeighborAdvertisement'; Mac = $Packet.Ethernet.SourceAddress }
    }
}

process {
    $all.AddRange($Address)
}

end {
    # Only addresses of this session's own namespace have scopes that can be compared.
    if (-not $NetworkNamespace) {
        $scopes = 0, (Get-XdpInterface $InterfaceName).Index
        $foreign = @($all | Where-Object { $_.AddressFamily -eq 'InterNetworkV6' -and $_.ScopeId -notin $scopes })
        if ($foreign) { throw "$($foreign[0]) is on another interface than $InterfaceName." }
    }

    $targets = @($all | ForEach-Object { [ipaddress]::new($_.GetAddressBytes()) } | Sort-Object -Property { "$_" } -Unique)
    if ($targets.Count -gt 64) { throw "$($targets.Count) addresses are too many for one filter; give up to 64 at a time." }
    if (-not $PSCmdlet.ShouldProcess("$($targets -join ', ') on $InterfaceName", 'Ask who has the address')) { return }
    # Asked once is enough.
    $ConfirmPreference = 'None'

    $place = @{ InterfaceName = $InterfaceName }
    if ($NetworkNamespace) { $place.NetworkNamespace = $NetworkNamespace }
    $own = @(Invoke-IpCommand $NetworkNamespace address, show, dev, $InterfaceName | ForEach-Object addr_info | ForEach-Object local | ForEach-Object { "$([ipaddress]$_)" })
    $claims = @{}
    foreach ($target in $targets) { $claims["$target"] = @{ Owners = @(); Contenders = @() } }

    $socket = New-XskSocket @place -AllQueues -Filter (($targets | ForEach-Object { Get-ClaimFilter $_ }) -join ' or ') -WarningAction SilentlyContinue
    try {
        foreach ($probe in 1..$ProbeCount) {
            $targets | ForEach-Object { New-Probe $_ $place } | Send-XskFrame $socket[0]
            $seconds = $probe -eq $ProbeCount ? $WaitSeconds :
                $PSBoundParameters.ContainsKey('ProbeIntervalSeconds') ? $ProbeIntervalSeconds : (Get-Random -Minimum 1.0 -Maximum 2.0)
            $socket | Receive-XskPacket -DurationSeconds ([math]::Max(0.001, $seconds)) -ProgressAction SilentlyContinue | ForEach-Object {
                $claim = Get-Claim $_
                $known = $claims["$($claim.Address)"]
                $kind = $claim.Has ? 'Owners' : 'Contenders'
                if ($known -and $claim.Mac -notin $known[$kind]) { $known[$kind] += $claim.Mac }
            }
        }
    }
    finally {
        $socket | Remove-XskSocket
    }

    foreach ($target in $targets) {
        $owners = $claims["$target"].Owners
        $isOwn = "$target" -in $own
        $verdict = if ($owners.Count + [int]$isOwn -gt 1) { 'Duplicate' }
        elseif ($isOwn) { 'Own' }
        elseif ($owners) { 'InUse' }
        elseif ($claims["$target"].Contenders) { 'Contended' }
        else { 'Free' }
        [pscustomobject]@{
            Address          = $target
            InterfaceName    = $InterfaceName
            NetworkNamespace = $NetworkNamespace
            Verdict          = $verdict
            Own              = $isOwn
            Owners           = [Net.NetworkInformation.PhysicalAddress[]]$owners
            Contenders       = [Net.NetworkInformation.PhysicalAddress[]]$claims["$target"].Contenders
        }
    }
}
