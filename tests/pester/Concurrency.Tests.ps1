BeforeDiscovery {
    Import-Module "$PSScriptRoot/Support.psm1" -Force
    $note = Get-SkipNote -Program tcpdump
}

BeforeAll {
    Import-Module "$PSScriptRoot/Support.psm1"
    Import-BuiltModule
    # That there are more queues is what most of these are about.
    $PSDefaultParameterValues = @{ 'New-XskSocket:WarningAction' = 'Ignore' }

    # Frames of which no two are alike, and how they look in hexadecimal.
    function New-Series {
        param([int] $Count, [int] $Seed, [int] $Length = 80)
        foreach ($i in 1..$Count) { , (New-TestFrame -Length $Length -Seed ($Seed * 100000 + $i)) }
    }

    function Get-Hex { $input | ForEach-Object { ConvertTo-Hex ($_ -is [byte[]] ? $_ : $_.Data) } }
}

Describe "Several sessions of one process$note" -Tag Netns -Skip:($note -ne '') {
    BeforeEach {
        $cable = New-TestCable -Queues 4
        $second = $null
        $before = Get-Residue
        $pipelines = [Collections.Generic.List[object]]::new()

        function Start-Session {
            param([scriptblock] $Script, [object[]] $ArgumentList = @(), [runspace] $Runspace)
            $pipeline = Start-Pipeline @PSBoundParameters
            $pipelines.Add($pipeline)
            return $pipeline
        }
    }

    AfterEach {
        foreach ($pipeline in $pipelines) { Close-Pipeline $pipeline }
        Get-XskSocket | Remove-XskSocket
        try {
            foreach ($end in $cable.Left, $cable.Right) { (Get-AttachedProgram $end).Id | Should -Be 0 }
            Wait-Until { (Get-Residue) -eq $before } | Should -BeTrue -Because "$(Get-Residue), and $before before"
        }
        finally {
            Remove-TestCable $cable
            Remove-TestCable $second
        }
    }

    It 'send and receive on one socket at once, and tcpdump sees what was sent' {
        $there = @(New-Series 1000 1)
        $back = @(New-Series 1000 2)
        $both = New-XskSocket $cable.Left -FrameCount 16384 -RxRingSize 4096 -FillRingSize 4096 -WarningAction Ignore
        $far = New-XskSocket $cable.Right -NoProgram
        $capture = Start-Capture $cable.Right
        $receiving = Start-Session { param($s) Receive-XskPacket $s -Count 1000 -TimeoutSeconds 5 } $both
        # Frame by frame through the pipeline: most wake-ups are left to another thread.
        $sending = Start-Session { param($s, $frames) $frames | ForEach-Object { , $_ } | Send-XskFrame $s -PassThru } $both, $there
        $back | Send-XskFrame $far
        foreach ($i in 1..20) { (Get-XskRingStats $both).TxPackets | Should -BeLessOrEqual 1000 }
        Wait-Pipeline $sending | Should -BeNullOrEmpty
        Wait-Pipeline $receiving | Should -BeNullOrEmpty
        $sending.Output[0].Completed | Should -Be 1000
        $seen = @(Stop-Capture $capture -Count 1000)
        Compare-Object $seen @($there | Get-Hex) -SyncWindow 0 | Should -BeNullOrEmpty
        Compare-Object @($receiving.Output | Get-Hex) @($back | Get-Hex) -SyncWindow 0 | Should -BeNullOrEmpty
        $both.CountFrames().IsConserved | Should -BeTrue -Because $both.CountFrames()
    }

    It 'are refused a second receive in any form, and the first gets every packet' {
        $frames = @(New-Series 300 3)
        $socket = New-XskSocket $cable.Left
        $far = New-XskSocket $cable.Right
        $first = Start-Session { param($s) Receive-XskPacket $s -Count 300 -TimeoutSeconds 10 } $socket
        $null = Wait-Until { (Get-XskRingStats $socket).RxPackets -ge 0 -and $first.Async.IsCompleted -eq $false } -Seconds 1
        Start-Sleep -Milliseconds 300
        $refused = @(
            { Receive-XskPacket $socket -TimeoutSeconds 1 }
            { Receive-XskPacket $socket -ReadCount 10 -TimeoutSeconds 1 }
            { Receive-XskPacket $socket -AsPcapStream -TimeoutSeconds 1 }
            { Export-XskCapture "$([IO.Path]::GetTempPath())/refused-$PID.pcapng" -Socket $socket -TimeoutSeconds 1 }
            { Invoke-XskForward $socket $far -DurationSeconds 1 -WarningAction Ignore }
        )
        foreach ($attempt in $refused) {
            $caught = $attempt | Should -Throw -ErrorId 'SocketBusy,*' -PassThru
            $caught.Exception.Message | Should -Match "Another receive is running on $($cable.Left) queue 0.*one receive at a time"
        }
        # A second one on the same queue is the way: it is told that, and works without the packets.
        Receive-XskPacket -InterfaceName $cable.Left -TimeoutSeconds 0.1 -ErrorAction SilentlyContinue -ErrorVariable busy | Should -BeNullOrEmpty
        $busy[0].FullyQualifiedErrorId | Should -BeLike 'QueueBusy,*'
        $frames | Send-XskFrame $far
        Wait-Pipeline $first | Should -BeNullOrEmpty
        Compare-Object @($first.Output | Get-Hex) @($frames | Get-Hex) -SyncWindow 0 | Should -BeNullOrEmpty
    }

    It 'remove a socket under traffic while another <What>' -ForEach @(
        @{ What = 'receives single packets'; Script = { param($s) Receive-XskPacket $s | ForEach-Object { 1 } } }
        @{ What = 'receives arrays'; Script = { param($s) Receive-XskPacket $s -ReadCount 32 | ForEach-Object { 1 } } }
        @{ What = 'sends'; Script = { param($s, $frame) $ErrorActionPreference = 'Stop'; while ($true) { 1..5000 | ForEach-Object { , $frame } | Send-XskFrame $s -WarningAction Ignore } } }
        @{ What = 'records'; Script = { param($s, $frame, $path) Export-XskCapture $path -Socket $s } }
        @{ What = 'forwards'; Script = { param($s, $frame, $path, $far) Invoke-XskForward $s $far -Bidirectional -WarningAction Ignore } }
    ) {
        $path = "$([IO.Path]::GetTempPath())/concurrency-$PID.pcapng"
        $second = New-TestCable
        $socket = New-XskSocket $cable.Left
        $next = New-XskSocket $second.Left -NoProgram
        if ($What -eq 'forwards') { $next | Remove-XskSocket; $next = New-XskSocket $second.Left }
        $far = New-XskSocket $cable.Right -NoProgram
        $traffic = Start-Session { param($s, $frame) while ($true) { Send-XskFrame $s -Data $frame -Repeat 1000 -WarningAction Ignore } } $far, (New-TestFrame)
        $busy = Start-Session $Script $socket, (New-TestFrame), $path, $next
        Wait-Until { $s = Get-XskRingStats $socket; $s.RxPackets + $s.TxPackets -gt 500 } | Should -BeTrue
        $socket | Remove-XskSocket
        (Wait-Pipeline $busy).FullyQualifiedErrorId | Should -BeLike 'SocketClosed,XdpPS.Commands.*'
        (Get-AttachedProgram $cable.Left).Id | Should -Be 0
        if ($What -eq 'records') {
            # What was recorded before is whole.
            $packets = @(Import-XskCapture $path -ErrorAction Stop).Count
            (Invoke-Native capinfos -T -r -c $path) | Should -Match "\t$packets$"
            $packets | Should -BeGreaterThan 500
            Remove-Item -LiteralPath $path
        }
        if ($What -eq 'forwards') { $next.CountFrames().IsConserved | Should -BeTrue -Because $next.CountFrames() }
        # The queue is free at once.
        New-XskSocket $cable.Left -ErrorAction Stop | Remove-XskSocket
    }

    It 'remove a socket in the very pipeline that receives on it' {
        $socket = New-XskSocket $cable.Left
        $far = New-XskSocket $cable.Right -NoProgram
        New-Series 10 4 | Send-XskFrame $far
        $seen = [Collections.Generic.List[int]]::new()
        { Receive-XskPacket $socket | ForEach-Object { $seen.Add($_.Length); if ($seen.Count -eq 3) { $socket | Remove-XskSocket } } } | Should -Throw -ErrorId 'SocketClosed,XdpPS.Commands.ReceiveXskPacketCommand'
        $seen.Count | Should -Be 3
        (Get-AttachedProgram $cable.Left).Id | Should -Be 0
    }

    It 'have a queue each with ForEach-Object -Parallel, and each gets its own packets only' {
        $manifest = Get-ModuleManifest
        $ready = [Collections.Concurrent.ConcurrentBag[int]]::new()
        $running = Start-Session {
            param($name, $manifest, $ready)
            0..3 | ForEach-Object -ThrottleLimit 4 -Parallel {
                Import-Module $using:manifest
                $socket = New-XskSocket $using:name -QueueId $_ -WarningAction Ignore
                ($using:ready).Add($socket.ProgramId)
                $packets = @($socket | Receive-XskPacket -Count 200 -TimeoutSeconds 10)
                [pscustomobject]@{ Queue = $_; Packets = $packets; Mine = @(Get-XskSocket).Count; Conserved = $socket.CountFrames().IsConserved }
                $socket | Remove-XskSocket
            }
        } $cable.Left, $manifest, $ready
        Wait-Until { $ready.Count -eq 4 } -Seconds 20 | Should -BeTrue
        @($ready.ToArray() | Select-Object -Unique) | Should -HaveCount 1 -Because 'an interface has one program'
        $senders = New-XskSocket $cable.Right -QueueId (0..3) -NoProgram
        # veth delivers to the queue of the number that it was sent on.
        $sent = foreach ($queue in 0..3) { , @(New-Series 200 (10 + $queue)) }
        foreach ($queue in 0..3) { $sent[$queue] | Send-XskFrame $senders[$queue] }
        Wait-Pipeline $running -Seconds 30 | Should -BeNullOrEmpty
        $results = @($running.Output | Sort-Object Queue)
        $results | Should -HaveCount 4
        foreach ($queue in 0..3) {
            Compare-Object @($results[$queue].Packets | Get-Hex) @($sent[$queue] | Get-Hex) -SyncWindow 0 | Should -BeNullOrEmpty
            $results[$queue].Mine | Should -Be 1
            $results[$queue].Conserved | Should -BeTrue
        }
    }

    It 'use sockets that were opened elsewhere, one each, with ForEach-Object -Parallel' {
        $sockets = New-XskSocket $cable.Left -QueueId (0..3)
        $manifest = Get-ModuleManifest
        $capture = Start-Capture $cable.Right
        $sent = foreach ($queue in 0..3) { , @(New-Series 300 (20 + $queue)) }
        $completed = 0..3 | ForEach-Object -ThrottleLimit 4 -Parallel {
            Import-Module $using:manifest
            $frames = ($using:sent)[$_]
            ($frames | Send-XskFrame ($using:sockets)[$_] -PacketsPerSecond 1000 -PassThru).Completed
        }
        $completed | Should -Be 300, 300, 300, 300
        $seen = @(Stop-Capture $capture -Count 1200)
        $seen | Should -HaveCount 1200
        foreach ($queue in 0..3) {
            # Between the queues there is no order, within one there is.
            $hex = [Collections.Generic.HashSet[string]]::new([string[]]@($sent[$queue] | Get-Hex))
            Compare-Object @($seen | Where-Object { $hex.Contains($_) }) @($sent[$queue] | Get-Hex) -SyncWindow 0 | Should -BeNullOrEmpty
        }
        # The runspaces have ended without Remove-Module.
        $sockets.State | Should -Be 'Open', 'Open', 'Open', 'Open'
        $sockets.ForEach({ $_.CountFrames().IsConserved }) | Should -Be $true, $true, $true, $true
    }

    It 'are closed without Remove-Module while they <What>' -ForEach @(
        @{ What = 'receive'; Script = { param($name) Receive-XskPacket -InterfaceName $name | ForEach-Object { } } }
        @{ What = 'send'; Script = { param($name, $frame) $s = New-XskSocket $name; while ($true) { 1..5000 | ForEach-Object { , $frame } | Send-XskFrame $s -WarningAction Ignore } } }
        @{ What = 'forward'; Script = { param($name) $s = New-XskSocket $name; Invoke-XskForward $s $s } }
    ) {
        $mine = New-XskSocket $cable.Right -NoProgram
        & {
            $lost = Start-Pipeline $Script $cable.Left, (New-TestFrame)
            try {
                Wait-Until { (Get-AttachedProgram $cable.Left).Id -ne 0 } | Should -BeTrue
                Send-XskFrame $mine -Data (New-TestFrame) -Repeat 200 -PacketsPerSecond 1000
                # Nobody stops the pipeline first.
                $lost.Runspace.Close()
            }
            finally {
                $lost.Shell.Dispose()
                $lost.Runspace.Dispose()
            }
        }
        # What nobody can reach any more is collected; what the command opened itself went with it.
        if ($What -eq 'receive') { (Get-AttachedProgram $cable.Left).Id | Should -Be 0 }
        Wait-Until {
            [GC]::Collect()
            [GC]::WaitForPendingFinalizers()
            (Get-AttachedProgram $cable.Left).Id -eq 0
        } -Seconds 10 | Should -BeTrue
        $mine.State | Should -Be 'Open'
        (Send-XskFrame $mine -Data (New-TestFrame) -PassThru).Completed | Should -Be 1
    }

    It 'lose the module in one of two that share an interface, and the other misses nothing' {
        $frames = @(New-Series 900 5)
        $other = New-TestRunspace
        $opening = Start-Session { param($name) New-XskSocket $name -QueueId 0 -WarningAction Ignore } $cable.Left -Runspace $other
        Wait-Pipeline $opening | Should -BeNullOrEmpty
        $theirs = $opening.Output[0]
        $mine = New-XskSocket $cable.Left -QueueId 1 -WarningAction Ignore
        $mine.ProgramId | Should -Be $theirs.ProgramId
        $far = New-XskSocket $cable.Right -QueueId 1 -NoProgram
        $receiving = Start-Session { param($s) Receive-XskPacket $s -Count 900 -TimeoutSeconds 5 } $mine
        $sending = Start-Session { param($s, $frames) $frames | Send-XskFrame $s -PacketsPerSecond 1500 } $far, $frames
        Wait-Until { (Get-XskRingStats $mine).RxPackets -gt 100 } | Should -BeTrue
        $removing = Start-Session { Remove-Module XdpPS; [bool](Get-Command New-XskSocket -ErrorAction Ignore -Module XdpPS) } -Runspace $other
        Wait-Pipeline $removing | Should -BeNullOrEmpty
        (Get-XskRingStats $mine).RxPackets | Should -BeLessThan 900 -Because 'it happened in the middle'
        $theirs.State | Should -Be 'Closed'
        $mine.State | Should -Be 'Open'
        (Get-AttachedProgram $cable.Left).Id | Should -Be $mine.ProgramId
        Wait-Pipeline $sending | Should -BeNullOrEmpty
        Wait-Pipeline $receiving | Should -BeNullOrEmpty
        Compare-Object @($receiving.Output | Get-Hex) @($frames | Get-Hex) -SyncWindow 0 | Should -BeNullOrEmpty
        $mine.CountFrames().IsConserved | Should -BeTrue -Because $mine.CountFrames()
    }

    It 'pass packets from one socket to another in both directions at once' {
        $second = New-TestCable
        $there = @(New-Series 800 6)
        $back = @(New-Series 800 7)
        $a = New-XskSocket $cable.Left
        $b = New-XskSocket $second.Left
        $captures = (Start-Capture $second.Right), (Start-Capture $cable.Right)
        $passing = foreach ($pair in ($a, $b), ($b, $a)) {
            Start-Session { param($from, $to) Receive-XskPacket $from -Count 800 -TimeoutSeconds 10 | Send-XskFrame $to } $pair
        }
        $farA = New-XskSocket $cable.Right -NoProgram
        $farB = New-XskSocket $second.Right -NoProgram
        $sending = Start-Session { param($s, $frames) $frames | Send-XskFrame $s -PacketsPerSecond 4000 } $farA, $there
        $back | Send-XskFrame $farB -PacketsPerSecond 4000
        Wait-Pipeline $sending | Should -BeNullOrEmpty
        foreach ($one in $passing) { Wait-Pipeline $one | Should -BeNullOrEmpty }
        Compare-Object @(Stop-Capture $captures[0] -Count 800) @($there | Get-Hex) -SyncWindow 0 | Should -BeNullOrEmpty
        Compare-Object @(Stop-Capture $captures[1] -Count 800) @($back | Get-Hex) -SyncWindow 0 | Should -BeNullOrEmpty
        foreach ($socket in $a, $b) { $socket.CountFrames().IsConserved | Should -BeTrue -Because $socket.CountFrames() }
    }

    It 'send one template at once, and tcpdump sees each frame of it twice' {
        $template = New-XskFrame -Udp -SourceAddress 10.0.0.1 -DestinationAddress 10.0.0.2 -SourcePort 1-1000 -DestinationPort 7 -SourceMac 02:00:00:00:00:01 -DestinationMac 02:00:00:00:00:02
        $sockets = New-XskSocket $cable.Left -QueueId 0, 1 -NoProgram
        $capture = Start-Capture $cable.Right
        $sending = foreach ($socket in $sockets) { Start-Session { param($s, $template) $template | Send-XskFrame $s -PacketsPerSecond 2000 } $socket, $template }
        foreach ($one in $sending) { Wait-Pipeline $one | Should -BeNullOrEmpty }
        # The source port is at byte 34.
        $ports = Stop-Capture $capture -Count 2000 | ForEach-Object { [Convert]::ToInt32($_.Substring(68, 4), 16) } | Group-Object -NoElement
        $ports | Should -HaveCount 1000
        $ports | ForEach-Object Count | Select-Object -Unique | Should -Be 2
    }
}
