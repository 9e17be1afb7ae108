# Runs in the virtual machine of run-cell.sh: eth0 and eth1 are cards whose other ends are tap0 and tap1 of the host.
# XDPPS_VM_BIND says how the driver is to bind: ZeroCopy or Copy.
BeforeDiscovery {
    $bind = $env:XDPPS_VM_BIND
}

BeforeAll {
    Import-Module "$PSScriptRoot/../pester/Support.psm1"
    Import-Module "$PSScriptRoot/HostSide.psm1"
    Import-BuiltModule
    $bind = $env:XDPPS_VM_BIND
    $cards = 'eth0', 'eth1'
    foreach ($card in $cards) {
        # One queue, so that the order is the sender's.
        ethtool -L $card combined 1 2>$null
        $null = Invoke-Native ip link set $card promisc on up
        $null = Wait-Until { (Get-Link $card).operstate -eq 'UP' } -Seconds 10
    }

    $received = foreach ($i in 0..999) { , (New-TestFrame -Length (60 + $i % 1455) -Seed $i) }
    $expected = $received | ForEach-Object { ConvertTo-Hex $_ }
    function New-Socket {
        param([string] $Name, [hashtable] $More = @{})
        New-XskSocket $Name -BindMode $bind -AttachMode Native -WarningAction SilentlyContinue @More
    }
}

Describe "A card, bound $bind" -Tag Netns {
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
        # The kernel's own list of sockets: flags has 'zc' where the driver reads the UMEM itself.
        $detail = ss --xdp --extended --no-header 2>$null | Out-String
        if ($detail -match 'eth0') { ($detail -match 'zc') | Should -Be ($bind -eq 'ZeroCopy') -Because $detail }
        "BOUND $($socket.Driver) $($socket.BindMode) $($socket.AttachMode)" | Add-Content -LiteralPath /out/facts
    }

    It 'receives what the host sent, byte for byte and in order' {
        $socket = New-Socket eth0
        Send-FromHost tap0 $received
        $seen = Receive-XskPacket $socket -Count 1000 -TimeoutSeconds 20 | ForEach-Object { ConvertTo-Hex $_.Data }
        $seen | Should -Be $expected
        $stats = Get-XskRingStats $socket
        $stats.RxDropped, $stats.RxRingFull | Should -Be 0, 0
    }

    It 'sends what the host sees, byte for byte and in order' {
        $socket = New-Socket eth0
        Start-HostCapture tap0
        $result = $received | Send-XskFrame $socket -PassThru
        $seen = Stop-HostCapture
        $seen | Should -Be $expected
        $result.Frames, $result.Completed | Should -Be 1000, 1000
    }

    It 'receives and sends more frames than the UMEM has' {
        $socket = New-Socket eth0 @{ FrameCount = 256; RxRingSize = 128; TxRingSize = 128 }
        Start-HostCapture tap0
        $one = $received[100]
        $result = Send-XskFrame $socket -Data $one -Repeat 3000 -PacketsPerSecond 3000 -PassThru
        $seen = Stop-HostCapture
        $seen | Should -HaveCount 3000
        $seen | Select-Object -Unique | Should -Be (ConvertTo-Hex $one)
        $result.Completed | Should -Be 3000
    }

    It 'forwards between two cards <How>, byte for byte and in order' -ForEach @(
        @{ How = 'through one UMEM'; Shared = $true }
        @{ How = 'by copying'; Shared = $false }
    ) {
        $from = New-Socket eth0
        $to = New-Socket eth1 $(if ($Shared) { @{ ShareUmemWith = $from } } else { @{} })
        Start-HostCapture tap1
        $job = Start-ThreadJob { param($from, $to) Import-Module XdpPS; Invoke-XskForward -WarningAction SilentlyContinue -From $from -To $to -Count 1000 -DurationSeconds 60 } -ArgumentList $from, $to
        $null = Wait-Until { $job.State -eq 'Running' } -Seconds 20
        Send-FromHost tap0 $received -Rate 1000
        $result = $job | Receive-Job -Wait -AutoRemoveJob
        $seen = Stop-HostCapture
        $seen | Should -Be $expected
        $result.Forwarded, $result.SharedUmem | Should -Be 1000, $Shared
    }

    It 'keeps a filter''s promise to the kernel' {
        $socket = New-Socket eth0 @{ EtherType = 0x88b5 }
        $mixed = foreach ($i in 0..99) { , (New-TestFrame -Length 60 -Seed $i -Type $(if ($i % 2) { '88b6' } else { '88b5' })) }
        Send-FromHost tap0 $mixed
        $seen = Receive-XskPacket $socket -Count 50 -TimeoutSeconds 20 | ForEach-Object { ConvertTo-Hex $_.Data }
        $seen | Should -Be ($mixed | ForEach-Object { ConvertTo-Hex $_ } | Where-Object { $_.Substring(24, 4) -eq '88b5' })
    }
}
