#Requires -Version 7.6
# Runs in the guest of run-cell.sh: lets /out/frames.pcap pass through the card eth0, and to eth1, by the cmdlets. It
# judges nothing: the host compares the files that come of it, and what facts-MODE.json says (Invoke-VmTest.ps1).
# With several modes it does so once in each, since PowerShell takes half a minute to start under emulation.
param([string] $Root, [string] $Bind)

Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'
$asked = @(Get-Item -Path '/out/answer.*').Count

function Request-Host {
    param([string] $Words)
    $script:asked++
    [IO.File]::WriteAllText('/out/request.tmp', "$Words`n")
    [IO.File]::Move('/out/request.tmp', "/out/ask.$asked")
    for ($i = 0; -not [IO.File]::Exists("/out/answer.$asked"); $i++) {
        if ($i -gt 3000) { throw "The host did not answer '$Words' within 60 s." }
        [Threading.Thread]::Sleep(20)
    }
}

function New-Socket {
    param([string] $Name, [hashtable] $More = @{})
    $size = @{}
    # igb's buffers are the whole KiB of a frame without its headroom (igb_setup_srrctl): of 2,048 bytes that is one, and
    # without copies longer packets come in pieces.
    if ((Get-Item -LiteralPath "/sys/class/net/$Name/device/driver").LinkTarget -like '*/igb' -and -not $More.ContainsKey('ShareUmemWith')) { $size.FrameSize = 4096 }
    New-XskSocket $Name -BindMode $Bind -AttachMode Native -WarningAction Ignore @size @More
}

# The interface's program, which there must be none of once the sockets are closed.
function Close-Socket {
    $conserved = @(Get-XskSocket | ForEach-Object { $_.CountFrames().IsConserved })
    Get-XskSocket | Remove-XskSocket
    @{ conserved = $conserved -notcontains $false; left = "$(ip link show dev eth0; ip link show dev eth1)" -match 'xdp' }
}

$prepared = ''
try {
    Import-Module (Get-Item "$Root/output/XdpPS/*/XdpPS.psd1").FullName
    foreach ($card in 'eth0', 'eth1') {
        # One queue, so that the order is the sender's.
        ethtool -L $card combined 1 2>$null
        ip link set $card promisc on up
    }
}
catch { $prepared = "$_" }

foreach ($Bind in $Bind -split ',') {
    $facts = [ordered]@{ error = ''; refused = '' }
    try {
        if ($prepared) { throw $prepared }
        $socket = New-Socket eth0
        $facts.bindMode, $facts.attachMode = "$($socket.BindMode)", "$($socket.AttachMode)"
        # The kernel's own list of sockets, where it has one.
        $facts.lists = Test-Path -LiteralPath '/sys/module/xsk_diag'
        $facts.kernel = "$(ss --xdp --extended --no-header)"

        Request-Host 'replay tap0 frames.pcap 2000'
        Receive-XskPacket $socket -Count 300 -TimeoutSeconds 20 | Export-XskCapture /out/received-$Bind.pcap -Format Pcap
        $facts.rxDropped = (Get-XskRingStats $socket).RxDropped

        Request-Host "record tap0 sent-$Bind.pcap"
        $sent = Import-XskCapture /out/frames.pcap | Send-XskFrame $socket -PassThru
        $facts.completed = $sent.Completed
        Request-Host 'stop 300'
        $facts.closed = Close-Socket

        $from = New-Socket eth0
        $to = New-Socket eth1 @{ ShareUmemWith = $from }
        Request-Host "record tap1 forwarded-$Bind.pcap"
        Request-Host 'begin tap0 frames.pcap 500'
        $result = Invoke-XskForward -From $from -To $to -Count 300 -DurationSeconds 30 -WarningAction Ignore
        $facts.forwarded, $facts.shared = $result.Forwarded, $result.SharedUmem
        Request-Host 'stop 300'
        $facts.closedAgain = Close-Socket
    }
    catch {
        $facts.error = "$_ ($($_.InvocationInfo.PositionMessage))"
        # What these ids say is: not this driver on this kernel.
        if (-not $facts['bindMode'] -and $_.FullyQualifiedErrorId -match '^(ZeroCopyNotSupported|NativeModeNotSupported),') { $facts.refused = $Matches[1] }
    }

    [IO.File]::WriteAllText("/out/facts-$Bind.json", ($facts | ConvertTo-Json))
    Get-XskSocket | Remove-XskSocket
}
