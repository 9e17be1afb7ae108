# What a frame to an address needs that does not go through the kernel: whose MAC address it has to carry.

Set-StrictMode -Version 3.0

# Runs ip in a network namespace, or in the session's own, and returns what it prints as objects.
function Invoke-IpCommand {
    param([string] $NetworkNamespace, [string[]] $Argument)
    $whole = @(if ($NetworkNamespace) { '-n', $NetworkNamespace }) + '-json' + $Argument
    $output = ip @whole 2>&1
    if ($LASTEXITCODE -ne 0) { throw "'ip $whole' failed: $output" }
    # ConvertFrom-Json makes an object with no properties of the {} that stands for what ip leaves out.
    $output | ConvertFrom-Json | ForEach-Object { $_ } | Where-Object { @($_.PSObject.Properties).Count -gt 0 }
}

<#
.SYNOPSIS
    Says how a frame for an address leaves an interface: source address, next hop and the next hop's MAC address.
.DESCRIPTION
    Asks the kernel's routing table, and its neighbour table. A next hop that is not in there yet is pinged once, so that
    the kernel asks for its MAC address.
#>
function Get-NextHop {
    [CmdletBinding()]
    param(
        [Parameter(Mandatory)] [ipaddress] $Destination,
        [Parameter(Mandatory)] [string] $InterfaceName,
        [string] $NetworkNamespace
    )

    $route = @(Invoke-IpCommand $NetworkNamespace route, get, "$Destination", oif, $InterfaceName)[0]
    $gateway = $route.PSObject.Properties['gateway']?.Value ?? "$Destination"
    $place = @(if ($NetworkNamespace) { 'ip', 'netns', 'exec', $NetworkNamespace })
    foreach ($try in 1..2) {
        $neighbour = Invoke-IpCommand $NetworkNamespace neighbour, show, $gateway, dev, $InterfaceName |
            Where-Object { $_.PSObject.Properties['lladdr'] } | Select-Object -First 1
        if ($neighbour -or $try -eq 2) { break }
        $program, $arguments = $place + @('ping', '-c', '1', '-W', '1', '-I', $InterfaceName, $gateway)
        $null = & $program @arguments 2>&1
    }

    if (-not $neighbour) { throw "$gateway, the next hop to $Destination on $InterfaceName, does not say its MAC address; see 'ip neighbour', or give -DestinationMac." }
    [pscustomobject]@{
        SourceAddress  = [ipaddress]$route.prefsrc
        Gateway        = [ipaddress]$gateway
        DestinationMac = $neighbour.lladdr
    }
}

Export-ModuleMember -Function Invoke-IpCommand, Get-NextHop
