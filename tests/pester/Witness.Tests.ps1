BeforeDiscovery {
    Import-Module "$PSScriptRoot/Support.psm1" -Force
    $dumpNote = Get-SkipNote -Program tcpdump
    $replayNote = Get-SkipNote -Program tcpreplay
    $generatorNote = Get-SkipNote -Program trafgen
    $pingNote = Get-SkipNote -Program tcpdump, ping
}

BeforeAll {
    Import-Module "$PSScriptRoot/Support.psm1"
    Import-BuiltModule
    # Lengths from the shortest to the longest, and a tagged one.
    $frames = @(
        foreach ($length in 14, 15, 59, 60, 61, 64, 127, 128, 1500, 1513, 1514) { , (New-TestFrame -Length $length -Seed $length) }
        , (New-TestFrame -Length 1518 -Seed 7 -Type '8100200588b5')
        foreach ($i in 1..40) { , (New-TestFrame -Length (14 + 37 * $i) -Seed (1000 + $i)) }
    )
    $expected = $frames | ForEach-Object { ConvertTo-Hex $_ }
}

Describe "What tcpdump sees on the peer$dumpNote" -Tag Netns -Skip:($dumpNote -ne '') {
    BeforeAll {
        $cable = New-TestCable
        $ours = 'ether', 'src', '02:00:00:00:00:01'
    }

    AfterEach {
        Get-XskSocket | Remove-XskSocket
    }

    AfterAll {
        Remove-TestCable $cable
    }

    It 'is what we sent, byte for byte and in order, <How>' -ForEach @(
        @{ How = 'with the defaults'; Parameters = @{} }
        @{ How = 'without need-wakeup'; Parameters = @{ NoNeedWakeup = $true } }
        @{ How = 'without a program'; Parameters = @{ NoProgram = $true } }
        @{ How = 'in generic mode'; Parameters = @{ AttachMode = 'Generic' } }
        @{ How = 'with large frames, few of them and small rings'; Parameters = @{ FrameSize = 4096; FrameCount = 16; TxRingSize = 4; CompletionRingSize = 4; Headroom = 128 } }
    ) {
        $socket = New-XskSocket $cable.Left @Parameters -WarningAction SilentlyContinue
        $capture = Start-Capture $cable.Right -Filter $ours
        $result = $frames | Send-XskFrame $socket -PassThru
        $seen = Stop-Capture $capture -Count $frames.Count
        $seen | Should -Be $expected
        $result.Frames, $result.DriverDropped | Should -Be $frames.Count, 0
    }

    It 'is every one of 5,000 repeated frames' {
        $socket = New-XskSocket $cable.Left
        $capture = Start-Capture $cable.Right -Filter $ours
        Send-XskFrame $socket -Data $frames[5] -Repeat 5000 -PacketsPerSecond 20000
        $seen = Stop-Capture $capture -Count 5000
        $seen | Should -HaveCount 5000
        $seen | Select-Object -Unique | Should -Be $expected[5]
    }

    It 'is a received packet that we sent back, as it was' {
        $back = New-TestCable
        try {
            $socket = New-XskSocket $cable.Left
            $receiver = New-XskSocket $cable.Right
            $forward = New-XskSocket $back.Left
            $capture = Start-Capture $back.Right -Filter $ours
            $frames | Send-XskFrame $socket
            Receive-XskPacket $receiver -Count $frames.Count -TimeoutSeconds 5 | Send-XskFrame $forward
            Stop-Capture $capture -Count $frames.Count | Should -Be $expected
        }
        finally {
            Get-XskSocket $back.Left | Remove-XskSocket
            Remove-TestCable $back
        }
    }

    It 'is nothing on the sending interface itself' {
        $socket = New-XskSocket $cable.Left
        $capture = Start-Capture $cable.Left -Filter $ours -Direction inout
        $before = Get-ReceivedCount $cable.Right
        $frames | Send-XskFrame $socket
        Stop-Capture $capture | Should -BeNullOrEmpty
        Get-ReceivedCount $cable.Right | Should -Be ($before + $frames.Count)
    }
}

