# The guest's half of run-cell.sh: what the host is to do at the other ends of the cables.
$script:shared = '/out'
$script:asked = @(Get-Item -Path "$shared/answer.*").Count

function Request-Host {
    param([Parameter(Mandatory)] [string] $Words)
    $script:asked++
    # Complete once it has its name.
    Set-Content -LiteralPath "$shared/request.tmp" -Value $Words
    Move-Item -LiteralPath "$shared/request.tmp" -Destination "$shared/ask.$asked"
    if (-not (Wait-Until { Test-Path -LiteralPath "$shared/answer.$asked" } -Seconds 60)) { throw "The host did not answer '$Words' within 60 s." }
}

# Sends frames from the host's end of a cable, and returns once they are sent, or at once.
function Send-FromHost {
    param([string] $Tap, [byte[][]] $Frame, [int] $Rate = 2000, [switch] $NoWait)
    Write-Pcap -Path "$shared/replay.pcap" -Frame $Frame
    Request-Host "$($NoWait ? 'begin' : 'replay') $Tap replay.pcap $Rate"
}

function Start-HostCapture {
    param([string] $Tap)
    Request-Host "record $Tap record.pcap"
}

# Ends the recording once it has so many frames, or none came for a while, and returns them as hexadecimal text.
function Stop-HostCapture {
    param([int] $Count)
    Request-Host "stop $Count"
    Read-Pcap "$shared/record.pcap"
}
