BeforeDiscovery {
    Import-Module "$PSScriptRoot/Support.psm1" -Force
    $note = Get-SkipNote
    $queueNote = Get-SkipNote -Program tc
}

BeforeAll {
    Import-Module "$PSScriptRoot/Support.psm1"
    Import-BuiltModule
    $command = 'XdpPS.Commands.SendXskFrameCommand'
}

Describe "How Send-XskFrame sends$note" -Tag Netns -Skip:($note -ne '') {
    BeforeAll {
        $cable = New-TestCable
        $frame = New-TestFrame -Length 60 -Seed 1
        $other = New-TestFrame -Length 61 -Seed 2
    }

    BeforeEach {
        $socket = New-XskSocket $cable.Left -NoProgram
        $before = Get-ReceivedCount $cable.Right
        $pipeline = $null
    }

    AfterEach {
        Close-Pipeline $pipeline
        Get-XskSocket | Remove-XskSocket
    }

    AfterAll {
        Remove-TestCable $cable
    }

    It 'returns nothing without -PassThru' {
        Send-XskFrame $socket -Data $frame | Should -BeNullOrEmpty
    }

    It 'returns one result with -PassThru, whose counts are those of the interface' {
        $link = Get-Link $cable.Left
        $result = $frame, $other, $frame | Send-XskFrame $socket -PassThru
        $after = Get-Link $cable.Left
        $result | Should -BeOfType XdpPS.XskSendResult
        $result | Should -HaveCount 1
        $result.InterfaceName, $result.QueueId | Should -Be $cable.Left, 0
        $result.Frames | Should -Be 3
        $result.Frames | Should -Be ($after.stats64.tx.packets - $link.stats64.tx.packets)
        $result.Bytes | Should -Be 181
        $result.Bytes | Should -Be ($after.stats64.tx.bytes - $link.stats64.tx.bytes)
        $result.Completed | Should -Be 3
        $result.DriverDropped | Should -Be 0
        $result.ElapsedSeconds | Should -BeGreaterThan 0
        $result.FramesPerSecond | Should -Be (3 / $result.ElapsedSeconds)
        $result.BitsPerSecond | Should -Be (181 * 8 / $result.ElapsedSeconds)
    }

    It 'returns a result of zeros when there was nothing to send' {
        $result = @() | Send-XskFrame $socket -PassThru
        $result.Frames, $result.Bytes, $result.Completed | Should -Be 0, 0, 0
    }

    It 'repeats all frames in their order with -Repeat' {
        $receiver = New-XskSocket $cable.Right
        ($frame, $other | Send-XskFrame $socket -Repeat 3 -PassThru).Frames | Should -Be 6
        $packets = Receive-XskPacket $receiver -Count 6 -TimeoutSeconds 5
        $packets | ForEach-Object { ConvertTo-Hex $_.Data } | Should -Be (1..3 | ForEach-Object { ConvertTo-Hex $frame; ConvertTo-Hex $other })
    }

    It 'sends more frames than the packet memory has' {
        # 20,000 frames go round in 4,096 of the packet memory.
        $result = Send-XskFrame $socket -Data $frame -Repeat 20000 -PassThru
        $result.Frames, $result.Completed | Should -Be 20000, 20000
        Get-ReceivedCount $cable.Right | Should -Be ($before + 20000)
    }

    It 'sends for -DurationSeconds' {
        $result = Send-XskFrame $socket -Data $frame -DurationSeconds 0.5 -PassThru
        # The duration counts from before the first frame, the elapsed time from it.
        $result.ElapsedSeconds | Should -BeGreaterOrEqual 0.5
        $result.Frames | Should -BeGreaterThan 100
        Get-ReceivedCount $cable.Right | Should -Be ($before + $result.Frames)
    }

    It 'ends at the first of -Repeat and -DurationSeconds' {
        (Send-XskFrame $socket -Data $frame -DurationSeconds 600 -Repeat 10 -PassThru).Frames | Should -Be 10
        (Send-XskFrame $socket -Data $frame -DurationSeconds 0.2 -Repeat 1000000 -PacketsPerSecond 100 -PassThru).Frames | Should -BeLessThan 1000
    }

    It 'keeps to -PacketsPerSecond' {
        $result = Send-XskFrame $socket -Data $frame -Repeat 51 -PacketsPerSecond 100 -PassThru
        # The 51st frame is due half a second after the first.
        $result.ElapsedSeconds | Should -BeGreaterOrEqual 0.5
        $result.Frames | Should -Be 51
    }

    It 'paces frames that come through the pipeline' {
        $frames = foreach ($i in 1..21) { , $frame }
        ($frames | Send-XskFrame $socket -PacketsPerSecond 100 -PassThru).ElapsedSeconds | Should -BeGreaterOrEqual 0.2
    }

    It 'sends each frame at once, not when the pipeline ends' {
        $pipeline = Start-Pipeline { param($socket, $frame) & { , $frame; Start-Sleep 60 } | Send-XskFrame $socket } $socket, $frame
        Wait-Until { (Get-ReceivedCount $cable.Right) -eq $before + 1 } | Should -BeTrue
    }

    It 'sends all that has come before it waits for the next, however quickly that came' {
        # Each burst comes only once tcpdump has seen all before it.
        $bursts = 1, 1, 200, 3, 77, 1
        $capture = Start-Capture $cable.Right
        $pipeline = Start-Pipeline {
            param($socket, $frame, $support, $path, $bursts)
            Import-Module $support
            $packet = [XdpPS.XskPacket]::new($frame)
            $sent = 0
            & {
                foreach ($burst in $bursts) {
                    $packets = [object[]]::new($burst)
                    [array]::Fill($packets, $packet)
                    $packets
                    $sent += $burst
                    if (-not (Wait-Until { @(Read-Pcap $path).Count -ge $sent })) { throw "of $sent frames tcpdump has seen $(@(Read-Pcap $path).Count)" }
                }
            } | Send-XskFrame $socket
        } $socket, $frame, "$PSScriptRoot/Support.psm1", $capture.Path, $bursts
        try { Wait-Pipeline $pipeline | Should -BeNullOrEmpty } finally { $seen = @(Stop-Capture $capture) }
        $seen | Should -HaveCount 283
    }

    It 'refuses -<Name> <Value>' -ForEach @(
        @{ Name = 'Repeat'; Value = 0 }, @{ Name = 'DurationSeconds'; Value = 0 }, @{ Name = 'DurationSeconds'; Value = -1 }
        @{ Name = 'PacketsPerSecond'; Value = 0 }, @{ Name = 'PacketsPerSecond'; Value = 2e9 }, @{ Name = 'CompletionTimeoutSeconds'; Value = -1 }
    ) {
        $arguments = @{ $Name = $Value }
        { Send-XskFrame $socket -Data $frame @arguments } | Should -Throw -ErrorId "ParameterArgumentValidationError,$command"
        Get-ReceivedCount $cable.Right | Should -Be $before
    }

    It 'refuses text that is no hexadecimal as -Data' {
        { Send-XskFrame $socket -Data 'hello' } | Should -Throw -ErrorId "ParameterArgumentTransformationError,$command" -ExpectedMessage '*two digits a byte*'
        Get-ReceivedCount $cable.Right | Should -Be $before
    }

    It 'sends and returns nothing with -WhatIf' {
        $frame, $frame | Send-XskFrame $socket -PassThru -WhatIf | Should -BeNullOrEmpty
        Get-ReceivedCount $cable.Right | Should -Be $before
    }

    It 'asks once a socket with -Confirm, not once a frame' {
        $script = "`$f = [byte[]]::new(60); `$s = New-XskSocket $($cable.Right) -NoProgram; `$f, `$f, `$f | Send-XskFrame `$s -Confirm; `$f, `$f, `$f | Send-XskFrame `$s -Confirm"
        $sent = Get-ReceivedCount $cable.Left
        $text = Invoke-Pwsh $script -InputLine 'n', 'y'
        @($text | Select-String -Pattern 'Are you sure').Count | Should -Be 2
        Get-ReceivedCount $cable.Left | Should -Be ($sent + 3)
    }

    It 'stops, and sends nothing after that' {
        $pipeline = Start-Pipeline { param($socket, $frame) Send-XskFrame $socket -Data $frame -DurationSeconds 60 -PacketsPerSecond 2 } $socket, $frame
        Wait-Until { (Get-ReceivedCount $cable.Right) -gt $before } | Should -BeTrue
        Stop-Pipeline $pipeline
        $stopped = Get-ReceivedCount $cable.Right
        Start-Sleep -Milliseconds 700
        Get-ReceivedCount $cable.Right | Should -Be $stopped
        (Send-XskFrame $socket -Data $frame -PassThru).Completed | Should -Be 1
    }

    It 'shows its progress with -DurationSeconds' {
        $pipeline = Start-Pipeline { param($socket, $frame) Send-XskFrame $socket -Data $frame -DurationSeconds 1 } $socket, $frame
        Wait-Pipeline $pipeline | Should -BeNullOrEmpty
        $progress = @($pipeline.Shell.Streams.Progress)
        $progress.Count | Should -BeGreaterThan 2
        $progress[0].Activity | Should -Be 'Sending frames'
        $progress[0].StatusDescription | Should -Match '^\d+ frames in \d+ s$'
        $progress[-1].RecordType | Should -Be 'Completed'
    }

    It 'warns of frames that the driver dropped, as the interface counts them' {
        $null = Invoke-Native ip link set $cable.Right down
        try {
            $dropped = (Get-Link $cable.Left).stats64.tx.dropped
            $result = $frame, $frame, $frame | Send-XskFrame $socket -PassThru -WarningVariable warnings -WarningAction SilentlyContinue
            $result.Completed, $result.DriverDropped | Should -Be 3, 3
            (Get-Link $cable.Left).stats64.tx.dropped - $dropped | Should -Be 3
            "$warnings" | Should -Match 'dropped 3 of 3 frames.*-PacketsPerSecond.*peer is down'
        }
        finally {
            $null = Invoke-Native ip link set $cable.Right up
        }
    }

    It 'says that the interface is down' {
        $null = Invoke-Native ip link set $cable.Left down
        try {
            $caught = { Send-XskFrame $socket -Data $frame } | Should -Throw -ErrorId "InterfaceDown,$command" -PassThru
            $caught.CategoryInfo.Category | Should -Be 'ResourceUnavailable'
            $caught.Exception.Message | Should -Match "is down.*ip link set $($cable.Left) up.*ENETDOWN"
        }
        finally {
            $null = Invoke-Native ip link set $cable.Left up
        }
    }

    It 'ends with InterfaceGone when the interface was deleted' {
        $short = New-TestCable
        $gone = New-XskSocket $short.Left -NoProgram
        Remove-TestCable $short
        $caught = { Send-XskFrame $gone -Data $frame } | Should -Throw -ErrorId "InterfaceGone,$command" -PassThru
        $caught.CategoryInfo.Category | Should -Be 'ObjectNotFound'
    }

    It 'ends with SocketClosed on a closed socket, and sends nothing' {
        $socket | Remove-XskSocket
        $caught = { $frame, $frame | Send-XskFrame $socket } | Should -Throw -ErrorId "SocketClosed,$command" -PassThru
        $caught.CategoryInfo.Category | Should -Be 'InvalidOperation'
        $caught.TargetObject | Should -Be $socket
        Get-ReceivedCount $cable.Right | Should -Be $before
    }

    It 'ends with DirectionDisabled on a socket that only receives' {
        $receiver = New-XskSocket $cable.Right -TxRingSize 0
        $caught = { Send-XskFrame $receiver -Data $frame } | Should -Throw -ErrorId "DirectionDisabled,$command" -PassThru
        $caught.CategoryInfo.Category | Should -Be 'InvalidOperation'
        $caught.Exception.Message | Should -Match '-TxRingSize 0'
    }
}

