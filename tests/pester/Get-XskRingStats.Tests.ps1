BeforeDiscovery {
    Import-Module "$PSScriptRoot/Support.psm1" -Force
    $note = Get-SkipNote
}

BeforeAll {
    Import-Module "$PSScriptRoot/Support.psm1"
    Import-BuiltModule
    $command = 'XdpPS.Commands.GetXskRingStatsCommand'
}

Describe 'Get-XskRingStats without a socket' -Tag Unit {
    It 'has the parameter -<Name>' -ForEach @(
        @{ Name = 'Socket'; Type = 'XskSocket[]'; Position = '0'; ByValue = $true; Sets = '__AllParameterSets' }
        @{ Name = 'Continuous'; Type = 'SwitchParameter'; Position = ''; ByValue = $false; Sets = 'Continuous' }
        @{ Name = 'IntervalSeconds'; Type = 'Double'; Position = ''; ByValue = $false; Sets = 'Continuous' }
        @{ Name = 'Count'; Type = 'Int32'; Position = ''; ByValue = $false; Sets = 'Continuous' }
    ) {
        $fact = Get-ParameterFact Get-XskRingStats $Name
        foreach ($key in 'Type', 'Position', 'ByValue') { $fact.$key | Should -Be $_[$key] }
        (Get-Command Get-XskRingStats).Parameters[$Name].ParameterSets.Keys | Should -Be $Sets
    }

    It 'returns at once and nothing for <What>' -ForEach @(
        @{ What = 'a session without sockets'; Script = { Get-XskRingStats } }
        @{ What = '$null'; Script = { Get-XskRingStats $null } }
        @{ What = '$null in the pipeline'; Script = { $null | Get-XskRingStats } }
        @{ What = 'an empty pipeline'; Script = { @() | Get-XskRingStats -Continuous } }
        @{ What = 'a session without sockets, continuously'; Script = { Get-XskRingStats -Continuous } }
    ) {
        & $Script | Should -BeNullOrEmpty
    }

    It 'refuses -<Name> <Value>' -ForEach @(
        @{ Name = 'IntervalSeconds'; Value = 0 }, @{ Name = 'IntervalSeconds'; Value = -1 }, @{ Name = 'Count'; Value = 0 }
    ) {
        $arguments = @{ $Name = $Value }
        { Get-XskRingStats -Continuous @arguments } | Should -Throw -ErrorId "ParameterArgumentValidationError,$command"
    }
}

