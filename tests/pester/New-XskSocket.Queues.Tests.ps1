BeforeDiscovery {
    Import-Module "$PSScriptRoot/Support.psm1" -Force
    $note = Get-SkipNote
}

BeforeAll {
    Import-Module "$PSScriptRoot/Support.psm1"
    Import-BuiltModule
    $command = 'XdpPS.Commands.NewXskSocketCommand'
}

Describe 'New-XskSocket with parameters that contradict each other' -Tag Unit {
    It 'refuses -AllQueues with -QueueId' {
        { New-XskSocket lo -AllQueues -QueueId 0 } | Should -Throw -ErrorId "ParametersContradict,$command" -ExpectedMessage '*leave out one of them*'
    }

    It 'refuses -XskMapPath <_>, which is no file, as MapNotFound' -ForEach 'Env:PATH', 'nosuch:/xsks' {
        { New-XskSocket lo -XskMapPath $_ } | Should -Throw -ErrorId "MapNotFound,$command" -ExpectedMessage "'$_' is no path of a file*"
        $Error[0].CategoryInfo.Category | Should -Be 'ObjectNotFound'
    }
}

Describe "New-XskSocket on many queues$note" -Tag Netns -Skip:($note -ne '') {
    BeforeEach {
        $cable = New-TestCable -Queues 4
    }

    AfterEach {
        Get-XskSocket | Remove-XskSocket
        Remove-TestCable $cable
    }

    It 'opens every receive queue with -AllQueues: one program, a socket each, no warning' {
        $s = New-XskSocket $cable.Left -AllQueues -WarningVariable warnings
        $warnings | Should -BeNullOrEmpty
        $s.QueueId | Should -Be 0, 1, 2, 3
        $s.ProgramId | Select-Object -Unique | Should -Be (Get-AttachedProgram $cable.Left).Id
        foreach ($queue in 0..3) {
            $peer = New-XskSocket $cable.Right -NoProgram -QueueId $queue
            , (New-TestFrame -Seed $queue) | Send-XskFrame $peer
        }
        $packets = $s | Receive-XskPacket -Count 4 -TimeoutSeconds 5 | Sort-Object QueueId
        $packets.QueueId | Should -Be 0, 1, 2, 3
        $packets | ForEach-Object { ConvertTo-Hex $_.Data } | Should -Be (0..3 | ForEach-Object { ConvertTo-Hex (New-TestFrame -Seed $_) })
    }

    It 'says what it would do with -WhatIf and <Line>' -ForEach @(
        @{ Line = ''; Action = 'Open AF_XDP socket and take its packets from the kernel' }
        @{ Line = '-Port 53'; Action = "Open AF_XDP socket and take what matches 'port 53' from the kernel" }
        @{ Line = '-Port 53 -KeepKernelTraffic'; Action = "Open AF_XDP socket and take what matches 'port 53' from the kernel, but for what the host needs" }
        @{ Line = '-KeepKernelTraffic'; Action = 'Open AF_XDP socket and take its packets from the kernel, but for what the host needs' }
        @{ Line = '-RxRingSize 0'; Action = 'Open AF_XDP socket' }
        @{ Line = '-NoProgram'; Action = 'Open AF_XDP socket' }
        @{ Line = '-XskMapPath /sys/fs/bpf/xsks'; Action = 'Open AF_XDP socket and put it into the map /sys/fs/bpf/xsks' }
    ) {
        $text = Invoke-Pwsh "New-XskSocket $($cable.Left) -AllQueues -WhatIf $Line; @(Get-XskSocket).Count"
        $text | Should -Be "What if: Performing the operation `"$Action`" on target `"$($cable.Left) all receive queues`".", '0'
        (Get-AttachedProgram $cable.Left).Id | Should -Be 0
    }

    It 'keeps the program while one of the sockets lives' {
        $s = New-XskSocket $cable.Left -AllQueues
        $s[0], $s[2], $s[3] | Remove-XskSocket
        (Get-AttachedProgram $cable.Left).Id | Should -Be $s[1].ProgramId
        $s[1] | Remove-XskSocket
        (Get-AttachedProgram $cable.Left).Id | Should -Be 0
    }

    It 'closes those that it opened when one queue is taken' {
        $taken = New-XskSocket $cable.Left -QueueId 2 -WarningAction SilentlyContinue
        New-XskSocket $cable.Left -AllQueues -ErrorAction SilentlyContinue -ErrorVariable failures | Should -BeNullOrEmpty
        $failures.FullyQualifiedErrorId | Should -Be "QueueBusy,$command"
        $failures.Exception.Message | Should -Match "^Queue 2 of $($cable.Left) is held by this session.*\($PID\); see Get-XskSocket"
        Get-XskSocket | Should -Be $taken
    }

    It 'lets no queue starve while another is flooded <How>' -ForEach @(
        @{ How = 'and packets come one at a time'; ReadCount = 1 }
        @{ How = 'and packets come in arrays'; ReadCount = 64 }
    ) {
        $s = New-XskSocket $cable.Left -AllQueues
        $flood = New-XskSocket $cable.Right -NoProgram -QueueId 0
        $others = New-XskSocket $cable.Right -NoProgram -QueueId 1, 2, 3
        $sending = Start-Pipeline { param($flood, $frame) , $frame | Send-XskFrame $flood -Repeat 100000000 -DurationSeconds 8 } $flood, (New-TestFrame -Seed 99)
        try {
            $null = Wait-Until { (Get-XskRingStats $s[0]).RxRingFull -gt 0 }
            foreach ($i in 0..2) { foreach ($n in 1..20) { , (New-TestFrame -Length 80 -Seed ($i * 100 + $n)) | Send-XskFrame $others[$i] } }
            # Within as many packets as a few turns of all queues have, everything of the quiet ones has come.
            $packets = $s | Receive-XskPacket -Count 2000 -TimeoutSeconds 5 -ReadCount $ReadCount -WarningAction SilentlyContinue | ForEach-Object { $_ }
            $quiet = $packets | Where-Object QueueId -NE 0
            $quiet | Group-Object QueueId | ForEach-Object Count | Should -Be 20, 20, 20
            @($packets | Where-Object QueueId -EQ 0).Count | Should -BeGreaterThan 1000
        }
        finally {
            Close-Pipeline $sending
        }
    }

    It 'names -AllQueues where one queue of several was opened' {
        $null = New-XskSocket $cable.Left -WarningAction SilentlyContinue -WarningVariable warnings
        "$warnings" | Should -Match '4 receive queues.*queues 1, 2, 3.*Bind all of them with -AllQueues'
    }
}

