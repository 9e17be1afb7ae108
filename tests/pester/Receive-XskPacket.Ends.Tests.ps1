BeforeDiscovery {
    Import-Module "$PSScriptRoot/Support.psm1" -Force
    $note = Get-SkipNote
}

BeforeAll {
    Import-Module "$PSScriptRoot/Support.psm1"
    Import-BuiltModule
    $command = 'XdpPS.Commands.ReceiveXskPacketCommand'
}

Describe "How Receive-XskPacket ends$note" -Tag Netns -Skip:($note -ne '') {
    BeforeEach {
        $cable = New-TestCable -Queues 2
        $pipeline = $null
    }

    AfterEach {
        Close-Pipeline $pipeline
        Get-XskSocket | Remove-XskSocket
        Remove-TestCable $cable
    }

    It 'stops an idle receive, and the socket can be used again' {
        $socket = New-XskSocket $cable.Right -QueueId 0, 1
        $pipeline = Start-Pipeline { param($socket) Receive-XskPacket $socket } (, $socket)
        Start-Sleep -Milliseconds 300
        $pipeline.Async.IsCompleted | Should -BeFalse
        Stop-Pipeline $pipeline
        $pipeline.Shell.InvocationStateInfo.State | Should -Be 'Stopped'
        $pipeline.Shell.Streams.Error | Should -BeNullOrEmpty
        Receive-XskPacket $socket -TimeoutSeconds 0.1 | Should -BeNullOrEmpty
        $socket.State | Should -Be 'Open', 'Open'
    }

    It 'closes what -InterfaceName opened: <Why>' -ForEach @(
        @{ Why = 'at its end'; Script = { param($name) Receive-XskPacket -InterfaceName $name -TimeoutSeconds 1.5 } }
        @{ Why = 'when it is stopped'; Script = { param($name) Receive-XskPacket -InterfaceName $name } }
        @{ Why = 'at Select-Object -First 1'; Script = { param($name) Receive-XskPacket -InterfaceName $name | Select-Object -First 1 } }
        @{ Why = 'when a later command throws'; Script = { param($name) Receive-XskPacket -InterfaceName $name | ForEach-Object { throw 'enough' } } }
    ) {
        $pipeline = Start-Pipeline $Script $cable.Right
        Wait-Until { (Get-AttachedProgram $cable.Right).Id -ne 0 } | Should -BeTrue
        if ($Why -eq 'when it is stopped') {
            Start-Sleep -Milliseconds 300
            Stop-Pipeline $pipeline
        }
        else {
            $sender = New-XskSocket $cable.Left -NoProgram
            Send-XskFrame $sender -Data (New-TestFrame)
            $null = Wait-Pipeline $pipeline
        }
        (Get-AttachedProgram $cable.Right).Id | Should -Be 0
        # All queues of the interface are free again.
        New-XskSocket $cable.Right -QueueId 0, 1 | Should -HaveCount 2
    }

    It 'opens every queue of -InterfaceName and receives from each' {
        $pipeline = Start-Pipeline { param($name) Receive-XskPacket -InterfaceName $name -Count 2 -TimeoutSeconds 5 } $cable.Right
        Wait-Until { (Get-AttachedProgram $cable.Right).Id -ne 0 } | Should -BeTrue
        Start-Sleep -Milliseconds 300
        # A frame that AF_XDP sends on a queue of one end arrives at the same queue of the other.
        $senders = New-XskSocket $cable.Left -QueueId 0, 1 -NoProgram
        foreach ($sender in $senders) { Send-XskFrame $sender -Data (New-TestFrame -Length (100 + $sender.QueueId)) }
        Wait-Pipeline $pipeline | Should -BeNullOrEmpty
        $pipeline.Output | Sort-Object QueueId | ForEach-Object Length | Should -Be 100, 101
        $pipeline.Output | Sort-Object QueueId | ForEach-Object QueueId | Should -Be 0, 1
        $pipeline.Shell.Streams.Warning | Should -BeNullOrEmpty
    }

    It 'refuses an interface that the host needs, unless -Force' {
        $null = Invoke-Native ip address add 192.0.2.1/24 dev $cable.Right
        $null = Invoke-Native ip route add default via 192.0.2.2 dev $cable.Right
        Receive-XskPacket -InterfaceName $cable.Right -TimeoutSeconds 0.1 -ErrorAction SilentlyContinue -ErrorVariable failures
        $failures.FullyQualifiedErrorId | Should -Be "InterfaceInUse,$command"
        $failures.CategoryInfo.Category | Should -Be 'SecurityError'
        Receive-XskPacket -InterfaceName $cable.Right -TimeoutSeconds 0.1 -Force -ErrorAction SilentlyContinue -ErrorVariable failures
        $failures | Should -BeNullOrEmpty
    }

    It 'ends with SocketClosed on a closed socket' {
        $socket = New-XskSocket $cable.Right -NoProgram
        $socket | Remove-XskSocket
        $caught = { Receive-XskPacket $socket } | Should -Throw -ErrorId "SocketClosed,$command" -PassThru
        $caught.CategoryInfo.Category | Should -Be 'InvalidOperation'
        $caught.TargetObject | Should -Be $socket
    }

    It 'lets go of the other sockets when one of several is closed' {
        $closed, $open = New-XskSocket $cable.Right -QueueId 0, 1
        $closed | Remove-XskSocket
        { $open, $closed | Receive-XskPacket } | Should -Throw -ErrorId "SocketClosed,$command"
        Receive-XskPacket $open -TimeoutSeconds 0.1 -ErrorAction Stop | Should -BeNullOrEmpty
        $open | Remove-XskSocket
        (Get-AttachedProgram $cable.Right).Id | Should -Be 0
    }

    It 'ends with SocketClosed when the socket is closed while it waits' {
        $socket = New-XskSocket $cable.Right -NoProgram
        $pipeline = Start-Pipeline { param($socket) Receive-XskPacket $socket } $socket
        Start-Sleep -Milliseconds 400
        $socket | Remove-XskSocket
        (Wait-Pipeline $pipeline).FullyQualifiedErrorId | Should -Be "SocketClosed,$command"
    }

    It 'ends with SocketBusy where another receive is running' {
        $socket = New-XskSocket $cable.Right -NoProgram
        $pipeline = Start-Pipeline { param($socket) Receive-XskPacket $socket } $socket
        Start-Sleep -Milliseconds 400
        $caught = { Receive-XskPacket $socket -TimeoutSeconds 1 } | Should -Throw -ErrorId "SocketBusy,$command" -PassThru
        $caught.CategoryInfo.Category | Should -Be 'ResourceBusy'
        $pipeline.Async.IsCompleted | Should -BeFalse
        $caught.Exception.Message | Should -Match 'wait for it to end or stop it'
        Stop-Pipeline $pipeline
        Receive-XskPacket $socket -TimeoutSeconds 0 | Should -BeNullOrEmpty
    }

    It 'ends with DirectionDisabled on a socket that only transmits' {
        $socket = New-XskSocket $cable.Right -RxRingSize 0 -NoProgram
        $caught = { Receive-XskPacket $socket } | Should -Throw -ErrorId "DirectionDisabled,$command" -PassThru
        $caught.CategoryInfo.Category | Should -Be 'InvalidOperation'
        $caught.Exception.Message | Should -Match '-RxRingSize 0'
    }

    It 'ends with InterfaceGone when the interface is deleted' {
        $socket = New-XskSocket $cable.Right -QueueId 0, 1
        $pipeline = Start-Pipeline { param($socket) Receive-XskPacket $socket } (, $socket)
        Start-Sleep -Milliseconds 400
        Remove-TestCable $cable
        $failure = Wait-Pipeline $pipeline
        $failure.FullyQualifiedErrorId | Should -Be "InterfaceGone,$command"
        $failure.CategoryInfo.Category | Should -Be 'ObjectNotFound'
        $failure.Exception.Message | Should -Match $cable.Right
    }

    It 'ends with ProgramDetached when someone detaches the program' {
        $socket = New-XskSocket $cable.Right -QueueId 0, 1
        $pipeline = Start-Pipeline { param($socket) Receive-XskPacket $socket } (, $socket)
        Start-Sleep -Milliseconds 400
        $null = Invoke-Native bpftool link detach id (Get-XdpLinkId $cable.Right)
        (Get-AttachedProgram $cable.Right).Id | Should -Be 0
        $failure = Wait-Pipeline $pipeline
        $failure.FullyQualifiedErrorId | Should -Be "ProgramDetached,$command"
        $failure.CategoryInfo.Category | Should -Be 'InvalidOperation'
        $failure.Exception.Message | Should -Match "id $($socket[0].ProgramId)\b.*bpftool net"
    }

    It 'keeps its program against ip link set xdp off, and goes on receiving' {
        $socket = New-XskSocket $cable.Right -QueueId 0, 1
        ip link set dev $cable.Right xdp off 2>$null
        (Get-AttachedProgram $cable.Right).Id | Should -Be $socket[0].ProgramId
        $sender = New-XskSocket $cable.Left -NoProgram
        Send-XskFrame $sender -Data (New-TestFrame)
        $socket | Receive-XskPacket -Count 1 -TimeoutSeconds 5 | Should -HaveCount 1
    }

    It 'shows its progress with <Parameter>' -ForEach @(
        @{ Parameter = '-Count'; Arguments = @{ Count = 100; TimeoutSeconds = 1.2 } }
        @{ Parameter = '-DurationSeconds'; Arguments = @{ DurationSeconds = 1.2 } }
    ) {
        $socket = New-XskSocket $cable.Right -QueueId 0, 1
        $sender = New-XskSocket $cable.Left -NoProgram
        $pipeline = Start-Pipeline { param($socket, $arguments) Receive-XskPacket $socket @arguments } $socket, $Arguments
        Start-Sleep -Milliseconds 200
        Send-XskFrame $sender -Data (New-TestFrame) -Repeat 25 -PacketsPerSecond 50
        Wait-Pipeline $pipeline | Should -BeNullOrEmpty
        $progress = @($pipeline.Shell.Streams.Progress)
        $progress.Count | Should -BeGreaterThan 1
        $progress[0].Activity | Should -Be 'Receiving packets'
        $shown = @($progress | Where-Object RecordType -EQ 'Processing')
        $shown.StatusDescription | Should -Match $(if ($Arguments.Count -is [long] -or $Parameter -eq '-Count') { '^\d+ of 100 packets$' } else { '^\d+ packets in \d+ s$' })
        ($shown.PercentComplete | Measure-Object -Maximum).Maximum | Should -BeIn (20..100)
        $progress[-1].RecordType | Should -Be 'Completed'
    }

    It 'shows no progress beside a stream, whose reader may write to the same terminal' {
        $socket = New-XskSocket $cable.Right -QueueId 0, 1
        $pipeline = Start-Pipeline { param($socket) Receive-XskPacket $socket -AsPcapStream -DurationSeconds 0.8 } (, $socket)
        Wait-Pipeline $pipeline | Should -BeNullOrEmpty
        $pipeline.Shell.Streams.Progress | Should -BeNullOrEmpty
    }

    It 'shows no progress where the end is not known' {
        $socket = New-XskSocket $cable.Right -QueueId 0, 1
        $pipeline = Start-Pipeline { param($socket) Receive-XskPacket $socket -TimeoutSeconds 0.8 } (, $socket)
        Wait-Pipeline $pipeline | Should -BeNullOrEmpty
        $pipeline.Shell.Streams.Progress | Should -BeNullOrEmpty
    }
}

