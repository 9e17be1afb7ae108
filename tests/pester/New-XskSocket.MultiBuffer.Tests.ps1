BeforeDiscovery {
    Import-Module "$PSScriptRoot/Support.psm1" -Force
    $dumpNote = Get-SkipNote -Program tcpdump, tcpreplay
}

BeforeAll {
    Import-Module "$PSScriptRoot/Support.psm1"
    Import-BuiltModule
    $command = 'XdpPS.Commands.NewXskSocketCommand'
    # One, two and n frames of the UMEM, to be received and to be sent, each with one byte less and one more.
    $lengths = @(14, 60, 1514) + @(1792, 2048, 3584, 4096, 8192, 8960 | ForEach-Object { ($_ - 1), $_, ($_ + 1) }) + 9000, 9014
    $frames = @(foreach ($length in $lengths) { , (New-TestFrame -Length $length -Seed $length) })
    $expected = $frames | ForEach-Object { ConvertTo-Hex $_ }
}

Describe "Frames of 9,000 bytes$dumpNote" -Tag Netns -Skip:($dumpNote -ne '') {
    BeforeAll {
        $cable = New-TestCable -Mtu 9000 -Queues 2
    }

    AfterEach {
        Get-XskSocket | Remove-XskSocket
    }

    AfterAll {
        Remove-TestCable $cable
    }

    It 'go out as tcpdump sees them, <How>' -ForEach @(
        @{ How = 'natively'; Parameters = @{} }
        @{ How = 'in generic mode'; Parameters = @{ AttachMode = 'Generic' } }
        @{ How = 'without a program'; Parameters = @{ NoProgram = $true } }
        @{ How = 'from small rings'; Parameters = @{ TxRingSize = 8; CompletionRingSize = 8; FrameCount = 32 } }
        @{ How = 'from frames of 3,001 bytes'; Parameters = @{ FrameSize = 3001; Unaligned = $true } }
    ) {
        $socket = New-XskSocket $cable.Left -MultiBuffer @Parameters -WarningAction SilentlyContinue
        $socket.MultiBuffer, $socket.Unaligned | Should -Be $true, $Parameters.ContainsKey('Unaligned')
        "$socket" | Should -Match ', multi-buffer, '
        $capture = Start-Capture $cable.Right -Filter ether, src, '02:00:00:00:00:01'
        $result = $frames | Send-XskFrame $socket -PassThru
        $seen = Stop-Capture $capture -Count $frames.Count
        $seen | Should -Be $expected
        $result.Frames, $result.Completed, $result.DriverDropped | Should -Be $frames.Count, $frames.Count, 0
        $result.Bytes | Should -Be ($lengths | Measure-Object -Sum).Sum
        (Get-XskRingStats $socket).TxPackets | Should -Be $frames.Count
    }

    It 'go out again and again with -Repeat, and are counted as frames' {
        $socket = New-XskSocket $cable.Left -MultiBuffer -NoProgram
        $capture = Start-Capture $cable.Right -Filter ether, src, '02:00:00:00:00:01'
        $result = Send-XskFrame $socket -Data $frames[-1] -Repeat 300 -PacketsPerSecond 3000 -PassThru
        $result.Frames, $result.Completed | Should -Be 300, 300
        $seen = Stop-Capture $capture -Count 300
        $seen | Should -HaveCount 300
        $seen | Select-Object -Unique | Should -Be $expected[-1]
    }

    It 'come in as tcpreplay sent them, <How>' -ForEach @(
        @{ How = 'one object each'; Parameters = @{}; Receive = @{} }
        @{ How = 'in arrays'; Parameters = @{}; Receive = @{ ReadCount = 8 } }
        @{ How = 'in generic mode'; Parameters = @{ AttachMode = 'Generic' }; Receive = @{} }
        @{ How = 'with large frames and headroom'; Parameters = @{ FrameSize = 4096; Headroom = 100 }; Receive = @{ ReadCount = 3 } }
        @{ How = 'into frames of 2,500 bytes'; Parameters = @{ FrameSize = 2500; Unaligned = $true }; Receive = @{} }
    ) {
        $socket = New-XskSocket $cable.Left -MultiBuffer @Parameters -WarningAction SilentlyContinue -WarningVariable warnings
        $warnings | Where-Object { $_ -match 'MTU' } | Should -BeNullOrEmpty
        $path = Join-Path $TestDrive 'jumbo.pcap'
        Write-Pcap $path $frames
        $null = Invoke-Native tcpreplay -q --pps=1000 -i $cable.Right $path
        $packets = $socket | Receive-XskPacket -Count $frames.Count -TimeoutSeconds 5 @Receive | ForEach-Object { $_ }
        $packets | ForEach-Object { ConvertTo-Hex $_.Data } | Should -Be $expected
        $packets | ForEach-Object Length | Should -Be $lengths
        $packets.Truncated | Select-Object -Unique | Should -BeFalse
        $packets.TimestampSource | Select-Object -Unique | Should -Be 'Arrival'
        (Get-XskRingStats $socket).RxPackets | Should -Be $frames.Count
    }

    It 'are cut by -SnapLength, and say how long they were' {
        $socket = New-XskSocket $cable.Left -MultiBuffer -WarningAction SilentlyContinue
        $far = New-XskSocket $cable.Right -MultiBuffer -NoProgram
        , $frames[-1] | Send-XskFrame $far
        $packet = $socket | Receive-XskPacket -Count 1 -TimeoutSeconds 5 -SnapLength 2000
        $packet.Length, $packet.Data.Length, $packet.Truncated | Should -Be 9014, 2000, $true
        ConvertTo-Hex $packet.Data | Should -Be $expected[-1].Substring(0, 4000)
    }

    It 'come in by Receive-XskPacket -InterfaceName -MultiBuffer, through a filter' {
        $far = New-XskSocket $cable.Right -MultiBuffer -NoProgram
        $receiver = Start-Pipeline { param($Name) Receive-XskPacket $Name -MultiBuffer -EtherType 0x88b5 -Count 2 -TimeoutSeconds 5 } $cable.Left
        try {
            Wait-Until { Get-AttachedProgram $cable.Left } | Should -BeTrue
            Start-Sleep -Milliseconds 300
            Send-XskFrame $far -Data $frames[-1]
            Send-XskFrame $far -Data (New-TestFrame -Length 9014 -Type '0800')
            Send-XskFrame $far -Data $frames[-2]
            Wait-Pipeline $receiver | Should -BeNullOrEmpty
            $receiver.Output | ForEach-Object { ConvertTo-Hex $_.Data } | Should -Be $expected[-1], $expected[-2]
        }
        finally {
            Close-Pipeline $receiver
        }
    }

    It 'are an error a frame without -MultiBuffer, which it names; the others go out' {
        $socket = New-XskSocket $cable.Left -NoProgram
        $capture = Start-Capture $cable.Right -Filter ether, src, '02:00:00:00:00:01'
        $short = New-TestFrame -Length 100
        $short, $frames[-1], $short | Send-XskFrame $socket -ErrorAction SilentlyContinue -ErrorVariable failures
        Stop-Capture $capture -Count 2 | Should -Be @(, (ConvertTo-Hex $short) * 2)
        $failures | Should -HaveCount 1
        $failures[0].FullyQualifiedErrorId | Should -Be 'FrameTooLong,XdpPS.Commands.SendXskFrameCommand'
        $failures[0].Exception.Message | Should -Match '9014 bytes.*frames of 2048 bytes.*-MultiBuffer'
        ConvertTo-Hex $failures[0].TargetObject | Should -Be $expected[-1]
    }

    It 'are warned about and counted as dropped without -MultiBuffer' {
        $socket = New-XskSocket $cable.Left -WarningAction SilentlyContinue -WarningVariable warnings
        $warnings.Message | Should -Contain "$($cable.Left) has an MTU of 9000, but a packet in a 2048-byte frame can have 1792 bytes: longer ones are dropped. To avoid that, use -MultiBuffer, or run 'ip link set $($cable.Left) mtu 1778'."
        $far = New-XskSocket $cable.Right -MultiBuffer -NoProgram
        Send-XskFrame $far -Data $frames[-1] -Repeat 3
        (Get-XskRingStats $socket).RxDropped | Should -Be 3
    }

    It 'go between sockets that share a UMEM, of which the first says whether they do' {
        $first = New-XskSocket $cable.Left -MultiBuffer -Unaligned -FrameSize 2304 -WarningAction SilentlyContinue
        $second = New-XskSocket $cable.Right -ShareUmemWith $first -WarningAction SilentlyContinue
        $second.MultiBuffer, $second.Unaligned, $second.FrameSize | Should -Be $true, $true, 2304
        , $frames[-1] | Send-XskFrame $second
        ConvertTo-Hex ($first | Receive-XskPacket -Count 1 -TimeoutSeconds 5).Data | Should -Be $expected[-1]
    }

    It 'survive Clixml as MultiBuffer and Unaligned' {
        $socket = New-XskSocket $cable.Left -MultiBuffer -Unaligned -FrameSize 3000 -NoProgram
        $back = [Management.Automation.PSSerializer]::Deserialize([Management.Automation.PSSerializer]::Serialize($socket))
        $back.MultiBuffer, $back.Unaligned, $back.FrameSize | Should -Be $true, $true, 3000
        "$back" | Should -Be "$socket"
    }

    It 'need a divisor of the page for zero-copy with -Unaligned' {
        { New-XskSocket $cable.Left -Unaligned -FrameSize 3000 -BindMode ZeroCopy -ErrorAction Stop } |
            Should -Throw -ErrorId "ZeroCopyNotSupported,$command" -ExpectedMessage '*across pages*-BindMode Copy*'
    }
}