Describe "New-XskSocket -ShareUmemWith$note" -Tag Netns -Skip:($note -ne '') {
    BeforeEach {
        $cable = New-TestCable -Queues 2
        $owner = New-XskSocket $cable.Left -WarningAction SilentlyContinue
    }

    AfterEach {
        Get-XskSocket | Remove-XskSocket
        Remove-TestCable $cable
    }

    It 'refuses -<Name>, which the UMEM has already' -ForEach @(
        @{ Name = 'FrameSize'; Value = 4096 }
        @{ Name = 'FrameCount'; Value = 64 }
        @{ Name = 'Headroom'; Value = 0 }
        @{ Name = 'NoNeedWakeup'; Value = $true }
        @{ Name = 'HugePage'; Value = $true }
        @{ Name = 'Unaligned'; Value = $true }
        @{ Name = 'MultiBuffer'; Value = $true }
    ) {
        $parameters = @{ $Name = $Value }
        { New-XskSocket $cable.Left -QueueId 1 -ShareUmemWith $owner @parameters } | Should -Throw -ErrorId "ParametersContradict,$command" -ExpectedMessage "*-$Name*"
    }

    It 'receives and sends on another <Where>' -ForEach @(
        @{ Where = 'queue'; End = 'Left'; Queue = 1 }
        @{ Where = 'interface'; End = 'Right'; Queue = 1 }
    ) {
        $s = New-XskSocket $cable.$End -QueueId $Queue -ShareUmemWith $owner -WarningAction SilentlyContinue
        $s.FrameSize | Should -Be $owner.FrameSize
        $far = New-XskSocket $cable.($End -eq 'Left' ? 'Right' : 'Left') -NoProgram -QueueId $Queue
        $frames = foreach ($i in 1..3) { , (New-TestFrame -Seed $i) }
        $expected = $frames | ForEach-Object { ConvertTo-Hex $_ }
        $frames | Send-XskFrame $far
        $s | Receive-XskPacket -Count 3 -TimeoutSeconds 5 | ForEach-Object { ConvertTo-Hex $_.Data } | Should -Be $expected
        # What AF_XDP sends goes past the taps of its own interface.
        $capture = Start-Capture $far.InterfaceName
        $frames | Send-XskFrame $s
        Stop-Capture $capture -Count 3 | Should -Be $expected
    }

    It 'goes on when the owner of the memory is closed' {
        $s = New-XskSocket $cable.Left -QueueId 1 -ShareUmemWith $owner -WarningAction SilentlyContinue
        $owner | Remove-XskSocket
        $far = New-XskSocket $cable.Right -NoProgram -QueueId 1
        , (New-TestFrame) | Send-XskFrame $far
        $s | Receive-XskPacket -Count 1 -TimeoutSeconds 5 | ForEach-Object { ConvertTo-Hex $_.Data } | Should -Be (ConvertTo-Hex (New-TestFrame))
    }

    It 'refuses another copy mode than that of the memory' {
        New-XskSocket $cable.Left -QueueId 1 -ShareUmemWith $owner -BindMode ZeroCopy -ErrorAction SilentlyContinue -ErrorVariable failures
        $failures.FullyQualifiedErrorId | Should -Be "UmemNotShareable,$command"
        $failures.CategoryInfo.Category | Should -Be 'InvalidArgument'
        $failures.Exception.Message | Should -Match 'leave out -BindMode'
    }

    It 'warns that a second socket on a queue only sends, while the first one is open' {
        $s = New-XskSocket $cable.Left -ShareUmemWith $owner -WarningAction SilentlyContinue -WarningVariable warnings
        $s.Warnings.Id | Should -Contain 'QueueShared'
        "$warnings" | Should -Match "packets of $($cable.Left) queue 0 go to the socket that shares it"
        $far = New-XskSocket $cable.Right -NoProgram
        , (New-TestFrame -Seed 1) | Send-XskFrame $far
        $owner | Receive-XskPacket -Count 1 -TimeoutSeconds 5 | ForEach-Object { ConvertTo-Hex $_.Data } | Should -Be (ConvertTo-Hex (New-TestFrame -Seed 1))
        $owner | Remove-XskSocket
        , (New-TestFrame -Seed 2) | Send-XskFrame $far
        $s | Receive-XskPacket -Count 1 -TimeoutSeconds 5 | ForEach-Object { ConvertTo-Hex $_.Data } | Should -Be (ConvertTo-Hex (New-TestFrame -Seed 2))
    }

    It 'counts the sockets on the memory' {
        $owner.UmemSockets | Should -Be 1
        $s = New-XskSocket $cable.Left -QueueId 1 -ShareUmemWith @($owner) -WarningAction SilentlyContinue
        $owner.UmemSockets, $s.UmemSockets | Should -Be 2, 2
        $s | Remove-XskSocket
        $owner.UmemSockets, $s.UmemSockets | Should -Be 1, 0
    }

    It 'wants one socket, and says so of <_>' -ForEach 0, 2 {
        $sockets = @($owner) * $_
        { New-XskSocket $cable.Left -QueueId 1 -ShareUmemWith $sockets } | Should -Throw -ErrorId "ParameterArgumentTransformationError,$command" -ExpectedMessage '*give one, such as $s`[0`].*'
    }

    It 'refuses a closed socket' {
        $owner | Remove-XskSocket
        New-XskSocket $cable.Left -QueueId 1 -ShareUmemWith $owner -ErrorAction SilentlyContinue -ErrorVariable failures
        $failures.FullyQualifiedErrorId | Should -Be "SocketClosed,$command"
    }
}
