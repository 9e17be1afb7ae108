# Runs in the virtual machine of run-cell.sh: eth0 and eth1 are cards whose other ends are tap0 and tap1 of the host.
# XDPPS_VM_BIND says how the driver is to bind: ZeroCopy or Copy. With XDPPS_VM_MAY_REFUSE it need not be able to.
BeforeDiscovery {
    Import-Module "$PSScriptRoot/../pester/Support.psm1" -Force
    Import-BuiltModule
    $bind = $env:XDPPS_VM_BIND
    foreach ($card in 'eth0', 'eth1') {
        # One queue, so that the order is the sender's.
        ethtool -L $card combined 1 2>$null
        $null = Invoke-Native ip link set $card promisc on up
    }

    $refused = ''
    if ($env:XDPPS_VM_MAY_REFUSE) {
        try { New-XskSocket eth0 -BindMode $bind -AttachMode Native -WarningAction SilentlyContinue -ErrorAction Stop | Remove-XskSocket }
        catch {
            # What these ids say is: not this driver on this kernel. Anything else is a failure of the tests below.
            if ($_.FullyQualifiedErrorId -match '^(ZeroCopyNotSupported|NativeModeNotSupported),') { $refused = "$($Matches[1]) of $((Get-XdpInterface eth0).Driver)" }
        }
    }

    $note = $refused ? " [skipped: $refused]" : ''
}

BeforeAll {
    Import-Module "$PSScriptRoot/../pester/Support.psm1"
    Import-Module "$PSScriptRoot/HostSide.psm1"
    $bind = $env:XDPPS_VM_BIND
    $cards = 'eth0', 'eth1'
    foreach ($card in $cards) { $null = Wait-Until { (Get-Link $card).operstate -eq 'UP' } -Seconds 10 }
    # From the shortest frame to the longest.
    $frames = foreach ($i in 0..299) { , (New-TestFrame -Length (60 + [int](1454 * $i / 299)) -Seed $i) }
    $expected = foreach ($frame in $frames) { ConvertTo-Hex $frame }
    function New-Socket {
        param([string] $Name, [hashtable] $More = @{})
        New-XskSocket $Name -BindMode $bind -AttachMode Native -WarningAction SilentlyContinue @More
    }
}

Describe "A card, bound $bind$note" -Tag Netns -Skip:($note -ne '') {
    AfterEach {
        Get-XskSocket | ForEach-Object {
            $_.CountFrames().IsConserved | Should -BeTrue -Because "$($_.CountFrames())"
            $_ | Remove-XskSocket
        }
        foreach ($card in $cards) { (Get-AttachedProgram $card).Id | Should -Be 0 }
    }

    It 'is what the kernel says it is' {
        $socket = New-Socket eth0
        $socket.BindMode | Should -Be $bind
        $socket.AttachMode | Should -Be 'Native'
        # The kernel's own list of sockets, where it has one: the UMEM's 'zc' is 1 where the driver reads it itself.
        if (Test-Path -LiteralPath '/sys/module/xsk_diag') {
            $listed = ss --xdp --extended --no-header | Out-String -Width 400
            $listed | Should -Match 'eth0'
            ($listed -match 'umem\([^)]*\bzc:1\b') | Should -Be ($bind -eq 'ZeroCopy') -Because $listed
        }
    }

    It 'receives what the host sent, byte for byte and in order' {
        $socket = New-Socket eth0
        Send-FromHost tap0 $frames
        $seen = foreach ($packet in Receive-XskPacket $socket -Count 300 -TimeoutSeconds 20) { [Convert]::ToHexStringLower($packet.Data) }
        $seen | Should -Be $expected
        $stats = Get-XskRingStats $socket
        $stats.RxDropped, $stats.RxRingFull | Should -Be 0, 0
    }

    It 'sends what the host sees, byte for byte and in order' {
        $socket = New-Socket eth0
        Start-HostCapture tap0
        $result = $frames | Send-XskFrame $socket -PassThru
        Stop-HostCapture 300 | Should -Be $expected
        $result.Frames, $result.Completed | Should -Be 300, 300
    }

    It 'receives and sends more frames than the UMEM has' {
        $socket = New-Socket eth0 @{ FrameCount = 256; RxRingSize = 128; TxRingSize = 128 }
        foreach ($i in 0..2) {
            $burst = $frames[(100 * $i)..(100 * $i + 99)]
            Send-FromHost tap0 $burst
            $seen = foreach ($packet in Receive-XskPacket $socket -Count 100 -TimeoutSeconds 20) { [Convert]::ToHexStringLower($packet.Data) }
            $seen | Should -Be $expected[(100 * $i)..(100 * $i + 99)]
        }

        Start-HostCapture tap0
        $result = Send-XskFrame $socket -Data $frames[100] -Repeat 600 -PacketsPerSecond 2000 -PassThru
        $seen = Stop-HostCapture 600
        $seen | Should -HaveCount 600
        $seen | Select-Object -Unique | Should -Be $expected[100]
        $result.Completed | Should -Be 600
    }

    It 'forwards between two cards <How>, byte for byte and in order' -ForEach @(
        @{ How = 'through one UMEM'; Shared = $true }
        @{ How = 'by copying'; Shared = $false }
    ) {
        $from = New-Socket eth0
        $to = New-Socket eth1 $(if ($Shared) { @{ ShareUmemWith = $from } } else { @{} })
        Start-HostCapture tap1
        Send-FromHost tap0 $frames -Rate 300 -NoWait
        $result = Invoke-XskForward -From $from -To $to -Count 300 -DurationSeconds 30 -WarningAction SilentlyContinue
        Stop-HostCapture 300 | Should -Be $expected
        $result.Forwarded, $result.SharedUmem | Should -Be 300, $Shared
    }

    It 'takes what its filter says, and leaves the rest to the kernel' {
        $socket = New-Socket eth0 @{ EtherType = 0x88b5 }
        $mixed = foreach ($i in 0..39) { , (New-TestFrame -Length 60 -Seed $i -Type $(if ($i % 2) { '88b6' } else { '88b5' })) }
        # What the kernel gets of it is what a packet socket sees.
        $capture = Start-Capture eth0 -Filter 'ether', 'proto', '0x88b6'
        Send-FromHost tap0 $mixed
        $seen = foreach ($packet in Receive-XskPacket $socket -Count 20 -TimeoutSeconds 20) { [Convert]::ToHexStringLower($packet.Data) }
        $all = foreach ($frame in $mixed) { ConvertTo-Hex $frame }
        $seen | Should -Be ($all | Where-Object { $_.Substring(24, 4) -eq '88b5' })
        Stop-Capture $capture -Count 20 | Should -Be ($all | Where-Object { $_.Substring(24, 4) -eq '88b6' })
    }
}