Describe "What we receive$replayNote" -Tag Netns -Skip:($replayNote -ne '') {
    BeforeAll {
        $cable = New-TestCable
        $file = [IO.Path]::GetTempFileName()
        Write-Pcap -Path $file -Frame $frames
    }

    AfterEach {
        Get-XskSocket | Remove-XskSocket
    }

    AfterAll {
        Remove-Item -LiteralPath $file
        Remove-TestCable $cable
    }

    It 'is what tcpreplay sends, byte for byte and in order, <How>' -ForEach @(
        @{ How = 'with the defaults'; Parameters = @{} }
        @{ How = 'without need-wakeup'; Parameters = @{ NoNeedWakeup = $true } }
        @{ How = 'in generic mode'; Parameters = @{ AttachMode = 'Generic' } }
        @{ How = 'with large frames, few of them and small rings'; Parameters = @{ FrameSize = 4096; FrameCount = 256; RxRingSize = 128; FillRingSize = 64; Headroom = 256 } }
    ) {
        $socket = New-XskSocket $cable.Right @Parameters -WarningAction SilentlyContinue
        $null = Invoke-Native tcpreplay -q --pps=2000 -i $cable.Left $file
        $packets = @(Receive-XskPacket $socket -Count $frames.Count -TimeoutSeconds 3)
        $packets | ForEach-Object { ConvertTo-Hex $_.Data } | Should -Be $expected
        $packets.Number | Should -Be (1..$frames.Count)
    }

    It 'is what tcpreplay sends in a loop, while it sends' {
        $socket = New-XskSocket $cable.Right
        $pipeline = Start-Pipeline { param($socket, $count) Receive-XskPacket $socket -Count $count -ReadCount 16 -TimeoutSeconds 5 } $socket, ($frames.Count * 20)
        try {
            $null = Invoke-Native tcpreplay -q --loop=20 --pps=5000 -i $cable.Left $file
            Wait-Pipeline $pipeline | Should -BeNullOrEmpty
            $seen = $pipeline.Output | ForEach-Object { $_ } | ForEach-Object { ConvertTo-Hex $_.Data }
            $seen -join ' ' | Should -Be ((@($expected) * 20) -join ' ')
        }
        finally {
            Close-Pipeline $pipeline
        }
    }
}

Describe "What trafgen sends$generatorNote" -Tag Netns -Skip:($generatorNote -ne '') {
    It 'is what we receive' {
        $cable = New-TestCable
        $file = [IO.Path]::GetTempFileName()
        try {
            $sent = $frames[3..7]
            $sent | ForEach-Object { '{ ' + (($_ | ForEach-Object { "0x$($_.ToString('x2'))" }) -join ', ') + ' }' } | Set-Content -LiteralPath $file
            $socket = New-XskSocket $cable.Right
            $null = Invoke-Native trafgen --dev $cable.Left --conf $file --num 10 --cpus 1 --gap 1ms
            $packets = Receive-XskPacket $socket -Count 10 -TimeoutSeconds 3
            $packets | ForEach-Object { ConvertTo-Hex $_.Data } | Should -Be (@($expected[3..7]) * 2)
        }
        finally {
            Get-XskSocket | Remove-XskSocket
            Remove-Item -LiteralPath $file
            Remove-TestCable $cable
        }
    }
}

Describe "What the kernel sends$pingNote" -Tag Netns -Skip:($pingNote -ne '') {
    BeforeAll {
        $cable = New-TestCable
        $null = Invoke-Native ip address add 192.0.2.1/24 dev $cable.Left
        $socket = New-XskSocket $cable.Right
    }

    AfterAll {
        Get-XskSocket | Remove-XskSocket
        Remove-TestCable $cable
    }

    It 'is what we receive: the echo requests of ping' {
        $null = Invoke-Native ip neighbor replace 192.0.2.2 lladdr $cable.RightMac dev $cable.Left
        $capture = Start-Capture $cable.Left -Direction out -Filter icmp
        ping -q -c 3 -i 0.2 -W 1 -s 200 -p c0ffee 192.0.2.2 >$null
        $packets = Receive-XskPacket $socket -Count 3 -TimeoutSeconds 3
        $seen = Stop-Capture $capture -Count 3
        $packets | ForEach-Object { ConvertTo-Hex $_.Data } | Should -Be $seen
        $seen | Should -HaveCount 3
        foreach ($packet in $packets) {
            $packet.Source, $packet.Destination, $packet.Protocol, $packet.Length | Should -Be '192.0.2.1', '192.0.2.2', 'ICMP', 242
            ConvertTo-Hex $packet.Data | Should -Match ('c0ffee' * 20)
        }
    }

    It 'is what we receive: the address resolution before it' {
        $null = Invoke-Native ip neighbor flush dev $cable.Left
        ping -q -c 1 -W 1 192.0.2.99 >$null
        $packet = Receive-XskPacket $socket -Count 1 -TimeoutSeconds 3
        $packet.Protocol, $packet.Destination, $packet.Source | Should -Be 'ARP', 'ff:ff:ff:ff:ff:ff', $cable.LeftMac
    }
}