Describe "Get-XskRingStats$note" -Tag Netns -Skip:($note -ne '') {
    BeforeEach {
        $cable = New-TestCable
        $sender = New-XskSocket $cable.Left -NoProgram
        $receiver = New-XskSocket $cable.Right
        $frame = New-TestFrame -Length 100
        $pipeline = $null
    }

    AfterEach {
        Close-Pipeline $pipeline
        Get-XskSocket | Remove-XskSocket
        Remove-TestCable $cable
    }

    It 'counts what the interfaces count' {
        Send-XskFrame $sender -Data $frame -Repeat 20
        $null = Receive-XskPacket $receiver -Count 15 -TimeoutSeconds 5
        $tx = Get-XskRingStats $sender
        $rx = $receiver | Get-XskRingStats
        $tx, $rx | ForEach-Object { $_ | Should -BeOfType XdpPS.XskRingStats }
        $tx.InterfaceName, $tx.QueueId, $rx.InterfaceName, $rx.QueueId | Should -Be $cable.Left, 0, $cable.Right, 0
        $tx.TxPackets, $tx.TxBytes, $tx.TxCompleted, $tx.DriverDropped | Should -Be 20, 2000, 20, 0
        (Get-Link $cable.Left).stats64.tx.packets | Should -Be 20
        $rx.RxPackets, $rx.RxBytes | Should -Be 15, 1500
        $rx.RxDropped, $rx.RxRingFull, $rx.FillRingEmpty, $rx.RxInvalidDescriptors, $tx.TxInvalidDescriptors | Should -Be 0, 0, 0, 0, 0
        # Five are waiting on the RX ring.
        $rx.Rx.Used, $rx.Rx.Size, $rx.Rx.Producer, $rx.Rx.Consumer | Should -Be 5, 2048, 20, 15
        $tx.Tx.Used, $tx.Tx.Free, $tx.Tx.Producer | Should -Be 0, 2048, 20
        $tx.TxWakeups | Should -BeGreaterThan 0
    }

    It 'is a record of its moment, which does not change' {
        $before = Get-XskRingStats $sender
        Send-XskFrame $sender -Data $frame -Repeat 5
        $before.TxPackets | Should -Be 0
        $before.Tx.Producer | Should -Be 0
    }

    It 'has no ring for a direction that is off' {
        $receiver | Remove-XskSocket
        $half = New-XskSocket $cable.Right -TxRingSize 0
        $stats = Get-XskRingStats $half
        $stats.Tx | Should -BeNullOrEmpty
        $stats.Rx.Size | Should -Be 2048
    }

    It 'counts what was lost for want of room on the RX ring' {
        $receiver | Remove-XskSocket
        $small = New-XskSocket $cable.Right -RxRingSize 32
        Send-XskFrame $sender -Data $frame -Repeat 100 -PacketsPerSecond 5000
        $stats = Get-XskRingStats $small
        $stats.RxRingFull, $stats.RxDropped, $stats.Rx.Used, $stats.Rx.Free | Should -Be 68, 0, 32, 0
        $stats.RxLostPerSecond | Should -BeGreaterThan 0
    }

    It 'counts what was lost for want of frames on the FILL ring once' {
        $receiver | Remove-XskSocket
        $small = New-XskSocket $cable.Right -FillRingSize 32
        Send-XskFrame $sender -Data $frame -Repeat 100 -PacketsPerSecond 5000
        $stats = Get-XskRingStats $small
        $stats.RxDropped, $stats.RxRingFull, $stats.FillRingEmpty | Should -Be 68, 0, 68
    }

    It 'shows all sockets of the session without -Socket' {
        (Get-XskRingStats).InterfaceName | Should -Be $cable.Left, $cable.Right
    }

    It 'reports a closed socket, and goes on with the next' {
        $sender | Remove-XskSocket
        $stats = $sender, $receiver | Get-XskRingStats -ErrorAction SilentlyContinue -ErrorVariable failures
        $stats.InterfaceName | Should -Be $cable.Right
        $failures.FullyQualifiedErrorId | Should -Be "SocketClosed,$command"
        $failures.CategoryInfo.Category | Should -Be 'InvalidOperation'
        $failures.TargetObject | Should -Be $sender
    }

    It 'has rates since the socket was opened' {
        Send-XskFrame $sender -Data $frame -Repeat 50
        $stats = Get-XskRingStats $sender
        $stats.TxPacketsPerSecond | Should -Be (50 / $stats.IntervalSeconds)
        $stats.TxBytesPerSecond | Should -Be (5000 / $stats.IntervalSeconds)
    }

    It 'takes -Count or -IntervalSeconds for -Continuous' {
        @(Get-XskRingStats $sender -Count 2 -IntervalSeconds 0.05).Count | Should -Be 2
    }

    It 'shows -Count records at -IntervalSeconds with -Continuous, with the rates of each interval' {
        $pipeline = Start-Pipeline { param($socket) Get-XskRingStats $socket -Continuous -IntervalSeconds 0.3 -Count 3 } $sender
        Wait-Until { $pipeline.Output.Count -eq 1 } | Should -BeTrue
        Send-XskFrame $sender -Data $frame -Repeat 40
        Wait-Pipeline $pipeline | Should -BeNullOrEmpty
        $pipeline.Output | Should -HaveCount 3
        $pipeline.Output | ForEach-Object { $_.IntervalSeconds | Should -BeGreaterOrEqual 0.3 }
        # Each frame belongs to exactly one interval.
        $sum = ($pipeline.Output | ForEach-Object { $_.TxPacketsPerSecond * $_.IntervalSeconds } | Measure-Object -Sum).Sum
        [math]::Round($sum, 6) | Should -Be 40
        $pipeline.Output[2].TxPackets | Should -Be 40
    }

    It 'shows a record of each socket at each interval' {
        $stats = $sender, $receiver | Get-XskRingStats -Continuous -IntervalSeconds 0.05 -Count 2
        $stats.InterfaceName | Should -Be $cable.Left, $cable.Right, $cable.Left, $cable.Right
    }

    It 'stops in the middle of an interval' {
        $pipeline = Start-Pipeline { param($socket) Get-XskRingStats $socket -Continuous -IntervalSeconds 60 } $sender
        Start-Sleep -Milliseconds 400
        $pipeline.Async.IsCompleted | Should -BeFalse
        Stop-Pipeline $pipeline
        $sender.State | Should -Be 'Open'
    }

    It 'ends with Select-Object -First 1' {
        (Get-XskRingStats $sender -Continuous -IntervalSeconds 0.05 | Select-Object -First 1).InterfaceName | Should -Be $cable.Left
    }

    It 'goes on with the other sockets when one is closed, and ends with the last' {
        $pipeline = Start-Pipeline { param($sockets) $sockets | Get-XskRingStats -Continuous -IntervalSeconds 0.1 } (, @($sender, $receiver))
        Wait-Until { $pipeline.Output.Count -ge 2 } | Should -BeTrue
        $sender | Remove-XskSocket
        $seen = $pipeline.Output.Count
        Wait-Until { $pipeline.Output.Count -ge $seen + 3 } | Should -BeTrue
        $pipeline.Output[-1].InterfaceName | Should -Be $cable.Right
        $receiver | Remove-XskSocket
        (Wait-Pipeline $pipeline).FullyQualifiedErrorId | Should -Be "SocketClosed,$command"
        $pipeline.Shell.Streams.Error | Should -HaveCount 2
    }
}