Describe "What Receive-XskPacket says of lost packets$note" -Tag Netns -Skip:($note -ne '') {
    BeforeEach {
        $cable = New-TestCable
        $sender = New-XskSocket $cable.Left -NoProgram
    }

    AfterEach {
        Get-XskSocket | Remove-XskSocket
        Remove-TestCable $cable
    }

    It 'warns once of <Lost> packets because <Why>, and says what to raise' -ForEach @(
        @{ Why = 'the RX ring was full'; Sizes = @{ RxRingSize = 64 }; Lost = 136; Says = 'RX ring was full.*-ReadCount.*-RxRingSize and -FrameCount' }
        @{ Why = 'the FILL ring was empty'; Sizes = @{ FillRingSize = 64 }; Lost = 136; Says = 'FILL ring was empty.*-FillRingSize.* and -FrameCount' }
    ) {
        $receiver = New-XskSocket $cable.Right @Sizes
        # 200 frames, of which a ring of 64 can hold 64; the pace keeps veth's own queue of 256 from filling up.
        Send-XskFrame $sender -Data (New-TestFrame) -Repeat 200 -PacketsPerSecond 5000
        $packets = @(Receive-XskPacket $receiver -TimeoutSeconds 0.2 -WarningVariable warnings -WarningAction SilentlyContinue)
        $packets | Should -HaveCount 64
        $warnings | Should -HaveCount 1
        "$warnings" | Should -Match "$($cable.Right) queue 0: the kernel dropped $Lost packets.*$Says"
        $null = Receive-XskPacket $receiver -TimeoutSeconds 0.2 -WarningVariable again
        $again | Should -BeNullOrEmpty
    }

    It 'warns of packets that do not fit the frames' {
        Remove-TestCable $cable
        $cable = New-TestCable -Mtu 2000
        $sender = New-XskSocket $cable.Left -NoProgram -FrameSize 4096
        $receiver = New-XskSocket $cable.Right -WarningAction SilentlyContinue
        Send-XskFrame $sender -Data (New-TestFrame -Length 1800)
        Receive-XskPacket $receiver -TimeoutSeconds 0.2 -WarningVariable warnings -WarningAction SilentlyContinue | Should -BeNullOrEmpty
        "$warnings" | Should -Match '1 packets that did not fit its frames of 2048 bytes: open it with -FrameSize 4096 or -MultiBuffer\.$'
    }
}