Describe "Frames that the kernel does not complete$queueNote" -Tag Netns -Skip:($queueNote -ne '') {
    BeforeAll {
        # A bridge forwards what arrives to a port whose queue lets one kilobyte a second through: until then the
        # kernel holds on to the frames.
        $cable = New-TestCable
        $slow = New-TestCable
        $bridge = "xpbr$PID"
        $null = Invoke-Native ip link add $bridge type bridge
        foreach ($port in $cable.Right, $slow.Left) { $null = Invoke-Native ip link set $port master $bridge }
        $null = Invoke-Native ip link set $bridge up
        $null = Invoke-Native tc qdisc add dev $slow.Left root tbf rate 8kbit burst 1600 latency 1000s
        Wait-Until { (bridge link show dev $slow.Left) -match 'state forwarding' } | Should -BeTrue
        $socket = New-XskSocket $cable.Left -NoProgram
    }

    AfterAll {
        Get-XskSocket | Remove-XskSocket
        Remove-TestCable $cable
        Remove-TestCable $slow
        ip link delete $bridge
    }

    It 'are a SendIncomplete after -CompletionTimeoutSeconds, and counted' {
        $frames = foreach ($i in 1..4) { , (New-TestFrame -Length 1400) }
        $watch = [Diagnostics.Stopwatch]::StartNew()
        $result = $frames | Send-XskFrame $socket -CompletionTimeoutSeconds 0.3 -PassThru -ErrorAction SilentlyContinue -ErrorVariable failures
        $watch.Elapsed.TotalSeconds | Should -BeGreaterOrEqual 0.3
        $failures.FullyQualifiedErrorId | Should -Be "SendIncomplete,$command"
        $failures.CategoryInfo.Category | Should -Be 'OperationTimeout'
        $failures.TargetObject | Should -Be $socket
        $failures.Exception.Message | Should -Match "$(4 - $result.Completed) of 4 frames.*within 0.3 s.*-CompletionTimeoutSeconds"
        $result.Frames | Should -Be 4
        $result.Completed | Should -BeLessThan 4
        # What was raised is enough once the kernel lets go: the next frame and those before it are completed.
        $null = Invoke-Native tc qdisc change dev $slow.Left root tbf rate 1gbit burst 16kb latency 1000s
        $again = Send-XskFrame $socket -Data $frames[0] -CompletionTimeoutSeconds 10 -PassThru
        $again.Completed | Should -Be $again.Frames
        $socket.PendingSends | Should -Be 0
        $null = Invoke-Native tc qdisc change dev $slow.Left root tbf rate 8kbit burst 1600 latency 1000s
        $frames | Send-XskFrame $socket -CompletionTimeoutSeconds 0.1 -ErrorAction SilentlyContinue
    }

    It 'do not keep the socket from being closed' {
        $socket.PendingSends | Should -BeGreaterThan 0
        $socket | Remove-XskSocket
        $socket.State | Should -Be 'Closed'
    }
}
